package noise

// rademacherLen is the number of elements made from a group, one from each bit: element 512h + 16k + l is negative if bit
// 31-k of lane l of half h (0 for a, 1 for b) is set.
const rademacherLen = 32 * groupWords

func addRademacher[T Float](dst, src []T, words []uint32, scale T) {
	for ; len(words) > 0; words = words[lanes:] {
		const n = 32 * lanes
		d, s := (*[n]T)(dst), (*[n]T)(src)
		for l, w := range words[:lanes] {
			for i := l; i < n; i += lanes {
				d[i] = s[i] + T(scale*T(signed(1, w)))
				w <<= 1
			}
		}
		dst, src = dst[n:], src[n:]
	}
}
