package kernel

// toRows copies planes of numbers, plane apart, one for each channel, to rows of
// channels: element i of each plane to the row that begins at places[i].
func toRows[T Float](dst []T, places []int, src []T, plane, channels int) {
	for c := range channels {
		row := src[c*plane:][:len(places)]
		for i, at := range places {
			dst[at+c] = row[i]
		}
	}
}

// fromRows is the reverse of toRows.
func fromRows[T Float](dst []T, plane, channels int, src []T, places []int) {
	for c := range channels {
		row := dst[c*plane:][:len(places)]
		for i, at := range places {
			row[i] = src[at+c]
		}
	}
}
