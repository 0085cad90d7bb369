package cli

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/batonhq/baton/services/internal/app/history"
)

// importCounts are what became of rows and events.
type importCounts struct {
	Rows       int `json:"rows"`
	Events     int `json:"events"`
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	Rejected   int `json:"rejected"`
	// Skipped are rows that give no event, Errors those that cannot be read or mapped.
	Skipped int `json:"skipped"`
	Errors  int `json:"errors"`
}

func (c *importCounts) add(o importCounts) {
	c.Rows += o.Rows
	c.Events += o.Events
	c.Accepted += o.Accepted
	c.Duplicates += o.Duplicates
	c.Rejected += o.Rejected
	c.Skipped += o.Skipped
	c.Errors += o.Errors
}

func (c *importCounts) wrong() int { return c.Rejected + c.Errors }

func (c *importCounts) String() string {
	return fmt.Sprintf("rows %d, events %d, accepted %d, duplicates %d, rejected %d, skipped %d, errors %d",
		c.Rows, c.Events, c.Accepted, c.Duplicates, c.Rejected, c.Skipped, c.Errors)
}

// importProgress is how far an import has come: everything before Place is acknowledged, and told of in the first ErrorBytes of
// the file of errors.
type importProgress struct {
	// Of the map and the file: another one begins anew.
	Fingerprint string        `json:"fingerprint"`
	Place       history.Place `json:"place"`
	Counts      importCounts  `json:"counts"`
	ErrorFile   string        `json:"error_file"`
	ErrorBytes  int64         `json:"error_bytes"`
}

// fingerprint tells a file and what is made of it from others: by the map, the source, and the file's size and first bytes.
func fingerprint(m *history.Map, f *os.File) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%d\n", m.Hash, info.Size())
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, 1<<20)); err != nil {
		return "", fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// readProgress gives what an earlier run of the same import has left; the zero place where there is none.
func readProgress(path, fingerprint, errorFile string) (importProgress, error) {
	fresh := importProgress{Fingerprint: fingerprint, ErrorFile: errorFile}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return fresh, err
	}
	var p importProgress
	if err := json.Unmarshal(text, &p); err != nil {
		return fresh, fmt.Errorf("%s is not what an import has left: %w; remove it to begin anew", path, err)
	}
	if p.Place.Rows == 0 { // it ended before anything was done
		return fresh, nil
	}
	if p.Fingerprint != fingerprint {
		return fresh, fmt.Errorf("%s is of another map or another state of the file; remove it to begin anew: events that keep their ids "+
			"are not loaded twice", path)
	}
	if p.ErrorFile != errorFile {
		return fresh, fmt.Errorf("this import began with --errors %s", p.ErrorFile)
	}
	return p, nil
}

// write puts the progress in the place of what was there, as a whole or not at all.
func (p *importProgress) write(path string) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	next := path + ".next"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("note the progress beside the file: %w", err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("note the progress beside the file: %w", err)
	}
	return nil
}

// rowFault is a line of the file of errors.
type rowFault struct {
	Row    int    `json:"row"`
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
	Raw    string `json:"raw"`
}

// shownRaw is how much of a row is told, in bytes.
const shownRaw = 8 << 10

func faultOf(row *history.Row, field, reason string) rowFault {
	raw := row.Raw[:min(len(row.Raw), shownRaw)]
	return rowFault{Row: row.Number, Line: row.Line, Field: field, Reason: reason, Raw: string(raw)}
}

// faultFile holds what is wrong with rows. It is made when the first one is.
type faultFile struct {
	path string
	size int64
	file *os.File
}

// goOn cuts off what a run that was killed wrote last and did not count; with nothing counted, what an older import has left goes.
// A file that no import has left is kept: errNotFaults.
func (f *faultFile) goOn(size int64) error {
	if err := f.check(); err != nil {
		return err
	}
	f.size = size
	if size > 0 {
		if err := os.Truncate(f.path, size); err != nil {
			return fmt.Errorf("go on with the file of errors: %w", err)
		}
		return nil
	}
	if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// errNotFaults is a file in the place of the file of errors that holds something else.
var errNotFaults = errors.New("is there already and is not what an import has left: choose another file with --errors")

// faultsBegin is how a file of errors begins: with a rowFault.
const faultsBegin = `{"row":`

// check looks whether what stands in the file's place, if anything does, is what an import has left.
func (f *faultFile) check() error {
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("the file of errors: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s %w", f.path, errNotFaults)
	case info.Size() == 0:
		return nil
	}
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("the file of errors: %w", err)
	}
	defer file.Close()
	begin := make([]byte, len(faultsBegin))
	n, err := io.ReadFull(file, begin)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // a run that was killed may have written less
		return fmt.Errorf("the file of errors: %w", err)
	}
	if !strings.HasPrefix(faultsBegin, string(begin[:n])) {
		return fmt.Errorf("%s %w", f.path, errNotFaults)
	}
	return nil
}

func (f *faultFile) write(faults []rowFault) error {
	if len(faults) == 0 {
		return nil
	}
	if f.file == nil {
		file, err := os.OpenFile(filepath.Clean(f.path), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		f.file = file
	}
	w := bufio.NewWriter(f.file)
	enc := json.NewEncoder(&countingWriter{w, &f.size})
	enc.SetEscapeHTML(false)
	for _, fault := range faults {
		if err := enc.Encode(fault); err != nil {
			return fmt.Errorf("write %s: %w", f.path, err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

func (f *faultFile) close() error {
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}

type countingWriter struct {
	w io.Writer
	n *int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	*c.n += int64(n)
	return n, err
}
