package interval

import (
	"encoding/json"
	"math"
)

// A Number is null in JSON if it is NaN, as after a training that has diverged.
type Number float64

// MarshalJSON returns the number, or null for NaN.
func (n Number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads what MarshalJSON returned.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// Cell returns the interval of a number of each of the trainings in a list, as a table has it; "diverged" if one is NaN.
func Cell[T any](trainings []T, of func(T) Number) string {
	numbers := make([]float64, len(trainings))
	for i, t := range trainings {
		numbers[i] = float64(of(t))
	}
	if i := Of(numbers); !math.IsNaN(i.Mean) {
		return i.Text(3)
	}
	return "diverged"
}
