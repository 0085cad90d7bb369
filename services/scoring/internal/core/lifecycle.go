package core

import (
	"cmp"
	"slices"
)

// lifecycle lists where a lead may go from each stage. Deals stand beside it: they move a lead from any stage to
// opportunity, won or lost, and out of these nothing but another word of the deal leads. So does merging: the lead stands
// where the run stands that it goes on with. A stage that was skipped is not invented.
var lifecycle = [...]struct {
	from string
	to   []string
}{
	{"", []string{Inquiry}},
	{Inquiry, []string{MQL}},
	{MQL, []string{Routed, Accepted, SQL, Recycled, Disqualified}},
	{Routed, []string{Accepted, SQL, Recycled, Disqualified}},
	{Accepted, []string{SQL, Recycled, Disqualified}},
	{SQL, []string{Recycled, Disqualified}},
	{Recycled, []string{Inquiry}}, // the next epoch
	{Disqualified, nil},
	{Opportunity, nil},
	{Won, nil},
	{Lost, nil},
}

// legal reports whether a lead may go from one stage to another, deals and merging aside.
func legal(from, to string) bool {
	if to == "" {
		return false
	}
	for i := range lifecycle {
		if lifecycle[i].from == from {
			return slices.Contains(lifecycle[i].to, to)
		}
	}
	return false
}

// StageSpan is a stage that an epoch went through. It was left when the next one was entered.
type StageSpan struct {
	Stage string
	// Entered is when the move was stated, which is when Baton heard of what led there: a late event moves a lead on from the
	// moment at which it is known, and the same events give the same times in whatever order they happened.
	Entered int64
	Reason  string
}

// merged ends the spans of a run that was given up for another one: it is no stage.
const merged = "merged"

// maxSpans is how many stages of one epoch are kept. The longest way without deals has seven; a deal may be won and lost
// again and again: then the first half and the latest are kept.
const maxSpans = 32

// enter notes that the run is at a stage. A run that was taken over stands there already.
func (r *Run) enter(stage string, at int64, reason string) {
	n := len(r.Stages)
	if n > 0 {
		if r.Stages[n-1].Stage == stage {
			return
		}
		at = max(at, r.Stages[n-1].Entered)
	}
	if n == maxSpans {
		r.Stages = slices.Delete(r.Stages, maxSpans/2, maxSpans/2+1)
	}
	r.Stages = append(r.Stages, StageSpan{Stage: stage, Entered: at, Reason: clip(reason, maxID)})
}

// sinceEarlier lets an inquiry that two leads made of one person begin where the first of them did.
func (r *Run) sinceEarlier(o *Run) {
	if r.Stage != Inquiry || o.Stage != Inquiry || r.Epoch != o.Epoch || len(r.Stages) == 0 || len(o.Stages) == 0 {
		return
	}
	if mine, other := &r.Stages[0], &o.Stages[0]; mine.Stage == Inquiry && other.Stage == Inquiry {
		mine.Entered = min(mine.Entered, other.Entered)
	}
}

// dealt has the run that goes on of two stand where the deal does, since when either of them did.
func (l *Lead) dealt(runs ...*Run) {
	stage, since := l.Deal.Stage, l.Looked
	if stage == "" {
		return
	}
	for _, r := range runs {
		if n := len(r.Stages); n > 0 && r.Stages[n-1].Stage == stage {
			since = min(since, r.Stages[n-1].Entered)
		}
	}
	l.Run.enter(stage, since, l.Deal.Reason)
}

// Zero reports whether nothing is known of the run.
func (r *Run) Zero() bool {
	return len(r.Stages) == 0 && cmp.Or(r.Stage, r.Handoff, r.Lead, r.Rep, r.Account, r.Reason, r.WakeOn) == "" &&
		r.Epoch == 0 && r.QualifiedAt == 0 && r.RecycledAt == 0 && r.WakeAt == 0
}

// Epoch is one run through the stages, as it is shown.
type Epoch struct {
	Number  int32
	Handoff string
	Stages  []Stay
}

// Stay is the time that a lead spent in a stage. Left is 0 where it still stands there.
type Stay struct {
	StageSpan
	Left int64
}

// Epochs gives the runs of the lead through the stages, the oldest first. A run that was given up in a merge stands among
// them where it belongs by time.
func (l *Lead) Epochs() []Epoch {
	var out []Epoch
	add := func(number int32, handoff string, spans []StageSpan) {
		e := Epoch{Number: number, Handoff: handoff}
		e.stay(spans)
		out = append(out, e)
	}
	for i := range l.History {
		p := &l.History[i]
		add(p.Epoch, p.Handoff, p.Stages)
	}
	r := &l.Run
	if len(r.Stages) == 0 {
		return out
	}
	k := slices.IndexFunc(l.History, func(p PastEpoch) bool { return p.Ended != merged && p.Handoff == r.Handoff && r.Handoff != "" })
	if k >= 0 { // it has ended, and a deal has come of it since
		e := out[k]
		e.stay(r.Stages)
		return append(slices.Delete(out, k, k+1), e)
	}
	for i := len(out) - 1; i >= 0; i-- {
		if l.History[i].Ended != merged {
			out[i].leave(r.Stages[0].Entered)
			break
		}
	}
	add(r.Epoch, r.Handoff, r.Stages)
	return out
}

// stay adds spans. Of a deal that was heard of before the run that it is shown with had ended, the stage begins with that end.
func (e *Epoch) stay(spans []StageSpan) {
	for _, s := range spans {
		if n := len(e.Stages); n > 0 {
			s.Entered = max(s.Entered, e.Stages[n-1].Entered)
		}
		e.leave(s.Entered)
		if s.Stage != merged {
			e.Stages = append(e.Stages, Stay{StageSpan: s})
		}
	}
}

func (e *Epoch) leave(at int64) {
	if n := len(e.Stages); n > 0 && e.Stages[n-1].Left == 0 {
		e.Stages[n-1].Left = max(at, e.Stages[n-1].Entered)
	}
}
