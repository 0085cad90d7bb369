// Package attribution says which touches earned what a deal brought: by rules that look at a path alone (first, last, linear, U, W, full
// path, time decay, custom weights), and by models that learn from all paths, those that led to nothing among them
// (Markov's removal effect, Shapley's value).
//
// Shares are floating-point numbers; money is never: Split turns shares into integer micro-units that add up to the amount
// exactly.
package attribution

import (
	"errors"
	"fmt"
)

// Touch is one step of a path. Key numbers what it is credited to, a channel or a campaign, from 0.
type Touch struct {
	Key int
	// At is in milliseconds since 1970, UTC; only time decay looks at it.
	At int64
}

// None is the place of a milestone that a path does not have.
const None = -1

// Path is a way to a conversion, or to nothing: its touches in the order of time.
type Path struct {
	Touches []Touch
	// Lead and Opportunity are the places of the touches that made it a lead and an opportunity: the last ones at or before
	// these moments; None where there was no such moment. The first touch, and the last one before the end, need no mark.
	Lead, Opportunity int
	// Conversions are how often this path led to one, Nulls how often it did not.
	Conversions, Nulls int64
	// Value of all its conversions, in micro-units.
	Value int64
	// End is when it converted, in milliseconds since 1970, UTC; only time decay looks at it.
	End int64
}

// ErrModel says that a model's parameters make no sense.
var ErrModel = errors.New("attribution model")

// Rule gives each touch of a path its share. Shares are at least 0 and add up to 1, but for rounding; a path without touches
// has none.
type Rule func(p *Path) []float64

// First gives everything to the first touch.
func First(p *Path) []float64 { return spread(p, point{0, 1}) }

// Last gives everything to the last touch.
func Last(p *Path) []float64 { return spread(p, point{len(p.Touches) - 1, 1}) }

// Linear gives every touch the same; one that comes twice counts twice.
func Linear(p *Path) []float64 {
	w := make([]float64, len(p.Touches))
	for i := range w {
		w[i] = 1 / float64(len(w))
	}
	return w
}

// U gives the first touch and the one that made the lead `ends` each, and the rest to those between. Without that milestone
// the last touch stands for it. The usual ones are U(0.4) (40/20/40) and U(0.5) (50/50).
func U(ends float64) (Rule, error) {
	if !(ends >= 0 && ends <= 0.5) {
		return nil, fmt.Errorf("%w: U's ends must be from 0 to 0.5 each", ErrModel)
	}
	return func(p *Path) []float64 {
		made := p.Lead
		if !p.has(made) {
			made = len(p.Touches) - 1
		}
		return spread(p, point{0, ends}, point{made, ends})
	}, nil
}

// W gives 30 % each to the first touch, the one that made the lead and the one that made the opportunity, and 10 % to the others.
func W(p *Path) []float64 {
	return spread(p, point{0, 0.3}, point{p.Lead, 0.3}, point{p.Opportunity, 0.3})
}

// FullPath gives 22.5 % each to the first touch, the lead's, the opportunity's and the last one before the end, and 10 % to the
// others.
func FullPath(p *Path) []float64 {
	return spread(p, point{0, 0.225}, point{p.Lead, 0.225}, point{p.Opportunity, 0.225}, point{len(p.Touches) - 1, 0.225})
}

// Custom gives the shares named for the first touch, the lead's, the opportunity's and the last one, and the rest to the others.
func Custom(first, lead, opportunity, last float64) (Rule, error) {
	for _, w := range []float64{first, lead, opportunity, last} {
		if !(w >= 0 && w <= 1) {
			return nil, fmt.Errorf("%w: weights must be from 0 to 1", ErrModel)
		}
	}
	if sum := first + lead + opportunity + last; sum > 1+1e-9 {
		return nil, fmt.Errorf("%w: weights add up to more than 1", ErrModel)
	}
	return func(p *Path) []float64 {
		return spread(p, point{0, first}, point{p.Lead, lead}, point{p.Opportunity, opportunity}, point{len(p.Touches) - 1, last})
	}, nil
}

func (p *Path) has(at int) bool { return at >= 0 && at < len(p.Touches) }

type point struct {
	at    int
	share float64
}

// spread gives the points their shares and what is left to the touches between. Points that coincide add up; a milestone that
// the path does not have, and the rest where nothing is between, go to the others in proportion. Two touches of which none is
// between thus get half each of U, and a single one everything. Should the points that there are weigh nothing, all touches
// share.
func spread(p *Path, points ...point) []float64 {
	w := make([]float64, len(p.Touches))
	if len(w) == 0 {
		return w
	}
	marked := make([]bool, len(w))
	rest, sum := 1.0, 0.0
	between := len(w)
	for _, m := range points {
		rest -= m.share
		if !p.has(m.at) {
			continue
		}
		if !marked[m.at] {
			marked[m.at] = true
			between--
		}
		w[m.at] += m.share
		sum += m.share
	}
	if rest < 1e-12 { // 1 less some decimals is not quite 0
		rest = 0
	}
	if between > 0 && rest > 0 {
		for i := range w {
			if !marked[i] {
				w[i] = rest / float64(between)
			}
		}
		sum += rest
	}
	if sum <= 0 {
		return Linear(p)
	}
	if sum < 1-1e-12 || sum > 1+1e-12 {
		for i := range w {
			w[i] /= sum
		}
	}
	return w
}
