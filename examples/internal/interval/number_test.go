package interval

import (
	"encoding/json"
	"math"
	"testing"
)

func TestNumber(t *testing.T) {
	for _, x := range []float64{0, -1.0 / 3, math.Pi * 1e300, math.NaN()} {
		data, err := json.Marshal(Number(x))
		if err != nil {
			t.Fatal(err)
		}
		got := Number(1)
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if y := float64(got); y != x && !(math.IsNaN(x) && math.IsNaN(y)) {
			t.Errorf("%v became %s and then %v", x, data, y)
		}
	}
	if err := json.Unmarshal([]byte(`"1"`), new(Number)); err == nil {
		t.Error("a string is no number")
	}
}
