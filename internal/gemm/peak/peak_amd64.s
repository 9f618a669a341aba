#include "textflag.h"

// CHAINS is fourteen multiply-adds that do not wait for each other.
#define CHAINS(R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10, R11, R12, R13, X, Y) \
	VFMADD231PS X, Y, R0; \
	VFMADD231PS X, Y, R1; \
	VFMADD231PS X, Y, R2; \
	VFMADD231PS X, Y, R3; \
	VFMADD231PS X, Y, R4; \
	VFMADD231PS X, Y, R5; \
	VFMADD231PS X, Y, R6; \
	VFMADD231PS X, Y, R7; \
	VFMADD231PS X, Y, R8; \
	VFMADD231PS X, Y, R9; \
	VFMADD231PS X, Y, R10; \
	VFMADD231PS X, Y, R11; \
	VFMADD231PS X, Y, R12; \
	VFMADD231PS X, Y, R13

// func avx2(n int)
TEXT ·avx2(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), AX
	VZEROALL
loop:
	CHAINS(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15)
	DECQ AX
	JNZ  loop
	VZEROUPPER
	RET

// func avx512(n int)
TEXT ·avx512(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), AX
	VZEROALL
loop:
	CHAINS(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15)
	DECQ AX
	JNZ  loop
	VZEROUPPER
	RET
