package core

import (
	"math/bits"
	"strconv"
	"time"
)

// Micros are points in millionths: the only unit in which scores are added up.
type Micros int64

// Point is one point.
const Point Micros = 1_000_000

// Points gives micro-points as a number of points, for people and expressions. Sums are made of Micros.
func (m Micros) Points() float64 { return float64(m) / float64(Point) }

func (m Micros) String() string { return strconv.FormatInt(int64(m), 10) }

const one63 = uint64(1) << 63

// ln2 in units of 2^-63.
const ln2 = 0x58b90bfbe8e7bcd6

// Decayed gives raw * 2^(-age/halfLife), rounded half-even once, at the end. A half-life of 0 is no decay; what lies in the
// future has not decayed yet. It is made of integers only, so that every machine gives the same; before rounding its
// relative error is below 2^-56.
func Decayed(raw Micros, age, halfLife time.Duration) Micros {
	if halfLife <= 0 || age <= 0 || raw == 0 {
		return raw
	}
	whole := uint64(age / halfLife)
	if whole >= 64 {
		return 0
	}
	magnitude := uint64(raw)
	if raw < 0 {
		magnitude = -magnitude
	}
	hi, lo := bits.Mul64(magnitude, fraction(uint64(age%halfLife), uint64(halfLife)))
	m := Micros(roundedShift(hi, lo, 63+uint(whole)))
	if raw < 0 {
		return -m
	}
	return m
}

// fraction gives 2^(-part/of) for part < of, in units of 2^-63.
func fraction(part, of uint64) uint64 {
	f, _ := bits.Div64(part, 0, of) // part/of in units of 2^-64
	// The upper half byte by byte; for the lower, 2^-x = 1 - x ln 2 is exact enough.
	lower, _ := bits.Mul64(f<<32, ln2) // x ln 2 in units of 2^-95
	p := mul63(powers[0][f>>56], powers[1][f>>48&0xff])
	q := mul63(powers[2][f>>40&0xff], powers[3][f>>32&0xff])
	return mul63(mul63(p, q), one63-lower>>32)
}

// mul63 multiplies two numbers in units of 2^-63.
func mul63(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<1 | lo>>63
}

// powers[i][b] is 2^(-b/2^(8(i+1))) in units of 2^-63. It is made once and never changes.
var powers = makePowers()

func makePowers() (t [4][256]uint64) {
	for i := range t {
		for b := range t[i] {
			t[i][b] = one63
			for bit := range 8 {
				if b>>(7-bit)&1 == 1 {
					t[i][b] = mul63(t[i][b], halvings[8*i+bit])
				}
			}
		}
	}
	return t
}

// halvings[k] is 2^(-1/2^(k+1)) in units of 2^-63.
var halvings = [32]uint64{
	0x5a827999fcef3242, 0x6ba27e656b4eb57a, 0x75606373ee921c97, 0x7a92be8a92436616,
	0x7d41d96db915019d, 0x7e9f06067a4360ba, 0x7f4f08ae3dc7c426, 0x7fa765aca88f6453,
	0x7fd3ab290e46d769, 0x7fe9d3a8e07bf086, 0x7ff4e9597bed93ab, 0x7ffa748dff8dc61f,
	0x7ffd3a3f50020332, 0x7ffe9d1dbc0a75aa, 0x7fff4e8e6306ed59, 0x7fffa74712c3cdfd,
	0x7fffd3a381b1fa29, 0x7fffe9d1beed018a, 0x7ffff4e8defb81d7, 0x7ffffa746f5f012f,
	0x7ffffd3a37a7d0a8, 0x7ffffe9d1bd1fc58, 0x7fffff4e8de8832d, 0x7fffffa746f422d7,
	0x7fffffd3a37a09bb, 0x7fffffe9d1bd02f2, 0x7ffffff4e8de80fe, 0x7ffffffa746f4060,
	0x7ffffffd3a37a028, 0x7ffffffe9d1bd012, 0x7fffffff4e8de809, 0x7fffffffa746f404,
}

// roundedShift gives the 128-bit number hi:lo divided by 2^n (1 to 127), rounded half to even.
func roundedShift(hi, lo uint64, n uint) uint64 {
	var q, rest, half uint64
	sticky := false
	if n < 64 {
		q, rest, half = hi<<(64-n)|lo>>n, lo&(1<<n-1), 1<<(n-1)
	} else {
		sticky = lo != 0
		if n == 64 {
			q, rest, half, sticky = hi, lo, 1<<63, false
		} else {
			q, rest, half = hi>>(n-64), hi&(1<<(n-64)-1), 1<<(n-65)
		}
	}
	if rest > half || rest == half && (sticky || q&1 == 1) {
		q++
	}
	return q
}
