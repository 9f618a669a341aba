package datasets

import (
	"archive/tar"
	"io"
	"path"
	"slices"

	"github.com/layernoise/layernoise/internal/gunzip"
	"github.com/pkg/errors"
)

// A cifarArchive reads the CIFAR files of one folder in a .tar or .tar.gz. They
// are decoded in memory: no name in the archive is ever used as a path.
type cifarArchive struct {
	format cifarFormat
	folder string
	files  []string
}

// read returns the content of each of the files. The archive is read to its
// end, where the checksum is. A file that is not in it is ErrFormat.
func (a cifarArchive) read(r io.Reader) ([]*CIFAR, error) {
	plain, err := gunzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	parts := make([]*CIFAR, len(a.files))
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, errors.Wrap(err, "tar")
		}
		i := a.index(header)
		if i < 0 {
			continue
		}
		if parts[i], err = a.format.read(archive); err != nil {
			return nil, errors.WithMessage(err, header.Name)
		}
	}
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return nil, errors.Wrap(err, "read")
	}
	if i := slices.Index(parts, nil); i >= 0 {
		return nil, errors.Wrapf(ErrFormat, "the archive has no %s", path.Join(a.folder, a.files[i]))
	}
	return parts, nil
}

// index is the place among the files of an entry of the archive, or -1.
func (a cifarArchive) index(header *tar.Header) int {
	folder, file := path.Split(path.Clean(header.Name))
	if header.Typeflag != tar.TypeReg || path.Clean(folder) != a.folder {
		return -1
	}
	return slices.Index(a.files, file)
}
