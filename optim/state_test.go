package optim

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// remembering is a selection with state.
type remembering struct{ next uint64 }

func (r *remembering) Select(_, _ uint64, groups []Group) ([]int, float64) {
	r.next = r.next*5 + 3
	return []int{int(r.next % uint64(len(groups)))}, 1
}

func (r *remembering) MarshalBinary() ([]byte, error) {
	return binary.LittleEndian.AppendUint64(nil, r.next), nil
}

func (r *remembering) UnmarshalBinary(b []byte) error {
	r.next = binary.LittleEndian.Uint64(b)
	return nil
}

// TestResume: stopped, saved, loaded into new objects and resumed, a training ends with the same bits.
func TestResume(t *testing.T) {
	selections := map[string]func() Selection{
		"cyclic": Cyclic, "uniform": Uniform, "shuffled": Shuffled, "all": All,
		"remembering": func() Selection { return new(remembering) },
	}
	for name, base := range bases {
		if strings.HasPrefix(name, "gorgonia ") && name != "gorgonia vanilla" {
			continue // their state cannot be saved
		}
		for how, selection := range selections {
			for protocol, guarded := range protocols {
				for _, dtype := range dtypes {
					make := func() *PerturbedSolver {
						return perturbed(t, base(), 0.2, WithSeed(7), WithSelection(selection()), WithSchedule(Cosine(30)))
					}
					straight := newNet(t, dtype, 1, 3, 4, 5, 2)
					straight.train(t, make(), guarded, 11)

					first, second := newNet(t, dtype, 1, 3, 4, 5, 2), newNet(t, dtype, 2, 3, 4, 5, 2)
					copy2nd := func() {
						for i, node := range first.learnables {
							to, from := must(vecOf(second.learnables[i].Value()))(t), must(vecOf(node.Value()))(t)
							to.copyFrom(from)
						}
						for i, data := range []*G.Node{first.x, first.y} {
							to := must(vecOf([]*G.Node{second.x, second.y}[i].Value()))(t)
							to.copyFrom(must(vecOf(data.Value()))(t))
						}
					}
					s := make()
					first.train(t, s, guarded, 4)
					saved := must(s.MarshalBinary())(t)
					copy2nd()

					s = make()
					if err := s.UnmarshalBinary(saved); err != nil {
						t.Fatal(err)
					}
					if !guarded {
						slices.Reverse(second.model) // found by name
						if err := s.Bind(second.model); err != nil {
							t.Fatal(err)
						}
						if err := s.Perturb(); err != nil {
							t.Fatal(err)
						}
					}
					second.train(t, s, guarded, 7)
					if !slices.Equal(straight.weights(), second.weights()) {
						t.Errorf("%s, %s, %s, %v: resumed training ends with other weights", name, how, protocol, dtype)
					}
				}
			}
		}
	}
}

// TestResumeScalar: a scalar's momentum is saved too.
func TestResumeScalar(t *testing.T) {
	w := G.NewScalar(G.NewGraph(), tensor.Float64, G.WithName("w"), G.WithValue(2.0))
	one, two := valueGrad{w.Value(), scalarValue(1)}, valueGrad{scalarValue(2), scalarValue(1)}
	s := ours(NewSGD(0.5, WithMomentum(0.5))).(*SGD)
	if err := s.Step([]G.ValueGrad{&one}); err != nil {
		t.Fatal(err)
	}
	resumed := ours(NewSGD(0.5, WithMomentum(0.5))).(*SGD)
	if err := resumed.UnmarshalBinary(must(s.MarshalBinary())(t)); err != nil {
		t.Fatal(err)
	}
	*two.grad.(*G.F64) = 1
	if err := resumed.Step([]G.ValueGrad{&two}); err != nil {
		t.Fatal(err)
	}
	if got := floatsOf(two.value)[0]; got != 2-0.5*1.5 {
		t.Errorf("w is %v, want %v", got, 2-0.5*1.5)
	}
}

// valueGrad is a ValueGrad that is not a node, as frameworks on top of Gorgonia use.
type valueGrad struct{ value, grad G.Value }

func (v *valueGrad) Value() G.Value         { return v.value }
func (v *valueGrad) Grad() (G.Value, error) { return v.grad, nil }

func scalarValue(x float64) G.Value {
	v := G.F64(x)
	return &v
}

// TestCarriedStateNeedsPerturb: after a carried state was read, a Step after a clean first pass would be a different run.
func TestCarriedStateNeedsPerturb(t *testing.T) {
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	s := perturbed(t, bases["sgd"](), 0.1)
	n.train(t, s, false, 3)
	saved := must(s.MarshalBinary())(t)
	s = perturbed(t, bases["sgd"](), 0.1)
	if err := s.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	if err := n.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if err := s.Step(n.model); !errors.Is(err, ErrProtocol) {
		t.Errorf("error %v, want %v", err, ErrProtocol)
	}
	if err := s.Restore(); err != nil {
		t.Fatal(err)
	}
	if err := s.Step(n.model); err != nil {
		t.Errorf("after Restore: %v", err)
	}
}

// TestBadState: damaged or foreign states are rejected, and the solver continues as if nothing had been read.
func TestBadState(t *testing.T) {
	trained := func(s G.Solver, widths ...int) []byte {
		newNet(t, tensor.Float32, 1, 3, widths...).train(t, s, true, 3)
		return must(s.(encoding.BinaryMarshaler).MarshalBinary())(t)
	}
	good := map[string][]byte{}
	for _, name := range []string{"sgd momentum", "adam", "adamw"} {
		good[name] = trained(bases[name](), 4, 5, 2)
		good["perturbed "+name] = trained(perturbed(t, bases[name](), 0.1), 4, 5, 2)
	}
	makers := map[string]func() G.Solver{}
	for _, name := range []string{"sgd momentum", "adam", "adamw"} {
		makers[name] = bases[name]
		makers["perturbed "+name] = func() G.Solver { return perturbed(t, bases[name](), 0.1) }
	}
	for name, make := range makers {
		bad := map[string][]byte{
			"empty":         {},
			"cut":           good[name][:len(good[name])/2],
			"trailing":      append(slices.Clone(good[name]), 0),
			"other network": trained(make(), 4, 6, 2),
			"more layers":   trained(make(), 4, 5, 5, 2),
		}
		for other, state := range good {
			if other != name {
				bad["of "+other] = state
			}
		}
		if strings.HasPrefix(name, "perturbed ") {
			bad["other seed"] = trained(perturbed(t, bases[name[len("perturbed "):]](), 0.1, WithSeed(5)), 4, 5, 2)
		}
		for what, state := range bad {
			straight, n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2), newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
			straight.train(t, make(), true, 5)
			s := make()
			n.train(t, s, true, 3)
			if err := s.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); !errors.Is(err, ErrState) {
				t.Errorf("%s, %s: error %v, want %v", name, what, err, ErrState)
			}
			n.train(t, s, true, 2)
			if !slices.Equal(straight.weights(), n.weights()) {
				t.Errorf("%s, %s: the refused state changed the training", name, what)
			}
		}
	}
}

// TestLoadIntoBoundSolver: a solver that has already trained loads a state like a new one.
func TestLoadIntoBoundSolver(t *testing.T) {
	s := perturbed(t, bases["adam"](), 0.1)
	n := newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	n.train(t, s, true, 3)
	saved, weights := must(s.MarshalBinary())(t), fmt.Sprint(n.weights())
	clean := make([]vec, len(n.learnables))
	for i, node := range n.learnables {
		w := must(vecOf(node.Value()))(t)
		clean[i] = newVec(w, w.len())
		clean[i].copyFrom(w)
	}
	n.train(t, s, true, 4)
	want := n.weights()
	if err := s.UnmarshalBinary(saved); err != nil {
		t.Fatal(err)
	}
	for i, node := range n.learnables {
		must(vecOf(node.Value()))(t).copyFrom(clean[i])
	}
	if fmt.Sprint(n.weights()) != weights {
		t.Fatal("weights not put back")
	}
	n.train(t, s, true, 4)
	if !slices.Equal(n.weights(), want) {
		t.Error("other weights after going back")
	}
}

// TestLoadOtherOrder: a state saved for another order of the same model moves the bound solver's parameters to their indices
// in that state.
func TestLoadOtherOrder(t *testing.T) {
	one, other := newNet(t, tensor.Float32, 1, 3, 4, 5, 2), newNet(t, tensor.Float32, 1, 3, 4, 5, 2)
	slices.Reverse(one.model)
	slices.Reverse(one.learnables)
	make := func() *PerturbedSolver { return perturbed(t, bases["sgd momentum"](), 0.1) }
	s, bound := make(), make()
	one.train(t, s, true, 3)
	other.train(t, bound, true, 2)
	if err := bound.UnmarshalBinary(must(s.MarshalBinary())(t)); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(one.learnables)
	for i, node := range other.learnables {
		must(vecOf(node.Value()))(t).copyFrom(must(vecOf(one.learnables[i].Value()))(t))
	}
	one.train(t, s, true, 5)
	other.train(t, bound, true, 5)
	if !slices.Equal(one.weights(), other.weights()) {
		t.Error("other weights than those of the solver that was saved")
	}
}
