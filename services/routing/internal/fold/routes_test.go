package fold

import (
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

const wideDirectory = `
reps:
  - { id: ana, email: ana@us.example, external_ids: {hubspot: "7"} }
  - { id: bo }
  - { id: cy, active: false }
  - { id: dee, capacity: {open: 1}, skills: [core], languages: [sv] }
pools:
  - { id: all, reps: [bo] }
  - { id: few, reps: [cy], overflow: {after: 2h, pool: all} }
  - { id: one, reps: [dee], needs: {languages: lead}, exclude: [{rep: dee, when: 'campaign.entry == "rival"'}] }
routes:
  - { id: deal, to: {owner: opportunity} }
  - { id: sticky, to: {owner: previous}, previous_at: account }
  - { id: few, when: 'lead.country == "NO"', to: {pool: few} }
  - { id: one, when: 'lead.country == "SE"', to: {pool: one}, needs: {skills: [core]} }
  - { id: default, to: {pool: all} }
languages: {by_country: {SE: sv}}
`

func (s *story) qualifyFrom(email, country string) string {
	lead := leadOf(email)
	id := identity.Handoff(lead, 1)
	s.scoring(lead, typeQualified, &journalv1.Event{Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Epoch: 1, HandoffId: id, Lead: &journalv1.LeadSnapshot{Id: lead, Email: email, Country: country},
	}}})
	return id
}

func (s *story) dealOpened(email, id, owner string) {
	s.Append(&journalv1.Event{
		Id: "deal-" + id, Source: "crm", Entity: leadOf(email), Type: typeDealOpened, Identity: &journalv1.Identity{Email: email},
		Payload: &journalv1.Event_DealOpened{DealOpened: &journalv1.Deal{DealId: id, Owner: owner}},
	})
}

func TestAColleaguesDealNamesTheOwner(t *testing.T) {
	s := newStory(t)
	s.directory(wideDirectory)
	s.dealOpened("first@hooli.example", "d1", "hubspot:7")
	h := s.wantHandoff(s.qualify("second@hooli.example", 1), handoff.Routed, "ana")
	if a := h.Current(); a.Route != "deal" || a.Pool != "" {
		t.Errorf("chosen by %+v", a)
	}
	// Of another company nobody is known: the default's pool takes it, and from then on its rep is the account's.
	s.wantHandoff(s.qualify("x@initrode.example", 1), handoff.Routed, "bo")
	h = s.wantHandoff(s.qualify("y@initrode.example", 1), handoff.Routed, "bo")
	if a := h.Current(); a.Route != "sticky" {
		t.Errorf("the second of an account by %+v", a)
	}
}

func TestWhoWaitsTooLongOverflows(t *testing.T) {
	s := newStory(t)
	s.directory(wideDirectory)
	id := s.qualifyFrom("x@hooli.example", "NO")
	h := s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if !h.WaitingUntil.Equal(start.Add(2 * time.Hour)) {
		t.Errorf("waits until %s", h.WaitingUntil)
	}
	s.Advance(start.Add(2 * time.Hour))
	h = s.wantHandoff(id, handoff.Routed, "bo")
	if a := s.Facts(typeAssigned)[0].Body.GetAssigned(); a.GetOverflowFrom() != "few" || a.GetPool() != "all" || len(h.Current().Considered) != 1 {
		t.Errorf("assigned as %v", a)
	}
}

func TestWhatIsInHandIsLimitedAndAnEndFreesIt(t *testing.T) {
	s := newStory(t)
	s.destinations("crm", EventDeskWaiting, EventDeskCleared)
	s.directory(wideDirectory)
	first, second := s.qualifyFrom("x@hooli.example", "SE"), s.qualifyFrom("y@initrode.example", "SE")
	s.wantHandoff(first, handoff.Routed, "dee")
	h := s.wantHandoff(second, handoff.Waiting, identity.Desk)
	if len(h.WaitingFor) != 1 || h.WaitingFor[0].Skipped != "too many in hand" || !h.WaitingUntil.IsZero() {
		t.Errorf("waits for %v until %s", h.WaitingFor, h.WaitingUntil)
	}
	s.answers(first, handoff.DoReject, "dee", "bad-data")
	s.wantHandoff(second, handoff.Routed, "dee")
	if got := s.due(); len(got) != 2 || got[0] != EventDeskWaiting || got[1] != EventDeskCleared {
		t.Errorf("told %v", got)
	}
}

// Whatever is loaded from its blob for each event decides as what lives on does.
func TestRoutesSurviveBeingReloaded(t *testing.T) {
	var logs [2][]*journal.Event
	for i, wrap := range []func(*Logic) journal.Logic{
		func(l *Logic) journal.Logic { return l }, func(l *Logic) journal.Logic { return reloadingLogic{l} },
	} {
		s := newStoryOf(t, wrap)
		s.directory(wideDirectory)
		s.dealOpened("first@hooli.example", "d1", "ana@us.example")
		ids := []string{s.qualify("second@hooli.example", 1), s.qualifyFrom("x@a.example", "SE"), s.qualifyFrom("y@b.example", "SE"), s.qualifyFrom("z@c.example", "NO")}
		s.Advance(start.Add(3 * time.Hour))
		s.answers(ids[1], handoff.DoReject, "dee", "bad-data")
		logs[i] = s.Log
	}
	sameLogs(t, logs[0], logs[1])
}
