package vectorasm

import (
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Vector is a register of a set's width.
type Vector = reg.VecVirtual

// Kernel emits one function. Its methods named after operations return their result in a new register.
type Kernel struct {
	*build.Context
	Set
	Table *Table
}

// NewKernel starts the function called name and the set's name.
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

// Address is where a scalar parameter lies.
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

// Interleave emits bodies 0 to n-1, the first instruction of each, then the second of each, and so on. They are the same
// instructions on other registers, without labels, and none reads or writes what another writes.
func (k *Kernel) Interleave(n int, body func(i int)) {
	file, err := k.Result()
	if err != nil {
		panic(err)
	}
	functions := file.Functions()
	f := functions[len(functions)-1]
	from := len(f.Nodes)
	for i := range n {
		body(i)
	}
	apart := slices.Clone(f.Nodes[from:])
	each := len(apart) / n
	for i := range apart {
		f.Nodes[from+i] = apart[i%n*each+i/n]
	}
}

// Vec is a new register.
func (k *Kernel) Vec() Vector {
	if k.Wide() {
		return k.ZMM()
	}
	return k.YMM()
}

// Repeat repeats the 32-bit word at m.
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

// Op emits an instruction of three operands whose mnemonic is the same in both sets; y may be memory.
func (k *Kernel) Op(emit func(...operand.Op), x Vector, y operand.Op) Vector {
	v := k.Vec()
	emit(y, x, v)
	return v
}

// Add is x + y in float32.
func (k *Kernel) Add(x Vector, y operand.Op) Vector { return k.Op(k.VADDPS, x, y) }

// Sub is x - y in float32.
func (k *Kernel) Sub(x Vector, y operand.Op) Vector { return k.Op(k.VSUBPS, x, y) }

// Mul is x*y in float32.
func (k *Kernel) Mul(x Vector, y operand.Op) Vector { return k.Op(k.VMULPS, x, y) }
