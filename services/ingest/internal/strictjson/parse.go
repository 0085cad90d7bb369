package strictjson

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits bound one value and all that it contains.
type Limits struct {
	// Depth is how many objects and arrays may be open at once.
	Depth int
	// Keys is how many members all objects may have together.
	Keys int
	// Values is how many values there may be, keys not counted.
	Values int
	// Digits is how many characters a number may have.
	Digits int
}

// Kind tells JSON's values apart.
type Kind uint8

// The kinds. Invalid is what is not there: the zero Value.
const (
	Invalid Kind = iota
	Null
	False
	True
	Number
	String
	Array
	Object
)

// Fault says why a text was refused and where.
type Fault struct {
	// Offset in bytes from the start of the body, not of the value within it.
	Offset int
	// Path of the value at fault, like lead.external_ids.crm or events[3]; "" for the value as a whole. Keys are cut at 40
	// bytes, and anything that would not print is replaced.
	Path   string
	Reason string
	// Syntax: it is not JSON at all. Otherwise it is JSON that breaks a rule of this package.
	Syntax bool

	segments []string
}

func (f *Fault) Error() string {
	if f.Path == "" {
		return f.Reason + " (byte " + strconv.Itoa(f.Offset) + ")"
	}
	return f.Path + ": " + f.Reason + " (byte " + strconv.Itoa(f.Offset) + ")"
}

// node is one value or key. Children follow their parent; an object's are key, value, key, value.
type node struct {
	// start and end of the text in the body, quotes included.
	start, end uint32
	// next is the index behind this node and all that it contains.
	next uint32
	kind Kind
	// escaped: the string has a backslash in it.
	escaped bool
}

// Doc holds one parsed value. It is reused by parsing again, which makes all its Values void. It keeps
// body, but the strings that it gives are copies (parts of one copy of the whole value, which each of them keeps alive). Not for use by several goroutines at once.
type Doc struct {
	body   []byte
	from   int
	end    int
	limits Limits
	// copied is the text of the value, made when the first string is asked for: strings without escapes are parts of it.
	copied string
	nodes  []node
	keys   int
	values int
	seed   maphash.Seed
	table  []uint32
	text   [2][]byte
}

// NewDoc gives an empty Doc.
func NewDoc() *Doc { return &Doc{seed: maphash.MakeSeed(), nodes: make([]node, 0, 64)} }

// Parse reads body[from:to], which must be one value and nothing behind it but white space. The error is a *Fault.
func (d *Doc) Parse(body []byte, from, to int, limits Limits) (Value, error) {
	d.body, d.from, d.end, d.limits, d.copied = body, from, to, limits, ""
	d.nodes, d.keys, d.values = d.nodes[:0], 0, 0
	if uint64(len(body)) > math.MaxUint32 {
		return Value{}, &Fault{Reason: "the body is too large"}
	}
	i := d.space(from)
	i, f := d.value(i, 0)
	if f == nil {
		if i = d.space(i); i < d.end {
			f = d.syntax(i, "there is more behind the end of the value")
		}
	}
	if f != nil {
		slices.Reverse(f.segments)
		f.Path = strings.TrimPrefix(strings.Join(f.segments, ""), ".")
		f.segments = nil
		return Value{}, f
	}
	return Value{d: d}, nil
}

func (d *Doc) syntax(at int, reason string) *Fault {
	if at >= d.end {
		reason = "the text ends in the middle of a value"
	}
	return &Fault{Offset: at, Reason: reason, Syntax: true}
}

func (d *Doc) refuse(at int, reason string) *Fault { return &Fault{Offset: at, Reason: reason} }

func (d *Doc) space(i int) int { return skipSpace(d.body[:d.end], i) }

func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value reads the value at i and gives the position behind it.
func (d *Doc) value(i, depth int) (int, *Fault) {
	if i >= d.end {
		return i, d.syntax(i, "")
	}
	if d.values++; d.values > d.limits.Values {
		return i, d.refuse(i, "more than "+strconv.Itoa(d.limits.Values)+" values")
	}
	switch c := d.body[i]; c {
	case '{':
		return d.object(i, depth)
	case '[':
		return d.array(i, depth)
	case '"':
		return d.str(i)
	case 't':
		return d.literal(i, "true", True)
	case 'f':
		return d.literal(i, "false", False)
	case 'n':
		return d.literal(i, "null", Null)
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return d.number(i)
		}
		return i, d.syntax(i, "not a JSON value")
	}
}

func (d *Doc) leaf(start, end int, kind Kind, escaped bool) {
	d.nodes = append(d.nodes, node{start: uint32(start), end: uint32(end), next: uint32(len(d.nodes) + 1), kind: kind, escaped: escaped})
}

func (d *Doc) literal(i int, word string, kind Kind) (int, *Fault) {
	end := i + len(word)
	if end > d.end || string(d.body[i:end]) != word {
		return i, d.syntax(i, "not a JSON value")
	}
	d.leaf(i, end, kind, false)
	return end, nil
}

func (d *Doc) open(i, depth int, kind Kind) (self int, f *Fault) {
	if depth >= d.limits.Depth {
		return 0, d.refuse(i, "nested more than "+strconv.Itoa(d.limits.Depth)+" levels deep")
	}
	d.nodes = append(d.nodes, node{start: uint32(i), kind: kind})
	return len(d.nodes) - 1, nil
}

func (d *Doc) close(self, end int) {
	d.nodes[self].end, d.nodes[self].next = uint32(end), uint32(len(d.nodes))
}

func (d *Doc) array(i, depth int) (int, *Fault) {
	self, f := d.open(i, depth, Array)
	if f != nil {
		return i, f
	}
	if i = d.space(i + 1); i < d.end && d.body[i] == ']' {
		d.close(self, i+1)
		return i + 1, nil
	}
	for n := 0; ; n++ {
		if i, f = d.value(i, depth+1); f != nil {
			f.segments = append(f.segments, "["+strconv.Itoa(n)+"]")
			return i, f
		}
		i = d.space(i)
		switch {
		case i < d.end && d.body[i] == ',':
			i = d.space(i + 1)
		case i < d.end && d.body[i] == ']':
			d.close(self, i+1)
			return i + 1, nil
		default:
			return i, d.syntax(i, "expected , or ] in an array")
		}
	}
}

func (d *Doc) object(i, depth int) (int, *Fault) {
	self, f := d.open(i, depth, Object)
	if f != nil {
		return i, f
	}
	if i = d.space(i + 1); i < d.end && d.body[i] == '}' {
		d.close(self, i+1)
		return i + 1, nil
	}
	for n := 1; ; n++ {
		if i >= d.end || d.body[i] != '"' {
			return i, d.syntax(i, "expected a key in quotes")
		}
		if d.keys++; d.keys > d.limits.Keys {
			return i, d.refuse(i, "more than "+strconv.Itoa(d.limits.Keys)+" keys")
		}
		key := len(d.nodes)
		if i, f = d.str(i); f != nil {
			return i, f
		}
		if i = d.space(i); i >= d.end || d.body[i] != ':' {
			return i, d.syntax(i, "expected : behind a key")
		}
		if i, f = d.value(d.space(i+1), depth+1); f != nil {
			f.segments = append(f.segments, d.segment(key))
			return i, f
		}
		i = d.space(i)
		switch {
		case i < d.end && d.body[i] == ',':
			i = d.space(i + 1)
		case i < d.end && d.body[i] == '}':
			d.close(self, i+1)
			return i + 1, d.distinct(self, n)
		default:
			return i, d.syntax(i, "expected , or } in an object")
		}
	}
}

// segment gives a key as a part of a path.
func (d *Doc) segment(key int) string {
	text := d.appendText(d.text[0][:0], key)
	d.text[0] = text
	return "." + Printable(text, 40)
}

// Printable gives the text cut at max bytes and with everything replaced that would not print, for use in messages.
func Printable[T string | []byte](text T, max int) string {
	s := string(text[:min(len(text), max+utf8.UTFMax)])
	cut := len(text) > max
	var b strings.Builder
	for _, r := range s {
		if b.Len()+utf8.RuneLen(r) > max {
			cut = true
			break
		}
		if !strconv.IsPrint(r) {
			r = '·'
		}
		b.WriteRune(r)
	}
	if cut {
		b.WriteString("…")
	}
	return b.String()
}

// few is up to how many keys are compared each with each.
const few = 12

// distinct checks the n keys of an object.
func (d *Doc) distinct(object, n int) *Fault {
	if n < 2 {
		return nil
	}
	if n <= few {
		var seen [few]int
		i := object + 1
		for k := range n {
			for _, other := range seen[:k] {
				if d.sameKey(other, i) {
					return d.duplicate(i)
				}
			}
			seen[k] = i
			i = int(d.nodes[i+1].next)
		}
		return nil
	}
	size := 32
	for size < 2*n {
		size *= 2
	}
	if cap(d.table) < size {
		d.table = make([]uint32, size)
	}
	table := d.table[:size]
	clear(table)
	i := object + 1
	for range n {
		d.text[0] = d.appendText(d.text[0][:0], i)
		slot := int(maphash.Bytes(d.seed, d.text[0])) & (size - 1)
		for table[slot] != 0 {
			if d.sameKey(int(table[slot]), i) {
				return d.duplicate(i)
			}
			slot = (slot + 1) & (size - 1)
		}
		table[slot] = uint32(i) // never 0: the object itself stands before its keys
		i = int(d.nodes[i+1].next)
	}
	return nil
}

func (d *Doc) duplicate(key int) *Fault {
	f := d.refuse(int(d.nodes[key].start), "the key is given twice")
	f.segments = append(f.segments, d.segment(key))
	return f
}

func (d *Doc) sameKey(a, b int) bool {
	x, y := &d.nodes[a], &d.nodes[b]
	if !x.escaped && !y.escaped {
		return bytes.Equal(d.body[x.start:x.end], d.body[y.start:y.end])
	}
	d.text[0] = d.appendText(d.text[0][:0], a)
	d.text[1] = d.appendText(d.text[1][:0], b)
	return bytes.Equal(d.text[0], d.text[1])
}
