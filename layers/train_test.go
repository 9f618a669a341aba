package layers_test

import (
	"errors"
	"testing"

	"github.com/layernoise/layernoise/datasets"
	"github.com/layernoise/layernoise/layers"
	"github.com/layernoise/layernoise/optim"
	"gonum.org/v1/gonum/stat"
)

// shared is the folder of the real images, where it is present.
const shared = "../../shared/data"

// batchesFor returns batches of real images of the shape that the network takes, drawn digits where there are no real ones
// in grey; it skips the test where there are none in colour.
func batchesFor(t *testing.T, n network, batch, count int) layers.Batches {
	t.Helper()
	var data *datasets.Dataset
	var err error
	if len(n.image) == 1 {
		data, err = datasets.FashionMNIST(shared, datasets.Train)
	} else {
		data, err = datasets.CIFAR10(shared, datasets.Train)
	}
	switch {
	case errors.Is(err, datasets.ErrNotFound) && len(n.image) == 1:
		t.Logf("drawn digits: %v", err)
		data = datasets.Digits(batch*count, 1)
	case errors.Is(err, datasets.ErrNotFound):
		t.Skipf("no colour images: %v", err)
	case err != nil:
		t.Fatal(err)
	}
	if data, err = data.Subset(batch*count, 1); err != nil {
		t.Fatal(err)
	}
	loader, err := data.Loader(datasets.LoaderConfig{Batch: batch, Flat: len(n.image) == 1})
	if err != nil {
		t.Fatal(err)
	}
	return loader
}

// TestNetworksTrain trains every network with noise on real images, the smaller ones until the loss has clearly fallen, the
// deep ones for some steps on one batch of eight.
func TestNetworksTrain(t *testing.T) {
	for _, n := range networks {
		t.Run(n.name, func(t *testing.T) {
			if testing.Short() && n.name != "mlp1" && n.name != "cnn1" {
				t.Skip("only mlp1 and cnn1 train in -short")
			}
			batch, count, epochs, lr := 32, 12, 4, 0.001
			if n.large() {
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
			history, err := model.Fit(ctx, batchesFor(t, n, batch, count), perturbed(t, adam, 0.01), layers.FitConfig{Epochs: epochs})
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
