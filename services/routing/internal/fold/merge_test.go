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
	"github.com/batonhq/baton/services/routing/internal/state"
)

func weak(id string) string { return key.Lead(identity.UserID, "", id) }

// merge states that a lead is another from here on, as scoring does: what reaches it later is passed on by the test.
func (s *story) merge(from, into string) {
	s.scoring(from, typeMergedInto, &journalv1.Event{Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{
		Into: into, IntoRank: int32(identity.RankOf(into)),
	}}})
}

// passOn gives what scoring makes of a disposition that reached an absorbed lead: a fact of the same type, id and source.
func (s *story) passOn(to string, ev *journalv1.Event) *journalv1.Answered {
	before := len(s.Log)
	s.scoring(to, ev.Type, &journalv1.Event{Id: ev.Id, Source: ev.Source, Payload: ev.Payload})
	for _, e := range s.Log[before:] {
		if a := e.Body.GetAnswered(); a.GetRequestId() == ev.Id {
			return a
		}
	}
	return nil
}

func TestAnOpenHandoffGoesOnWithTheLead(t *testing.T) {
	s := newStory(t)
	w, p := weak("u1"), leadOf("x@hooli.example")
	id := s.qualifyLead(w, "x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	s.Advance(start.Add(time.Hour))
	s.merge(w, p)
	if h := s.lead(w).Handoff(id); !h.Passed || h.Open() {
		t.Fatalf("the weaker lead keeps it: %+v", h)
	}
	h := s.lead(p).Handoff(id)
	if h == nil || !h.Open() || !h.Adopted || h.Owner() != owner || !h.AcceptBy.Equal(start.Add(4*time.Hour)) {
		t.Fatalf("the stronger lead has %+v", h)
	}
	// The rep answers by the handoff's id, which names the weaker lead; scoring passes it on.
	ev := request(w, "late", id, handoff.DoAccept, owner, "")
	if a := s.request(ev); a != nil {
		t.Errorf("the weaker lead answers: %v", a)
	}
	if a := s.passOn(p, ev); !a.GetOk() || a.GetStage() != "accepted" {
		t.Errorf("the stronger lead answers: %v", a)
	}
	if a := s.passOn(p, ev); a != nil {
		t.Errorf("passed on twice, answered twice: %v", a)
	}
	s.Advance(start.Add(1000 * time.Hour))
	if b := s.Facts(typeSLABreached); len(b) != 1 || b[0].Entity != p {
		t.Errorf("breaches: %v, want the contact clock's, on the stronger lead alone", b)
	}
}

func TestTheStrongerLeadKeepsItsOwn(t *testing.T) {
	for _, order := range []string{"own first", "absorbed first"} {
		s := newStory(t)
		w, p := weak("u1"), leadOf("x@hooli.example")
		theirs := s.qualifyLead(w, "x@hooli.example", 1)
		owner := s.handoff(theirs).Owner()
		s.answersAt(w, theirs, handoff.DoAccept, owner, "")
		var own string
		if order == "own first" {
			own = s.qualify("x@hooli.example", 1)
			s.merge(w, p)
		} else {
			s.merge(w, p)
			own = s.qualify("x@hooli.example", 1)
		}
		if h := s.handoff(own); h.Stage != handoff.Routed || h.Adopted {
			t.Errorf("%s: its own is %s", order, h.Stage)
		}
		h := s.wantHandoff(theirs, handoff.Recalled, owner)
		if h.ClosedBy != handoff.ByMerge || s.lead(p).Handoff(theirs) != nil {
			t.Errorf("%s: the other is %+v", order, h)
		}
		recalled := s.Facts(typeRecalled)
		if len(recalled) != 1 || recalled[0].Entity != w || recalled[0].Body.GetRecalled().GetRep() != owner {
			t.Errorf("%s: recalled %v", order, recalled)
		}
		// Who was told of it from the weaker lead is told of its end from there.
		var told []string
		for _, f := range s.Facts(typeDeliveryDue) {
			if f.Entity == w {
				told = append(told, f.Body.GetDeliveryDue().GetEvent())
			}
		}
		if !slices.Equal(told, []string{EventRouted, EventRecalled}) {
			t.Errorf("%s: told %v", order, told)
		}
		if a := s.answersAt(w, theirs, handoff.DoContact, owner, ""); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "superseded") {
			t.Errorf("%s: an answer to the one taken back: %v", order, a)
		}
		if m := s.desk().Desk.Pools["all"]; m["ana"].Assigned+m["bo"].Assigned != 1 {
			t.Errorf("%s: turns %+v, want one given back", order, m)
		}
	}
}

func TestOfTwoAdoptedTheOlderStays(t *testing.T) {
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		s := newStory(t)
		ws, p := []string{weak("u1"), weak("u2")}, leadOf("x@hooli.example")
		var ids []string
		for _, w := range ws {
			ids = append(ids, s.qualifyLead(w, "x@hooli.example", 1))
			s.Advance(s.Now.Add(time.Minute))
		}
		for _, i := range order {
			s.merge(ws[i], p)
		}
		s.wantHandoff(ids[0], handoff.Routed, s.handoff(ids[0]).Owner())
		s.wantHandoff(ids[1], handoff.Recalled, s.handoff(ids[1]).Owner())
	}
}

func TestAHandoffThatWaitsGoesOnToo(t *testing.T) {
	s := newStory(t)
	s.Advance(time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC))
	w, b, p := weak("u1"), key.Lead(identity.ExternalID, "hubspot", "1"), leadOf("x@hooli.example")
	id := s.qualifyLead(w, "x@hooli.example", 1)
	s.merge(w, b) // over two leads
	s.merge(b, p)
	s.wantHandoff(id, handoff.Waiting, identity.Desk)
	if s.lead(p).Handoff(id) == nil {
		t.Fatal("it did not get there")
	}
	s.Advance(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	if h := s.lead(p).Handoff(id); h.Stage != handoff.Routed {
		t.Errorf("when the desk opens it is %s", h.Stage)
	}
	if r := s.Facts(typeRouted); len(r) != 1 || r[0].Entity != p {
		t.Errorf("routed: %v", r)
	}
}

func TestAnAnswerThatOvertakesTheHandoffIsHeld(t *testing.T) {
	s := newStory(t)
	w, p := weak("u1"), leadOf("x@hooli.example")
	id := s.qualifyLead(w, "x@hooli.example", 1)
	ev := request(w, "fast", id, handoff.DoAccept, "", "")
	if a := s.passOn(p, ev); a != nil {
		t.Fatalf("answered before the handoff is there: %v", a)
	}
	s.merge(w, p)
	if h := s.handoff(id); h.Stage != handoff.Accepted || len(s.lead(p).Held) != 0 {
		t.Errorf("once it is there: %s, %d held", h.Stage, len(s.lead(p).Held))
	}

	// It waits at whichever lead the handoff comes to.
	w, b := weak("u3"), key.Lead(identity.ExternalID, "hubspot", "3")
	id = s.qualifyLead(w, "y@hooli.example", 1)
	if a := s.passOn(b, request(w, "early", id, handoff.DoAccept, "", "")); a != nil {
		t.Fatalf("answered before the handoff is there: %v", a)
	}
	p2 := leadOf("y@hooli.example")
	s.merge(b, p2)
	s.merge(w, b)
	if h := s.handoff(id); h.Stage != handoff.Accepted || s.lead(p2).Handoff(id) == nil {
		t.Errorf("over two leads: %s", h.Stage)
	}

	// One that never comes is refused after a minute.
	other := identity.Handoff(weak("u2"), 1)
	if a := s.passOn(p, request(w, "lost", other, handoff.DoAccept, "", "")); a != nil {
		t.Fatalf("answered at once: %v", a)
	}
	s.Advance(s.Now.Add(heldFor))
	var got *journalv1.Answered
	for _, f := range s.Facts(typeAnswered) {
		if f.Body.GetAnswered().GetRequestId() == "lost" {
			got = f.Body.GetAnswered()
		}
	}
	if got == nil || got.Ok || !strings.HasPrefix(got.Refused, "unknown_handoff") || len(s.lead(p).Held) != 0 {
		t.Errorf("after a minute: %v", got)
	}
}

// Sixteen wait; whoever comes then is told so at once, also where they come with a lead that merges, and nobody is left without an answer.
func TestNoRequestIsLostBecauseTooManyWait(t *testing.T) {
	s := newStory(t)
	s.pins()
	p, v := leadOf("x@hooli.example"), key.Lead(identity.ExternalID, "hubspot", "1")
	other := identity.Handoff(weak("u2"), 1)
	answers := func() map[string]string {
		out := map[string]string{}
		for _, f := range s.Facts(typeAnswered) {
			a := f.Body.GetAnswered()
			if _, twice := out[a.GetRequestId()]; twice {
				t.Errorf("%s is answered twice", a.GetRequestId())
			}
			out[a.GetRequestId()], _, _ = strings.Cut(a.GetRefused(), ":")
		}
		return out
	}
	for i := range maxHeld {
		if a := s.passOn(p, request(weak("u2"), fmt.Sprint("held", i), other, handoff.DoAccept, "", "")); a != nil {
			t.Fatalf("%d is answered at once: %v", i, a)
		}
	}
	if a := s.passOn(p, request(weak("u2"), "over", other, handoff.DoAccept, "", "")); !strings.HasPrefix(a.GetRefused(), handoff.TooManyWait) {
		t.Errorf("one too many: %v", a)
	}
	for i := range 3 {
		s.passOn(v, request(weak("u2"), fmt.Sprint("theirs", i), other, handoff.DoAccept, "", ""))
	}
	s.merge(v, p)
	if got := answers(); len(got) != 4 || got["theirs0"] != handoff.TooManyWait || got["theirs2"] != handoff.TooManyWait {
		t.Errorf("after the merge: %v", got)
	}
	s.Advance(s.Now.Add(heldFor))
	if got := answers(); len(got) != maxHeld+4 || got["held0"] != handoff.UnknownHandoff || len(s.lead(p).Held) != 0 {
		t.Errorf("in the end: %v", got)
	}
}

// A journal in which that was not stated is replayed as it was: without an answer.
func TestTooManyWereDroppedBefore(t *testing.T) {
	s := newStory(t)
	s.AppendGlobal(KindDestinations, &journalv1.Event{Type: typeDestinationsChanged, Payload: &journalv1.Event_DestinationsChanged{
		DestinationsChanged: &journalv1.DestinationsChanged{Decides: tooLate},
	}})
	for i := range maxHeld + 1 {
		if a := s.passOn(leadOf("x@hooli.example"), request(weak("u2"), fmt.Sprint(i), identity.Handoff(weak("u2"), 1), handoff.DoAccept, "", "")); a != nil {
			t.Fatalf("%d is answered: %v", i, a)
		}
	}
}

func TestAnAssignmentForAHandoffTakenBackIsUndone(t *testing.T) {
	s := newStory(t)
	s.Advance(time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC))
	w, p := weak("u1"), leadOf("x@hooli.example")
	theirs := s.qualifyLead(w, "x@hooli.example", 1)
	own := s.qualify("x@hooli.example", 1)
	s.merge(w, p)
	if q := s.desk().Desk.Queue; len(q) != 1 || q[0].Handoff != own {
		t.Fatalf("%d wait at the desk, want the lead's own alone", len(q))
	}
	s.Advance(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	s.wantHandoff(theirs, handoff.Recalled, identity.Desk)
	if s.count(typeRouted) != 1 || !slices.Equal(s.due(), []string{EventRouted}) {
		t.Errorf("%d routed, due %v: nobody was told of the other, so nobody hears that it is over", s.count(typeRouted), s.due())
	}
}

// A whole life, with each entity saved and loaded between any two events, is the same as one in memory.
func TestSavingAndLoadingChangesNothing(t *testing.T) {
	live := func(s *story) {
		w, p := weak("u1"), leadOf("x@hooli.example")
		id := s.qualifyLead(w, "x@hooli.example", 1)
		s.Advance(start.Add(3 * time.Hour))
		s.merge(w, p)
		s.Advance(start.Add(7 * time.Hour))
		s.passOn(p, request(w, "r1", id, handoff.DoAccept, "", ""))
		own := s.qualify("x@hooli.example", 1)
		s.answers(own, handoff.DoAccept, "", "")
		s.Advance(time.Date(2026, 11, 20, 20, 0, 0, 0, time.UTC))
		for _, e := range []string{"a@initech.example", "b@hooli.example", "c@gmail.com"} {
			s.qualify(e, 1)
		}
		s.directory(strings.Replace(testDirectory, "active: true", "active: false", 1))
		s.Advance(time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC))
		s.answers(own, handoff.DoRecycle, "", "timing")
		s.qualify("x@hooli.example", 2)
		s.Advance(time.Date(2026, 12, 24, 20, 0, 0, 0, time.UTC))
	}
	plain := newStory(t)
	live(plain)
	saved := newStoryOf(t, func(l *Logic) journal.Logic { return reloadingLogic{l} })
	live(saved)
	sameLogs(t, plain.Log, saved.Log)
}

// Whatever happens in whatever order: at the end of each story check() finds every open handoff with exactly one who
// answers for it, and nothing panics.
func TestAnyOrderOfEvents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory(t)
		leads := []string{leadOf("x@hooli.example"), leadOf("y@initech.example"), key.Lead(identity.ExternalID, "h", "1"), weak("u1"), weak("u2")}
		merged := map[string]string{}
		epoch := map[string]int32{}
		dos := []string{handoff.DoAccept, handoff.DoReject, handoff.DoContact, handoff.DoRecycle, handoff.DoDisqualify, handoff.DoSQL}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			l := rapid.SampledFrom(leads).Draw(rt, "lead")
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0:
				if merged[l] == "" {
					epoch[l]++
					s.qualifyLead(l, "z@hooli.example", epoch[l])
				}
			case 1, 2:
				id := identity.Handoff(l, rapid.Int32Range(1, 3).Draw(rt, "epoch"))
				s.n++
				ev := request(l, "r"+itoa(s.n), id, rapid.SampledFrom(dos).Draw(rt, "do"),
					rapid.SampledFrom([]string{"", "ana", "bo"}).Draw(rt, "rep"), rapid.SampledFrom([]string{"", "bad-data", "no-fit", "timing"}).Draw(rt, "reason"))
				s.Append(ev)
				for at := merged[l]; at != ""; at = merged[at] {
					s.passOn(at, ev)
				}
			case 3:
				into := rapid.SampledFrom(leads).Draw(rt, "into")
				if merged[l] == "" && into != l && identity.Stronger(into, l) {
					merged[l] = into
					s.merge(l, into)
				}
			case 4:
				s.Advance(s.Now.Add(time.Duration(rapid.IntRange(1, 2000).Draw(rt, "minutes")) * time.Minute))
			case 5:
				to := rapid.SampledFrom([]string{"opportunity", "won", "lost", "recycled", "disqualified", "mql"}).Draw(rt, "to")
				if merged[l] == "" {
					s.scoring(l, typeStageChanged, &journalv1.Event{Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{To: to}}})
				}
			case 6:
				text := testDirectory
				if rapid.Bool().Draw(rt, "nobody") {
					text = strings.ReplaceAll(testDirectory, "team: emea,", "team: emea, active: false,")
				}
				s.directory(text)
			}
		}
		s.check()
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// splitOff states that a lead that had merged is its own again.
func (s *story) splitOff(origin, from string) {
	s.scoring(origin, typeSplitOff, &journalv1.Event{Payload: &journalv1.Event_SplitOff{SplitOff: &journalv1.SplitOff{Origin: origin, From: from}}})
}

func TestAfterASplitTheHandoffStaysWhereItWent(t *testing.T) {
	s := newStory(t)
	w, p := weak("u1"), leadOf("x@hooli.example")
	id := s.qualifyLead(w, "x@hooli.example", 1)
	owner := s.handoff(id).Owner()
	s.Advance(start.Add(time.Hour))
	s.merge(w, p)
	s.splitOff(w, p)
	if l := s.lead(w); l.MergedInto != "" || l.LeftFrom != p || !l.Handoff(id).Passed {
		t.Errorf("the lead that left: %+v", l)
	}
	if len(s.Facts(typeRecalled)) != 0 {
		t.Error("something was recalled")
	}
	if h := s.lead(p).Handoff(id); h == nil || !h.Open() || h.Owner() != owner {
		t.Fatalf("the lead that was left has %+v", h)
	}
	if a := s.passOn(p, request(w, "late", id, handoff.DoAccept, owner, "")); !a.GetOk() || a.GetStage() != "accepted" {
		t.Errorf("the lead that was left answers: %v", a)
	}
	// It qualifies again, by itself: that handoff is its own.
	next := s.qualifyLead(w, "x@hooli.example", 2)
	if h := s.lead(w).Handoff(next); h == nil || h.Passed || h.Stage != handoff.Routed {
		t.Errorf("the next handoff is %+v", h)
	}
	s.merge(w, p) // nobody says so after a split; if so, it is not believed
	if l := s.lead(w); l.MergedInto != "" || l.Handoff(next).Passed {
		t.Errorf("it merged again: %+v", l)
	}
	if got, err := state.DecodeLead(state.EncodeLead(s.lead(w))); err != nil || got.LeftFrom != p {
		t.Errorf("stored and read back: %+v, %v", got, err)
	}
}
