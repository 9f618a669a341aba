package distributed

import G "gorgonia.org/gorgonia"

// Sum is Allreduce of a []float64. With Rank, Size and Share it makes a World what package layers asks of the ranks that
// train a network together (layers.World).
func (w *World) Sum(x []float64) error { return Allreduce(w, x) }

// Share returns, on every rank, the data that rank 0 gives, of any length.
func (w *World) Share(data []byte) ([]byte, error) {
	length := []float64{float64(len(data))}
	if err := Broadcast(w, 0, length); err != nil {
		return nil, err
	}
	words := make([]float64, (int(length[0])+7)/8)
	shared := bytesOf(words)[:int(length[0])]
	if w.rank == 0 {
		copy(shared, data)
	}
	return shared, Broadcast(w, 0, words)
}

// Ranks returns how many ranks the mean is over that Step steps by.
func (s *Solver) Ranks() int { return s.world.size }

// Average replaces the gradients by their mean over all ranks, for a program that looks at it before the step. The Step that
// follows does not do it again. All ranks must call it.
func (s *Solver) Average(model []G.ValueGrad) error {
	s.averaged = false
	if s.world.size > 1 && !s.overlapped {
		if err := s.mean(model); err != nil {
			return err
		}
	}
	s.averaged = true
	return nil
}

// Discard says that no Step will follow Average: the gradients are thrown away.
func (s *Solver) Discard() { s.averaged, s.overlapped = false, false }
