package dryrun

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// player runs routing's entities in memory: what one of them states, the others are shown in order and at once, and timers fire
// at their own moments. It is one goroutine's.
type player struct {
	logic   *fold.Logic
	globals *fold.Globals
	members map[string]*member
	alarms  alarms
	// queue holds the facts for other entities, in order.
	queue []*journal.Event
	// open gives the member that takes a fact or an event for an entity that is not there yet; nil has it be left out.
	open func(entity string) (*member, error)
	// told, which may be nil, is told of every fact, before it takes effect.
	told func(*journal.Event)
	// after, which may be nil, is called with every member that has decided and everything of which has taken effect.
	after func(*member)

	decision journal.Decision
	// cause numbers what entities decided on: what follows from two causes never has one id.
	cause uint64
}

// member is one entity. Where entity is nil, blob has it.
type member struct {
	id     string
	entity journal.Entity
	blob   []byte
	armed  []deadline
}

func newPlayer(logic *fold.Logic, globals *fold.Globals) *player {
	return &player{logic: logic, globals: globals, members: map[string]*member{}}
}

// load gives an entity its state, nil for a new one.
func (p *player) load(id string, blob []byte) (*member, error) {
	m := &member{id: id, blob: blob}
	p.members[id] = m
	return m, p.wake(m)
}

func (p *player) wake(m *member) error {
	if m.entity != nil {
		return nil
	}
	e, err := p.logic.Load(m.id, m.blob)
	if err != nil {
		return fmt.Errorf("load %s: %w", m.id, err)
	}
	fold.Untold(e)
	m.entity, m.blob = e, nil
	return nil
}

// rest keeps a lead for which no timer runs as its blob, a tenth of the size. Thousands rest in a simulation.
func (m *member) rest() {
	if l := fold.LeadOf(m.entity); l != nil && len(m.armed) == 0 {
		m.blob, m.entity = state.EncodeLead(l), nil
	}
}

// member gives an entity, nil for one that is left out.
func (p *player) member(id string) (*member, error) {
	m := p.members[id]
	if m == nil {
		if p.open == nil {
			return nil, nil
		}
		var err error
		if m, err = p.open(id); m == nil || err != nil {
			return nil, err
		}
	}
	return m, p.wake(m)
}

// fire fires the timers that come due up to a time, each at its own moment.
func (p *player) fire(until time.Time) error {
	for len(p.alarms) > 0 && !p.alarms[0].at.After(until) {
		if err := p.fireNext(); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) fireNext() error {
	a := p.alarms.take()
	if !a.of.disarm(a.deadline) {
		return nil // it was moved to an earlier time and has fired then
	}
	return p.show(a.of.id, &journal.Event{
		Head: journal.Head{Logged: a.at, Partition: journal.PartitionOf(a.of.id), Entity: a.of.id, Type: journal.TypeTimerFired},
		Body: &journalv1.Event{
			Type: journal.TypeTimerFired, Entity: a.of.id,
			Payload: &journalv1.Event_TimerFired{TimerFired: &journalv1.TimerFired{Timer: journal.TimerName(fold.Service, a.timer), Due: timestamppb.New(a.at)}},
		},
	})
}

// show shows an event to an entity, and then to others what follows from it.
func (p *player) show(entity string, ev *journal.Event) error {
	if err := p.decide(entity, ev); err != nil {
		return err
	}
	for n := 0; n < len(p.queue); n++ {
		if err := p.decide(p.queue[n].Entity, p.queue[n]); err != nil {
			return err
		}
	}
	clear(p.queue)
	p.queue = p.queue[:0]
	return nil
}

// decide does for one entity what a worker does live.
func (p *player) decide(entity string, ev *journal.Event) error {
	m, err := p.member(entity)
	if m == nil || err != nil {
		return err
	}
	if m.entity.Apply(p.globals, ev) == journal.Duplicate {
		return nil
	}
	p.decision = journal.Decision{}
	m.entity.Decide(p.globals, ev, &p.decision)
	p.cause++
	by := *ev
	by.Seq = p.cause
	for _, f := range p.decision.Facts(fold.Service, m.id, &by, 0) {
		if p.told != nil {
			p.told(f)
		}
		if f.Entity != m.id {
			p.queue = append(p.queue, f)
			continue
		}
		m.entity.Apply(p.globals, f)
	}
	for timer, at := range m.entity.Deadlines(p.globals) {
		if !at.IsZero() {
			p.arm(m, deadline{timer, at})
		}
	}
	if p.after != nil {
		p.after(m)
	}
	return nil
}

// changed shows the desk that another directory is in force from a moment on.
func (p *player) changed(at time.Time) error {
	return p.show(identity.Desk, &journal.Event{
		Head: journal.Head{Logged: at, Partition: journal.Global, Entity: fold.KindDirectory, Type: "directory_changed"},
		Body: &journalv1.Event{Type: "directory_changed", Payload: &journalv1.Event_DirectoryChanged{DirectoryChanged: &journalv1.DirectoryChanged{}}},
	})
}
