package layers

import "math"

// calibrationBins is into how many bins Guo et al. sort the probabilities.
const calibrationBins = 15

// calibration gathers, by how sure a network is of the classes that it names, how sure it is and how often it is right.
type calibration struct {
	images, right [calibrationBins]int
	sure          [calibrationBins]float64 // sum of the probabilities of the classes named
	undefined     bool                     // a logit was NaN
}

// add notes a prediction.
func (c *calibration) add(o outcome) {
	if o.class < 0 {
		c.undefined = true
		return
	}
	c.note(o.sure, o.class == o.label)
}

// note notes that a class was named with a probability from 0 to 1. The bins are those of Guo et al., (i/15, (i+1)/15].
func (c *calibration) note(probability float64, right bool) {
	bin := min(max(int(math.Ceil(probability*calibrationBins))-1, 0), calibrationBins-1)
	c.images[bin]++
	c.sure[bin] += probability
	if right {
		c.right[bin]++
	}
}

// err returns the expected calibration error, NaN of no images.
func (c *calibration) err() float64 {
	if c.undefined {
		return math.NaN()
	}
	sum, images := 0.0, 0
	for i, n := range c.images {
		sum += math.Abs(float64(c.right[i]) - c.sure[i]) // the bin's error times its images
		images += n
	}
	return sum / float64(images)
}
