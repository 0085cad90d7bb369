package dryrun

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Version is one directory.
type Version struct {
	// Directory may be nil: then nobody is handed anything.
	Directory *core.Directory
	Hash      string
}

// Assignment says who was given a handoff first.
type Assignment struct {
	Rep, Route, Pool string
	At               time.Time
}

// record is what became of one handoff under one directory.
type record struct {
	handoff, lead string
	qualified     time.Time
	first         *Assignment
	// pool that it waits for, or waited for, and the one that it overflowed from.
	pool, overflowFrom string
	held               bool
	// withdrawn: over before anybody had it.
	withdrawn  bool
	reassigned bool
}

// pass is a handoff's going from a rep to another.
type pass struct{ from, to string }

// side plays a stretch of the past under one directory. Up to the stretch it takes in what was recorded; from there on its
// entities decide, and of what was recorded only what came from outside is left: leads that qualify, what they do, how their
// deals and stages move, and what sales answered. It is one goroutine's.
type side struct {
	*player
	opt *Options
	dir Version

	playing bool
	// inForce is the hash of the directory in force at the place that was read last, up to the stretch.
	inForce string
	records map[string]*record
	order   []*record
	passes  map[pass]int
	// early are answers to handoffs that nobody has yet.
	early                     map[string][]*journal.Event
	earlyAnswers, lostAnswers int
	// elsewhere are the handoffs of before the stretch.
	elsewhere map[string]*carried
}

func newSide(opt *Options, dir Version) *side {
	s := &side{
		player: newPlayer(opt.Logic, opt.Logic.NewTrial(nil, nil)), opt: opt, dir: dir,
		records: map[string]*record{}, passes: map[pass]int{}, early: map[string][]*journal.Event{}, elsewhere: map[string]*carried{},
	}
	return s
}

// relevant reports whether a side looks at an event: from its head alone.
func relevant(logic *fold.Logic, h *journal.Head) bool {
	switch {
	case h.Partition == journal.Global:
		return h.Entity == fold.KindDirectory || h.Entity == fold.KindAgreement || h.Entity == fold.KindDestinations
	case !logic.Wants(*h):
		return false
	}
	switch h.Type {
	case journal.TypeTimerFired, "delivered", "delivery_failed", "replay_requested", "delivery_due", "destination_paused", "score_band_changed",
		"absorbed", "recalled", "owner_asked", "owner_told", "reassigned", "escalated", "sla_breached", "held", "resumed":
		return false
	case "assigned", "waiting":
		return h.Entity == identity.Desk
	}
	if h.Origin == nil || h.Origin.Producer != fold.Service {
		return fold.AnswerAgain(&journalv1.Answered{Disposition: h.Type}) == nil && h.Type != "pause_requested" && h.Type != "resume_requested"
	}
	return true
}

// take takes the next event of the log.
func (s *side) take(ev *journal.Event) error {
	if s.playing {
		if err := s.fire(ev.Time()); err != nil {
			return err
		}
		return s.play(ev)
	}
	if ev.Time().Before(s.opt.From) {
		return s.warm(ev)
	}
	if err := s.begin(); err != nil {
		return err
	}
	return s.take(ev)
}

func (s *side) global(ev *journal.Event) (show []string) {
	show = s.globals.Apply(ev)
	s.globals.Mute()
	if !s.opt.Answers {
		s.globals.StopClocks()
	}
	return show
}

// warm takes in an event of before the stretch: as it was recorded, and nothing is decided.
func (s *side) warm(ev *journal.Event) error {
	if ev.Partition == journal.Global {
		if d := ev.Body.GetDirectoryChanged(); d != nil {
			s.inForce = d.GetHash()
		}
		for _, entity := range s.global(ev) {
			if err := s.apply(entity, ev); err != nil {
				return err
			}
		}
		return nil
	}
	if ev.Entity == identity.Desk {
		s.carry(ev.Body)
	}
	switch {
	case ev.Entity == identity.Desk, strings.HasPrefix(ev.Entity, "ac_"), dealt(ev):
		return s.apply(ev.Entity, ev)
	case s.members[ev.Entity] != nil && (ev.Type == "merged_into" || ev.Type == "split_off"):
		return s.apply(ev.Entity, ev)
	}
	return nil
}

// apply has an entity fold an event without deciding.
func (s *side) apply(entity string, ev *journal.Event) error {
	m := s.members[entity]
	if m == nil {
		var err error
		if m, err = s.load(entity, nil); err != nil {
			return err
		}
	}
	if err := s.wake(m); err != nil {
		return err
	}
	m.entity.Apply(s.globals, ev)
	if fold.LeadOf(m.entity) != nil {
		m.rest()
	}
	return nil
}

// begin puts the side's directory in force. From here on entities decide.
func (s *side) begin() error {
	s.playing = true
	desk := s.members[identity.Desk]
	if desk == nil {
		var err error
		if desk, err = s.load(identity.Desk, nil); err != nil {
			return err
		}
	}
	s.open = func(entity string) (*member, error) {
		if strings.HasPrefix(entity, "ac_") {
			return s.load(entity, nil)
		}
		return nil, nil
	}
	s.told, s.after = s.note, s.restful
	if s.inForce != s.dir.Hash {
		s.globals.Directory = s.dir.Directory
		return s.changed(s.opt.From)
	}
	for timer, at := range desk.entity.Deadlines(s.globals) {
		s.arm(desk, deadline{timer, at})
	}
	return nil
}

// restful has a lead rest that waits for nobody.
func (s *side) restful(m *member) {
	if l := fold.LeadOf(m.entity); l != nil {
		if h := l.Handoff(""); h == nil || !h.Open() || h.Owner() != "" && !h.Asked {
			m.rest()
		}
	}
}

// play plays an event of the stretch.
func (s *side) play(ev *journal.Event) error {
	switch {
	case ev.Partition == journal.Global:
		if ev.Entity != fold.KindDirectory {
			s.global(ev)
		}
		return nil
	case ev.Entity == identity.Desk:
		return s.deskRecorded(ev)
	case strings.HasPrefix(ev.Entity, "ac_"):
		if s.members[ev.Body.GetOwnerKnown().GetLead()] == nil {
			return s.show(ev.Entity, ev)
		}
		return nil
	case ev.Type == "qualified":
		return s.qualified(ev)
	case ev.Type == "answered":
		return s.answered(ev)
	case ev.Origin != nil && ev.Origin.Producer == fold.Service:
		return nil
	}
	if s.members[ev.Entity] == nil {
		if !dealt(ev) {
			return nil
		}
		if _, err := s.load(ev.Entity, nil); err != nil {
			return err
		}
	}
	return s.show(ev.Entity, ev)
}

// dealt reports whether an event is about a deal: a lead is known by its deals before it qualifies.
func dealt(ev *journal.Event) bool {
	return strings.HasPrefix(ev.Type, "deal_") || ev.Type == "churned"
}

func (s *side) qualified(ev *journal.Event) error {
	q := ev.Body.GetQualified()
	if q.GetHandoffId() == "" || s.records[q.GetHandoffId()] != nil {
		return nil
	}
	if s.members[ev.Entity] == nil {
		if _, err := s.load(ev.Entity, nil); err != nil {
			return err
		}
	}
	r := &record{handoff: q.GetHandoffId(), lead: ev.Entity, qualified: ev.Time()}
	s.records[r.handoff], s.order = r, append(s.order, r)
	return s.show(ev.Entity, ev)
}

// answered has whoever has the handoff here answer as it was really answered. Where nobody has it yet, it is answered as soon as
// somebody does.
func (s *side) answered(ev *journal.Event) error {
	a := ev.Body.GetAnswered()
	body := fold.AnswerAgain(a)
	if !s.opt.Answers || !a.GetOk() || body == nil || s.records[a.GetHandoffId()] == nil {
		return nil
	}
	m, err := s.member(ev.Entity)
	if m == nil || err != nil {
		s.lostAnswers++
		return err
	}
	again := answerEvent(ev.Entity, body, ev.Time())
	if h := fold.LeadOf(m.entity).Handoff(a.GetHandoffId()); h != nil && h.Open() && h.Owner() == "" {
		s.earlyAnswers++
		s.early[h.ID] = append(s.early[h.ID], again)
		return nil
	}
	return s.show(ev.Entity, again)
}

func answerEvent(entity string, body *journalv1.Event, at time.Time) *journal.Event {
	body.Entity, body.Source, body.ReceivedAt = entity, "sales", timestamppb.New(at)
	return &journal.Event{Head: journal.Head{Partition: journal.PartitionOf(entity), Entity: entity, Type: body.Type, Logged: at}, Body: body}
}

// note keeps what is measured of a fact.
func (s *side) note(ev *journal.Event) {
	at := ev.Time()
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_Routed:
		r := s.records[p.Routed.GetHandoffId()]
		if r == nil {
			return
		}
		r.first, r.held = &Assignment{Rep: p.Routed.GetRep(), Route: p.Routed.GetRoute(), Pool: p.Routed.GetPool(), At: at}, false
		s.answerNow(r.handoff, ev.Entity, at)
	case *journalv1.Event_Reassigned:
		if r := s.records[p.Reassigned.GetHandoffId()]; r != nil {
			r.reassigned = true
			s.passes[pass{p.Reassigned.GetFrom(), p.Reassigned.GetTo()}]++
			s.answerNow(r.handoff, ev.Entity, at)
		}
	case *journalv1.Event_Assigned:
		id := p.Assigned.GetHandoffId()
		if ev.Entity == identity.Desk {
			s.carry(ev.Body)
		}
		if r := s.records[id]; r != nil && r.first == nil {
			r.overflowFrom = p.Assigned.GetOverflowFrom()
		}
	case *journalv1.Event_Waiting:
		if r := s.records[p.Waiting.GetHandoffId()]; r != nil && r.first == nil {
			r.pool = p.Waiting.GetPool()
		}
	case *journalv1.Event_Held:
		if r := s.records[p.Held.GetHandoffId()]; r != nil {
			r.held = !p.Held.GetOver()
		}
	case *journalv1.Event_Closed:
		if r := s.records[p.Closed.GetHandoffId()]; r != nil && r.first == nil {
			r.withdrawn = true
		}
	case *journalv1.Event_Answered:
		if !p.Answered.GetOk() {
			s.lostAnswers++
		}
	}
}

// answerNow lets the answers that came early take effect: the handoff has an owner with the fact that is being told.
func (s *side) answerNow(handoffID, entity string, at time.Time) {
	for _, ev := range s.early[handoffID] {
		s.queue = append(s.queue, answerEvent(entity, ev.Body, at))
	}
	delete(s.early, handoffID)
}

// end plays what is left of the stretch behind the last event.
func (s *side) end() error {
	if !s.playing {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if err := s.fire(s.opt.To); err != nil {
		return err
	}
	for _, list := range s.early { // nobody ever had what they were about
		s.lostAnswers += len(list)
	}
	return nil
}
