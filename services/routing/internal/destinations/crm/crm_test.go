package crm

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
)

func TestRefs(t *testing.T) {
	refs := map[string]string{refHandoff: "ho_1", refLead: "ld_1", "contact": "c", "company": "o", "lead": "l", "note": "n", "task": "t"}
	mine := maps.Clone(refs)
	person := map[string]string{refHandoff: "ho_2", refLead: "ld_1", "contact": "c", "company": "o"}
	for name, tc := range map[string]struct {
		handoff, lead string
		want          map[string]string
	}{
		"the same handoff":                {"ho_1", "ld_1", mine},
		"the handoff after a merge":       {"ho_1", "ld_9", func() map[string]string { m := maps.Clone(refs); m[refLead] = "ld_9"; return m }()},
		"the next handoff of the lead":    {"ho_2", "ld_1", person},
		"the lead, without a handoff":     {"", "ld_1", map[string]string{refLead: "ld_1", "contact": "c", "company": "o"}},
		"another lead's":                  {"ho_3", "ld_3", map[string]string{refHandoff: "ho_3", refLead: "ld_3"}},
		"another lead's, without handoff": {"", "ld_3", map[string]string{refLead: "ld_3"}},
	} {
		job := destinationtest.Moved(tc.handoff, "ana@initech.example", "a", "b")
		job.Handoff, job.Refs = tc.handoff, refs
		job.Lead.Lead.Id = tc.lead
		v, err := newVisit(job, &destination.Config{}, &destination.Deps{})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(v.Refs, tc.want) {
			t.Errorf("%s: %v", name, v.Refs)
		}
	}
	if refs["note"] != "n" || len(refs) != 7 {
		t.Error("the delivery's own refs were changed")
	}
}

func TestNotesAreBoundedAndKeepTheirMark(t *testing.T) {
	long := strings.Repeat("ä", MaxText)
	n := newNote("ho_1", "brief", "t", long, "<p>"+long+"</p>")
	for name, s := range map[string]string{"text": n.Text, "html": n.HTML} {
		if len(s) > 65_536 || !strings.Contains(s, n.Mark) || !utf8.ValidString(s) {
			t.Errorf("%s: %d bytes, valid %v", name, len(s), utf8.ValidString(s))
		}
	}
	if worst := newNote("ho_1", "brief", "t", strings.Repeat("\n&", MaxText), strings.Repeat("x", MaxText+1)); len(worst.HTML) > 65_536 {
		t.Errorf("%d bytes", len(worst.HTML))
	}
	if strings.Contains(newNote("ho_12", "brief", "", "", "").Text, Mark("ho_1", "brief")) || strings.Contains(Mark("ho_1", "recalled-2"), Mark("ho_1", "recalled")) {
		t.Error("one handoff's mark is in another's")
	}
	if s := stageNote("ho_1", "recycled", "<b>timing</b>").HTML; strings.Contains(s, "<b>") {
		t.Errorf("a reason is markup: %s", s)
	}
}

func TestOutcomeOfAnError(t *testing.T) {
	if o := OutcomeOf(nil); o.Verdict != destination.Done {
		t.Errorf("%+v", o)
	}
	if o := OutcomeOf(Refuse(destination.Never, "no %d", 7)); o.Verdict != destination.Never || o.Reason != "no 7" {
		t.Errorf("%+v", o)
	}
	if o := OutcomeOf(context.DeadlineExceeded); o.Verdict != destination.Again || !o.Sick {
		t.Errorf("%+v", o)
	}
	if !strings.Contains(Refuse(destination.Never, "why").Error(), "why") || errors.Is(Refuse(destination.Again, ""), http.ErrAbortHandler) {
		t.Error("a Stop is not itself")
	}
}

func TestEventsThatAreNotKnownDoNothing(t *testing.T) {
	f, err := NewFlow(nil, &Settings{Config: destination.Config{Options: FlowOptions(nil)}}, destination.Deps{Now: time.Now}, IsNumber)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"agreement.activated", BandChanged} {
		if o := f.Deliver(t.Context(), &destination.Job{Event: event}); o.Verdict != destination.Done {
			t.Errorf("%s: %+v", event, o)
		}
	}
	if o := f.Deliver(t.Context(), &destination.Job{Event: Routed}); o.Verdict != destination.Never {
		t.Errorf("a handover without a handoff: %+v", o)
	}
}
