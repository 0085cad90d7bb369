package render

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// messages writes messages as JSON: the very bytes that protojson writes with UseProtoNames and EmitUnpopulated, less the spaces that it
// puts between tokens at its whim. Its walk over a message sorts the fields of each anew, which takes longer than all the rest of a
// delivery; here a type's fields are put in order once. The zero value is ready, and safe for use by several goroutines.
type messages struct {
	shapes sync.Map // protoreflect.MessageDescriptor to *shape
}

// shape is how the messages of a type are written.
type shape struct {
	fields []field
	// known: it is one of protobuf's own types, whose JSON is not that of their fields.
	known bool
}

// field is a field as it is written.
type field struct {
	protoreflect.FieldDescriptor
	// key is its quoted name and the colon.
	key string
	// optional fields are left out while nothing is set: those of a oneof. nullable ones are null then.
	optional, nullable bool
	list, entries      bool
}

// shape gives that of a type; its fields are in the order of their declaration.
func (w *messages) shape(d protoreflect.MessageDescriptor) *shape {
	if known, ok := w.shapes.Load(d); ok {
		return known.(*shape)
	}
	all := d.Fields()
	s := &shape{fields: make([]field, all.Len()), known: d.FullName().Parent() == "google.protobuf"}
	for i := range s.fields {
		f := all.Get(i)
		s.fields[i] = field{
			FieldDescriptor: f, key: strconv.Quote(f.TextName()) + ":", optional: f.ContainingOneof() != nil, nullable: f.HasPresence(),
			list: f.IsList(), entries: f.IsMap(),
		}
	}
	w.shapes.Store(d, s)
	return s
}

// errText says that a text is no UTF-8.
var errText = errors.New("a text is not valid UTF-8")

// write appends a message to b. On an error b has a part of it.
func (w *messages) write(b []byte, m protoreflect.Message) ([]byte, error) {
	s := w.shape(m.Descriptor())
	if s.known {
		return wellKnown(b, m)
	}
	b = append(b, '{')
	first, err := true, error(nil)
	for i := range s.fields {
		f := &s.fields[i]
		missing := f.nullable && !m.Has(f.FieldDescriptor)
		if missing && f.optional {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, f.key...)
		switch {
		case missing:
			b = append(b, "null"...)
		case f.entries:
			b, err = w.entries(b, m.Get(f.FieldDescriptor).Map(), f.FieldDescriptor)
		case f.list:
			b, err = w.list(b, m.Get(f.FieldDescriptor).List(), f.FieldDescriptor)
		default:
			b, err = w.value(b, m.Get(f.FieldDescriptor), f.FieldDescriptor)
		}
		if err != nil {
			return b, fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return append(b, '}'), nil
}

func (w *messages) list(b []byte, list protoreflect.List, f protoreflect.FieldDescriptor) (_ []byte, err error) {
	b = append(b, '[')
	for i := range list.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = w.value(b, list.Get(i), f); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// entries writes a map in the order of its keys.
func (w *messages) entries(b []byte, entries protoreflect.Map, f protoreflect.FieldDescriptor) (_ []byte, err error) {
	keys := make([]protoreflect.MapKey, 0, entries.Len())
	entries.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, byKey)
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = quoted(b, k.String()); err != nil {
			return b, err
		}
		b = append(b, ':')
		if b, err = w.value(b, entries.Get(k), f.MapValue()); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// byKey orders the keys of a map.
func byKey(a, b protoreflect.MapKey) int {
	switch a.Interface().(type) {
	case int32, int64:
		return cmp.Compare(a.Int(), b.Int())
	case uint32, uint64:
		return cmp.Compare(a.Uint(), b.Uint())
	}
	return strings.Compare(a.String(), b.String())
}

// value writes what is no list and no map.
func (w *messages) value(b []byte, v protoreflect.Value, f protoreflect.FieldDescriptor) ([]byte, error) {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return strconv.AppendBool(b, v.Bool()), nil
	case protoreflect.StringKind:
		return quoted(b, v.String())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind: // more digits than a JSON number is sure to keep
		return append(strconv.AppendInt(append(b, '"'), v.Int(), 10), '"'), nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return append(strconv.AppendUint(append(b, '"'), v.Uint(), 10), '"'), nil
	case protoreflect.FloatKind:
		return float(b, v.Float(), 32), nil
	case protoreflect.DoubleKind:
		return float(b, v.Float(), 64), nil
	case protoreflect.BytesKind:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v.Bytes()), '"'), nil
	case protoreflect.EnumKind:
		return enum(b, v.Enum(), f.Enum()), nil
	}
	return w.write(b, v.Message())
}

func enum(b []byte, n protoreflect.EnumNumber, d protoreflect.EnumDescriptor) []byte {
	switch known := d.Values().ByNumber(n); {
	case d.FullName() == "google.protobuf.NullValue":
		return append(b, "null"...)
	case known != nil:
		return strconv.AppendQuote(b, string(known.Name()))
	}
	return strconv.AppendInt(b, int64(n), 10)
}

// float writes a number as JavaScript does, and as a text what JSON has no number for.
func float(b []byte, n float64, bits int) []byte {
	switch {
	case math.IsNaN(n):
		return append(b, `"NaN"`...)
	case math.IsInf(n, 1):
		return append(b, `"Infinity"`...)
	case math.IsInf(n, -1):
		return append(b, `"-Infinity"`...)
	}
	var raw []byte
	if bits == 32 {
		raw, _ = json.Marshal(float32(n))
	} else {
		raw, _ = json.Marshal(n)
	}
	return append(b, raw...)
}

// plain reports whether a text stands between quotes as it is.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// quoted writes a text with the escapes of RFC 8259 section 7, and no others.
func quoted(b []byte, s string) ([]byte, error) {
	b = append(b, '"')
	if plain(s) {
		return append(append(b, s...), '"'), nil
	}
	if !utf8.ValidString(s) {
		return b, errText
	}
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < ' ' {
				const digits = "0123456789abcdef"
				b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
				continue
			}
			b = append(b, c)
		}
	}
	return append(b, '"'), nil
}

// wellKnown writes a message of protobuf's own types, whose JSON is not that of their fields: a time here, the others by protojson.
func wellKnown(b []byte, m protoreflect.Message) ([]byte, error) {
	if t, ok := m.Interface().(*timestamppb.Timestamp); ok && t.CheckValid() == nil {
		at := t.AsTime().AppendFormat(append(b, '"'), "2006-01-02T15:04:05.000000000")
		for range 2 { // nine digits, six, three or none
			at = bytes.TrimSuffix(at, []byte("000"))
		}
		return append(bytes.TrimSuffix(at, []byte(".000")), 'Z', '"'), nil
	}
	raw, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m.Interface())
	if err != nil {
		return b, err
	}
	return pack(b, raw), nil
}
