package backtest

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// rules are a contender's agreement, in force from the beginning.
type rules struct{ by core.Rules }

// Apply does nothing: no global fact changes a contender's agreement, and the catalogue comes with the inputs.
func (r *rules) Apply(*journal.Event) []string { return nil }

// Rules gives what the entities decide by.
func (r *rules) Rules() *core.Rules { return &r.by }

// Version gives the contender's agreement where that version is meant.
func (r *rules) Version(version int32) *core.Agreement {
	if r.by.Active.Version == version {
		return r.by.Active
	}
	return nil
}

// player folds a history under one contender's agreement. It is one goroutine's.
type player struct {
	logic   *fold.Logic
	rules   *rules
	members map[string]*member
	alarms  alarms
	// queue holds the facts that leads stated to others, in order.
	queue    []*journal.Event
	decision journal.Decision
	// seq of the last input.
	seq uint64
	// cause numbers what entities decided on. Facts and timers that are in no log have no sequence: what follows from a second
	// one would have the id of what followed from the first, and be taken for a repeat.
	cause uint64
}

// member is one entity under the contender.
type member struct {
	id     string
	entity journal.Entity
	// lead that the entity holds, nil for an account or the desk.
	lead *core.Lead
	// peaks are the moments at which its prediction score reached a new height, ascending in all.
	peaks     []peak
	qualified []qualification
	armed     []deadline
}

// moment is a place in time and in the log.
type moment struct {
	at  int64
	seq uint64
}

func (m moment) before(o moment) bool { return m.at < o.at || m.at == o.at && m.seq < o.seq }

type peak struct {
	moment
	score core.Micros
}

// qualification says that a lead would have been handed over, or really was.
type qualification struct {
	moment
	lead, rule string
	epoch      int32
	// score of what was recorded.
	score core.Micros
}

func newPlayer(key identity.Key, a *core.Agreement) *player {
	r := &rules{fold.Names()}
	r.by.Active, r.by.Book, r.by.Account = a, r, key.Account
	return &player{logic: fold.NewLogic(nil, key), rules: r, members: map[string]*member{}}
}

func (p *player) member(id string) *member {
	m := p.members[id]
	if m == nil {
		m = &member{id: id}
		p.members[id] = m
	}
	return m
}

// play takes the next input.
func (p *player) play(in input) error {
	if err := p.fire(in.read.Now); err != nil {
		return err
	}
	p.seq, p.rules.by.Catalogue = in.ev.Seq, in.catalogue
	return p.show(p.member(in.ev.Entity), in.ev, in.read)
}

// fire fires the timers that come due up to a time, each at its own moment.
func (p *player) fire(until int64) error {
	for len(p.alarms) > 0 && p.alarms[0].At <= until {
		a := p.alarms.take()
		if !a.of.disarm(a.deadline) {
			continue // it was moved to an earlier time and has fired then
		}
		due := time.Unix(0, a.At).UTC()
		ev := &journal.Event{Head: journal.Head{Logged: due, Entity: a.of.id, Type: journal.TypeTimerFired}, Body: &journalv1.Event{
			Type: journal.TypeTimerFired, Entity: a.of.id,
			Payload: &journalv1.Event_TimerFired{TimerFired: &journalv1.TimerFired{Timer: journal.TimerName(fold.Service, a.Timer), Due: timestamppb.New(due)}},
		}}
		if err := p.show(a.of, ev, nil); err != nil {
			return err
		}
	}
	return nil
}

// show shows an event to an entity, and then to others what follows from it, in order and at once.
func (p *player) show(m *member, ev *journal.Event, read *core.Event) error {
	if err := p.decide(m, ev, read); err != nil {
		return err
	}
	for n := 0; n < len(p.queue); n++ {
		if err := p.decide(p.member(p.queue[n].Entity), p.queue[n], nil); err != nil {
			return err
		}
	}
	clear(p.queue)
	p.queue = p.queue[:0]
	return nil
}

// decide does for one entity what a worker does live.
func (p *player) decide(m *member, ev *journal.Event, read *core.Event) error {
	if m.entity == nil {
		entity, err := p.logic.Load(m.id, nil)
		if err != nil {
			return err
		}
		m.entity, m.lead = entity, fold.LeadOf(entity)
	}
	if read != nil {
		fold.Prime(m.entity, ev, read)
	}
	if m.entity.Apply(p.rules, ev) == journal.Duplicate {
		return nil
	}
	p.decision = journal.Decision{}
	m.entity.Decide(p.rules, ev, &p.decision)
	p.cause++
	by := *ev
	by.Seq = p.cause
	for _, f := range p.decision.Facts(fold.Service, m.id, &by, 0) {
		if f.Entity != m.id {
			p.queue = append(p.queue, f)
			continue
		}
		if q := f.Body.GetQualified(); q != nil {
			m.qualified = append(m.qualified, qualification{moment{f.Time().UnixNano(), p.seq}, m.id, q.Rule, q.Epoch, 0})
		}
		m.entity.Apply(p.rules, f)
	}
	if m.lead == nil {
		for name, at := range m.entity.Deadlines(p.rules) {
			p.arm(m, deadline{Timer: name, At: at.UnixNano()})
		}
		return nil
	}
	m.lead.DropTimeline() // the story that a brief tells: rules never look at it, and it is the largest part of a lead
	m.rate(p.seq)
	for _, d := range m.lead.Deadlines(&p.rules.by) {
		p.arm(m, d)
	}
	return nil
}

// rate notes the prediction score where it reached a new height.
func (m *member) rate(seq uint64) {
	l := m.lead
	if !l.Known() {
		return
	}
	var best core.Micros
	if n := len(m.peaks); n > 0 {
		best = m.peaks[n-1].score
	}
	fit := l.FitScore()
	if (fit+100*core.Point)/2 <= best {
		return
	}
	if score := (l.Engagement(l.Looked) + fit) / 2; score > best {
		m.peaks = append(m.peaks, peak{moment{l.Looked, seq}, score})
	}
}

// before gives the highest prediction score that was reached before a moment.
func (m *member) before(end moment) (best core.Micros) {
	for i := len(m.peaks) - 1; i >= 0; i-- {
		if m.peaks[i].moment.before(end) {
			return m.peaks[i].score
		}
	}
	return 0
}
