package graph

import (
	"os"
	"strings"
	"sync"

	"github.com/layernoise/layernoise/internal/nativeblas"
	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// BLASVariable is the environment variable that [UseNativeBLAS] obeys.
const BLASVariable = "LAYERNOISE_BLAS"

// ErrNoNativeBLAS says that none of the libraries that [UseNativeBLAS] knows is
// installed.
var ErrNoNativeBLAS = errors.New("graph: no native BLAS found")

// native is the library that is open, if any.
var native struct {
	sync.Mutex
	blas *nativeblas.BLAS
	name string
}

// UseNativeBLAS puts a BLAS library of the machine under Gorgonia's matrix
// products and this package's, for float32 some ten times as fast as gonum's,
// and returns what the library calls itself, its version and path. Call it before
// the first machine runs; a second call puts the same library in place again.
//
// It tries OpenBLAS, then Intel's MKL, then BLIS; on macOS Accelerate, then
// OpenBLAS. Debian's package is libopenblas0-pthread. Neither cgo nor a C
// compiler is needed. With no library, or none that works, it returns an error
// that says what was tried, and gonum's BLAS stays in place: everything works
// without a native one, only slower.
//
// The environment variable LAYERNOISE_BLAS overrides the search: the path of a
// library makes that the only candidate, and "off" keeps gonum's, which is then
// the name returned, without an error.
//
// The library is set to one thread, whatever OPENBLAS_NUM_THREADS or its kind
// say, and large products are spread over GOMAXPROCS processors here. So a
// result does not depend on the number of processors, and operations that are
// parallel over the batch do not compete with a second pool of threads.
func UseNativeBLAS() (name string, err error) {
	native.Lock()
	defer native.Unlock()
	if native.blas != nil {
		G.Use(native.blas)
		return native.name, nil
	}
	candidates := nativeblas.Candidates()
	switch v := os.Getenv(BLASVariable); v {
	case "":
	case "off":
		return "gonum", nil
	default:
		candidates = []string{v}
	}
	var reasons []string
	for _, path := range candidates {
		blas, name, err := nativeblas.Open(path)
		if err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		G.Use(blas)
		native.blas, native.name = blas, name
		return name, nil
	}
	return "", errors.Wrap(ErrNoNativeBLAS, strings.Join(reasons, "; "))
}
