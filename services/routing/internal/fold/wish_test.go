package fold

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

const wishDirectory = `
teams: [ {id: emea, manager: kim}, {id: apac, manager: lee} ]
reps:
  - { id: ana, team: emea }
  - { id: bo, team: emea, time_zone: Europe/Stockholm, hours: {mon-fri: ["09:00-17:00"]} }
  - { id: cy, team: emea, active: false }
  - { id: di, team: apac, capacity: {per: 1d, handoffs: 1} }
pools: [ {id: all, reps: [ana, bo]}, {id: far, reps: [di]} ]
routes: [ {id: default, to: {pool: all}} ]
accounts: [ {id: ac-1, name: Initech, domain: initech.example, owner: ana} ]
`

// reassigns sends a request for another owner and gives what was answered to it.
func (s *story) reassigns(id string, w *journalv1.ReassignRequested) *journalv1.Answered {
	s.n++
	lead, _, _ := identity.LeadOfHandoff(id)
	w.HandoffId = id
	return s.request(&journalv1.Event{
		Id: fmt.Sprintf("req-%d", s.n), Source: "api", Entity: lead, Type: handoff.DoReassign,
		Payload: &journalv1.Event_ReassignRequested{ReassignRequested: w},
	})
}

func kim(to string) *journalv1.ReassignRequested {
	return &journalv1.ReassignRequested{To: to, By: "kim", Role: handoff.ByManager, Reason: "knows them"}
}

func wishStory(t *testing.T) *story {
	s := newStory(t)
	s.directory(wishDirectory)
	return s
}

// other gives the other rep of the pool.
func other(rep string) string { return map[string]string{"ana": "bo", "bo": "ana"}[rep] }

func TestAManagerReassigns(t *testing.T) {
	s := wishStory(t)
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	s.answers(id, handoff.DoAccept, owner, "")
	s.answers(id, handoff.DoContact, owner, "")
	s.Advance(start.Add(time.Hour))
	a := s.reassigns(id, kim(other(owner)))
	if !a.GetOk() || a.GetOutcome() != handoff.Reassigned || a.GetRep() != other(owner) || a.GetPreviousRep() != owner || a.GetStage() != "routed" {
		t.Fatalf("reassigned: %v", a)
	}
	h := s.wantHandoff(id, handoff.Routed, other(owner))
	if !h.AcceptBy.Equal(start.Add(5*time.Hour)) || !h.AcceptedAt.IsZero() || !h.ContactedAt.IsZero() {
		t.Errorf("a new accept clock begins: accept by %s, accepted %s, contacted %s", h.AcceptBy, h.AcceptedAt, h.ContactedAt)
	}
	if c := h.Current(); c.Reason != "manager: knows them" || c.Route != "manager" || c.Pool != "" {
		t.Errorf("assigned as %+v", c)
	}
	if events := s.due(); events[len(events)-1] != EventReassigned {
		t.Errorf("destinations heard %v", events)
	}
	if a := s.answers(id, handoff.DoSQL, owner, ""); !strings.HasPrefix(a.GetRefused(), "taken_over: ") {
		t.Errorf("the rep before: %v", a)
	}
	if a := s.answers(id, handoff.DoAccept, other(owner), ""); !a.GetOk() {
		t.Errorf("the rep now: %v", a)
	}
	// Named, somebody who had it may get it back; and who has it already has it.
	if a := s.reassigns(id, kim(owner)); !a.GetOk() || a.GetRep() != owner {
		t.Errorf("back: %v", a)
	}
	facts := len(s.Log)
	if a := s.reassigns(id, kim(owner)); !a.GetOk() || len(s.Log) != facts+2 {
		t.Errorf("to who has it: %v, %d messages", a, len(s.Log)-facts)
	}
	// What stands on the desk's subject stays when the lead is erased: nobody's words are there.
	for _, ev := range s.Log {
		if ev.Entity == identity.Desk && strings.Contains(ev.Body.String(), "knows them") {
			t.Errorf("on the desk: %v", ev.Body)
		}
	}
}

func TestWhoMayReassignWhat(t *testing.T) {
	for name, c := range map[string]struct {
		w    *journalv1.ReassignRequested
		code string
	}{
		"their own team":               {kim("ana"), ""},
		"by the rep of the token":      {&journalv1.ReassignRequested{To: "ana", By: "phone", Rep: "kim", Role: handoff.ByManager}, ""},
		"to another's team":            {kim("di"), "not_your_team"},
		"to another's pool":            {kim("far"), "not_your_team"},
		"another's team":               {&journalv1.ReassignRequested{To: "ana", By: "lee", Role: handoff.ByManager}, "not_your_team"},
		"no manager at all":            {&journalv1.ReassignRequested{To: "ana", By: "ana", Rep: "ana", Role: handoff.ByManager}, "not_your_team"},
		"an admin, anywhere":           {&journalv1.ReassignRequested{To: "di", By: "root", Role: handoff.ByAdmin}, ""},
		"an admin, to a pool":          {&journalv1.ReassignRequested{To: "far", By: "root", Role: handoff.ByAdmin}, ""},
		"to nobody known":              {kim("zed"), "unknown_target"},
		"to somebody inactive":         {kim("cy"), "unknown_target"},
		"a rep gives back":             {&journalv1.ReassignRequested{Rep: "bo", Role: handoff.ByRep, Reason: "on leave"}, ""},
		"a rep gives back, says not":   {&journalv1.ReassignRequested{Rep: "bo", Role: handoff.ByRep}, "reason_required"},
		"a rep gives back another's":   {&journalv1.ReassignRequested{Rep: "ana", Role: handoff.ByRep, Reason: "x"}, "not_owner"},
		"a rep cannot choose for whom": {&journalv1.ReassignRequested{Rep: "bo", To: "di", Role: handoff.ByRep, Reason: "x"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := wishStory(t)
			id := s.qualify("x@hooli.example", 1)
			if s.handoff(id).Owner() != "bo" {
				if a := s.reassigns(id, kim("bo")); !a.GetOk() {
					t.Fatal(a)
				}
				s.directory(strings.ReplaceAll(wishDirectory, "reps: [ana, bo]", "reps: [ana, bo, di]")) // somebody who has not had it
			}
			a := s.reassigns(id, c.w)
			if code, _, _ := strings.Cut(a.GetRefused(), ":"); a == nil || code != c.code || a.GetOk() != (c.code == "") {
				t.Errorf("%v, want %q", a, c.code)
			}
			if c.code != "" && s.handoff(id).Owner() != "bo" {
				t.Errorf("refused, and %s has it", s.handoff(id).Owner())
			}
			if c.w.Role == handoff.ByRep && a.GetOk() && s.handoff(id).Owner() == "bo" {
				t.Error("given back to who gave it back")
			}
		})
	}
}

func TestTheDeskDeclinesWhatANamedRepCannotTake(t *testing.T) {
	s := wishStory(t)
	s.Advance(start.Add(12 * time.Hour)) // bo's evening
	id := s.qualify("x@hooli.example", 1)
	s.wantHandoff(id, handoff.Routed, "ana")
	for range 5 { // however often: it does not use up what the service level may reassign
		a := s.reassigns(id, kim("bo"))
		if a.GetOk() || a.GetRefused() != "nobody_eligible: bo: outside hours" {
			t.Fatalf("outside hours: %v", a)
		}
	}
	h := s.wantHandoff(id, handoff.Routed, "ana")
	if h.Asked || h.Reassigns() != 0 {
		t.Errorf("after being declined: %+v", h)
	}
	w := kim("bo")
	w.Force = true
	if a := s.reassigns(id, w); !a.GetOk() || a.GetRep() != "bo" {
		t.Errorf("forced: %v", a)
	}
	// The service level still has its own.
	s.Advance(start.Add(26 * time.Hour))
	var steps []string
	for _, f := range s.Facts(typeEscalated) {
		steps = append(steps, f.Body.GetEscalated().GetNotify())
	}
	if !slices.Contains(steps, handoff.Reassign) {
		t.Errorf("the ladder took %v", steps)
	}
}

func TestNobodyFreeQueuesAndNobodyEverDeclines(t *testing.T) {
	s := wishStory(t)
	s.Advance(start.Add(12 * time.Hour))
	id := s.qualify("x@hooli.example", 1)
	morning := time.Date(2026, 11, 17, 8, 0, 0, 0, time.UTC)
	a := s.reassigns(id, &journalv1.ReassignRequested{Rep: "ana", Role: handoff.ByRep, Reason: "on leave", Note: "calls at noon"})
	if !a.GetOk() || a.GetOutcome() != handoff.Queued || a.GetRep() != "ana" || !a.GetWaitingUntil().AsTime().Equal(morning) {
		t.Fatalf("in the evening: %v", a)
	}
	if h := s.wantHandoff(id, handoff.Routed, "ana"); h.Note != "calls at noon" {
		t.Errorf("note %q", h.Note)
	}
	s.Advance(morning)
	if h := s.wantHandoff(id, handoff.Routed, "bo"); h.Current().Reason != "released: on leave" || h.Wish != nil {
		t.Errorf("in the morning: %+v", h.Current())
	}
	if n := s.count(typeAnswered); n != 1 {
		t.Errorf("answered %d times", n)
	}
	// Both have had it now.
	if a := s.reassigns(id, &journalv1.ReassignRequested{Rep: "bo", Role: handoff.ByRep, Reason: "x"}); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "nobody_eligible: ana: had it before") {
		t.Errorf("nobody is left: %v", a)
	}
	s.wantHandoff(id, handoff.Routed, "bo")
}

// A wish for somebody who cannot take it does not lose what waited before.
func TestADeclinedWishLeavesTheQueueAsItWas(t *testing.T) {
	s := wishStory(t)
	s.directory(strings.ReplaceAll(wishDirectory, "{ id: ana, team: emea }", "{ id: ana, team: emea, active: false }"))
	s.Advance(start.Add(12 * time.Hour))
	id := s.qualify("x@hooli.example", 1)
	s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if a := s.reassigns(id, kim("bo")); !strings.HasPrefix(a.GetRefused(), "nobody_eligible") {
		t.Fatalf("%v", a)
	}
	if s.desk().Desk.Waits(id) == nil {
		t.Fatal("it does not wait any more")
	}
	if a := s.reassigns(id, kim("")); !strings.HasPrefix(a.GetRefused(), "waiting") {
		t.Errorf("to whoever: %v", a)
	}
	w := &journalv1.ReassignRequested{To: "di", By: "root", Role: handoff.ByAdmin}
	if a := s.reassigns(id, w); !a.GetOk() || a.GetRep() != "di" || a.GetPreviousRep() != "" {
		t.Errorf("to one who can: %v", a)
	}
	s.wantHandoff(id, handoff.Routed, "di")
	if n := s.count(typeRouted); n != 1 {
		t.Errorf("routed %d times", n)
	}
	s.answers(id, handoff.DoAccept, "di", "")
	s.Advance(start.Add(48 * time.Hour)) // bo is there again, and nobody waits
	s.wantHandoff(id, handoff.Accepted, "di")
}

// An acceptance that comes while the manager's request waits wins, and a queued request is withdrawn; the other way round the
// rep learns who has it.
func TestAcceptingRacesWithReassigning(t *testing.T) {
	s := wishStory(t)
	s.Advance(start.Add(12 * time.Hour))
	id := s.qualify("x@hooli.example", 1)
	if a := s.reassigns(id, kim("all")); a.GetOutcome() != handoff.Queued {
		t.Fatalf("%v", a)
	}
	if a := s.answers(id, handoff.DoAccept, "ana", ""); !a.GetOk() {
		t.Fatalf("accepted: %v", a)
	}
	if s.desk().Desk.Waits(id) != nil {
		t.Error("the desk still looks for somebody")
	}
	s.Advance(start.Add(26 * time.Hour))
	s.wantHandoff(id, handoff.Accepted, "ana")
	if a := s.reassigns(id, kim("bo")); !a.GetOk() {
		t.Fatalf("reassigned: %v", a)
	}
	if a := s.answers(id, handoff.DoContact, "ana", ""); a.GetRefused() != "taken_over: it went to bo" {
		t.Errorf("told %v", a)
	}
}

// Between the question to the desk and its answer, the lead decides in the order of its own log.
func TestTheWishThatLosesIsToldWhy(t *testing.T) {
	h := &handoff.Handoff{ID: "ho_1", Stage: handoff.Waiting, Asked: true}
	h.Assign(handoff.Assignment{Rep: "ana"})
	l := &lead{id: leadOf("x@hooli.example")}
	l.Handoffs = []*handoff.Handoff{h}
	h.AskFor(handoff.Request{ID: "wish", Role: handoff.ByManager}, "")
	for _, c := range []struct {
		do, reason, refused string
	}{{handoff.DoAccept, "", "taken_over: ana was first: accepted"}, {handoff.DoReject, "bad-data", "taken_over: ana was first: rejected"}} {
		l.effects = effects{requests: []handoff.Held{{Handoff: "ho_1", Request: handoff.Request{ID: "r", Do: c.do, Rep: "ana", Reason: c.reason}}}}
		var decision journal.Decision
		l.answer(&Globals{}, &decision)
		var d []*journalv1.Answered
		cause := &journal.Event{Head: journal.Head{Entity: l.id, Seq: 1}, Body: &journalv1.Event{Entity: l.id}}
		for _, ev := range decision.Facts(Service, l.id, cause, 0) {
			d = append(d, ev.Body.GetAnswered())
		}
		found := false
		for _, a := range d {
			if a.GetRequestId() == "wish" {
				found = true
				if a.GetRefused() != c.refused || a.GetOk() {
					t.Errorf("%s: %v", c.do, a)
				}
			}
		}
		if !found {
			t.Errorf("%s: the manager is told nothing: %v", c.do, d)
		}
	}
}

func TestAnAnswerToAnAssignmentThatIsOver(t *testing.T) {
	s := wishStory(t)
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	first := int32(0)
	s.reassigns(id, kim(other(owner)))
	s.reassigns(id, kim(owner)) // the same rep, and another assignment
	ask := func(attempt *int32) *journalv1.Answered {
		s.n++
		ev := request(leadOf("x@hooli.example"), fmt.Sprint("link-", s.n), id, handoff.DoAccept, owner, "")
		ev.GetAccepted().Attempt = attempt
		return s.request(ev)
	}
	if a := ask(&first); a.GetOk() || a.GetRefused() != "taken_over: it was assigned anew since" {
		t.Errorf("%v", a)
	}
	now := int32(s.handoff(id).Current().Attempt)
	if a := ask(&now); !a.GetOk() {
		t.Errorf("%v", a)
	}
}

// Whatever is asked, in whatever order and at whatever hour: every request is answered exactly once, somebody always answers
// for the handoff (the story checks that), and a replay from blobs alone gives the same log.
func TestEveryWishIsAnsweredOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type move struct {
			what, who int
			to        string
			force     bool
			hours     int
		}
		moves := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) move {
			return move{
				rapid.IntRange(0, 7).Draw(rt, "what"), rapid.IntRange(0, 2).Draw(rt, "lead"),
				rapid.SampledFrom([]string{"", "ana", "bo", "di", "all", "far", "zed"}).Draw(rt, "to"), rapid.Bool().Draw(rt, "force"), rapid.IntRange(0, 9).Draw(rt, "hours"),
			}
		}), 1, 25).Draw(rt, "moves")
		s := wishStory(t)
		now, asked := start, 0
		ids := []string{s.qualify("a@hooli.example", 1), s.qualify("b@hooli.example", 1), s.qualify("c@initech.example", 1)}
		for _, m := range moves {
			now = now.Add(time.Duration(m.hours) * time.Hour)
			s.Advance(now)
			id := ids[m.who]
			owner := s.handoff(id).Owner()
			asked++
			var a *journalv1.Answered
			switch m.what {
			case 0:
				a = s.answers(id, handoff.DoAccept, owner, "")
			case 1:
				a = s.answers(id, handoff.DoReject, owner, "bad-data")
			case 2:
				a = s.reassigns(id, &journalv1.ReassignRequested{Rep: owner, Role: handoff.ByRep, Reason: "r"})
			default:
				a = s.reassigns(id, &journalv1.ReassignRequested{To: m.to, By: "root", Role: handoff.ByAdmin, Force: m.force})
			}
			if a == nil {
				rt.Fatalf("%+v is not answered", m)
			}
			if a.GetOk() && a.GetOutcome() == handoff.Reassigned && s.handoff(id).Owner() != a.GetRep() {
				rt.Fatalf("%+v: answered %v, and %s has it", m, a, s.handoff(id).Owner())
			}
		}
		if n := s.count(typeAnswered); n != asked {
			rt.Fatalf("%d requests, %d answers", asked, n)
		}
		if s.check(); t.Failed() {
			rt.Fatal("the story does not hold")
		}
	})
}
