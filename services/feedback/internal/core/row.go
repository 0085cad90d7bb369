// Package core holds what feedback knows by itself: what a lead's way through the stages looks like, how a funnel is
// counted from many of them, and what a valid answer of sales is. It knows no journal, no store and no wire format.
package core

import "slices"

// The stages that counting needs to tell apart. Others may come; they are kept and counted as they are.
const (
	Inquiry      = "inquiry"
	MQL          = "mql"
	Routed       = "routed"
	Accepted     = "accepted"
	SQL          = "sql"
	Opportunity  = "opportunity"
	Won          = "won"
	Lost         = "lost"
	Recycled     = "recycled"
	Disqualified = "disqualified"
)

// wayLen stages are on the way to won; the others follow in the order of Ends.
const wayLen = 7

// Way gives the stages on the way to won, in order.
func Way() []string { return []string{Inquiry, MQL, Routed, Accepted, SQL, Opportunity, Won} }

// Ends gives the stages beside the way, where it ends otherwise.
func Ends() []string { return []string{Lost, Recycled, Disqualified} }

// place gives a stage's index in Way and then Ends, -1 for one that is in neither.
func place(stage string) int {
	switch stage {
	case Inquiry:
		return 0
	case MQL:
		return 1
	case Routed:
		return 2
	case Accepted:
		return 3
	case SQL:
		return 4
	case Opportunity:
		return 5
	case Won:
		return 6
	case Lost:
		return 7
	case Recycled:
		return 8
	case Disqualified:
		return 9
	}
	return -1
}

// rank gives a stage's place on the way to won, -1 for what is not on it.
func rank(stage string) int {
	if i := place(stage); i < wayLen {
		return i
	}
	return -1
}

// Row is one lead's way through the stages. Times are in milliseconds since 1970, UTC. The zero Row is a lead that nothing
// is known of.
type Row struct {
	First Touch
	// Highest is the stage that lies furthest on the way to won, as last stated.
	Highest string
	// Epochs in ascending order.
	Epochs []Epoch
	// MergedInto names the lead that carries on for this one.
	MergedInto string
	// LeftFrom names the lead that this one was split off from again: handoffs made until then are that one's.
	LeftFrom string
	// Last is the place of the last move folded.
	Last Place

	// Passes in ascending order of their epochs.
	Passes []Pass
	// Calls are the times at which sales called, in ascending order, at most MaxCalls.
	Calls []int64
	// Deals is what was said of the deals that the lead is on, in order of its clock, at most MaxStatements.
	Deals []Statement
}

// Touch is how a lead first came; At is 0 where nobody said.
type Touch struct {
	At                        int64
	Source, Channel, Campaign string
}

// Epoch is one run through the stages.
type Epoch struct {
	Number  int32
	Entered []Entry
	Current string
	// Ended is when it last entered lost, recycled or disqualified; 0 for never.
	Ended int64
	// History: it is known from loaded history alone.
	History bool
}

// Entry is the earliest moment at which an epoch entered a stage.
type Entry struct {
	Stage string
	At    int64
}

// Place orders the moves of one lead: the sequence of the cause, and the move's number among that cause's facts.
type Place struct {
	Cause uint64
	N     int32
}

func (p Place) after(q Place) bool { return p.Cause > q.Cause || p.Cause == q.Cause && p.N > q.N }

// Move is one step of a lead from stage to stage, as scoring states it. From equal to To is no step: it states again where
// the lead is, with what has become known of its first touch.
type Move struct {
	From    string
	To      string
	Epoch   int32
	At      int64
	Highest string
	First   Touch
	Place   Place
	// History: it follows from loaded history.
	History bool
}

// Move folds one step. A step at or before the last one folded is a repeat and changes nothing, so that folding any tail
// of a lead's moves again gives the same row. A step that names no stage changes nothing either.
func (r *Row) Move(m Move) {
	if m.To == "" || !m.Place.after(r.Last) {
		return
	}
	r.Last = m.Place
	r.touch(m.First)
	if rank(m.Highest) >= 0 {
		r.Highest = m.Highest
	}
	e := r.epoch(m.Epoch)
	if m.From == m.To && e.Current == m.To {
		return
	}
	e.History = m.History && (e.History || e.Current == "")
	e.Current = m.To
	if place(m.To) >= wayLen && (e.Ended == 0 || m.At > e.Ended) {
		e.Ended = m.At
	}
	for i := range e.Entered {
		if e.Entered[i].Stage == m.To {
			e.Entered[i].At = min(e.Entered[i].At, m.At)
			return
		}
	}
	e.Entered = append(e.Entered, Entry{Stage: m.To, At: m.At})
}

// touch takes over what a move says of the first touch: of the earliest one, as it was last told.
func (r *Row) touch(t Touch) {
	switch {
	case t == (Touch{}), r.First.At != 0 && (t.At == 0 || t.At > r.First.At):
		return
	}
	r.First = t
}

// epoch gives the epoch of a number, made in its place where it is new.
func (r *Row) epoch(number int32) *Epoch {
	i, found := slices.BinarySearchFunc(r.Epochs, number, func(e Epoch, n int32) int { return int(int64(e.Number) - int64(n)) })
	if !found {
		r.Epochs = slices.Insert(r.Epochs, i, Epoch{Number: number})
	}
	return &r.Epochs[i]
}

// Current gives the stage that the lead is in: that of its latest epoch; "" where none was stated.
func (r *Row) Current() string {
	if len(r.Epochs) == 0 {
		return ""
	}
	return r.Epochs[len(r.Epochs)-1].Current
}
