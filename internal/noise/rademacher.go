package noise

// rademacherLen is how many elements a group makes, one of each bit: element 512h + 16k + l is
// negative when bit 31-k of lane l of half h (0 for a, 1 for b) is set.
const rademacherLen = 32 * groupWords

// rademacherGroup makes the unit draws of one group.
func rademacherGroup(eps *[rademacherLen]float32, w *[groupWords]uint32) {
	for h := 0; h < groupWords; h += lanes {
		half := eps[32*h : 32*h+32*lanes]
		for l, word := range w[h : h+lanes] {
			for i := l; i < len(half); i += lanes {
				half[i] = signed(1, word)
				word <<= 1
			}
		}
	}
}
