package layers_test

import (
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/stat"
)

// drawnFor returns drawn digits in the shape that the network takes: grey, or coloured and framed.
func drawnFor(t *testing.T, n network, batch, count int) layers.Batches {
	t.Helper()
	data := datasets.Digits(batch*count, 1)
	if len(n.image) == 3 {
		data = coloured(t, data)
	}
	loader, err := data.Loader(datasets.LoaderConfig{Batch: batch, Flat: len(n.image) == 1})
	if err != nil {
		t.Fatal(err)
	}
	return loader
}

// coloured puts each grey digit of 28x28 into an image of 3x32x32, in one of three colours.
func coloured(t *testing.T, grey *datasets.Dataset) *datasets.Dataset {
	t.Helper()
	pixels := make([]byte, grey.Len()*3*32*32)
	for i := range grey.Len() {
		image := pixels[i*3*32*32:][:3*32*32]
		for j, p := range grey.Pixels(i) {
			at := (j/28+2)*32 + j%28 + 2
			for channel := range 3 {
				image[channel*32*32+at] = p >> ((i + channel) % 3)
			}
		}
	}
	data, err := datasets.New("coloured digits", datasets.Shape{Channels: 3, Height: 32, Width: 32}, grey.Classes(), pixels, grey.Labels())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestNetworksTrain trains every network with noise on drawn digits: small ones until the loss has clearly fallen, large and
// deep ones for some steps on one batch of eight.
func TestNetworksTrain(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			if testing.Short() && n.name != "mlp1" && n.name != "cnn1" {
				t.Skip("only mlp1 and cnn1 train in -short")
			}
			batch, count, epochs, lr := 32, 12, 4, 0.001
			if n.large() || n.tensors > 70 {
				batch, count, epochs, lr = 8, 1, 6, 0.0002
			}
			model, err := layers.NewClassifier(n.make(layers.Init{Seed: 1}), batch, n.image...)
			if err != nil {
				t.Fatal(err)
			}
			adam, err := optim.NewAdam(lr)
			if err != nil {
				t.Fatal(err)
			}
			history, err := model.Fit(ctx, drawnFor(t, n, batch, count), perturbed(t, adam, 0.01), layers.FitConfig{Epochs: epochs})
			if err != nil {
				t.Fatal(err)
			}
			tail := len(history.Losses) / 3
			first, last := stat.Mean(history.Losses[:tail], nil), stat.Mean(history.Losses[len(history.Losses)-tail:], nil)
			t.Logf("loss from %.3f to %.3f", first, last)
			if !(last < 0.9*first) {
				t.Errorf("loss went from %v to %v: %v", first, last, history.Losses)
			}
		})
	}
}
