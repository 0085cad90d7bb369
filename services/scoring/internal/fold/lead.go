package fold

import (
	"hash/fnv"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// leadEntity is a lead as the journal's worker holds it.
type leadEntity struct {
	logic  *Logic
	lead   *core.Lead
	beside state.Beside
	// size of the state when it was last stored: how much room the next one will need.
	size int
	// The event that is being looked at, as the rules read it, between Apply and Decide.
	of    *journal.Event
	event *core.Event
}

func (l *leadEntity) read(r *core.Rules, ev *journal.Event) *core.Event {
	if l.of != ev {
		l.of, l.event = ev, Read(ev, r.Catalogue)
	}
	return l.event
}

// Apply folds an event.
func (l *leadEntity) Apply(g journal.Globals, ev *journal.Event) journal.Outcome {
	if ev.Type == "quarantined" {
		l.beside.QuarantinedAt = max(l.beside.QuarantinedAt, convert(ev).Now)
		return journal.Applied
	}
	r := RulesOf(g)
	if l.lead.Apply(r, l.read(r, ev)) {
		l.of, l.event = nil, nil
		return journal.Duplicate
	}
	return journal.Applied
}

// Decide states what follows.
func (l *leadEntity) Decide(g journal.Globals, ev *journal.Event, d *journal.Decision) {
	if ev.Type == "quarantined" {
		return
	}
	r := RulesOf(g)
	for _, f := range l.lead.Decide(r, l.read(r, ev)) {
		l.state(f, ev, d)
	}
	l.of, l.event = nil, nil
}

// Deadlines gives the lead's timers.
func (l *leadEntity) Deadlines(g journal.Globals) map[string]time.Time {
	deadlines := l.lead.Deadlines(RulesOf(g))
	if len(deadlines) == 0 {
		return nil
	}
	out := make(map[string]time.Time, len(deadlines))
	for _, d := range deadlines {
		out[d.Timer] = time.Unix(0, d.At).UTC()
	}
	return out
}

// Save gives the state and moves the lead's index entries.
func (l *leadEntity) Save(m *leadstore.Mutation) []byte {
	l.of, l.event = nil, nil
	next := l.indexed()
	reindex(m, l.lead.ID, l.beside.Indexed, next)
	l.beside.Indexed = next
	blob := state.Append(make([]byte, 0, l.size+l.size/8+256), l.lead, l.beside)
	l.size = len(blob)
	return blob
}

// indexed gives what the indexes should hold of the lead now.
func (l *leadEntity) indexed() state.Indexed {
	old := &l.beside.Indexed
	next := state.Indexed{QuarantinedMs: l.beside.QuarantinedAt / int64(time.Millisecond)}
	if !l.lead.Known() {
		return next
	}
	last := l.lead.LastAt
	if last == 0 {
		last = l.lead.Looked
	}
	next.Known, next.Stage, next.Ownerless = true, l.lead.Stage(), l.lead.Ownerless()
	next.Held = l.lead.Held
	next.LastMs, next.Micros = last/int64(time.Millisecond), int64(l.lead.Engagement(l.lead.Looked))
	switch of := l.lead.AccountOf(); {
	case l.lead.Run.Account != "":
		next.Account = l.lead.Run.Account
	case of == "":
	case of == old.AccountOf:
		next.Account, next.AccountOf = old.Account, of
	default:
		next.Account, next.AccountOf = l.logic.key.Account(of), of
	}
	return next
}

// AccountID gives the id of a lead's account: as routing matched it, or else made from its domain or name; "" for none.
func AccountID(key identity.Key, l *core.Lead) string {
	if l.Run.Account != "" {
		return l.Run.Account
	}
	if of := l.AccountOf(); of != "" {
		return key.Account(of)
	}
	return ""
}

// entry is a lead's place in one index; no index, no place.
type entry struct {
	index string
	score float64
}

// entries gives a lead's places in the indexes.
func entries(id string, x *state.Indexed) (out [6]entry) {
	if x.Known {
		points := core.Micros(x.Micros).Points()
		out[0], out[1] = entry{IndexStage(x.Stage), float64(x.LastMs)}, entry{IndexScore, points}
		if x.Account != "" {
			out[2] = entry{IndexAccount(x.Account), points}
		}
		if x.Ownerless {
			out[3] = entry{IndexOwnerless, float64(x.LastMs)}
		}
	}
	if x.Held {
		out[5] = entry{IndexHeld, heldPlace(id)}
	}
	if x.QuarantinedMs != 0 {
		out[4] = entry{IndexQuarantine, float64(x.QuarantinedMs)}
	}
	return out
}

// heldPlace spreads leads over an index that has no order of its own, so that few share a place: pages of it end between two.
func heldPlace(id string) float64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return float64(h.Sum32())
}

// reindex replaces the entries of a lead; those that stay are not touched.
func reindex(m *leadstore.Mutation, id string, old, next state.Indexed) {
	if old == next {
		return
	}
	was, is := entries(id, &old), entries(id, &next)
	for i := range was {
		if was[i].index != is[i].index && was[i].index != "" {
			m.IndexRemove(was[i].index, id)
		}
		if was[i] != is[i] && is[i].index != "" {
			m.IndexAdd(is[i].index, id, is[i].score)
		}
	}
}
