package cli

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errImporting says that another process loads the same file: both would keep one progress.
var errImporting = errors.New("is being imported by another process: wait until that is done, or end it; then this goes on where it was")

// alone takes a file for this import, until the file is closed. What cannot be locked (a pipe, some network drives) is taken as it is.
func (i *importer) alone(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("%s %w", i.file, errImporting)
	}
	return nil
}

// ready sees, before anything is sent, that the progress and what is wrong with rows can be written.
func (i *importer) ready() error {
	for _, read := range []string{i.file, i.mapFile} {
		if sameFile(read, i.errors) {
			return fmt.Errorf("%s %w", i.errors, errNotFaults)
		}
	}
	if err := i.faults.goOn(i.progress.ErrorBytes); err != nil {
		return err
	}
	if !i.keeps {
		return nil
	}
	if err := i.progress.write(i.progressFile()); err != nil {
		return fmt.Errorf("%w\nload a copy of the file from a folder that can be written to, or from standard input, which keeps no progress", err)
	}
	return nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// forget ends with the progress: nothing is left to go on with.
func (i *importer) forget() error {
	if err := os.Remove(i.progressFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
