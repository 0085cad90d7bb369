package fold

import (
	"bytes"
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/state"
)

var (
	key = identity.Key("0123456789abcdef0123456789abcdef")
	// A Monday, 09:00 in Stockholm.
	start = time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
)

const testDirectory = `
teams: [ {id: emea, manager: kim} ]
reps:
  - { id: ana, team: emea, time_zone: Europe/Stockholm, hours: {mon-fri: ["09:00-12:00", "13:00-17:00"]} }
  - { id: bo, team: emea, time_zone: Europe/Stockholm, hours: {mon-fri: ["09:00-17:00"]}, capacity: {per: 1d, handoffs: 20} }
pools: [ {id: all, reps: [ana, bo]} ]
routes:
  - { id: named, when: 'account.owner != ""', to: {owner: account} }
  - { id: default, to: {pool: all} }
accounts: [ {id: ac-1, name: Initech, domain: initech.example, owner: ana} ]
`

const testAgreement = `
agreement: test
qualify: [ {id: matrix, when: 'engagement >= 20'} ]
sla:
  accept_within: 4h
  contact_within: 24h
  clock: elapsed
  ladder: [ {at: 50%, notify: rep}, {at: 100%, notify: manager}, {at: 150%, reassign: true} ]
  max_reassigns: 1
reject_reasons:  [ {id: bad-data, fixable_by: marketing}, {id: no-fit, sub: [size]} ]
recycle_reasons: [ {id: timing, wake_after: 90d}, {id: unreachable, wake_on: engagement} ]
`

// story is a journal with routing over it, and a stand-in for scoring that states whatever the test says.
type story struct {
	*journaltest.Sim
	t     *testing.T
	logic *Logic
	n     int
}

func newStory(t *testing.T) *story { return newStoryOf(t, func(l *Logic) journal.Logic { return l }) }

func newStoryOf(t *testing.T, wrap func(*Logic) journal.Logic) *story {
	t.Helper()
	parser, err := directory.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	s := &story{t: t, logic: NewLogic(key, parser)}
	s.Sim = journaltest.NewSim(start, wrap(s.logic), mouthpiece{})
	t.Cleanup(s.check)
	s.destinations("crm", EventRouted, EventReassigned, EventRecalled, EventSLABreached)
	s.agreement(testAgreement)
	s.directory(testDirectory)
	return s
}

// mouthpiece states as scoring what an input of its name carries.
type mouthpiece struct{}

func (mouthpiece) Service() string                             { return scoring }
func (mouthpiece) Wants(journal.Head) bool                     { return true }
func (mouthpiece) NewGlobals() journal.Globals                 { return journaltest.NoGlobals{} }
func (mouthpiece) Load(string, []byte) (journal.Entity, error) { return spoken{}, nil }

type spoken struct{ journaltest.Stateless }

func (spoken) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	if ev.Input() && ev.Body.GetName() == scoring {
		d.Fact(ev.Entity, &journalv1.Event{Id: ev.Body.GetId(), Source: ev.Body.GetSource(), Type: ev.Type, Payload: ev.Body.GetPayload()})
	}
}

func (s *story) scoring(entity, eventType string, body *journalv1.Event) {
	body.Entity, body.Type, body.Name = entity, eventType, scoring
	s.Append(body)
}

func (s *story) directory(text string) {
	if _, err := s.logic.parser.Parse([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	s.AppendGlobal(KindDirectory, &journalv1.Event{Type: typeDirectoryChanged, Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(text)},
	}})
}

func (s *story) agreement(text string) {
	s.n++
	for _, change := range []string{"proposed", "activated"} {
		c := &journalv1.AgreementChanged{Version: int32(s.n), Change: change, Hash: "h"}
		if change == "proposed" {
			c.Yaml = []byte(text)
		}
		s.AppendGlobal(KindAgreement, &journalv1.Event{Type: typeAgreementChanged, Payload: &journalv1.Event_AgreementChanged{AgreementChanged: c}})
	}
	if g := s.Globals(Service).(*Globals); g.Agreement == nil || g.Version != int32(s.n) {
		s.t.Fatal("the agreement is not in force")
	}
}

func (s *story) destinations(name string, events ...string) {
	s.AppendGlobal(KindDestinations, &journalv1.Event{Type: typeDestinationsChanged, Payload: &journalv1.Event_DestinationsChanged{
		DestinationsChanged: &journalv1.DestinationsChanged{Destinations: []*journalv1.Destination{{Name: name, Type: "webhook", Events: events}}},
	}})
}

func leadOf(email string) string { return key.Lead(identity.Email, "", email) }

// qualify hands over a lead, and gives the handoff's id.
func (s *story) qualify(email string, epoch int32) string {
	lead := leadOf(email)
	return s.qualifyLead(lead, email, epoch)
}

func (s *story) qualifyLead(lead, email string, epoch int32) string {
	id := identity.Handoff(lead, epoch)
	s.scoring(lead, typeQualified, &journalv1.Event{Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Epoch: epoch, HandoffId: id, Rule: "matrix", AgreementVersion: 1,
		Score: &journalv1.ScoreSnapshot{Fit: 80, Grade: "a", Engagement: 21.4},
		Lead:  &journalv1.LeadSnapshot{Id: lead, Email: email, Title: "VP"},
	}}})
	return id
}

// answers sends a disposition and gives what was answered to it, nil if nothing was.
func (s *story) answers(id, do, rep, reason string) *journalv1.Answered {
	lead, _, _ := identity.LeadOfHandoff(id)
	return s.answersAt(lead, id, do, rep, reason)
}

func (s *story) answersAt(entity, id, do, rep, reason string) *journalv1.Answered {
	s.n++
	return s.request(request(entity, fmt.Sprintf("req-%d", s.n), id, do, rep, reason))
}

func (s *story) request(ev *journalv1.Event) *journalv1.Answered {
	before := len(s.Log)
	s.Append(ev)
	for _, e := range s.Log[before:] {
		if a := e.Body.GetAnswered(); a.GetRequestId() == ev.Id {
			return a
		}
	}
	return nil
}

func request(entity, requestID, handoffID, do, rep, reason string) *journalv1.Event {
	p := &journalv1.Disposition{HandoffId: handoffID, Rep: rep, Reason: reason}
	ev := &journalv1.Event{Id: requestID, Source: "api", Entity: entity, Type: do}
	switch do {
	case handoff.DoAccept:
		ev.Payload = &journalv1.Event_Accepted{Accepted: p}
	case handoff.DoReject:
		ev.Payload = &journalv1.Event_Rejected{Rejected: p}
	case handoff.DoContact:
		ev.Payload = &journalv1.Event_Contacted{Contacted: p}
	case handoff.DoRecycle:
		ev.Payload = &journalv1.Event_Recycled{Recycled: p}
	case handoff.DoDisqualify:
		ev.Payload = &journalv1.Event_Disqualified{Disqualified: p}
	case handoff.DoSQL:
		ev.Payload = &journalv1.Event_Sql{Sql: p}
	}
	return ev
}

// lead gives a lead's state.
func (s *story) lead(entity string) *state.Lead {
	s.t.Helper()
	switch e := s.Entity(Service, entity).(type) {
	case *lead:
		return &e.Lead
	case *reloading:
		l, err := state.DecodeLead(e.blob)
		if err != nil {
			s.t.Fatal(err)
		}
		return l
	}
	s.t.Fatalf("nothing is known of %s", entity)
	return nil
}

// handoff gives a handoff from the lead that it stands on.
func (s *story) handoff(id string) *handoff.Handoff {
	s.t.Helper()
	entity, _, _ := identity.LeadOfHandoff(id)
	for {
		l := s.lead(entity)
		h := l.Handoff(id)
		if h != nil && !h.Passed || l.MergedInto == "" {
			if h == nil {
				s.t.Fatalf("%s is nowhere", id)
			}
			return h
		}
		entity = l.MergedInto
	}
}

func (s *story) desk() *state.Desk {
	switch e := s.Entity(Service, identity.Desk).(type) {
	case *deskEntity:
		return &e.Desk
	case *reloading:
		d, err := state.DecodeDesk(e.blob)
		if err != nil {
			s.t.Fatal(err)
		}
		return d
	}
	return nil
}

// count gives how many facts of a type there are.
func (s *story) count(eventType string) int { return len(s.Facts(eventType)) }

// due gives the events that deliveries are due for, in the order of the log.
func (s *story) due() (events []string) {
	for _, f := range s.Facts(typeDeliveryDue) {
		events = append(events, f.Body.GetDeliveryDue().GetEvent())
	}
	return events
}

func (s *story) wantHandoff(id string, stage handoff.Stage, owner string) *handoff.Handoff {
	s.t.Helper()
	h := s.handoff(id)
	if h.Stage != stage || OwnerOf(h) != owner {
		s.t.Fatalf("%s is %s with %s, want %s with %s", id, h.Stage, OwnerOf(h), stage, owner)
	}
	return h
}

// check holds at the end of every story: each lead has at most one open handoff, somebody answers for it, the desk waits
// with exactly those that wait, every blob survives being saved and loaded, and no delivery is stated twice.
func (s *story) check() {
	if s.t.Failed() {
		return
	}
	waiting, webhooks := map[string]bool{}, map[string]bool{}
	seen := map[string]bool{}
	for _, ev := range s.Log {
		if d := ev.Body.GetDeliveryDue(); d != nil {
			if webhooks[d.WebhookId] || !identity.Safe(d.WebhookId) || EntityOfDelivery(d.WebhookId) != ev.Entity {
				s.t.Errorf("delivery %s of %s: twice, not safe, or of another entity", d.WebhookId, ev.Entity)
			}
			webhooks[d.WebhookId] = true
		}
		if seen[ev.Entity] || identity.RankOf(ev.Entity) == 0 || s.Entity(Service, ev.Entity) == nil {
			continue
		}
		seen[ev.Entity] = true
		l := s.lead(ev.Entity)
		open := 0
		for _, h := range l.Handoffs {
			if !h.Open() {
				continue
			}
			open++
			if (h.Owner() == "") != (h.Stage == handoff.Waiting) {
				s.t.Errorf("%s is %s and %q has it", h.ID, h.Stage, h.Owner())
			}
			if h.Asked {
				waiting[h.ID] = true
			}
		}
		if open > 1 {
			s.t.Errorf("%s has %d open handoffs", ev.Entity, open)
		}
		blob := state.EncodeLead(l)
		again, err := state.DecodeLead(blob)
		if err != nil || !bytes.Equal(state.EncodeLead(again), blob) {
			s.t.Errorf("%s does not survive being saved: %v", ev.Entity, err)
		}
	}
	if d := s.desk(); d != nil {
		for _, e := range d.Desk.Queue {
			if !waiting[e.Handoff] {
				s.t.Errorf("the desk keeps %s waiting, its lead does not", e.Handoff)
			}
			delete(waiting, e.Handoff)
		}
		for id := range waiting {
			s.t.Errorf("%s waits for the desk, which knows nothing of it", id)
		}
		blob := state.EncodeDesk(d)
		again, err := state.DecodeDesk(blob)
		if err != nil || !bytes.Equal(state.EncodeDesk(again), blob) {
			s.t.Errorf("the desk does not survive being saved: %v", err)
		}
	}
}

// reloading is an entity that lives in its blob alone: it is loaded for each event and saved after it.
type reloading struct {
	logic *Logic
	id    string
	blob  []byte
	now   journal.Entity
}

type reloadingLogic struct{ *Logic }

func (l reloadingLogic) Load(id string, _ []byte) (journal.Entity, error) {
	return &reloading{logic: l.Logic, id: id}, nil
}

func (r *reloading) Apply(g journal.Globals, ev *journal.Event) journal.Outcome {
	if !journal.OwnToSelf(Service, ev.Head) {
		r.now, _ = r.logic.Load(r.id, r.blob)
	}
	outcome := r.now.Apply(g, ev)
	r.blob = r.now.Save(new(leadstore.Mutation))
	return outcome
}

func (r *reloading) Decide(g journal.Globals, ev *journal.Event, d *journal.Decision) {
	r.now.Decide(g, ev, d)
}
func (r *reloading) Deadlines(g journal.Globals) map[string]time.Time { return r.now.Deadlines(g) }
func (r *reloading) Save(*leadstore.Mutation) []byte                  { return r.blob }

// sameLogs compares two journals message by message.
func sameLogs(t *testing.T, a, b []*journal.Event) {
	t.Helper()
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) {
			t.Fatalf("one log has %d messages, the other %d", len(a), len(b))
		}
		if a[i].Entity != b[i].Entity || !proto.Equal(a[i].Body, b[i].Body) {
			t.Fatalf("message %d differs:\n%s %v\n%s %v", i+1, a[i].Entity, a[i].Body, b[i].Entity, b[i].Body)
		}
	}
}

func ts(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
