package core

import (
	"cmp"
	"encoding/binary"
)

// Packed is a touch in the form in which it is stored, the bytes of a baton.scoring.v1.TouchState. An event of a lead passes
// by all of its timeline and looks at nothing but the times.
type Packed struct {
	// At of the touch.
	At   int64
	Form string
}

// The fields of a TouchState: its time, ten texts in the order of texts, whether it was automated, and why.
const (
	touchAt        = 1<<3 | wireFixed64
	touchText      = 2
	touchAutomated = 12 << 3 // a varint
	touchBecause   = 14
)

// Protobuf's wire types.
const (
	wireVarint = iota
	wireFixed64
	wireBytes
)

func (t *Touch) texts() [10]*string {
	return [...]*string{&t.ID, &t.Source, &t.Type, &t.Name, &t.Channel, &t.Campaign, &t.Asset, &t.URL, &t.Referrer, &t.Title}
}

// Pack packs a touch.
func Pack(t *Touch) Packed { return Packed{At: t.At, Form: string(t.AppendForm(make([]byte, 0, 512)))} }

// AppendForm appends a touch's stored form to b.
func (t *Touch) AppendForm(b []byte) []byte {
	if t.At != 0 {
		b = binary.LittleEndian.AppendUint64(append(b, touchAt), uint64(t.At))
	}
	for i, text := range t.texts() {
		if *text != "" {
			b = binary.AppendUvarint(append(b, byte(touchText+i)<<3|wireBytes), uint64(len(*text)))
			b = append(b, *text...)
		}
	}
	if t.Automated {
		b = append(b, touchAutomated, 1)
	}
	if t.AutomatedBecause != "" {
		b = binary.AppendUvarint(append(b, touchBecause<<3|wireBytes), uint64(len(t.AutomatedBecause)))
		b = append(b, t.AutomatedBecause...)
	}
	return b
}

// PackedForm gives the touch of a stored form.
func PackedForm(form string) Packed {
	p := Packed{Form: form}
	if len(form) > 8 && form[0] == touchAt {
		p.At = fixed64(form[1:])
	}
	return p
}

// Touch reads the touch. What was added to the form since is passed over; what cannot be read is left out.
func (p Packed) Touch() Touch {
	t := Touch{At: p.At}
	texts := t.texts()
	for s := p.Form; s != ""; {
		tag, rest := uvarint(s)
		switch field, wire := tag>>3, tag&7; wire {
		case wireVarint:
			var v uint64
			if v, rest = uvarint(rest); tag == touchAutomated {
				t.Automated = v != 0
			}
		case wireFixed64:
			rest = rest[min(8, len(rest)):]
		case wireBytes:
			var n uint64
			n, rest = uvarint(rest)
			n = min(n, uint64(len(rest)))
			if i := field - touchText; i < uint64(len(texts)) {
				*texts[i] = rest[:n]
			} else if field == touchBecause {
				t.AutomatedBecause = rest[:n]
			}
			rest = rest[n:]
		default:
			return t
		}
		s = rest
	}
	return t
}

// compare orders as the touches do.
func (p Packed) compare(o Packed) int {
	if c := cmp.Compare(p.At, o.At); c != 0 || p.Form == o.Form {
		return c
	}
	a, b := p.Touch(), o.Touch()
	return a.compare(&b)
}

func fixed64(s string) int64 {
	var v uint64
	for i := range 8 {
		v |= uint64(s[i]) << (8 * i)
	}
	return int64(v)
}

// uvarint reads a number, and gives the rest: nothing where it does not end.
func uvarint(s string) (v uint64, rest string) {
	for i := 0; i < len(s) && i < binary.MaxVarintLen64; i++ {
		if v |= uint64(s[i]&0x7f) << (7 * i); s[i] < 0x80 {
			return v, s[i+1:]
		}
	}
	return v, ""
}
