package datasets

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// find returns the path of the first regular file of one of the given names in
// one of the folders below dir, in the order of the folders; or ErrNotFound.
func find(dir string, folders, names []string) (string, error) {
	for _, folder := range folders {
		for _, name := range names {
			path := filepath.Join(dir, filepath.FromSlash(folder), name)
			info, err := os.Stat(path)
			if err == nil && info.Mode().IsRegular() {
				return path, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", errors.WithStack(err)
			}
		}
	}
	return "", errors.Wrapf(ErrNotFound, "%s in %s", strings.Join(names, " or "), dir)
}

// readPath opens a file and decodes it.
func readPath[T any](path string, decode func(io.Reader) (T, error)) (T, error) {
	f, err := os.Open(path)
	if err != nil {
		var none T
		return none, errors.WithStack(err)
	}
	defer f.Close()
	x, err := decode(f)
	if err != nil {
		return x, errors.WithMessage(err, path)
	}
	return x, nil
}
