package kernel

// toChannelsLast copies planes of numbers, plane apart, one for each channel, to rows of
// channels: element i of each plane to the row that begins at pixels[i].
func toChannelsLast[T Float](dst []T, pixels []int, src []T, plane, channels int) {
	for c := range channels {
		row := src[c*plane:][:len(pixels)]
		for i, at := range pixels {
			dst[at+c] = row[i]
		}
	}
}

// fromChannelsLast is the reverse of toChannelsLast.
func fromChannelsLast[T Float](dst []T, plane, channels int, src []T, pixels []int) {
	for c := range channels {
		row := dst[c*plane:][:len(pixels)]
		for i, at := range pixels {
			row[i] = src[at+c]
		}
	}
}
