package nativeblas

import (
	"os"
	"slices"

	"golang.org/x/sys/cpu"
)

// coreVariable is OpenBLAS's own variable for the processor to choose kernels
// for. A user's setting is left alone.
const coreVariable = "OPENBLAS_CORETYPE"

// fastCores are the names of OpenBLAS's kernels with AVX2 or AVX-512.
var fastCores = []string{"Haswell", "Zen", "Excavator", "SkylakeX", "Cooperlake", "Sapphirerapids", "SapphireRapids"}

// slowCore reports whether core is an OpenBLAS kernel for a lesser processor
// than this one.
func slowCore(core string) bool {
	return core != "" && os.Getenv(coreVariable) == "" && bestCore() != "" && !slices.Contains(fastCores, core)
}

// bestCore is the name of the kernels that suit this processor, empty if it has
// no AVX2.
func bestCore() string {
	x := cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512CD && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL:
		return "SkylakeX"
	case x.HasAVX2 && x.HasFMA:
		return "Haswell"
	}
	return ""
}
