package vectorasm

import (
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Vector is a register of a set's width.
type Vector = reg.VecVirtual

// Kernel emits one function. Methods that compute a vector return it in a new register.
type Kernel struct {
	*build.Context
	Set
	Table *Table
}

// NewKernel starts a function, whose name is name followed by that of the set.
func NewKernel(ctx *build.Context, t *Table, set Set, name, params string) *Kernel {
	ctx.Function(name + set.Name)
	ctx.Attributes(attr.NOSPLIT)
	ctx.Pragma("noescape")
	ctx.SignatureExpr("func(" + params + ")")
	return &Kernel{ctx, set, t}
}

// Finish ends the function.
func (k *Kernel) Finish() {
	k.VZEROUPPER()
	k.RET()
}

// Blend is y, with the lanes of x where the mask is set.
func (k *Kernel) Blend(x, y Vector, mask reg.Register) Vector {
	v := k.Vec()
	k.VBLENDMPS(x, y, mask, v)
	f := k.function()
	i := f.Nodes[len(f.Nodes)-1].(*ir.Instruction)
	i.Inputs = slices.DeleteFunc(i.Inputs, func(op operand.Op) bool { return op == v }) // where avo lists it, wrongly
	return v
}

// Address returns the memory of a scalar parameter.
func (k *Kernel) Address(name string) operand.Mem {
	b, err := k.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// Pointer loads the address of a slice parameter's elements.
func (k *Kernel) Pointer(name string) operand.Mem {
	return operand.Mem{Base: k.Load(k.Param(name).Base(), k.GP64())}
}

// Length loads the length of a slice parameter.
func (k *Kernel) Length(name string) reg.Register { return k.Load(k.Param(name).Len(), k.GP64()) }

// function returns the function that is being emitted.
func (k *Kernel) function() *ir.Function {
	file, err := k.Result()
	if err != nil {
		panic(err)
	}
	functions := file.Functions()
	return functions[len(functions)-1]
}

// Interleave emits the code of n independent bodies in turns, an instruction of each: a processor looks only so far ahead for
// instructions that need not wait. Bodies have no labels, and none reads or writes what another writes.
func (k *Kernel) Interleave(n int, body func(i int)) {
	f := k.function()
	start := len(f.Nodes)
	bodies := make([][]ir.Node, n)
	longest := 0
	for i := range bodies {
		body(i)
		bodies[i] = slices.Clone(f.Nodes[start:])
		f.Nodes = f.Nodes[:start]
		longest = max(longest, len(bodies[i]))
	}
	for j := range longest {
		for _, b := range bodies {
			if j < len(b) {
				f.Nodes = append(f.Nodes, b[j])
			}
		}
	}
}

// Vec returns a new register.
func (k *Kernel) Vec() Vector {
	if k.Wide() {
		return k.ZMM()
	}
	return k.YMM()
}

// Repeat loads the 32-bit word at m into all lanes.
func (k *Kernel) Repeat(m operand.Mem) Vector {
	v := k.Vec()
	k.VBROADCASTSS(m, v)
	return v
}

// Read loads the vector at m.
func (k *Kernel) Read(m operand.Mem) Vector {
	v := k.Vec()
	k.VMOVUPS(m, v)
	return v
}

// Write stores a vector at m.
func (k *Kernel) Write(v Vector, m operand.Mem) { k.VMOVUPS(v, m) }

// Op emits an instruction on x and y, which may be memory.
func (k *Kernel) Op(emit func(...operand.Op), x Vector, y operand.Op) Vector {
	v := k.Vec()
	emit(y, x, v)
	return v
}

// Shift emits an instruction on x and an immediate: a shift, or a shuffle.
func (k *Kernel) Shift(emit func(...operand.Op), x Vector, by uint8) Vector {
	v := k.Vec()
	emit(operand.U8(by), x, v)
	return v
}

// Widen converts the low and the high half of the lanes from float32 to float64.
func (k *Kernel) Widen(x Vector) (low, high Vector) {
	low, high = k.Vec(), k.Vec()
	if k.Wide() {
		half := k.YMM()
		k.VEXTRACTF64X4(operand.U8(1), x, half)
		k.VCVTPS2PD(x.AsY(), low)
		k.VCVTPS2PD(half, high)
	} else {
		half := k.XMM()
		k.VEXTRACTF128(operand.U8(1), x, half)
		k.VCVTPS2PD(x.AsX(), low)
		k.VCVTPS2PD(half, high)
	}
	return low, high
}

// Add is x + y in float32.
func (k *Kernel) Add(x Vector, y operand.Op) Vector { return k.Op(k.VADDPS, x, y) }

// Sub is x - y in float32.
func (k *Kernel) Sub(x Vector, y operand.Op) Vector { return k.Op(k.VSUBPS, x, y) }

// Mul is x*y in float32.
func (k *Kernel) Mul(x Vector, y operand.Op) Vector { return k.Op(k.VMULPS, x, y) }
