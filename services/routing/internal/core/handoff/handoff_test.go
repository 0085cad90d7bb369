package handoff

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

type reasons struct{}

func (reasons) Reject(id string) (fixable, known bool) {
	return id == "bad-data", id == "bad-data" || id == "no-fit" || id == "no-fit/size"
}

func (reasons) Recycle(id string) (time.Duration, string, bool) {
	switch id {
	case "timing":
		return 90 * 24 * time.Hour, "", true
	case "unreachable":
		return 0, "engagement", true
	}
	return 0, "", false
}

// at gives a handoff that went from ana to bo, in a stage.
func at(stage Stage) *Handoff {
	h := &Handoff{ID: "ho_1", Stage: Waiting, Asked: true}
	if stage == Waiting {
		return h
	}
	h.Assign(Assignment{Rep: "ana", At: noon.Add(-2 * time.Hour)})
	h.Ask("sla")
	h.Assign(Assignment{Rep: "bo", Attempt: 1, At: noon.Add(-time.Hour)})
	switch stage {
	case Accepted, SQL:
		h.Apply(Effect{Do: DoAccept, Stage: Accepted, Rep: "bo", At: noon})
		if stage == SQL {
			h.Apply(Effect{Do: DoSQL, Stage: SQL, Rep: "bo", At: noon})
		}
	case Recycled, Disqualified, Recalled:
		h.Close(stage, map[Stage]string{Recycled: DoRecycle, Disqualified: DoReject, Recalled: ByMerge}[stage], "no-fit", noon)
	}
	return h
}

func TestDecide(t *testing.T) {
	for _, tc := range []struct {
		stage   Stage
		do      string
		rep     string
		reason  string
		refused string // its code; "" means ok
		want    Stage
		repeat  bool
	}{
		{stage: Waiting, do: DoAccept, rep: "ana", refused: StillWaiting, want: Waiting},
		{stage: Routed, do: DoAccept, rep: "bo", want: Accepted},
		{stage: Routed, do: DoAccept, rep: "", want: Accepted}, // a CRM that does not say who
		{stage: Routed, do: DoAccept, rep: "ana", refused: TakenOver, want: Routed},
		{stage: Routed, do: DoAccept, rep: "cy", refused: NotOwner, want: Routed},
		{stage: Accepted, do: DoAccept, rep: "bo", want: Accepted, repeat: true},
		{stage: Accepted, do: DoAccept, rep: "ana", refused: TakenOver, want: Accepted},
		{stage: SQL, do: DoAccept, rep: "bo", want: SQL, repeat: true}, // never back a stage
		{stage: Recycled, do: DoAccept, rep: "bo", refused: AlreadyClosed, want: Recycled},
		{stage: Recalled, do: DoAccept, rep: "bo", refused: Superseded, want: Recalled},

		{stage: Routed, do: DoContact, rep: "bo", refused: NotAccepted, want: Routed},
		{stage: Accepted, do: DoContact, rep: "bo", want: Accepted},
		{stage: Routed, do: DoSQL, rep: "bo", refused: NotAccepted, want: Routed},
		{stage: Accepted, do: DoSQL, rep: "bo", want: SQL},
		{stage: SQL, do: DoSQL, rep: "bo", want: SQL, repeat: true},

		{stage: Routed, do: DoReject, rep: "bo", refused: ReasonRequired, want: Routed},
		{stage: Routed, do: DoReject, rep: "bo", reason: " ", refused: ReasonRequired, want: Routed},
		{stage: Routed, do: DoReject, rep: "bo", reason: "mood", refused: UnknownReason, want: Routed},
		{stage: Routed, do: DoReject, rep: "bo", reason: "timing", refused: UnknownReason, want: Routed}, // a recycle reason
		{stage: Routed, do: DoReject, rep: "bo", reason: "bad-data", want: Recycled},
		{stage: Routed, do: DoReject, rep: "bo", reason: "no-fit/size", want: Disqualified},
		{stage: Routed, do: DoReject, rep: "ana", reason: "no-fit", refused: TakenOver, want: Routed},
		{stage: Accepted, do: DoReject, rep: "bo", reason: "no-fit", refused: AlreadyAccepted, want: Accepted},
		{stage: Disqualified, do: DoReject, rep: "bo", reason: "no-fit", want: Disqualified, repeat: true},
		{stage: Disqualified, do: DoReject, rep: "bo", reason: "bad-data", refused: AlreadyClosed, want: Disqualified},
		{stage: Disqualified, do: DoReject, rep: "cy", reason: "no-fit", refused: AlreadyClosed, want: Disqualified},

		{stage: Routed, do: DoRecycle, rep: "bo", reason: "timing", refused: NotAccepted, want: Routed},
		{stage: Accepted, do: DoRecycle, rep: "bo", refused: ReasonRequired, want: Accepted},
		{stage: Accepted, do: DoRecycle, rep: "bo", reason: "bad-data", refused: UnknownReason, want: Accepted},
		{stage: SQL, do: DoRecycle, rep: "bo", reason: "timing", want: Recycled},

		{stage: Routed, do: DoDisqualify, rep: "bo", reason: "no-fit", want: Disqualified},
		{stage: SQL, do: DoDisqualify, rep: "bo", reason: "", refused: ReasonRequired, want: SQL},
		{stage: Routed, do: "shrugged", rep: "bo", refused: NotUnderstood, want: Routed},
	} {
		got := at(tc.stage).Decide(Request{Do: tc.do, Rep: tc.rep, Reason: tc.reason, At: noon}, reasons{})
		code, why, _ := strings.Cut(got.Refused, ": ")
		if got.OK != (tc.refused == "") || code != tc.refused || !got.OK && why == "" || got.Stage != tc.want || got.Repeat != tc.repeat {
			t.Errorf("%s by %q (%s) when %s: %+v", tc.do, tc.rep, tc.reason, tc.stage, got)
		}
	}
}

func TestWake(t *testing.T) {
	for reason, want := range map[string]Answer{
		"timing":      {OK: true, Stage: Recycled, WakeAt: noon.Add(90 * 24 * time.Hour)},
		"unreachable": {OK: true, Stage: Recycled, WakeOn: "engagement"},
	} {
		if got := at(Accepted).Decide(Request{Do: DoRecycle, Reason: reason, At: noon}, reasons{}); got != want {
			t.Errorf("recycled for %s: %+v, want %+v", reason, got, want)
		}
	}
	if got := at(Routed).Decide(Request{Do: DoReject, Reason: "bad-data", At: noon}, reasons{}); got.WakeOn != "engagement" {
		t.Errorf("what marketing can mend never wakes: %+v", got)
	}
}

func TestEveryOpenHandoffHasOneWhoAnswersForIt(t *testing.T) {
	for _, stage := range []Stage{Waiting, Routed, Accepted, SQL} {
		h := at(stage)
		if !h.Open() || (h.Owner() == "") != (stage == Waiting) {
			t.Errorf("%s: open %v, owner %q", stage, h.Open(), h.Owner())
		}
	}
	h := at(Routed)
	h.Ask("sla")
	h.Wait(noon, []Considered{{"cy", "away"}}, time.Time{})
	if h.Stage != Routed || h.Owner() != "bo" {
		t.Errorf("while the desk looks for another, %s has it in stage %s, want bo", h.Owner(), h.Stage)
	}
	h.Apply(Effect{Do: DoAccept, Stage: Accepted, Rep: "bo", At: noon})
	if h.Awaits(2) || h.Stage != Accepted || len(h.WaitingFor) != 0 {
		t.Errorf("an acceptance leaves the question for another rep open: %+v", h)
	}
}

func TestPassedAndClosedAreNotOpen(t *testing.T) {
	h := at(Routed)
	h.Passed = true
	if h.Open() || h.Due(noon.Add(1000*time.Hour)) != nil || !h.NextStep().IsZero() {
		t.Error("a handoff that went on with its lead is still decided here")
	}
}

var promise = Promise{
	Accept: 4 * time.Hour, Contact: 24 * time.Hour, MaxReassigns: 2,
	Ladder: []Rung{{Percent: 50, Notify: NotifyRep}, {Percent: 100, Notify: NotifyManager}, {Percent: 150, Reassign: true}},
}

func elapsed(start time.Time, d time.Duration) time.Time { return start.Add(d) }

func TestLadder(t *testing.T) {
	by, steps := promise.AcceptSteps(noon, elapsed)
	want := []Step{
		{noon.Add(2 * time.Hour), AcceptClock, NotifyRep, 0, 2 * time.Hour},
		{noon.Add(4 * time.Hour), AcceptClock, Breach, -1, 4 * time.Hour},
		{noon.Add(4 * time.Hour), AcceptClock, NotifyManager, 1, 4 * time.Hour},
		{noon.Add(6 * time.Hour), AcceptClock, Reassign, 2, 6 * time.Hour},
	}
	if !by.Equal(noon.Add(4*time.Hour)) || len(steps) != len(want) {
		t.Fatalf("by %s: %+v", by, steps)
	}
	for i := range want {
		if steps[i] != want[i] {
			t.Errorf("step %d: %+v, want %+v", i, steps[i], want[i])
		}
	}
	_, steps = promise.ContactSteps(noon, elapsed)
	for _, s := range steps {
		if s.Action == Reassign {
			t.Error("the contact clock takes a handoff from the rep who accepted it")
		}
	}
	if by, steps := (Promise{Ladder: promise.Ladder}).AcceptSteps(noon, elapsed); !by.IsZero() || steps != nil {
		t.Errorf("no promise, but %s, %v", by, steps)
	}
}

func TestEachStepIsTakenOffOnce(t *testing.T) {
	h := at(Routed)
	_, h.Steps = promise.AcceptSteps(noon, elapsed)
	if due := h.Due(noon.Add(time.Hour)); len(due) != 0 {
		t.Errorf("early: %+v", due)
	}
	now := noon.Add(4 * time.Hour)
	for _, s := range h.Due(now) {
		h.Done(s.Clock, s.Action, s.Number)
	}
	if len(h.Steps) != 1 || len(h.Due(now)) != 0 || !h.NextStep().Equal(noon.Add(6*time.Hour)) {
		t.Errorf("left: %+v", h.Steps)
	}
}

func TestGivesBack(t *testing.T) {
	for reason, want := range map[string]bool{"bad-data": true, "no-fit": true, "no-fit/size": true, "duplicate": true, "timing": false, "": false} {
		if GivesBack(reason) != want {
			t.Errorf("%q gives the turn back: %v", reason, !want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := at(Routed)
	for range 1000 {
		h.Record("waiting", noon, "", "")
	}
	if len(h.History) > maxHistory || h.History[0].What != "routed" {
		t.Errorf("%d lines, the first %q", len(h.History), h.History[0].What)
	}
}
