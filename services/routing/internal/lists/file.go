package lists

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/core/accounts"
)

// MaxChunk is the largest text of one chunk, in bytes: it fits well into one message of the journal.
const MaxChunk = 2 << 20

// MaxAccounts is the most accounts that one list may have.
const MaxAccounts = 5_000_000

// Chunk is a part of a list.
type Chunk struct {
	Records string
	Count   int
}

// List is a whole list, cut into chunks.
type List struct {
	Revision string
	Chunks   []Chunk
	Accounts int
}

// Chain gives the name of a chunk from the name of the one before it, "" before the first: the last one's is the revision's.
func Chain(before, records string) string {
	sum := sha256.Sum256([]byte(before + "\n" + records))
	return hex.EncodeToString(sum[:])
}

// Read reads a list of accounts: CSV with a header of the field names (lists of aliases and contacts separated by ;), or one
// JSON object a line. The error joins a Fault for each line that is wrong, at most 20. Equal records give equal chunks.
func Read(in io.Reader, format string, d accounts.Domains) (*List, error) {
	w := &writer{d: d, taken: map[string]int{}}
	var err error
	switch format {
	case "csv":
		err = w.csv(in)
	case "ndjson":
		err = w.ndjson(in)
	default:
		return nil, fmt.Errorf("a list of accounts is .csv or .ndjson, not %q", format)
	}
	if err != nil {
		return nil, err
	}
	if len(w.faults) > 0 {
		return nil, errors.Join(w.faults...)
	}
	return w.finish(), nil
}

type writer struct {
	d      accounts.Domains
	taken  map[string]int
	faults []error
	text   strings.Builder
	count  int
	list   List
}

func (w *writer) fail(line int, field, reason string) {
	if len(w.faults) < 20 {
		w.faults = append(w.faults, Fault{line, field, reason})
	}
}

func (w *writer) add(line int, r *Record) {
	r.Check(w.d, func(field, reason string) { w.fail(line, field, reason) })
	if first, ok := w.taken[r.ID]; ok {
		w.fail(line, "id", fmt.Sprintf("is that of line %d, too", first))
	}
	w.taken[r.ID] = line
	if len(w.taken) > MaxAccounts {
		w.fail(line, "", fmt.Sprintf("is one account more than the %d that a list may have", MaxAccounts))
		return
	}
	text, err := json.Marshal(r)
	if err != nil {
		w.fail(line, "", err.Error())
		return
	}
	if w.text.Len()+len(text)+1 > MaxChunk {
		w.cut()
	}
	w.text.Write(text)
	w.text.WriteByte('\n')
	w.count++
}

func (w *writer) cut() {
	records := w.text.String()
	w.list.Revision = Chain(w.list.Revision, records)
	w.list.Chunks = append(w.list.Chunks, Chunk{records, w.count})
	w.list.Accounts += w.count
	w.text, w.count = strings.Builder{}, 0
}

func (w *writer) finish() *List {
	if w.count > 0 || len(w.list.Chunks) == 0 { // an empty list takes all accounts back
		w.cut()
	}
	return &w.list
}

func (w *writer) ndjson(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	n := 0
	for lines.Scan() && len(w.faults) < 20 {
		n++
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		r, err := parse(lines.Bytes())
		if err != nil {
			w.fail(n, "", err.Error())
			continue
		}
		w.add(n, r)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

func (w *writer) csv(in io.Reader) error {
	buffered := bufio.NewReader(in)
	if mark, _ := buffered.Peek(3); string(mark) == "\ufeff" {
		_, _ = buffered.Discard(3)
	}
	rows := csv.NewReader(buffered)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return fmt.Errorf("the header of the CSV: %w", err)
	}
	header = slices.Clone(header)
	for i, name := range header {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		if errors.Is(field(&Record{}, header[i], ""), errNoField) {
			w.fail(1, name, "is no field of an account: they are "+fieldNames)
		}
		if slices.Contains(header[:i], header[i]) {
			w.fail(1, name, "is given twice")
		}
	}
	if !slices.Contains(header, "id") {
		w.fail(1, "id", "is missing")
	}
	for len(w.faults) < 20 {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the CSV cannot be read: %w", err)
		}
		line, _ := rows.FieldPos(0)
		r := new(Record)
		for i, value := range row {
			if err := field(r, header[i], strings.Clone(strings.TrimSpace(value))); err != nil && !errors.Is(err, errNoField) {
				w.fail(line, header[i], err.Error())
			}
		}
		w.add(line, r)
	}
	return nil
}

const fieldNames = "id, name, domain, aliases, contacts, phone, street, city, postal_code, country, parent, owner, target"

var errNoField = errors.New("no such field")

// field sets a record's member by its name.
func field(r *Record, name, value string) error {
	texts := map[string]*string{
		"id": &r.ID, "name": &r.Name, "domain": &r.Domain, "phone": &r.Phone, "street": &r.Street, "city": &r.City, "postal_code": &r.PostalCode,
		"country": &r.Country, "parent": &r.Parent, "owner": &r.Owner,
	}
	if at := texts[name]; at != nil {
		*at = value
		return nil
	}
	switch name {
	case "aliases":
		r.Aliases = several(value)
	case "contacts":
		r.Contacts = several(value)
	case "target":
		if value == "" {
			return nil
		}
		is, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return errors.New("must be true or false")
		}
		r.Target = is
	default:
		return errNoField
	}
	return nil
}

func several(value string) []string {
	var out []string
	for s := range strings.SplitSeq(value, ";") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}
