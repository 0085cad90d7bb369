package fold

import (
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// otherEntity is whatever else is addressed: an account, the desk, something that could not be read. Its inputs are accounted
// for, quarantine records found again, and of an account the engagement of its people is summed.
type otherEntity struct {
	id string
	*state.Other
	// tell are the leads that are to be told the account's rating, from Apply to Decide.
	tell []string
}

// pollProgressed is ingest's note to itself how far it has read a platform that it asks for events.
const pollProgressed = "poll_progressed"

func loadOther(id string, blob []byte) (journal.Entity, error) {
	o, err := state.DecodeOther(blob)
	if err != nil {
		return nil, err
	}
	return &otherEntity{id: id, Other: o}, nil
}

// Apply notes the event.
func (o *otherEntity) Apply(_ journal.Globals, ev *journal.Event) journal.Outcome {
	e := convert(ev)
	if ev.Type == "quarantined" {
		o.QuarantinedAt = max(o.QuarantinedAt, e.Now)
	}
	o.hear(ev, e.Now)
	if ev.Type == pollProgressed { // one a minute, of no effect: none is worth remembering
		return journal.Applied
	}
	if ev.Input() && e.ID != "" && ev.Type != journal.TypeTimerFired && !o.Seen.Add(core.KeyOf(e.Source, e.ID), e.Now, false) {
		return journal.Duplicate
	}
	return journal.Applied
}

// Save gives the state and the index entry of quarantine records.
func (o *otherEntity) Save(m *leadstore.Mutation) []byte {
	if ms := o.QuarantinedAt / int64(time.Millisecond); ms != o.IndexedMs {
		m.IndexAdd(IndexQuarantine, o.id, float64(ms))
		o.IndexedMs = ms
	}
	return o.Append(nil)
}
