package main

import (
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// instructions is a set of vector instructions.
type instructions struct {
	name  string
	width int // of a register, in bytes
}

var (
	avx2   = instructions{"AVX2", 32}
	avx512 = instructions{"AVX512", 64}
)

// vector is a register of the set's width.
type vector = reg.VecVirtual

// kernel emits one function. Its methods named after operations return their result in a new register,
// and hide how the two sets differ.
type kernel struct {
	*build.Context
	instructions
	table *table
	kept  map[uint32]vector // constants in registers
}

// function starts the function called name and the set's name.
func function(ctx *build.Context, t *table, set instructions, name, params string) *kernel {
	ctx.Function(name + set.name)
	ctx.Attributes(attr.NOSPLIT)
	ctx.Pragma("noescape")
	ctx.SignatureExpr("func(" + params + ")")
	return &kernel{ctx, set, t, map[uint32]vector{}}
}

func (k *kernel) wide() bool { return k.width == 64 }

func (k *kernel) vec() vector {
	if k.wide() {
		return k.ZMM()
	}
	return k.YMM()
}

// param is where a scalar parameter lies.
func (k *kernel) param(name string) operand.Mem {
	b, err := k.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// pointer loads the address of a slice parameter's elements.
func (k *kernel) pointer(name string) operand.Mem {
	return operand.Mem{Base: k.Load(k.Param(name).Base(), k.GP64())}
}

// count loads the length of a slice parameter, divided by 2^shift.
func (k *kernel) count(name string, shift uint8) reg.Register {
	n := k.Load(k.Param(name).Len(), k.GP64())
	k.SHRQ(operand.U8(shift), n)
	return n
}

// advance moves a pointer on.
func (k *kernel) advance(p operand.Mem, bytes int) { k.ADDQ(operand.I32(bytes), p.Base) }

// interleave emits several independent computations in turns, an instruction of each, so
// that a processor which looks but so far ahead finds work.
func (k *kernel) interleave(n int, emit func(i int)) {
	file, err := k.Result()
	if err != nil {
		panic(err)
	}
	f := file.Functions()[len(file.Functions())-1]
	start := len(f.Nodes)
	streams := make([][]ir.Node, n)
	longest := 0
	for i := range streams {
		emit(i)
		streams[i] = slices.Clone(f.Nodes[start:])
		f.Nodes = f.Nodes[:start]
		longest = max(longest, len(streams[i]))
	}
	for j := range longest {
		for _, s := range streams {
			if j < len(s) {
				f.Nodes = append(f.Nodes, s[j])
			}
		}
	}
}

// finish ends the function.
func (k *kernel) finish() {
	k.VZEROUPPER()
	k.RET()
}

// keep loads words that are repeated in all lanes into registers, where there are enough of them.
// It is called ahead of the loop that uses them.
func (k *kernel) keep(words ...uint32) {
	if !k.wide() {
		return
	}
	for _, w := range words {
		k.kept[w] = k.broadcast(k.table.add(w))
	}
}

// all is a word repeated in all lanes.
func (k *kernel) all(w uint32) operand.Op {
	if !k.wide() {
		return k.table.add(w)
	}
	v, ok := k.kept[w]
	if !ok {
		panic("a constant that was not kept")
	}
	return v
}

// num is a number repeated in all lanes, as a float32.
func (k *kernel) num(x float32) operand.Op { return k.all(math.Float32bits(x)) }

// broadcast repeats the 32-bit word at m.
func (k *kernel) broadcast(m operand.Mem) vector {
	v := k.vec()
	k.VBROADCASTSS(m, v)
	return v
}

// broadcast64 repeats the 64-bit word at m.
func (k *kernel) broadcast64(m operand.Mem) vector {
	v := k.vec()
	k.VBROADCASTSD(m, v)
	return v
}

func (k *kernel) load(m operand.Mem) vector {
	v := k.vec()
	k.VMOVUPS(m, v)
	return v
}

func (k *kernel) store(v vector, m operand.Mem) { k.VMOVUPS(v, m) }

// op emits a three-operand instruction whose mnemonic is the same in both sets; y may be memory.
func (k *kernel) op(emit func(...operand.Op), x vector, y operand.Op) vector {
	v := k.vec()
	emit(y, x, v)
	return v
}

func (k *kernel) mul(x vector, y operand.Op) vector { return k.op(k.VMULPS, x, y) }
func (k *kernel) add(x vector, y operand.Op) vector { return k.op(k.VADDPS, x, y) }
func (k *kernel) sub(x vector, y operand.Op) vector { return k.op(k.VSUBPS, x, y) }

func (k *kernel) mul64(x vector, y operand.Op) vector { return k.op(k.VMULPD, x, y) }
func (k *kernel) add64(x vector, y operand.Op) vector { return k.op(k.VADDPD, x, y) }

// mulWords multiplies the low halves of 64-bit lanes to 64 bits.
func (k *kernel) mulWords(x vector, y operand.Op) vector { return k.op(k.VPMULUDQ, x, y) }

func (k *kernel) addWords(x vector, y operand.Op) vector { return k.op(k.VPADDD, x, y) }
func (k *kernel) addLongs(x vector, y operand.Op) vector { return k.op(k.VPADDQ, x, y) }
func (k *kernel) subWords(x vector, y operand.Op) vector { return k.op(k.VPSUBD, x, y) }

// shift emits a shift by a constant.
func (k *kernel) shift(emit func(...operand.Op), x vector, by uint8) vector {
	v := k.vec()
	emit(operand.U8(by), x, v)
	return v
}

// highHalves copies the high half of 64-bit lanes to the low half. A shift would do as well, but
// shuffles run where multiplications do not.
func (k *kernel) highHalves(x vector) vector { return k.shift(k.VPSHUFD, x, 0xf5) }

// swapHalves exchanges the halves of 64-bit lanes.
func (k *kernel) swapHalves(x vector) vector { return k.shift(k.VPSHUFD, x, 0xb1) }

// toFloat converts int32 to float32.
func (k *kernel) toFloat(x vector) vector {
	v := k.vec()
	k.VCVTDQ2PS(x, v)
	return v
}

func (k *kernel) sqrt(x vector) vector {
	v := k.vec()
	k.VSQRTPS(x, v)
	return v
}

// widen converts the low and the high half of the lanes to float64.
func (k *kernel) widen(x vector) (low, high vector) {
	low, high = k.vec(), k.vec()
	if k.wide() {
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

// logic emits a bitwise instruction, whose mnemonics differ.
func (k *kernel) logic(narrow func(mxy, xy, xy1 operand.Op), wide func(...operand.Op), x vector, y operand.Op) vector {
	v := k.vec()
	if k.wide() {
		wide(y, x, v)
	} else {
		narrow(y, x, v)
	}
	return v
}

func (k *kernel) and(x vector, y operand.Op) vector { return k.logic(k.VPAND, k.VPANDD, x, y) }
func (k *kernel) or(x vector, y operand.Op) vector  { return k.logic(k.VPOR, k.VPORD, x, y) }
func (k *kernel) xor(x vector, y operand.Op) vector { return k.logic(k.VPXOR, k.VPXORD, x, y) }

// not is y with the bits of x cleared.
func (k *kernel) not(x vector, y operand.Op) vector { return k.logic(k.VPANDN, k.VPANDND, x, y) }

// The truth tables of VPTERNLOGD: bit 4x + 2y + z of the table is f(x, y, z).
const (
	xorXor = 0x96 // x ^ y ^ z
	xorAnd = 0x78 // x ^ y&z
	andOr  = 0xea // x&y | z
)

// ternary is f(x, y, z) for a truth table; it exists on AVX-512 only, and overwrites x.
func (k *kernel) ternary(f uint8, x, y vector, z operand.Op) vector {
	k.VPTERNLOGD(operand.U8(f), z, y, x)
	return x
}

// xor3 is x ^ y ^ z and may overwrite x.
func (k *kernel) xor3(x, y vector, z operand.Op) vector {
	if k.wide() {
		return k.ternary(xorXor, x, y, z)
	}
	return k.xor(k.xor(x, z), y)
}

// xorAnd is x ^ y&z and may overwrite x.
func (k *kernel) xorAnd(x, y vector, z operand.Op) vector {
	if k.wide() {
		return k.ternary(xorAnd, x, y, z)
	}
	return k.xor(x, k.and(y, z))
}

// andOr is x&y | z and may overwrite x.
func (k *kernel) andOr(x vector, y, z operand.Op) vector {
	if k.wide() {
		return k.ternary(andOr, x, y.(vector), z)
	}
	return k.or(k.and(x, y), z)
}
