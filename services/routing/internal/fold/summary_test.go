package fold

import (
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// TestAWeeksSummaryIsToldOnce: however often it is appended, and never an older week after it.
func TestAWeeksSummaryIsToldOnce(t *testing.T) {
	s := newStory(t)
	s.destinations("team", EventSummary)
	say := func(id, week, text string) {
		s.Now = s.Now.Add(time.Minute)
		s.Append(&journalv1.Event{
			Id: id, Entity: identity.Desk, Type: typeSummaryDue, OccurredAt: timestamppb.New(s.Now), ReceivedAt: timestamppb.New(s.Now),
			Payload: &journalv1.Event_SummaryDue{SummaryDue: &journalv1.SummaryDue{Week: week, Text: text, Html: "<p>", Slack: "*"}},
		})
	}
	say("a", "2026-W47", "good")
	say("b", "2026-W47", "again")
	say("c", "2026-W46", "late")
	say("d", "soon", "no week")
	say("e", "2026-W48", strings.Repeat("x", longestSummary+1))
	say("f", "2027-W01", "next")
	var got []string
	for _, f := range s.Facts(typeDeliveryDue) {
		d := f.Body.GetDeliveryDue()
		if d.GetDestination() != "team" || d.GetEvent() != EventSummary || d.GetData()["html"] != "<p>" || d.GetData()["slack"] != "*" {
			t.Errorf("%v", d)
		}
		got = append(got, d.GetData()["week"]+" "+d.GetData()["text"])
	}
	if want := []string{"2026-W47 good", "2027-W01 next"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if w := s.desk().SummaryWeek; w != "2027-W01" {
		t.Errorf("the desk remembers %q", w)
	}
	s.check()
}
