package state

import (
	"errors"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

var errMalformed = errors.New("malformed")

// reader walks fields in protobuf's wire form over one string, whose parts become the values. After an error it is at the
// end, and everything reads as zero.
type reader struct {
	s string
	// i is where it stands, end where the message that it is in ends.
	i, end int
	num    protowire.Number
	typ    protowire.Type
	err    error
	// nested: it is in a lead within a lead, which has none within it.
	nested bool
}

func newReader(blob []byte) reader { return reader{s: string(blob), end: len(blob)} }

func (r *reader) fail() {
	if r.err == nil {
		r.err = errMalformed
	}
	r.i, r.end = 0, 0
}

// next moves to the next field; false at the end.
func (r *reader) next() bool {
	if r.i >= r.end {
		return false
	}
	v := uint64(r.s[r.i])
	if v < 0x80 {
		r.i++
	} else {
		v = r.longVarint()
	}
	r.num, r.typ = protowire.Number(v>>3), protowire.Type(v&7)
	if v>>3-1 >= uint64(protowire.MaxValidNumber) { // 0 wraps around
		r.fail()
		return false
	}
	return true
}

func (r *reader) uvarint() uint64 {
	if r.i < r.end && r.s[r.i] < 0x80 {
		r.i++
		return uint64(r.s[r.i-1])
	}
	return r.longVarint()
}

func (r *reader) longVarint() uint64 {
	var v uint64
	for n := 0; n < 10 && r.i < r.end; n++ {
		c := r.s[r.i]
		r.i++
		v |= uint64(c&0x7f) << (7 * n)
		if c < 0x80 {
			return v
		}
	}
	r.fail()
	return 0
}

func (r *reader) text() string {
	if r.typ != protowire.BytesType {
		r.fail()
		return ""
	}
	n := r.uvarint()
	if n > uint64(r.end-r.i) {
		r.fail()
		return ""
	}
	r.i += int(n)
	return r.s[r.i-int(n) : r.i]
}

func (r *reader) time() int64 {
	if r.typ != protowire.Fixed64Type || r.end-r.i < 8 {
		r.fail()
		return 0
	}
	s := r.s[r.i : r.i+8]
	r.i += 8
	return int64(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
}

func (r *reader) integer() int64 {
	if r.typ != protowire.VarintType {
		r.fail()
		return 0
	}
	return int64(r.uvarint())
}

func (r *reader) signed() int64 { return protowire.DecodeZigZag(uint64(r.integer())) }

// small reads a number that is neither negative nor beyond 31 bits.
func (r *reader) small() int32 {
	v := r.integer()
	if v < 0 || v > math.MaxInt32 {
		r.fail()
		return 0
	}
	return int32(v)
}

// seconds reads a span that is not negative.
func (r *reader) seconds() time.Duration {
	v := r.integer()
	if v < 0 || v > int64(math.MaxInt64/time.Second) {
		r.fail()
		return 0
	}
	return time.Duration(v) * time.Second
}

func (r *reader) skip() {
	switch r.typ {
	case protowire.VarintType:
		r.uvarint()
	case protowire.Fixed64Type:
		r.time()
	case protowire.BytesType:
		r.text()
	default:
		r.fail()
	}
}

// enter goes into a message; leave, with what enter gave, comes out behind it.
func (r *reader) enter() (outer int) {
	n := len(r.text())
	outer = r.end
	r.i, r.end = r.i-n, r.i
	return outer
}

func (r *reader) leave(outer int) {
	if r.err == nil {
		r.end = outer
	}
}

// room bounds a stated number of entries by what the rest of the bytes could hold.
func (r *reader) room() int { return min(int(r.small()), (r.end-r.i)/2) }
