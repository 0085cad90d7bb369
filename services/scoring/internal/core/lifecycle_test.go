package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLegalMoves walks every pair of stages. The moves are written out once more: who changes the table has to say so here.
func TestLegalMoves(t *testing.T) {
	want := strings.Fields(`>inquiry inquiry>mql
		mql>routed mql>accepted mql>sql mql>recycled mql>disqualified
		routed>accepted routed>sql routed>recycled routed>disqualified
		accepted>sql accepted>recycled accepted>disqualified
		sql>recycled sql>disqualified
		recycled>inquiry`)
	all := append([]string{""}, Stages()...)
	var got []string
	for _, from := range all {
		for _, to := range all {
			if legal(from, to) {
				got = append(got, from+">"+to)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for i := range lifecycle {
		if lifecycle[i].from != all[i] && !slices.Contains(all, lifecycle[i].from) {
			t.Errorf("%q is no stage", lifecycle[i].from)
		}
	}
	if len(lifecycle) != len(all) {
		t.Errorf("%d stages in the table, %d in all", len(lifecycle), len(all))
	}
	if legal("elsewhere", Inquiry) {
		t.Error("there is a way from a stage that there is not")
	}
}

func way(epochs []Epoch) string {
	var b strings.Builder
	for _, e := range epochs {
		fmt.Fprintf(&b, "%d:", e.Number)
		for _, s := range e.Stages {
			fmt.Fprintf(&b, " %s %d-%d", s.Stage, s.Entered, s.Left)
		}
		b.WriteString("; ")
	}
	return b.String()
}

func TestEpochsAreShownWithWhenTheyWereLeft(t *testing.T) {
	spans := func(list ...any) (out []StageSpan) {
		for i := 0; i < len(list); i += 2 {
			out = append(out, StageSpan{Stage: list[i].(string), Entered: int64(list[i+1].(int))})
		}
		return out
	}
	for _, c := range []struct {
		name string
		lead Lead
		want string
	}{
		{"nothing known", Lead{}, ""},
		{"an inquiry", Lead{Run: Run{Epoch: 1, Stages: spans(Inquiry, 1)}}, "1: inquiry 1-0; "},
		{"recycled", Lead{Run: Run{Epoch: 1, Handoff: "h1", Stage: Recycled}, History: []PastEpoch{{Epoch: 1, Handoff: "h1", Ended: Recycled, Stages: spans(Inquiry, 1, MQL, 2, Recycled, 5)}}},
			"1: inquiry 1-2 mql 2-5 recycled 5-0; "},
		{"woken", Lead{Run: Run{Epoch: 2, Stage: Inquiry, Stages: spans(Inquiry, 9)}, History: []PastEpoch{{Epoch: 1, Handoff: "h1", Ended: Recycled, Stages: spans(Inquiry, 1, MQL, 2, Recycled, 5)}}},
			"1: inquiry 1-2 mql 2-5 recycled 5-9; 2: inquiry 9-0; "},
		{"won after it was disqualified", Lead{Run: Run{Epoch: 1, Handoff: "h1", Stage: Disqualified, Stages: spans(Won, 9)}, History: []PastEpoch{{Epoch: 1, Handoff: "h1", Ended: Disqualified, Stages: spans(MQL, 2, Disqualified, 5)}}},
			"1: mql 2-5 disqualified 5-9 won 9-0; "},
		{"another one's run given up", Lead{Run: Run{Epoch: 1, Handoff: "h1", Stage: MQL, Stages: spans(Inquiry, 1, MQL, 2)}, History: []PastEpoch{{Epoch: 1, Handoff: "h2", Ended: merged, Stages: spans(Inquiry, 3, MQL, 4, merged, 7)}}},
			"1: inquiry 3-4 mql 4-7; 1: inquiry 1-2 mql 2-0; "},
	} {
		if got := way(c.lead.Epochs()); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSpansAreBoundedAndInOrder(t *testing.T) {
	r := Run{Epoch: 1}
	r.enter(Inquiry, 10, "")
	r.enter(Inquiry, 11, "") // it stands there already
	for i := range 100 {
		r.enter([]string{Opportunity, Lost}[i%2], int64(20+i), "")
	}
	r.enter(Won, 3, strings.Repeat("x", 1000)) // a clock that went back
	if len(r.Stages) != maxSpans || r.Stages[0] != (StageSpan{Stage: Inquiry, Entered: 10}) {
		t.Errorf("%d spans, the first %+v", len(r.Stages), r.Stages[0])
	}
	last := r.Stages[len(r.Stages)-1]
	if last.Stage != Won || last.Entered != 119 || len(last.Reason) != maxID {
		t.Errorf("the last %s at %d, reason of %d bytes", last.Stage, last.Entered, len(last.Reason))
	}
	if !slices.IsSortedFunc(r.Stages, func(a, b StageSpan) int { return int(a.Entered - b.Entered) }) {
		t.Error("not in order")
	}
}

func TestOfTwoInquiriesTheEarlierEntryCounts(t *testing.T) {
	hour := int64(time.Hour)
	for _, c := range []struct{ mine, other, want int64 }{{2 * hour, hour, hour}, {hour, 2 * hour, hour}} {
		l := Lead{ID: "ld_e1", Run: Run{Epoch: 1, Stage: Inquiry, Stages: []StageSpan{{Stage: Inquiry, Entered: c.mine}}}}
		other := Run{Epoch: 1, Stage: Inquiry, Stages: []StageSpan{{Stage: Inquiry, Entered: c.other}}}
		l.adopt(other)
		if got := l.Run.Stages[0].Entered; got != c.want || other.Stages[0].Entered != c.other {
			t.Errorf("%d and %d: entered at %d, want %d", c.mine, c.other, got, c.want)
		}
	}
}
