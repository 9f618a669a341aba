package layers

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/gob"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// checkpoint is the contents of a checkpoint file. Everything random in a training (the order of the batches, their
// augmentation, dropout masks and noise) is a function of seeds and of the counters here and in the solver's state.
//
// The file is checkpointHeader, the gob of a checkpoint, and the CRC-32 (IEEE, 4 bytes, little-endian) of both.
type checkpoint struct {
	At      position
	Batches int    // per pass
	Size    int    // images or sequences of a step, of all ranks
	Weights []byte // and running statistics, as SaveTo writes them
	Solver  []byte
	History History
}

const checkpointHeader = "layernoise checkpoint 1\n"

func (c checkpoint) write(w io.Writer) error {
	sum := crc32.NewIEEE()
	both := io.MultiWriter(w, sum)
	if _, err := io.WriteString(both, checkpointHeader); err != nil {
		return err
	}
	if err := gob.NewEncoder(both).Encode(c); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, sum.Sum32())
}

func readCheckpoint(data []byte) (c checkpoint, err error) {
	body := len(data) - crc32.Size
	switch {
	case body < len(checkpointHeader):
		return c, io.ErrUnexpectedEOF
	case string(data[:len(checkpointHeader)]) != checkpointHeader:
		return c, errors.New("not a checkpoint of this version")
	case binary.LittleEndian.Uint32(data[body:]) != crc32.ChecksumIEEE(data[:body]):
		return c, errors.New("the file is damaged: its checksum is wrong")
	}
	err = gob.NewDecoder(bytes.NewReader(data[len(checkpointHeader):body])).Decode(&c)
	return c, err
}

// checkSavable returns an error if the solver does not support the checkpoints that c asks for.
func checkSavable(c FitConfig, solver G.Solver) error {
	if c.Checkpoint == "" {
		return nil
	}
	_, saves := solver.(encoding.BinaryMarshaler)
	_, loads := solver.(encoding.BinaryUnmarshaler)
	if !saves || !loads {
		return errors.Errorf("layers: a checkpoint needs the solver's state, which a %T does not provide: want MarshalBinary and UnmarshalBinary, as the solvers of package optim have", solver)
	}
	return nil
}

// save writes the checkpoint.
func (f *fit) save() error { return f.write(f.saveFile) }

func (f *fit) saveFile() error {
	c := checkpoint{At: f.at, Batches: f.batches.Len(), Size: f.stepSize(), History: *f.history}
	var err error
	if c.Solver, err = f.solver.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
		return errors.WithMessagef(err, "layers: checkpoint %s", f.config.Checkpoint)
	}
	var weights bytes.Buffer
	if err := SaveTo(&weights, f.net); err != nil {
		return err
	}
	c.Weights = weights.Bytes()
	return writeFile(f.config.Checkpoint, c.write)
}

// stepSize returns the number of images or sequences of a step, of all ranks.
func (f *fit) stepSize() int { return f.feed.size() * f.ranks.Size() }

// resume restores network, solver, history and position from the checkpoint, if there is one. After an error nothing has
// changed.
func (f *fit) resume() error {
	name := f.config.Checkpoint
	data, err := f.ranks.first(func() ([]byte, error) {
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err == nil && len(data) == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, errors.Wrapf(err, "layers: checkpoint %s", name)
		}
		return data, nil
	})
	if err != nil || len(data) == 0 {
		return err
	}
	c, err := readCheckpoint(data)
	if err != nil {
		return errors.Wrapf(err, "layers: checkpoint %s", name)
	}
	switch {
	case c.Batches != f.batches.Len():
		return errors.Errorf("layers: checkpoint %s is of a training with %d batches per pass, this one has %d", name, c.Batches, f.batches.Len())
	case c.Size != f.stepSize():
		return errors.Errorf("layers: checkpoint %s is of a training whose steps take %d images or sequences, this one's take %d: %v on each of %d ranks",
			name, c.Size, f.stepSize(), f.feed, f.ranks.Size())
	case c.At.Epoch < f.config.FirstEpoch || c.At.Batch < 0 || c.At.Batch > c.Batches:
		return errors.Errorf("layers: checkpoint %s is of batch %d of epoch %d, this training starts at epoch %d", name, c.At.Batch, c.At.Epoch, f.config.FirstEpoch)
	}
	var before bytes.Buffer
	if err := SaveTo(&before, f.net); err != nil {
		return err
	}
	if err := LoadFrom(bytes.NewReader(c.Weights), int64(len(c.Weights)), f.net); err != nil {
		return errors.WithMessagef(err, "layers: checkpoint %s", name)
	}
	if err := f.solver.(encoding.BinaryUnmarshaler).UnmarshalBinary(c.Solver); err != nil {
		if again := LoadFrom(bytes.NewReader(before.Bytes()), int64(before.Len()), f.net); again != nil {
			return again
		}
		return errors.WithMessagef(err, "layers: checkpoint %s", name)
	}
	f.at, *f.history = c.At, c.History
	return nil
}
