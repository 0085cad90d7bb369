// Package journaltest runs Logic without engines: a slow, obvious reference of what a Worker does, for unit tests and for
// checking what real workers left in a real journal.
package journaltest

import (
	"fmt"
	"sort"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Sim is a journal in memory with the given services over it. Every call runs all services until nobody has anything
// left to decide, so that a test reads like a story: append, look, advance the clock, look again.
type Sim struct {
	// Now is the simulated clock: received_at of appended inputs and the log's time.
	Now time.Time
	// Log holds every message, in order; Log[i].Seq is i+1.
	Log []*journal.Event

	services []*service
	timers   map[timerKey]time.Time
}

type timerKey struct{ service, entity, name string }

type service struct {
	logic    journal.Logic
	globals  journal.Globals
	entities map[string]journal.Entity
	armed    map[timerKey]time.Time
	read     int
	n        map[[2]uint64]int
	// Outcomes of inputs.
	Applied, Duplicates int
}

// NewSim starts an empty journal at the given time.
func NewSim(now time.Time, logics ...journal.Logic) *Sim {
	s := &Sim{Now: now, timers: map[timerKey]time.Time{}}
	for _, l := range logics {
		s.services = append(s.services, &service{
			logic: l, globals: l.NewGlobals(), entities: map[string]journal.Entity{},
			armed: map[timerKey]time.Time{}, n: map[[2]uint64]int{},
		})
	}
	return s
}

// Append appends inputs (body.Entity must be set) one after the other, and runs the services.
func (s *Sim) Append(inputs ...*journalv1.Event) {
	for _, in := range inputs {
		s.append(in, nil)
	}
	s.run()
}

// AppendGlobal appends a global fact of a kind (agreement, directory, …), and runs the services.
func (s *Sim) AppendGlobal(kind string, body *journalv1.Event) {
	body.Entity = ""
	s.log(journal.Head{Partition: journal.Global, Entity: kind, Type: body.Type}, body)
	s.run()
}

// Advance moves the clock to t, firing every timer that comes due on the way at its own time.
func (s *Sim) Advance(t time.Time) {
	for {
		var due timerKey
		var at time.Time
		for k, v := range s.timers {
			if !v.After(t) && (at.IsZero() || v.Before(at) || v.Equal(at) && fmt.Sprint(k) < fmt.Sprint(due)) {
				due, at = k, v
			}
		}
		if at.IsZero() {
			break
		}
		delete(s.timers, due)
		if at.After(s.Now) {
			s.Now = at
		}
		s.append(&journalv1.Event{
			Type: journal.TypeTimerFired, Entity: due.entity,
			Payload: &journalv1.Event_TimerFired{TimerFired: &journalv1.TimerFired{Timer: journal.TimerName(due.service, due.name), Due: timestamppb.New(at)}},
		}, nil)
		s.run()
	}
	if t.After(s.Now) {
		s.Now = t
	}
}

// Entity gives a service's entity as it stands, nil if it was never shown anything.
func (s *Sim) Entity(serviceName, entity string) journal.Entity {
	for _, v := range s.services {
		if v.logic.Service() == serviceName {
			return v.entities[entity]
		}
	}
	return nil
}

// Globals gives a service's globals.
func (s *Sim) Globals(serviceName string) journal.Globals {
	for _, v := range s.services {
		if v.logic.Service() == serviceName {
			return v.globals
		}
	}
	return nil
}

// Outcomes gives how many inputs a service applied and how many it recognised as duplicates.
func (s *Sim) Outcomes(serviceName string) (applied, duplicates int) {
	for _, v := range s.services {
		if v.logic.Service() == serviceName {
			return v.Applied, v.Duplicates
		}
	}
	return 0, 0
}

// Facts gives the facts of a type, in log order.
func (s *Sim) Facts(eventType string) []*journal.Event {
	var out []*journal.Event
	for _, e := range s.Log {
		if e.Type == eventType && e.Origin != nil {
			out = append(out, e)
		}
	}
	return out
}

func (s *Sim) append(body *journalv1.Event, origin *journal.Origin) *journal.Event {
	body = proto.CloneOf(body)
	if body.ReceivedAt == nil && origin == nil && body.Type != journal.TypeTimerFired {
		body.ReceivedAt = timestamppb.New(s.Now)
	}
	return s.log(journal.Head{Partition: journal.PartitionOf(body.Entity), Entity: body.Entity, Type: body.Type, Origin: origin}, body)
}

func (s *Sim) log(h journal.Head, body *journalv1.Event) *journal.Event {
	h.Seq, h.Logged = uint64(len(s.Log)+1), s.Now
	e := &journal.Event{Head: h, Body: body}
	s.Log = append(s.Log, e)
	return e
}

func (s *Sim) run() {
	for progress := true; progress; {
		progress = false
		for _, v := range s.services {
			if v.read < len(s.Log) {
				ev := s.Log[v.read]
				v.read++
				s.show(v, ev)
				progress = true
			}
		}
	}
}

func (s *Sim) show(v *service, ev *journal.Event) {
	if ev.Partition == journal.Global {
		for _, id := range v.globals.Apply(ev) {
			s.decide(v, id, ev)
		}
		return
	}
	if journal.OwnToSelf(v.logic.Service(), ev.Head) || !v.logic.Wants(ev.Head) {
		return
	}
	s.decide(v, ev.Entity, ev)
}

func (s *Sim) decide(v *service, entity string, ev *journal.Event) {
	st := v.entities[entity]
	if st == nil {
		var err error
		if st, err = v.logic.Load(entity, nil); err != nil {
			panic(err)
		}
		v.entities[entity] = st
	}
	if name, ok := journal.FiredTimer(v.logic.Service(), ev); ok {
		delete(v.armed, timerKey{v.logic.Service(), entity, name})
	}
	outcome := st.Apply(v.globals, ev)
	if ev.Input() && ev.Partition != journal.Global {
		if outcome == journal.Duplicate {
			v.Duplicates++
		} else {
			v.Applied++
		}
	}
	if outcome != journal.Duplicate {
		var d journal.Decision
		st.Decide(v.globals, ev, &d)
		p := journal.PartitionOf(entity)
		key := [2]uint64{ev.Seq, uint64(p)}
		for _, f := range d.Facts(v.logic.Service(), entity, ev, v.n[key]) {
			v.n[key]++
			got := s.append(f.Body, f.Origin)
			if f.Entity == entity {
				st.Apply(v.globals, got)
			}
		}
	}
	deadlines := st.Deadlines(v.globals)
	names := make([]string, 0, len(deadlines))
	for name := range deadlines {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		at, k := deadlines[name], timerKey{v.logic.Service(), entity, name}
		if armed, ok := v.armed[k]; !at.IsZero() && (!ok || at.Before(armed)) {
			v.armed[k] = at
			s.timers[k] = at
		}
	}
}
