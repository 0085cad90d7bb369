package fold

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

func TestEveryStepOfTheLadderOnce(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	first := s.handoff(id).Owner()
	second := map[string]string{"ana": "bo", "bo": "ana"}[first]
	for _, tc := range []struct {
		after                           time.Duration
		escalated, breached, reassigned int
		owner                           string
	}{
		{119 * time.Minute, 0, 0, 0, first},
		{2 * time.Hour, 1, 0, 0, first},  // rep reminded
		{4 * time.Hour, 2, 1, 0, first},  // breach, manager told
		{6 * time.Hour, 3, 1, 1, second}, // reassigned; the clock starts anew
		{6*time.Hour + 2*time.Hour, 4, 1, 1, second},
		{6*time.Hour + 4*time.Hour, 5, 2, 1, second},
		{6*time.Hour + 6*time.Hour, 6, 2, 1, second}, // no more reassignments: the manager is told
		{500 * time.Hour, 6, 2, 1, second},
	} {
		s.Advance(start.Add(tc.after))
		if e, b, r := s.count(typeEscalated), s.count(typeSLABreached), s.count(typeReassigned); e != tc.escalated || b != tc.breached || r != tc.reassigned {
			t.Fatalf("after %s: %d escalated, %d breached, %d reassigned, want %d, %d, %d", tc.after, e, b, r, tc.escalated, tc.breached, tc.reassigned)
		}
		s.wantHandoff(id, handoff.Routed, tc.owner)
	}
	var notified []string
	for _, f := range s.Facts(typeEscalated) {
		notified = append(notified, f.Body.GetEscalated().GetNotify())
	}
	if want := []string{"rep", "manager", "reassign", "rep", "manager", "manager"}; !slices.Equal(notified, want) {
		t.Errorf("notified %v, want %v", notified, want)
	}
	if want := []string{EventRouted, EventSLABreached, EventReassigned, EventSLABreached}; !slices.Equal(s.due(), want) {
		t.Errorf("due %v, want %v", s.due(), want)
	}
	r := s.Facts(typeReassigned)[0].Body.GetReassigned()
	if r.From != first || r.To != second || r.Reason != "sla" || !r.AcceptBy.AsTime().Equal(start.Add(10*time.Hour)) {
		t.Errorf("reassigned: %v", r)
	}
	// A stale firing does nothing.
	before := len(s.Log)
	s.Append(&journalv1.Event{Type: journal.TypeTimerFired, Entity: leadOf("x@hooli.example"), Payload: &journalv1.Event_TimerFired{
		TimerFired: &journalv1.TimerFired{Timer: journal.TimerName(Service, timerSLA)},
	}})
	if len(s.Log) != before+1 {
		t.Errorf("a stale firing states %v", s.Log[before+1:])
	}
}

func TestTheContactClockStartsWithAcceptanceAndTakesNothingAway(t *testing.T) {
	s := newStory(t)
	id := s.qualify("x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	s.answers(id, handoff.DoAccept, owner, "")
	s.Advance(start.Add(1000 * time.Hour))
	s.wantHandoff(id, handoff.Accepted, owner)
	if b := s.Facts(typeSLABreached); len(b) != 1 || b[0].Body.GetSlaBreached().GetClock() != "contact" || !b[0].Body.GetSlaBreached().GetDue().AsTime().Equal(start.Add(24*time.Hour)) {
		t.Errorf("breached: %v", b)
	}
	if s.count(typeReassigned) != 0 || s.count(typeEscalated) != 2 {
		t.Errorf("%d reassigned, %d escalated", s.count(typeReassigned), s.count(typeEscalated))
	}
}

func TestTheClockOfTheOwnersHours(t *testing.T) {
	s := newStory(t)
	s.agreement(strings.Replace(testAgreement, "clock: elapsed", "clock: working", 1))
	s.Advance(time.Date(2026, 11, 20, 15, 0, 0, 0, time.UTC)) // Friday 16:00: an hour left
	h := s.wantHandoff(s.qualify("x@initech.example", 1), handoff.Routed, "ana")
	if want := time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC); !h.AcceptBy.Equal(want) {
		t.Errorf("accept by %s, want %s: an hour on Friday, three on Monday", h.AcceptBy, want)
	}
}

func TestAnAcceptanceWinsUntilAnotherRepHasIt(t *testing.T) {
	s := newStory(t)
	s.directory(strings.Replace(testDirectory, "reps: [ana, bo]", "reps: [ana]", 1))
	id := s.qualify("x@hooli.example", 1)
	s.Advance(start.Add(6 * time.Hour))
	// Nobody else can take it: it stays with ana while the desk looks.
	h := s.wantHandoff(id, handoff.Routed, "ana")
	if !h.Asked || len(s.desk().Desk.Queue) != 1 {
		t.Fatalf("asked %v, %d wait at the desk", h.Asked, len(s.desk().Desk.Queue))
	}
	if a := s.answers(id, handoff.DoAccept, "ana", ""); !a.GetOk() {
		t.Fatalf("ana accepts late, and before anybody else has it: %v", a)
	}
	if len(s.desk().Desk.Queue) != 0 {
		t.Error("the desk still looks for another")
	}
	s.directory(testDirectory)
	s.wantHandoff(id, handoff.Accepted, "ana")
}

func TestReassignmentRacesWithAcceptance(t *testing.T) {
	// The request and the firing that reassigns reach the log in either order.
	for _, first := range []string{"accept", "timer"} {
		s := newStory(t)
		id := s.qualify("x@hooli.example", 1)
		owner := s.handoff(id).Owner()
		other := map[string]string{"ana": "bo", "bo": "ana"}[owner]
		s.Advance(start.Add(6*time.Hour - time.Second))
		accept := request(leadOf("x@hooli.example"), "race", id, handoff.DoAccept, owner, "")
		fire := &journalv1.Event{Type: journal.TypeTimerFired, Entity: leadOf("x@hooli.example"), ReceivedAt: ts(start.Add(6 * time.Hour)),
			Payload: &journalv1.Event_TimerFired{TimerFired: &journalv1.TimerFired{Timer: journal.TimerName(Service, timerSLA)}}}
		// Both are in the log before anything is decided: the desk's answer comes behind them.
		if first == "accept" {
			s.Append(accept, fire)
		} else {
			s.Append(fire, accept)
		}
		// Either way the owner's acceptance is folded before the desk's choice of another: it wins, and the other's turn is back.
		s.wantHandoff(id, handoff.Accepted, owner)
		if m := s.desk().Desk.Pools["all"][other]; m.Assigned != 0 {
			t.Errorf("%s first: %s keeps a turn for a handoff that never came: %+v", first, other, m)
		}
		if s.count(typeReassigned) != 0 {
			t.Errorf("%s first: reassigned all the same", first)
		}
		// Once the other has it, the old owner is too late.
		id = s.qualify("y@hooli.example", 1)
		owner = s.handoff(id).Owner()
		s.Advance(s.Now.Add(6 * time.Hour))
		s.Advance(s.Now.Add(20 * time.Hour))
		h := s.handoff(id)
		if h.Owner() == owner {
			t.Fatalf("%s first: not reassigned", first)
		}
		if a := s.answers(id, handoff.DoAccept, owner, ""); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "taken_over") {
			t.Errorf("%s first: the old owner accepts: %v", first, a)
		}
		if a := s.answers(id, handoff.DoAccept, h.Owner(), ""); !a.GetOk() {
			t.Errorf("%s first: the new owner accepts: %v", first, a)
		}
	}
}
