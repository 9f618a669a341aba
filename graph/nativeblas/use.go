package nativeblas

import (
	"os"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Variable is the environment variable with the path of the only library that [Open] and [Use] try.
const Variable = "LAYERNOISE_BLAS"

// ErrNone says that none of the libraries tried is installed and works.
var ErrNone = errors.New("nativeblas: no library found")

// Use makes Gorgonia's stock operations multiply with a BLAS library of the machine, and returns the name that it reports,
// with version, processor and path. Call it before the first machine runs. An error says what was tried, and leaves the BLAS
// in use unchanged.
//
// It tries OpenBLAS, then Intel's MKL, then BLIS; on macOS Accelerate, then OpenBLAS. Debian's package is
// libopenblas0-pthread. If the environment variable LAYERNOISE_BLAS is set to the path of a library, only that one is tried.
func Use() (name string, err error) {
	blas, name, err := Open()
	if err == nil {
		G.Use(blas)
	}
	return name, err
}

// Open returns the library that [Use] would use, and the name that it reports.
func Open() (blas *BLAS, name string, err error) {
	paths := candidates()
	if path := os.Getenv(Variable); path != "" {
		paths = []string{path}
	}
	var reasons []string
	for _, path := range paths {
		blas, name, err := open(path)
		if err == nil {
			return blas, name, nil
		}
		reasons = append(reasons, err.Error())
	}
	return nil, "", errors.Wrap(ErrNone, strings.Join(reasons, "; "))
}
