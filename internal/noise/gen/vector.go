package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"github.com/layernoise/layernoise/internal/vectorasm"
)

type vector = vectorasm.Vector

// kernel emits one function. Its methods hide the differences between the two sets of instructions.
type kernel struct {
	*vectorasm.Kernel
	kept map[uint32]vector // constants in registers
}

// count loads the length of a slice parameter, divided by 2^shift.
func (k *kernel) count(name string, shift uint8) reg.Register {
	n := k.Length(name)
	k.SHRQ(operand.U8(shift), n)
	return n
}

// advance adds bytes to a pointer.
func (k *kernel) advance(p operand.Mem, bytes int) { k.ADDQ(operand.I32(bytes), p.Base) }

// keep loads words, repeated in all lanes, into registers if the set has enough of them. Call it before the loop that uses
// the words.
func (k *kernel) keep(words ...uint32) {
	if !k.Wide() {
		return
	}
	for _, w := range words {
		k.kept[w] = k.Repeat(k.Table.Words(w))
	}
}

// all is a word repeated in all lanes.
func (k *kernel) all(w uint32) operand.Op {
	if !k.Wide() {
		return k.Table.Words(w)
	}
	v, ok := k.kept[w]
	if !ok {
		panic("a constant that was not kept")
	}
	return v
}

// num is a number repeated in all lanes, as a float32.
func (k *kernel) num(x float32) operand.Op { return k.all(math.Float32bits(x)) }

// broadcast64 repeats the 64-bit word at m.
func (k *kernel) broadcast64(m operand.Mem) vector {
	v := k.Vec()
	k.VBROADCASTSD(m, v)
	return v
}

func (k *kernel) mul64(x vector, y operand.Op) vector { return k.Op(k.VMULPD, x, y) }
func (k *kernel) add64(x vector, y operand.Op) vector { return k.Op(k.VADDPD, x, y) }

// mulWords multiplies the low halves of 64-bit lanes, with 64-bit products.
func (k *kernel) mulWords(x vector, y operand.Op) vector { return k.Op(k.VPMULUDQ, x, y) }

func (k *kernel) addWords(x vector, y operand.Op) vector { return k.Op(k.VPADDD, x, y) }
func (k *kernel) addLongs(x vector, y operand.Op) vector { return k.Op(k.VPADDQ, x, y) }
func (k *kernel) subWords(x vector, y operand.Op) vector { return k.Op(k.VPSUBD, x, y) }

// highHalves copies the high half of 64-bit lanes to the low half, by a shuffle: a shift would compete with multiplications
// for an execution port.
func (k *kernel) highHalves(x vector) vector { return k.Shift(k.VPSHUFD, x, 0xf5) }

// swapHalves exchanges the halves of 64-bit lanes.
func (k *kernel) swapHalves(x vector) vector { return k.Shift(k.VPSHUFD, x, 0xb1) }

// toFloat converts int32 to float32.
func (k *kernel) toFloat(x vector) vector {
	v := k.Vec()
	k.VCVTDQ2PS(x, v)
	return v
}

func (k *kernel) sqrt(x vector) vector {
	v := k.Vec()
	k.VSQRTPS(x, v)
	return v
}

// logic emits a bitwise instruction, which has another mnemonic in each set.
func (k *kernel) logic(narrow func(mxy, xy, xy1 operand.Op), wide func(...operand.Op), x vector, y operand.Op) vector {
	v := k.Vec()
	if k.Wide() {
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

// mask is a mask of the lanes of a register, the first in the lowest bit; AVX-512 only.
func (k *kernel) mask(lanes uint32) reg.Register {
	bits, m := k.GP32(), k.K()
	k.MOVL(operand.U32(lanes), bits)
	k.KMOVW(bits, m)
	return m
}

// xor3 is x ^ y ^ z and may overwrite x.
func (k *kernel) xor3(x, y vector, z operand.Op) vector {
	if k.Wide() {
		return k.ternary(xorXor, x, y, z)
	}
	return k.xor(k.xor(x, z), y)
}

// xorAnd is x ^ y&z and may overwrite x.
func (k *kernel) xorAnd(x, y vector, z operand.Op) vector {
	if k.Wide() {
		return k.ternary(xorAnd, x, y, z)
	}
	return k.xor(x, k.and(y, z))
}

// andOr is x&y | z and may overwrite x.
func (k *kernel) andOr(x vector, y, z operand.Op) vector {
	if k.Wide() {
		return k.ternary(andOr, x, y.(vector), z)
	}
	return k.or(k.and(x, y), z)
}
