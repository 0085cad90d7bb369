package journaltest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Tally is a small Logic that uses all a Logic can do: leads count points and state a fact at each full ten; at each full
// thirty they ask the desk, which numbers the requests over all leads and answers; a global fact changes what an event is
// worth; a timer closes a lead that was answered. Its states carry a running hash, so that an order that differs, an event
// lost or one folded twice shows.
type Tally struct {
	// Name of the service; "tally" if empty.
	Name string
	// Delay of the closing timer behind an answer; 0: no timers.
	Delay time.Duration
	// Poison makes an event named "poison" decide a fact that no log takes.
	Poison bool
	// Bonus is added to every event's points: another value is changed code.
	Bonus int
	// Stall, if set, is called before each decision: a pause that the process did not choose.
	Stall func()
}

// The desk of a Tally.
const tallyDesk = "desk"

// Service names it.
func (l *Tally) Service() string {
	if l.Name == "" {
		return "tally"
	}
	return l.Name
}

// Wants everything but foreign facts of other services and quarantine records.
func (l *Tally) Wants(h journal.Head) bool {
	return h.Origin == nil || h.Origin.Producer == l.Service() && h.Type != "quarantined"
}

// NewGlobals starts with a worth of 1.
func (l *Tally) NewGlobals() journal.Globals { return &tallyGlobals{worth: 1} }

type tallyGlobals struct{ worth int }

// Apply reads the worth from an agreement's version; the desk is shown it.
func (g *tallyGlobals) Apply(ev *journal.Event) []string {
	if a := ev.Body.GetAgreementChanged(); a != nil {
		g.worth = int(a.Version)
		return []string{tallyDesk}
	}
	return nil
}

type tallyState struct {
	Points, Tens, Asked, Number, Answers int
	Hash                                 uint64
	CloseAt                              time.Time
	Closed                               bool
	Seen                                 map[string]bool `json:",omitempty"`
	Worths                               []int           `json:",omitempty"`
}

type tallyEntity struct {
	logic *Tally
	id    string
	s     tallyState
}

// Load reads the state's JSON.
func (l *Tally) Load(id string, blob []byte) (journal.Entity, error) {
	e := &tallyEntity{logic: l, id: id}
	if blob != nil {
		if err := json.Unmarshal(blob, &e.s); err != nil {
			return nil, fmt.Errorf("tally: %w", err)
		}
	}
	if e.s.Seen == nil {
		e.s.Seen = map[string]bool{}
	}
	return e, nil
}

// Save writes it.
func (e *tallyEntity) Save(m *leadstore.Mutation) []byte {
	m.IndexAdd("points", e.id, float64(e.s.Points))
	b, _ := json.Marshal(&e.s) // maps are sorted: deterministic
	return b
}

func (e *tallyEntity) mix(parts ...any) {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, append([]any{e.s.Hash}, parts...)...)
	e.s.Hash = h.Sum64()
}

func value(ev *journal.Event, key string) int {
	return int(ev.Body.GetProperties().GetFields()[key].GetNumberValue())
}

func (e *tallyEntity) Apply(g journal.Globals, ev *journal.Event) journal.Outcome {
	switch ev.Type {
	case "custom":
		if e.s.Seen[ev.Body.Id] {
			return journal.Duplicate
		}
		e.s.Seen[ev.Body.Id] = true
		e.s.Points += g.(*tallyGlobals).worth + e.logic.Bonus
	case "agreement_changed":
		e.s.Worths = append(e.s.Worths, g.(*tallyGlobals).worth)
	case "ten":
		e.s.Tens++
	case "ask":
		if e.id == tallyDesk {
			e.s.Number++
		} else {
			e.s.Asked++
		}
	case "answer":
		e.s.Answers++
		e.s.Number += value(ev, "number")
		if e.logic.Delay > 0 {
			e.s.CloseAt = ev.Time().Add(e.logic.Delay)
		}
	case "closed":
		e.s.Closed, e.s.CloseAt = true, time.Time{}
	case journal.TypeTimerFired:
		return journal.Applied // looks, nothing more
	}
	e.mix(ev.Type, ev.Body.Id, ev.Seq, e.s.Points)
	return journal.Applied
}

func fact(typ string, fields map[string]any) *journalv1.Event {
	p, _ := structpb.NewStruct(fields)
	return &journalv1.Event{Type: typ, Properties: p}
}

func (e *tallyEntity) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	if e.logic.Stall != nil {
		e.logic.Stall()
	}
	switch ev.Type {
	case "custom":
		if e.logic.Poison && ev.Body.Name == "poison" {
			d.Fact(e.id, fact("ten", map[string]any{"bulk": string(make([]byte, 9<<20))}))
			return
		}
		for tens := e.s.Tens; tens < e.s.Points/10; tens++ {
			d.Fact(e.id, fact("ten", map[string]any{"of": float64(e.s.Points)}))
		}
		for asked := e.s.Asked; asked < e.s.Points/30; asked++ {
			d.Fact(e.id, fact("ask", nil))
			d.Fact(tallyDesk, fact("ask", map[string]any{"lead": e.id}))
		}
	case "ask":
		if e.id == tallyDesk {
			d.Fact(ev.Body.Properties.Fields["lead"].GetStringValue(), fact("answer", map[string]any{"number": float64(e.s.Number)}))
		}
	case journal.TypeTimerFired:
		if !e.s.CloseAt.IsZero() && !e.s.CloseAt.After(ev.Time()) {
			d.Fact(e.id, fact("closed", nil))
		}
	}
}

func (e *tallyEntity) Deadlines(journal.Globals) map[string]time.Time {
	return map[string]time.Time{"close": e.s.CloseAt}
}
