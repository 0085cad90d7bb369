package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxRow is the largest row that is read, in bytes.
const MaxRow = 1 << 20

// Place is where a reader stands in a file, so that another can go on from there.
type Place struct {
	// Offset in bytes, Rows read before it (a CSV's header is none), Lines before it.
	Offset int64 `json:"offset"`
	Rows   int   `json:"rows"`
	Lines  int   `json:"lines"`
}

// Reader reads a file row by row, holding little more than one in memory.
type Reader struct {
	in    io.Reader
	delim rune // 0 for NDJSON
	buf   []byte
	// buf[from:to] is read and not yet given; at is where from stands.
	from, to int
	ended    bool
	at       Place
	columns  map[string]int
	width    int
}

// FormatOf gives the format that a file's name tells, "" for none, and the delimiter of one that has its own.
func FormatOf(name string) (format string, delimiter rune) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return CSV, 0
	case ".tsv":
		return CSV, '\t'
	case ".ndjson", ".jsonl":
		return NDJSON, 0
	}
	return "", 0
}

// ErrFormat says that neither the map nor the file's name tells the format.
var ErrFormat = errors.New("the file's name does not tell whether it is CSV or NDJSON: say `format:` in the map")

// NewReader begins to read a file, whose name may tell its format. It reads a CSV's header, and checks that it has the columns
// that the map names: the error is Errors otherwise. Where in is an io.Seeker and place is not the zero Place, it goes on from
// there.
func (m *Map) NewReader(name string, in io.Reader, place Place) (*Reader, error) {
	format, delimiter := FormatOf(name)
	if m.Format != "" {
		format = m.Format
	}
	r := &Reader{in: in, buf: make([]byte, 64<<10)}
	switch format {
	case CSV:
		if r.delim = m.delimiter; delimiter != 0 && m.delimiter == ',' {
			r.delim = delimiter
		}
	case NDJSON:
	default:
		return nil, ErrFormat
	}
	if err := r.fill(3); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(r.buf[r.from:r.to], []byte("\xef\xbb\xbf")) {
		r.skip(3)
	}
	if r.delim != 0 && m.header {
		if err := r.readHeader(); err != nil {
			return nil, err
		}
		if errs := m.missing(r.columns); len(errs) > 0 {
			return nil, append(errs, m.instead(r))
		}
	}
	if place == (Place{}) {
		return r, nil
	}
	s, ok := in.(io.Seeker)
	if !ok {
		return nil, errors.New("what cannot be gone back in cannot be gone on with")
	}
	if _, err := s.Seek(place.Offset, io.SeekStart); err != nil {
		return nil, fmt.Errorf("go on in the file: %w", err)
	}
	r.from, r.to, r.ended, r.at = 0, 0, false, place
	return r, nil
}

func (r *Reader) readHeader() error {
	raw, _, err := r.record()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty: its first row must name the columns")
	}
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	names, err := cellsOf(raw, r.delim)
	if err == nil && (!utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0) { // UTF-16 without a mark is full of zeros
		err = errNotUTF8
	}
	if err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	r.columns, r.width = make(map[string]int, len(names)), len(names)
	for i, name := range names {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if _, twice := r.columns[name]; twice {
			return fmt.Errorf("the header names %q twice", name)
		}
		r.columns[name] = i
	}
	return nil
}

// missing tells of the columns that the map names and the header does not.
func (m *Map) missing(columns map[string]int) (errs Errors) {
	for _, u := range m.used {
		if _, ok := columns[u.column]; !ok {
			errs.Add(Error{Line: u.line, Field: u.path, Reason: fmt.Sprintf("the file has no column %q", u.column)})
		}
	}
	return errs
}

// instead tells what the header names in place of what the map asks for.
func (m *Map) instead(r *Reader) Error {
	names := make([]string, 0, len(r.columns))
	for name := range r.columns {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return r.columns[a] - r.columns[b] })
	const shown = 400
	list := strings.Join(names, ", ")
	if len(list) > shown {
		list = strings.ToValidUTF8(list[:shown], "") + "…"
	}
	if r.width == 1 && len(m.used) > 1 {
		return Error{Field: "csv.delimiter", Reason: fmt.Sprintf("with %q the header is one column, %s: is that what stands between the fields?", r.delim, list)}
	}
	return Error{Reason: "the header names " + list}
}

// Place gives where the next row begins.
func (r *Reader) Place() Place { return r.at }

// RowError is a row that cannot be read. Reading goes on behind it.
type RowError struct {
	Row    *Row
	Reason string
}

func (e *RowError) Error() string {
	return fmt.Sprintf("row %d (line %d): %s", e.Row.Number, e.Row.Line, e.Reason)
}

var errNotUTF8 = errors.New("is not UTF-8 text: convert the file, with iconv for example")

// Next gives the next row, io.EOF at the end. *RowError is about that row alone; any other error ends the reading. Empty lines
// are no rows. The row is void once the next one is asked for.
func (r *Reader) Next() (*Row, error) {
	for {
		offset, line := r.at.Offset, r.at.Lines+1
		raw, problem, err := r.record()
		if err != nil {
			return nil, err
		}
		if problem == "" && len(bytes.TrimSpace(raw)) == 0 {
			continue
		}
		r.at.Rows++
		row := &Row{Number: r.at.Rows, Line: line, Offset: offset, End: r.at.Offset, Raw: raw, columns: r.columns}
		if problem != "" {
			return nil, &RowError{row, problem}
		}
		if err := r.parse(row); err != nil {
			return nil, &RowError{row, err.Error()}
		}
		return row, nil
	}
}

func (r *Reader) parse(row *Row) error {
	if !utf8.Valid(row.Raw) {
		return errNotUTF8
	}
	if r.delim == 0 {
		dec := json.NewDecoder(bytes.NewReader(row.Raw))
		dec.UseNumber()
		err := dec.Decode(&row.object)
		if errors.As(err, new(*json.UnmarshalTypeError)) { // JSON, and something else: what follows says so
			row.object = nil
		} else if err != nil {
			return fmt.Errorf("is not a JSON object: %w", err)
		}
		if row.object == nil {
			return errors.New("is not a JSON object")
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return errors.New("has more than one JSON object in a line")
		}
		return nil
	}
	cells, err := cellsOf(row.Raw, r.delim)
	if err != nil {
		return err
	}
	row.cells = cells
	if r.columns == nil || r.width == 0 { // no header: columns go by number
		row.columns = make(map[string]int, len(cells))
		for i := range cells {
			row.columns[strconv.Itoa(i+1)] = i
		}
		return nil
	}
	if len(cells) != r.width {
		return fmt.Errorf("has %d fields where the header has %d", len(cells), r.width)
	}
	return nil
}

// record gives the next record without its line end. problem says why it is none that can be read: what is given then is the
// beginning of its first line. The bytes are void with the next call.
func (r *Reader) record() (raw []byte, problem string, err error) {
	scan := recordEnd{delim: string(r.delim), csv: r.delim != 0}
	for end, n := 0, 0; ; {
		end, n = scan.find(r.buf[r.from:r.to], n)
		switch {
		case end >= 0 && end <= MaxRow:
			return r.take(end), "", nil
		case end > MaxRow, r.to-r.from > MaxRow:
			return r.oversized()
		case r.ended && r.to == r.from:
			return nil, "", io.EOF
		case r.ended && scan.state == quoted:
			// The quote that was never closed is the first line's fault: what follows it may be good.
			raw, _, err = r.oversized()
			return raw, "has a quote that is not closed", err
		case r.ended:
			return r.take(r.to - r.from), "", nil
		}
		if err := r.fill(r.to - r.from + 1); err != nil {
			return nil, "", err
		}
	}
}

// take gives the first n bytes and leaves them and their line end behind.
func (r *Reader) take(n int) []byte {
	raw := r.buf[r.from : r.from+n]
	r.skip(n)
	if r.from < r.to { // the line end
		r.skip(1)
		r.at.Lines++
	}
	r.at.Lines += bytes.Count(raw, []byte{'\n'})
	return bytes.TrimSuffix(raw, []byte{'\r'})
}

func (r *Reader) skip(n int) {
	r.from += n
	r.at.Offset += int64(n)
}

// oversized leaves behind the first line of what is no row, and gives its beginning.
func (r *Reader) oversized() ([]byte, string, error) {
	const problem = "is longer than 1 MB"
	const kept = 1 << 10
	if i := bytes.IndexByte(r.buf[r.from:r.to], '\n'); i >= 0 {
		raw := r.take(i)
		return raw[:min(len(raw), kept)], problem, nil
	}
	raw := bytes.Clone(r.buf[r.from:min(r.from+kept, r.to)])
	for {
		if i := bytes.IndexByte(r.buf[r.from:r.to], '\n'); i >= 0 {
			r.take(i)
			return raw, problem, nil
		}
		r.skip(r.to - r.from)
		if r.ended {
			return raw, problem, nil
		}
		if err := r.fill(1); err != nil {
			return nil, "", err
		}
	}
}

// fill reads until n bytes are there, or the file ends.
func (r *Reader) fill(n int) error {
	for empty := 0; r.to-r.from < n && !r.ended; {
		if r.from > 0 && len(r.buf)-r.to < len(r.buf)/4 {
			copy(r.buf, r.buf[r.from:r.to])
			r.from, r.to = 0, r.to-r.from
		}
		if r.to == len(r.buf) {
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
		got, err := r.in.Read(r.buf[r.to:])
		r.to += got
		switch {
		case errors.Is(err, io.EOF):
			r.ended = true
		case err != nil:
			return fmt.Errorf("read the file: %w", err)
		case got > 0:
			empty = 0
		default:
			if empty++; empty > 100 {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// recordEnd finds the end of a record: a line end that stands in no quotes.
type recordEnd struct {
	delim string
	csv   bool
	state fieldState
}

// fieldState is where in a field a search stands.
type fieldState int

const (
	atStart fieldState = iota
	plain
	quoted
	// behindQuote: the quote before ended the field, or is the first of two that stand for one.
	behindQuote
)

// find looks at text from byte from on, which is where the search before it ended, and gives the line end's place, or -1 and
// where to go on.
func (s *recordEnd) find(text []byte, from int) (end, next int) {
	if !s.csv {
		if i := bytes.IndexByte(text[from:], '\n'); i >= 0 {
			return from + i, 0
		}
		return -1, len(text)
	}
	last := s.delim[len(s.delim)-1]
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case s.state == quoted:
			if c == '"' {
				s.state = behindQuote
			}
		case c == '\n':
			return i, 0
		case c == '"' && s.state != plain:
			s.state = quoted
		case c == last && bytes.HasSuffix(text[:i+1], []byte(s.delim)):
			s.state = atStart
		default:
			s.state = plain
		}
	}
	return -1, len(text)
}

// cellsOf gives the fields of a CSV record. Quotes count where a field begins with one.
func cellsOf(raw []byte, delim rune) ([]string, error) {
	d := []byte(string(delim))
	var out []string
	for rest := raw; ; {
		var cell []byte
		if len(rest) > 0 && rest[0] == '"' {
			rest = rest[1:]
			for {
				i := bytes.IndexByte(rest, '"')
				if i < 0 {
					return nil, fmt.Errorf("field %d has a quote that is not closed", len(out)+1)
				}
				cell = append(cell, rest[:i]...)
				if rest = rest[i+1:]; len(rest) == 0 || rest[0] != '"' {
					break
				}
				cell, rest = append(cell, '"'), rest[1:]
			}
			if len(rest) > 0 && !bytes.HasPrefix(rest, d) {
				return nil, fmt.Errorf("field %d has text behind its closing quote", len(out)+1)
			}
		} else {
			i := bytes.Index(rest, d)
			if i < 0 {
				i = len(rest)
			}
			cell, rest = rest[:i], rest[i:]
		}
		out = append(out, string(cell))
		if len(rest) == 0 {
			return out, nil
		}
		rest = rest[len(d):]
	}
}
