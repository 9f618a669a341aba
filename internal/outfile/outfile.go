// Package outfile writes files in the way that users expect of a program that saves.
//
// A regular file appears, or replaces an older one, only when it is complete: it is written to a temporary file in the same
// folder, synced and renamed, and the folder is synced, so that after a crash there is either the old file or the new one.
// It has the mode of the file it replaces, or that of a new file under the umask. Symbolic links are followed, also to a
// file that does not exist yet. A pipe, a terminal or another device is written to directly.
//
// If a rename is not possible (a folder without write permission, a file that is a mount point), the old contents are
// overwritten only when the new ones are complete and there is room for them on the disk: an error while making the contents
// or a full disk does no harm, but a crash in the middle may.
package outfile

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pkg/errors"
)

// maxLinks is the largest number of links followed in a row.
const maxLinks = 40

// Write writes the named file with the output of write. If a rename turns out to be impossible, write is called again and
// must give the same output. Its errors are returned unchanged; others are those of package os.
func Write(name string, write func(io.Writer) error) error {
	target, stream, err := resolve(name)
	if err != nil {
		return err
	}
	old, err := os.Stat(target)
	switch {
	case stream, err == nil && !old.Mode().IsRegular():
		return writeStream(target, write)
	case err == nil:
		return replace(target, old, write)
	case errors.Is(err, fs.ErrNotExist):
		return create(target, write)
	}
	return err
}

// Check reports what would keep Write from writing the named file, as far as can be told without writing it.
func Check(name string) error {
	target, stream, err := resolve(name)
	if err != nil || stream {
		return err
	}
	var probe *os.File
	old, err := os.Stat(target)
	switch {
	case err == nil && old.IsDir():
		return &fs.PathError{Op: "write", Path: name, Err: errors.New("is a directory")}
	case err == nil && !old.Mode().IsRegular():
		return nil
	case err == nil:
		probe, err = os.OpenFile(target, os.O_WRONLY, 0)
	case errors.Is(err, fs.ErrNotExist):
		if probe, err = besides(target); err == nil {
			defer os.Remove(probe.Name())
		}
	}
	if err != nil {
		var of *fs.PathError
		if errors.As(err, &of) { // not the name of the probe
			err = of.Err
		}
		return &fs.PathError{Op: "write", Path: name, Err: err}
	}
	return probe.Close()
}

// Rename durably renames a complete file. Both names must be in the same folder.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	syncDir(filepath.Dir(to))
	return nil
}

// resolve follows the links from name to a file that may not exist. It reports a stream if the path leads through the
// system's names for open files, such as /dev/stdout: a file that is open already is written to and never replaced.
func resolve(name string) (target string, stream bool, err error) {
	target = name
	for range maxLinks {
		if isOpenFile(target) {
			return target, true, nil
		}
		info, err := os.Lstat(target)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return target, false, nil // writing it will report what is wrong
		}
		next, err := os.Readlink(target)
		if err != nil {
			return "", false, err
		}
		if !filepath.IsAbs(next) {
			next = filepath.Dir(target) + string(filepath.Separator) + next // not Join: if the folder is a link, ".." is relative to its target
		}
		target = next
	}
	return "", false, &fs.PathError{Op: "open", Path: name, Err: errors.New("too many links")}
}

// isOpenFile reports whether a name denotes an open file.
func isOpenFile(name string) bool {
	name = filepath.ToSlash(name)
	for _, prefix := range []string{"/dev/std", "/dev/fd/", "/proc/"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// create writes a file that does not exist yet.
func create(name string, write func(io.Writer) error) error {
	tmp, err := besides(name)
	if err != nil {
		return err
	}
	return finish(tmp, name, write)
}

// replace replaces an existing regular file, keeping its mode.
func replace(name string, old fs.FileInfo, write func(io.Writer) error) error {
	// A read-only file is not replaced either.
	probe, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	probe.Close() // immediately: Windows cannot replace a file that is open
	tmp, err := besides(name)
	if err != nil {
		return overwrite(name, write)
	}
	if err := takeAfter(tmp, old); err != nil {
		tmp.Close()
		os.Remove(tmp.Name())
		return overwrite(name, write)
	}
	err = finish(tmp, name, write)
	var rename *os.LinkError
	if errors.As(err, &rename) { // the file is a mount point, say
		return overwrite(name, write)
	}
	return err
}

// besides opens a new file in the folder of name, with the mode given by the umask. Its own name is short, because that of
// the file may be as long as names can be.
func besides(name string) (*os.File, error) {
	dir := filepath.Dir(name)
	for number := os.Getpid(); ; number++ {
		tmp, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf(".%x.tmp", number)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return tmp, err
		}
	}
}

// takeAfter gives the new file the mode of the old one.
func takeAfter(tmp *os.File, old fs.FileInfo) error {
	info, err := tmp.Stat()
	if err != nil || info.Mode() == old.Mode() {
		return err
	}
	return tmp.Chmod(old.Mode())
}

// finish writes, syncs and renames tmp, or removes it.
func finish(tmp *os.File, name string, write func(io.Writer) error) error {
	err := write(tmp)
	if err == nil {
		err = tmp.Sync()
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = Rename(tmp.Name(), name)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

// overwrite overwrites a regular file in place.
func overwrite(name string, write func(io.Writer) error) error {
	var content bytes.Buffer
	if err := write(&content); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = refill(file, content.Bytes())
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// refill replaces the contents of a file. What exceeds the old length is written first, so that a full disk is detected
// while the old contents are still there.
func refill(file *os.File, content []byte) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	old := min(info.Size(), int64(len(content)))
	_, err = file.WriteAt(content[old:], old)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		_ = file.Truncate(info.Size()) // the first error is more informative
		return err
	}
	if _, err := file.WriteAt(content[:old], 0); err != nil {
		return err
	}
	if err := file.Truncate(int64(len(content))); err != nil {
		return err
	}
	return file.Sync()
}

// writeStream writes to a pipe or device.
func writeStream(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	err = write(file)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncDir makes a rename in a folder durable, on systems that can sync folders.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync() // not supported by every file system: nothing more can be done
		d.Close()
	}
}
