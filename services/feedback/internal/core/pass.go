package core

import "slices"

// Pass is what is known of one epoch beside its stages: why the lead qualified, who had it, and what they answered.
type Pass struct {
	Epoch int32
	// Rule, Version, Grade, Fit, Engagement (whole points), Country, Industry, Employees and Rules (those that contributed) are
	// as of qualifying.
	Rule                      string
	Version                   int32
	Grade                     string
	Fit, Engagement           int32
	Country, Industry         string
	Employees                 int32
	Rules                     []string
	Rep, Team, Route, Persona string
	Account                   string
	// Reassigns counts how often it went to another rep.
	Reassigns int32
	Flags     PassFlags
	// Contacted is when the rep first said to have reached out, in milliseconds since 1970; 0 for never.
	Contacted int64
	// Reason of the last rejection, recycling or disqualification that took effect.
	Reason string
}

// PassFlags tell what happened in a pass.
type PassFlags uint32

// The flags.
const (
	AcceptBreached PassFlags = 1 << iota
	ContactBreached
	Rejected
	Fixable
)

// Bounds of what is kept of one lead.
const (
	// MaxPasses is how many epochs are kept beside their stages: the latest.
	MaxPasses = 100
	// MaxCalls is how many calls are kept; the first of each epoch is what counts.
	MaxCalls = 16
	// MaxStatements is how many statements about deals are kept.
	MaxStatements = 200
)

// Pass gives the pass of an epoch, made where it is new.
func (r *Row) Pass(epoch int32) *Pass {
	i, found := slices.BinarySearchFunc(r.Passes, epoch, func(p Pass, n int32) int { return int(int64(p.Epoch) - int64(n)) })
	if !found {
		r.Passes = slices.Insert(r.Passes, i, Pass{Epoch: epoch})
		if len(r.Passes) > MaxPasses {
			// The one that was asked for may be the one that goes: then what is told of it is not kept.
			if i == 0 {
				p := r.Passes[0]
				r.Passes = slices.Delete(r.Passes, 0, 1)
				return &p
			}
			r.Passes = slices.Delete(r.Passes, 0, 1)
			i--
		}
	}
	return &r.Passes[i]
}

// Call folds a call of sales' at a moment in milliseconds since 1970. Where there are too many, one goes that is not the
// first of its epoch; the times of epochs are those known by now.
func (r *Row) Call(at int64) {
	if at == 0 {
		return
	}
	i, found := slices.BinarySearch(r.Calls, at)
	if found {
		return
	}
	r.Calls = slices.Insert(r.Calls, i, at)
	if len(r.Calls) <= MaxCalls {
		return
	}
	starts := r.starts()
	for i := len(r.Calls) - 1; i > 0; i-- {
		if epochAt(starts, r.Calls[i]) == epochAt(starts, r.Calls[i-1]) {
			r.Calls = slices.Delete(r.Calls, i, i+1)
			return
		}
	}
	r.Calls = r.Calls[:MaxCalls]
}

// starts gives when each epoch began: its earliest entry, or the one before's beginning where it has none.
func (r *Row) starts() []int64 {
	starts := make([]int64, len(r.Epochs))
	for i, e := range r.Epochs {
		for k, entry := range e.Entered {
			if k == 0 || entry.At < starts[i] {
				starts[i] = entry.At
			}
		}
		if len(e.Entered) == 0 && i > 0 {
			starts[i] = starts[i-1]
		}
	}
	return starts
}

// epochAt gives the index of the epoch that a moment belongs to: the last that had begun, or else the first.
func epochAt(starts []int64, at int64) int {
	for i := len(starts) - 1; i > 0; i-- {
		if starts[i] <= at {
			return i
		}
	}
	return 0
}
