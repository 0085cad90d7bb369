package attribution

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Effect is what a channel is worth by Markov's model.
type Effect struct {
	// Removal is the share of conversions that would be lost without it: 1 − P(conversion, it removed) / P(conversion).
	Removal float64
	// Share of the credit: its removal effect over the sum of all.
	Share float64
}

// MaxOrder bounds the memory of a chain, and MaxKeys its channels: a state is MaxOrder numbers of 16 bits.
const (
	MaxOrder = 4
	MaxKeys  = 1<<16 - 1
)

// Markov fits a chain of an order to the paths, those that led to nothing among them, and gives the removal effect of each of
// `keys` channels (Anderl and others, "Mapping the customer journey", 2016). The chain's states are the last `order` channels of a
// path; its probabilities are the observed frequencies. Removing a channel turns every step to it into an end without
// conversion. The probabilities are solved for, not simulated. Weighed by value, a conversion counts what those from the same
// state brought on average.
//
// Where no path converts, and for a channel on no path, effects are 0.
func Markov(paths []Path, keys, order int, byValue bool) ([]Effect, error) {
	if order < 1 || order > MaxOrder {
		return nil, fmt.Errorf("%w: the order must be from 1 to %d", ErrModel, MaxOrder)
	}
	if keys > MaxKeys {
		return nil, fmt.Errorf("%w: at most %d channels", ErrModel, MaxKeys)
	}
	c := newChain(paths, keys, order, byValue)
	effects := make([]Effect, keys)
	if c.reward() == 0 {
		return effects, nil
	}
	whole := c.solve(None, make([]float64, len(c.last)))
	start := c.value(whole, None)
	// Channels do not depend on each other: each processor takes some.
	var working sync.WaitGroup
	var next atomic.Int64
	for range min(keys, runtime.GOMAXPROCS(0)) {
		working.Go(func() {
			x := make([]float64, len(whole))
			for key := int(next.Add(1)) - 1; key < keys; key = int(next.Add(1)) - 1 {
				if c.seen[key] {
					copy(x, whole) // nearer to the solution than nothing is
					if lost := 1 - c.value(c.solve(key, x), key)/start; lost > noise {
						effects[key].Removal = min(1, lost)
					}
				}
			}
		})
	}
	working.Wait()
	sum := 0.0
	for _, e := range effects {
		sum += e.Removal
	}
	for key := range effects {
		if sum > 0 {
			effects[key].Share = effects[key].Removal / sum
		}
	}
	return effects, nil
}

// chain is a Markov chain over states, each one ending in a channel. It is kept by rows: the steps out of state s are
// to[from[s]:from[s+1]].
type chain struct {
	last  []int // each state's channel
	from  []int
	to    []int32
	p     []float64
	gain  []float64 // expected value of converting right behind the state
	first map[int32]float64
	begin float64 // all that begins
	// beginners are first's states in order: sums must not depend on a map's order.
	beginners []int32
	seen      []bool
}

// step is one from a state to another, and how often it was taken.
type step struct {
	from, to int32
	count    float64
}

func newChain(paths []Path, keys, order int, byValue bool) *chain {
	c := &chain{first: map[int32]float64{}, seen: make([]bool, keys)}
	ids := map[uint64]int32{}
	index := map[uint64]int32{} // of a step, by its ends
	var steps []step            // in the order in which they were first seen
	memory := ^uint64(0) >> (64 - 16*order)
	var out, gain []float64
	for i := range paths {
		p := &paths[i]
		n := float64(p.Conversions + p.Nulls)
		if n <= 0 || len(p.Touches) == 0 {
			continue
		}
		worth := float64(p.Conversions)
		if byValue {
			worth = float64(p.Value)
		}
		var tuple uint64 // the last channels, each one's number and 1
		before := int32(None)
		for _, t := range p.Touches {
			tuple = (tuple<<16 | uint64(t.Key+1)) & memory
			c.seen[t.Key] = true
			id, ok := ids[tuple]
			if !ok {
				id = int32(len(c.last))
				ids[tuple] = id
				c.last = append(c.last, t.Key)
				out, gain = append(out, 0), append(gain, 0)
			}
			if before == None {
				if _, known := c.first[id]; !known {
					c.beginners = append(c.beginners, id)
				}
				c.first[id] += n
			} else {
				ends := uint64(before)<<32 | uint64(id)
				at, known := index[ends]
				if !known {
					at = int32(len(steps))
					index[ends] = at
					steps = append(steps, step{from: before, to: id})
				}
				steps[at].count += n
			}
			out[id] += n
			before = id
		}
		gain[before] += worth
		c.begin += n
	}
	c.rows(steps, out)
	c.gain = gain
	for s := range c.gain {
		c.gain[s] /= out[s]
	}
	return c
}

// rows sorts the steps by the state that they leave, and makes probabilities of their counts. A step from a state to itself
// changes no probability of where a path ends; it is left out, and the others weigh more.
func (c *chain) rows(steps []step, out []float64) {
	c.from = make([]int, len(c.last)+1)
	for _, s := range steps {
		if s.from == s.to {
			out[s.from] -= s.count
			continue
		}
		c.from[s.from+1]++
	}
	for i := range c.last {
		c.from[i+1] += c.from[i]
	}
	c.to, c.p = make([]int32, c.from[len(c.last)]), make([]float64, c.from[len(c.last)])
	next := append([]int(nil), c.from...)
	for _, s := range steps {
		if s.from == s.to {
			continue
		}
		at := next[s.from]
		next[s.from]++
		c.to[at], c.p[at] = s.to, s.count/out[s.from]
	}
}

func (c *chain) reward() (sum float64) {
	for _, g := range c.gain {
		sum += g
	}
	return sum
}

const (
	// closeEnough is how little a sweep must change, of the largest value, for the solution to be good.
	closeEnough = 1e-14
	maxSweeps   = 100_000
	// noise is what a removal effect must be above to be one: less is rounding.
	noise = 1e-12
	// leapEvery is after how many pairs of sweeps solve leaps ahead.
	leapEvery = 5
)

// solve gives the expected value of each state, with a channel removed (None for none): x = gain + P·x, by Gauss-Seidel in alternating
// directions from a first guess on, which it changes. It converges, for every path ends.
func (c *chain) solve(removed int, x []float64) []float64 {
	for s, key := range c.last {
		if key == removed {
			x[s] = 0
		}
	}
	from, step := append([]float64(nil), x...), make([]float64, len(x))
	for pair := 1; pair <= maxSweeps/2; pair++ {
		c.sweep(removed, x, true)
		changed, largest := c.sweep(removed, x, false)
		if changed <= closeEnough*largest {
			break
		}
		leap(x, from, step, pair%leapEvery == 0)
	}
	return x
}

// sweep computes every state anew from its successors, and gives the largest change and the largest value.
func (c *chain) sweep(removed int, x []float64, backwards bool) (changed, largest float64) {
	n := len(c.last)
	for i := range n {
		s := i
		if backwards {
			s = n - 1 - i
		}
		if c.last[s] == removed {
			continue
		}
		v := c.gain[s]
		to := c.to[c.from[s]:c.from[s+1]]
		p := c.p[c.from[s]:c.from[s+1]][:len(to)]
		for k, t := range to {
			v += p[k] * x[t] // a removed channel's is 0
		}
		changed = max(changed, math.Abs(v-x[s]))
		largest = max(largest, v)
		x[s] = v
	}
	return changed, largest
}

// leap notes how far a pair of sweeps went, and where it is told to goes at once as far as all later pairs would: they go on in the
// same direction, each by the same factor less (Lyusternik's acceleration). A leap may be wrong; the sweeps behind it mend that.
func leap(x, from, step []float64, now bool) {
	var along, square float64
	for i := range x {
		d := x[i] - from[i]
		along += d * step[i]
		square += step[i] * step[i]
		step[i] = d
	}
	if factor := along / square; now && factor > 0 && factor < 0.999 {
		for i := range x {
			x[i] += step[i] * factor / (1 - factor)
		}
	}
	copy(from, x)
}

// value gives what a path is worth before it begins.
func (c *chain) value(x []float64, removed int) (sum float64) {
	for _, s := range c.beginners {
		if c.last[s] != removed {
			sum += c.first[s] / c.begin * x[s]
		}
	}
	return sum
}
