package backtest

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// record is what was recorded of an entity beside its engagements, whatever any agreement makes of them.
type record struct {
	entity string
	// firstSeen is when the first input about it was received, 0 where it was only ever spoken of.
	firstSeen int64
	deals     []dealWord
	answers   []answer
	handed    []qualification
	// Of a run in the shadow: when scoring said the first engagement was, whether the lead began within the log that is read,
	// and how it qualified there.
	firstTouch int64
	begun      bool
	shadow     []qualification
}

// dealWord is one statement about a deal.
type dealWord struct {
	// deal is the deal's source and id, or the lead's own where it has none.
	deal, by, outcome string
	// at is when it happened, in the world; ends, the moment from which it is known and true.
	at               int64
	ends             moment
	amount, currency string
}

// answer is what sales said of a handoff.
type answer struct {
	moment
	id, kind string
}

// The outcomes of a lead.
const (
	Won  = "won"
	Lost = "lost"
	Open = "open"
)

// seen notes that something was heard of the lead.
func (r *record) seen(at int64) {
	if r.firstSeen == 0 || at < r.firstSeen {
		r.firstSeen = at
	}
}

// note records what an input says of deals, and what sales says.
func (r *record) note(ev *journal.Event, read *core.Event) {
	here := moment{read.Now, ev.Seq}
	switch ev.Type {
	case "deal_won":
		r.dealt(Won, here, read)
	case "deal_lost":
		r.dealt(Lost, here, read)
	case "deal_opened", "deal_reopened":
		r.dealt(Open, here, read)
	case "accepted", "rejected", "disqualified", "sql", "recycled":
		r.answers = append(r.answers, answer{here, read.ID, ev.Type})
	}
}

func (r *record) dealt(outcome string, here moment, read *core.Event) {
	w := dealWord{outcome: outcome, at: read.At, by: read.ID, ends: moment{min(read.At, here.at), here.seq}}
	if d := read.Deal; d != nil {
		w.deal, w.amount, w.currency = d.ID, d.Amount, d.Currency
	}
	if w.deal == "" {
		w.deal = r.entity
	} else {
		w.deal = read.Source + "\x00" + w.deal
	}
	same := func(o dealWord) bool {
		return o.deal == w.deal && o.by == w.by && o.at == w.at && o.outcome == w.outcome
	}
	if !slices.ContainsFunc(r.deals, same) { // else it was sent again
		r.deals = append(r.deals, w)
	}
}

// deal is where a deal stands in the end.
type deal struct {
	id, outcome string
	// since is the moment from which it stands there.
	since            moment
	amount, currency string
}

// standing gives where the deals of some statements stand, in the order of their ids.
func standing(words []dealWord) []deal {
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b dealWord) int {
		return cmp.Or(strings.Compare(a.deal, b.deal), cmp.Compare(a.at, b.at), strings.Compare(a.by, b.by), cmp.Compare(a.ends.seq, b.ends.seq))
	})
	var out []deal
	for _, w := range words {
		last := len(out) - 1
		if last < 0 || out[last].id != w.deal {
			out = append(out, deal{id: w.deal, outcome: w.outcome, since: w.ends})
			last++
		}
		d := &out[last]
		if d.outcome != w.outcome {
			d.outcome, d.since = w.outcome, w.ends
		}
		if w.amount != "" {
			d.amount, d.currency = w.amount, w.currency
		}
	}
	return out
}

// never is later than any moment.
var never = moment{math.MaxInt64, math.MaxUint64}

// outcomeOf gives how a lead with these deals ended, and when: since its first deal was won, or its last one lost.
func outcomeOf(deals []deal) (string, moment) {
	outcome, end := Open, never
	lost, open := moment{}, false
	for i := range deals {
		switch d := &deals[i]; d.outcome {
		case Won:
			if outcome = Won; d.since.before(end) {
				end = d.since
			}
		case Lost:
			if lost.before(d.since) {
				lost = d.since
			}
		default:
			open = true
		}
	}
	if outcome == Open && !open && len(deals) > 0 {
		return Lost, lost
	}
	return outcome, end
}
