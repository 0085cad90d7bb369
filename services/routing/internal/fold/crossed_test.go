package fold

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// What crosses on its way: several inputs stand in the journal before any of them is folded.

const crossedDirectory = `
teams: [ {id: emea, manager: kim} ]
reps:
  - { id: ana, team: emea, capacity: {open: 5} }
  - { id: bo, team: emea, capacity: {open: 5} }
  - { id: off, team: emea, away: [2026-11-16] }
pools: [ {id: one, reps: [ana]}, {id: two, reps: [bo]}, {id: later, reps: [off]} ]
routes: [ {id: default, to: {pool: one}} ]
`

func crossedStory(t *testing.T, agreement string) *story {
	t.Helper()
	s := newStory(t)
	s.pins(EventRouted, EventReassigned, EventRecalled)
	s.agreement(agreement)
	s.directory(crossedDirectory)
	return s
}

var overflowing = strings.Replace(testAgreement, "{at: 150%, reassign: true}", "{at: 150%, overflow: true}", 1)

func wishInput(id, handoffID string, w *journalv1.ReassignRequested) *journalv1.Event {
	entity, _, _ := identity.LeadOfHandoff(handoffID)
	w.HandoffId, w.By, w.Role = handoffID, "root", handoff.ByAdmin
	return &journalv1.Event{
		Id: id, Source: "api", Entity: entity, Type: handoff.DoReassign, Payload: &journalv1.Event_ReassignRequested{ReassignRequested: w},
	}
}

// firing is a timer's, at the simulated clock.
func (s *story) firing(entity, timer string) *journalv1.Event {
	return &journalv1.Event{Type: journal.TypeTimerFired, Entity: entity, Payload: &journalv1.Event_TimerFired{TimerFired: &journalv1.TimerFired{
		Timer: journal.TimerName(Service, timer), Due: timestamppb.New(s.Now),
	}}}
}

// answersTo gives what a request was answered.
func (s *story) answersTo(request string) (out []*journalv1.Answered) {
	for _, f := range s.Facts(typeAnswered) {
		if a := f.Body.GetAnswered(); a.GetRequestId() == request {
			out = append(out, a)
		}
	}
	return out
}

func (s *story) inHand(rep string) int { return len(s.desk().Desk.Hands[rep]) }

func TestAWishIsDeclinedWhileTheLadderTakesTheHandoffAway(t *testing.T) {
	s := crossedStory(t, overflowing)
	id := s.qualify("x@hooli.example", 1)
	lead := leadOf("x@hooli.example")
	s.Advance(start.Add(6*time.Hour - time.Nanosecond))
	s.Now = start.Add(6 * time.Hour)
	s.Append(wishInput("w", id, &journalv1.ReassignRequested{To: "off"}), s.firing(lead, timerSLA))
	if a := s.answersTo("w"); len(a) != 1 || !strings.HasPrefix(a[0].Refused, "nobody_eligible") {
		t.Fatalf("answered %v", a)
	}
	h := s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if e := s.desk().Desk.Waits(id); e == nil || !h.Asked || e.Attempt != h.Attempt {
		t.Errorf("nobody has it and the desk does not look for anybody: %+v", h)
	}
}

func TestAnAssignmentThatCameTooLateLeavesTheNextQuestion(t *testing.T) {
	s := crossedStory(t, testAgreement)
	id := s.qualify("x@hooli.example", 1)
	s.Append(wishInput("w1", id, &journalv1.ReassignRequested{To: "two"}), wishInput("w2", id, &journalv1.ReassignRequested{To: "later"}))
	if h := s.handoff(id); h.Asked && s.desk().Desk.Waits(id) == nil {
		t.Fatalf("it waits for the desk, which has forgotten it: %+v", h)
	}
	if a := s.answersTo("w1"); len(a) != 1 || a[0].Ok {
		t.Errorf("the first was answered %v", a)
	}
	if a := s.answersTo("w2"); len(a) != 1 || a[0].GetOutcome() != handoff.Queued {
		t.Errorf("the second was answered %v", a)
	}
	s.Advance(start.Add(17 * time.Hour))
	s.wantHandoff(id, handoff.Routed, "off")
	if s.inHand("ana")+s.inHand("bo") != 0 {
		t.Errorf("in hand: %v", s.desk().Desk.Hands)
	}
}

func TestTwoQuestionsGoToTheSameRep(t *testing.T) {
	s := crossedStory(t, testAgreement)
	id := s.qualify("x@hooli.example", 1)
	s.Append(wishInput("w1", id, &journalv1.ReassignRequested{To: "two"}), wishInput("w2", id, &journalv1.ReassignRequested{To: "bo"}))
	s.wantHandoff(id, handoff.Routed, "bo")
	if s.inHand("ana") != 0 || s.inHand("bo") != 1 {
		t.Errorf("in hand: %v", s.desk().Desk.Hands)
	}
}

func TestAHeldHandoffGoesToWhomAManagerNames(t *testing.T) {
	s := crossedStory(t, testAgreement+"handover: {hold: {after_touch: 30m}}\n")
	id := s.ready("x@hooli.example", "matrix", item("page_viewed", start))
	if h := s.wantHandoff(id, handoff.Waiting, identity.Desk); h.HeldUntil.IsZero() {
		t.Fatalf("%+v", h)
	}
	if a := s.reassigns(id, &journalv1.ReassignRequested{To: "bo", By: "root", Role: handoff.ByAdmin}); !a.GetOk() {
		t.Fatalf("%v", a)
	}
	s.answers(id, handoff.DoAccept, "bo", "")
	s.Advance(start.Add(3 * time.Hour))
	if h := s.wantHandoff(id, handoff.Accepted, "bo"); h.Asked || !h.HeldUntil.IsZero() {
		t.Errorf("it has an owner and is offered: %+v", h)
	}
}

func TestAHeldHandoffThatIsAskedForInAPoolIsNotOfferedBeside(t *testing.T) {
	s := crossedStory(t, testAgreement+"handover: {hold: {after_touch: 30m}}\n")
	id := s.ready("x@hooli.example", "matrix", item("page_viewed", start))
	if a := s.reassigns(id, &journalv1.ReassignRequested{To: "later", By: "root", Role: handoff.ByAdmin}); a.GetOutcome() != handoff.Queued {
		t.Fatalf("%v", a)
	}
	s.Advance(start.Add(time.Hour))
	if n := len(s.Facts(typeMatched)); n != 2 { // to the desk, and on the lead beside it
		t.Errorf("%d questions, want the manager's alone", n)
	}
	s.Advance(start.Add(17 * time.Hour))
	s.wantHandoff(id, handoff.Routed, "off")
}

func TestAWishIsAnsweredWhoseHandoffIsLostInAMerge(t *testing.T) {
	for _, to := range []string{"bo", "later", "off"} {
		s := crossedStory(t, testAgreement)
		w, p := weak("u1"), leadOf("x@hooli.example")
		theirs := s.qualifyLead(w, "x@hooli.example", 1)
		s.qualify("x@hooli.example", 1)
		s.Append(wishInput("w", theirs, &journalv1.ReassignRequested{To: to}), &journalv1.Event{
			Entity: w, Type: typeMergedInto, Name: scoring,
			Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: p, IntoRank: int32(identity.RankOf(p))}},
		})
		s.Advance(start.Add(2 * time.Minute))
		if a := s.answersTo("w"); len(a) != 1 {
			t.Errorf("to %s: answered %d times: %v", to, len(a), a)
		}
		if s.inHand("ana") != 1 || s.inHand("bo") != 0 {
			t.Errorf("to %s, in hand: %v", to, s.desk().Desk.Hands)
		}
	}
}

func TestWhatTheLadderTakesFromARepIsInTheirHandNoMore(t *testing.T) {
	s := crossedStory(t, overflowing)
	id := s.qualify("x@hooli.example", 1)
	s.Advance(start.Add(7 * time.Hour))
	s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if s.inHand("ana") != 0 {
		t.Errorf("ana has %d in hand", s.inHand("ana"))
	}
	// A manager gives it back to the rep it was taken from.
	s.reassigns(id, &journalv1.ReassignRequested{To: "ana", By: "root", Role: handoff.ByAdmin})
	s.wantHandoff(id, handoff.Routed, "ana")
	if s.inHand("ana") != 1 {
		t.Errorf("ana has %d in hand, want the one that came back", s.inHand("ana"))
	}
}

func TestADeclinedWishPutsTheQueuedOneAgain(t *testing.T) {
	s := crossedStory(t, testAgreement)
	id := s.qualify("x@hooli.example", 1)
	if a := s.reassigns(id, &journalv1.ReassignRequested{To: "later", By: "root", Role: handoff.ByAdmin}); a.GetOutcome() != handoff.Queued {
		t.Fatalf("%v", a)
	}
	if a := s.reassigns(id, &journalv1.ReassignRequested{To: "off", By: "root", Role: handoff.ByAdmin}); a.GetOk() {
		t.Fatalf("%v", a)
	}
	if e := s.desk().Desk.Waits(id); e == nil || e.Pool != "later" {
		t.Errorf("the desk looks for %+v, want somebody of later", e)
	}
	s.Advance(start.Add(17 * time.Hour))
	s.wantHandoff(id, handoff.Routed, "off")
}

func TestAnAccountForgetsAHandoffThatEndsAfterItWasTakenAway(t *testing.T) {
	s := crossedStory(t, overflowing)
	s.versioned()
	id := s.qualify("x@hooli.example", 1)
	s.Advance(start.Add(7 * time.Hour))
	s.wantHandoff(id, handoff.Waiting, identity.Desk)
	s.scoring(leadOf("x@hooli.example"), typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{
		StageChanged: &journalv1.StageChanged{From: "routed", To: "recycled", HandoffId: id},
	}})
	s.wantHandoff(id, handoff.Recalled, identity.Desk)
	if e := s.Entity(Service, key.Account("hooli.example")).(*accountEntity); len(e.Handoffs) != 0 {
		t.Errorf("the account still has %+v", e.Handoffs)
	}
}

func TestAnOpportunityEndsAPause(t *testing.T) {
	s := crossedStory(t, testAgreement)
	id := s.qualify("x@hooli.example", 1)
	if a := s.asks(id, "", start.Add(10*time.Hour)); !a.GetOk() {
		t.Fatalf("%v", a)
	}
	s.scoring(leadOf("x@hooli.example"), typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{
		StageChanged: &journalv1.StageChanged{From: "routed", To: "opportunity", HandoffId: id},
	}})
	s.Advance(start.Add(48 * time.Hour))
	if h := s.handoff(id); !h.Pause.Until.IsZero() {
		t.Errorf("paused until %s, and no clock runs", h.Pause.Until)
	}
}

func TestNobodyWaitsForAnOwnerWhoMayNotHaveIt(t *testing.T) {
	s := newStory(t)
	s.pins(EventRouted)
	s.agreement(testAgreement + "handover: {owner: wait}\n")
	s.directory(strings.Replace(testDirectory, "routes:", "exclude: [ {rep: ana, account: ac-1} ]\nroutes:", 1))
	s.Advance(time.Date(2026, 11, 16, 11, 30, 0, 0, time.UTC)) // ana's break
	id := s.qualify("x@initech.example", 1)
	s.wantHandoff(id, handoff.Routed, "bo")
	if n := slices.Index(s.due(), EventRouted); n != 0 {
		t.Errorf("due: %v", s.due())
	}
}

// A request that reaches a lead just as it merges is folded before the merge, and passed on as well: scoring knew of the merge first.
func TestARequestThatMeetsAMergeIsAnsweredOnce(t *testing.T) {
	for _, first := range []bool{true, false} { // whether the handoff is there before what is passed on
		s := crossedStory(t, testAgreement)
		w, p := weak("u1"), leadOf("x@hooli.example")
		id := s.qualifyLead(w, "x@hooli.example", 1)
		wish := wishInput("w", id, &journalv1.ReassignRequested{To: "bo"})
		passed := &journalv1.Event{Entity: p, Type: wish.Type, Id: wish.Id, Source: wish.Source, Name: scoring, Payload: wish.Payload}
		merge := &journalv1.Event{
			Entity: w, Type: typeMergedInto, Name: scoring,
			Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: p, IntoRank: int32(identity.RankOf(p))}},
		}
		if first {
			s.Append(wish, merge, passed)
		} else {
			s.Append(wish, passed, merge)
		}
		s.Advance(start.Add(2 * time.Minute))
		if a := s.answersTo("w"); len(a) != 1 || !a[0].GetOk() {
			t.Errorf("%v: answered %v", first, a)
		}
		s.wantHandoff(id, handoff.Routed, "bo")
	}
}

// What the desk declined it takes for asked already: the end of the hold must be another question.
func TestAHoldGoesOnAfterADeclinedWish(t *testing.T) {
	s := crossedStory(t, testAgreement+"handover: {hold: {after_touch: 30m}}\n")
	id := s.ready("x@hooli.example", "matrix", item("page_viewed", start))
	for range 2 {
		if a := s.reassigns(id, &journalv1.ReassignRequested{To: "off", By: "root", Role: handoff.ByAdmin}); a.GetOk() {
			t.Fatalf("%v", a)
		}
	}
	if h := s.wantHandoff(id, handoff.Waiting, identity.Desk); h.HeldUntil.IsZero() {
		t.Fatalf("%+v", h)
	}
	s.Advance(start.Add(time.Hour))
	s.wantHandoff(id, handoff.Routed, "ana")
}
