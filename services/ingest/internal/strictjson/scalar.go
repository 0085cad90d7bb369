package strictjson

import (
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// number reads a number of JSON's grammar that a float64 can hold.
func (d *Doc) number(start int) (int, *Fault) {
	i := start
	if d.body[i] == '-' {
		i++
	}
	switch {
	case i < d.end && d.body[i] == '0':
		i++
		if i < d.end && d.body[i] >= '0' && d.body[i] <= '9' {
			return i, d.syntax(i, "a number must not start with 0")
		}
	default:
		var ok bool
		if i, ok = d.digits(i); !ok {
			return i, d.syntax(i, "a number without digits")
		}
	}
	if i < d.end && d.body[i] == '.' {
		var ok bool
		if i, ok = d.digits(i + 1); !ok {
			return i, d.syntax(i, "a number without digits behind its point")
		}
	}
	exponent := i < d.end && (d.body[i] == 'e' || d.body[i] == 'E')
	if exponent {
		if i++; i < d.end && (d.body[i] == '+' || d.body[i] == '-') {
			i++
		}
		var ok bool
		if i, ok = d.digits(i); !ok {
			return i, d.syntax(i, "a number without digits in its exponent")
		}
	}
	if i-start > d.limits.Digits {
		return i, d.refuse(start, "a number of "+strconv.Itoa(i-start)+" characters, at most "+strconv.Itoa(d.limits.Digits)+" are taken")
	}
	// Only an exponent can take a number of that many digits out of range.
	if exponent {
		if _, err := strconv.ParseFloat(string(d.body[start:i]), 64); err != nil {
			return i, d.refuse(start, "the number is out of range")
		}
	}
	d.leaf(start, i, Number, false)
	return i, nil
}

func (d *Doc) digits(i int) (int, bool) {
	from := i
	for i < d.end && d.body[i] >= '0' && d.body[i] <= '9' {
		i++
	}
	return i, i > from
}

// str reads a string or key, from its opening quote.
func (d *Doc) str(start int) (int, *Fault) {
	ascii, escaped := true, false
	b := d.body[:d.end]
	i := start + 1
	for i < len(b) {
		for i+8 <= len(b) && plainASCII(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
		}
		for i < len(b) && b[i] >= 0x20 && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i == len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			if !ascii {
				if f := d.checkUTF8(start+1, i); f != nil {
					return i, f
				}
			}
			d.leaf(start, i+1, String, escaped)
			return i + 1, nil
		case c == '\\':
			escaped = true
			var f *Fault
			if i, f = d.escape(i); f != nil {
				return i, f
			}
		case c < 0x20:
			if c == 0 {
				return i, d.refuseRaw(i, "a NUL byte")
			}
			return i, d.refuseRaw(i, "a control character that is not escaped")
		default:
			ascii = false
			i++
		}
	}
	return i, d.syntax(d.end, "")
}

// plainASCII reports whether none of eight bytes needs a closer look: all are ASCII, none a control, quote or backslash.
func plainASCII(w uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	quote, back := w^(ones*'"'), w^(ones*'\\')
	return (w|(w-ones*0x20)|(quote-ones)|(back-ones))&high == 0
}

// refuseRaw marks bytes that are not JSON wherever they stand in a string.
func (d *Doc) refuseRaw(at int, reason string) *Fault {
	return &Fault{Offset: at, Reason: reason, Syntax: true}
}

func (d *Doc) checkUTF8(from, to int) *Fault {
	if utf8.Valid(d.body[from:to]) {
		return nil
	}
	for from < to {
		r, n := utf8.DecodeRune(d.body[from:to])
		if r == utf8.RuneError && n == 1 {
			break
		}
		from += n
	}
	return d.refuse(from, "invalid UTF-8")
}

// escape checks the escape at i and gives the position behind it.
func (d *Doc) escape(i int) (int, *Fault) {
	if i+1 >= d.end {
		return i, d.syntax(d.end, "")
	}
	switch d.body[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
	default:
		return i, d.syntax(i, "an unknown escape")
	}
	r, ok := d.hex(i)
	if !ok {
		return i, d.syntax(min(i+6, d.end), "\\u needs four hexadecimal digits")
	}
	switch {
	case r == 0:
		return i, d.refuse(i, "a NUL character (\\u0000)")
	case !utf16.IsSurrogate(r):
		return i + 6, nil
	}
	if low, ok := d.hex(i + 6); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
		return i + 12, nil
	}
	return i, d.refuse(i, "a lone surrogate ("+string(d.body[i:i+6])+"), which is no character")
}

// hex reads the \uXXXX at i.
func (d *Doc) hex(i int) (rune, bool) {
	if i+6 > d.end || d.body[i] != '\\' || d.body[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range d.body[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendText appends the text that a string node stands for.
func (d *Doc) appendText(out []byte, i int) []byte {
	n := &d.nodes[i]
	raw := d.body[n.start+1 : n.end-1]
	if !n.escaped {
		return append(out, raw...)
	}
	for k := 0; k < len(raw); {
		c := raw[k]
		if c != '\\' {
			out = append(out, c)
			k++
			continue
		}
		switch c = raw[k+1]; c {
		case 'u':
			at := int(n.start) + 1 + k
			r, _ := d.hex(at)
			k += 6
			if utf16.IsSurrogate(r) {
				low, _ := d.hex(at + 6)
				r = utf16.DecodeRune(r, low)
				k += 6
			}
			out = utf8.AppendRune(out, r)
			continue
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		out = append(out, c)
		k += 2
	}
	return out
}
