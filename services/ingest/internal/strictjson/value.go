package strictjson

import "strconv"

// Value is one value of a Doc, until that parses again. The zero Value is one that is not there: its Kind is Invalid and it
// has no text and no members.
type Value struct {
	d *Doc
	i uint32
}

func (v Value) node() *node { return &v.d.nodes[v.i] }

// Kind gives the value's kind.
func (v Value) Kind() Kind {
	if v.d == nil {
		return Invalid
	}
	return v.node().kind
}

// Given reports whether there is a value other than null: null says that something is not known.
func (v Value) Given() bool { return v.Kind() > Null }

// Offset gives where the value starts in the body.
func (v Value) Offset() int {
	if v.d == nil {
		return 0
	}
	return int(v.node().start)
}

// Raw gives the value as it stands in the body; a part of it, not a copy.
func (v Value) Raw() []byte {
	if v.d == nil {
		return nil
	}
	n := v.node()
	return v.d.body[n.start:n.end]
}

// Text gives the text of a string and the digits of a number, as they stand; "" for everything else.
func (v Value) Text() string {
	switch v.Kind() {
	case String:
		n := v.node()
		if !n.escaped {
			return v.d.copy(n.start+1, n.end-1)
		}
		v.d.text[0] = v.d.appendText(v.d.text[0][:0], int(v.i))
		return string(v.d.text[0])
	case Number:
		n := v.node()
		return v.d.copy(n.start, n.end)
	default:
		return ""
	}
}

func (d *Doc) copy(start, end uint32) string {
	if d.copied == "" {
		d.copied = string(d.body[d.from:d.end])
	}
	return d.copied[int(start)-d.from : int(end)-d.from]
}

// Is reports whether a string has this text.
func (v Value) Is(text string) bool {
	if v.Kind() != String {
		return false
	}
	if n := v.node(); !n.escaped {
		return string(v.d.body[n.start+1:n.end-1]) == text
	}
	return v.Text() == text
}

// Float gives a number as the nearest float64, 0 for everything else.
func (v Value) Float() float64 {
	if v.Kind() != Number {
		return 0
	}
	raw := v.Raw()
	if len(raw) <= 15 { // up to 15 digits an integer is exact
		n, whole := 0, true
		for _, c := range raw {
			if c < '0' || c > '9' {
				whole = false
				break
			}
			n = n*10 + int(c-'0')
		}
		if whole {
			return float64(n)
		}
	}
	f, _ := strconv.ParseFloat(string(raw), 64) // cannot fail: it was checked
	return f
}

// Members walks an object's members in their order; none for everything else.
func (v Value) Members() Members {
	if v.Kind() != Object {
		return Members{}
	}
	return Members{d: v.d, i: v.i + 1, end: v.node().next}
}

// Members is a walk over an object.
type Members struct {
	d      *Doc
	i, end uint32
}

// Next gives the next member; ok is false at the end.
func (m *Members) Next() (key, value Value, ok bool) {
	if m.i >= m.end {
		return Value{}, Value{}, false
	}
	key, value = Value{m.d, m.i}, Value{m.d, m.i + 1}
	m.i = value.node().next
	return key, value, true
}

// Elements walks an array's elements; none for everything else.
func (v Value) Elements() Elements {
	if v.Kind() != Array {
		return Elements{}
	}
	return Elements{d: v.d, i: v.i + 1, end: v.node().next}
}

// Elements is a walk over an array.
type Elements struct {
	d      *Doc
	i, end uint32
}

// Next gives the next element; ok is false at the end.
func (e *Elements) Next() (value Value, ok bool) {
	if e.i >= e.end {
		return Value{}, false
	}
	value = Value{e.d, e.i}
	e.i = value.node().next
	return value, true
}

// Get gives an object's member of that key, the zero Value if there is none.
func (v Value) Get(key string) Value {
	for m := v.Members(); ; {
		k, value, ok := m.Next()
		if !ok {
			return Value{}
		}
		if k.Is(key) {
			return value
		}
	}
}

// Len counts an object's members or an array's elements.
func (v Value) Len() int {
	n := 0
	switch v.Kind() {
	case Object:
		for m := v.Members(); ; n++ {
			if _, _, ok := m.Next(); !ok {
				return n
			}
		}
	case Array:
		for e := v.Elements(); ; n++ {
			if _, ok := e.Next(); !ok {
				return n
			}
		}
	}
	return 0
}

// Size is about how many bytes a Doc holds on to.
func (d *Doc) Size() int {
	return cap(d.nodes)*16 + cap(d.table)*4 + cap(d.text[0]) + cap(d.text[1])
}

// Forget lets go of the body, so that a Doc at rest keeps no request in memory. All Values become void.
func (d *Doc) Forget() { d.body, d.copied, d.end, d.nodes = nil, "", 0, d.nodes[:0] }
