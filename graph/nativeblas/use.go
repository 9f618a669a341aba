package nativeblas

import (
	"os"
	"strings"

	"github.com/pkg/errors"
	G "gorgonia.org/gorgonia"
)

// Variable is the environment variable with the path of the only library that [Open] and [Use] are to try.
const Variable = "LAYERNOISE_BLAS"

// ErrNone says that none of the libraries that were tried is installed and works.
var ErrNone = errors.New("nativeblas: no library found")

// Use puts a BLAS library of the machine under the matrix products of Gorgonia's stock operations, and returns what it calls
// itself, with version, processor and path. Call it before the first machine runs. With an error, which says what was tried,
// the BLAS in use stays.
//
// It tries OpenBLAS, then Intel's MKL, then BLIS; on macOS Accelerate, then OpenBLAS. Debian's package is
// libopenblas0-pthread. The environment variable LAYERNOISE_BLAS, the path of a library, makes that the only one to try.
func Use() (name string, err error) {
	blas, name, err := Open()
	if err == nil {
		G.Use(blas)
	}
	return name, err
}

// Open returns the library that [Use] would put to use, and what it calls itself.
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
