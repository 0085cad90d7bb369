package weekly

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/summary"
)

type taken struct {
	events []*journalv1.Event
	err    error
}

func (t *taken) Append(_ context.Context, events ...*journalv1.Event) (uint64, error) {
	if t.err == nil {
		t.events = append(t.events, events...)
	}
	return 1, t.err
}

func TestSentOnceAWeek(t *testing.T) {
	zone := time.FixedZone("east", 2*3600)
	now, leads, j := time.Time{}, 0, &taken{}
	s := &Sender{
		Journal: j, Schedule: Schedule{Day: time.Monday, At: 8 * time.Hour, Zone: zone}, Now: func() time.Time { return now },
		Make: func(_ context.Context, monday time.Time) (*summary.Summary, error) {
			return &summary.Summary{Week: summary.Name(monday), From: monday, To: monday.AddDate(0, 0, 7), Leads: leads}, nil
		},
	}
	for _, step := range []struct {
		at    string
		leads int
		err   error
		want  int
	}{
		{"2026-11-23T05:59:00Z", 5, nil, 0},                // a minute before eight: the one of a week ago is long past
		{"2026-11-23T06:00:00Z", 0, nil, 0},                // nothing to tell yet
		{"2026-11-23T06:01:00Z", 5, errors.New("gone"), 0}, // it is tried again
		{"2026-11-23T06:02:00Z", 5, nil, 1},
		{"2026-11-23T06:03:00Z", 5, nil, 1},
		{"2026-12-01T08:00:00Z", 5, nil, 1}, // a Tuesday, more than a day late
		{"2026-12-07T23:00:00Z", 5, nil, 2}, // late, within the day
	} {
		var err error
		if now, err = time.Parse(time.RFC3339, step.at); err != nil {
			t.Fatal(err)
		}
		leads, j.err = step.leads, step.err
		if err := s.Look(t.Context()); !errors.Is(err, step.err) {
			t.Errorf("%s: %v", step.at, err)
		}
		if len(j.events) != step.want {
			t.Fatalf("%s: %d were sent, want %d", step.at, len(j.events), step.want)
		}
	}
	if ev := j.events[0]; ev.GetId() != "summary:2026-W47" || ev.GetEntity() != identity.Desk || ev.GetSummaryDue().GetWeek() != "2026-W47" || ev.GetSummaryDue().GetText() == "" {
		t.Errorf("%v", ev)
	}
	if w := j.events[1].GetSummaryDue().GetWeek(); w != "2026-W49" {
		t.Error(w)
	}
}

func TestLastOfASchedule(t *testing.T) {
	s := Schedule{Day: time.Sunday, At: 23*time.Hour + 30*time.Minute, Zone: time.UTC}
	for now, want := range map[string]string{
		"2026-11-22T23:30:00Z": "2026-11-22T23:30:00Z",
		"2026-11-22T23:29:59Z": "2026-11-15T23:30:00Z",
		"2026-11-28T12:00:00Z": "2026-11-22T23:30:00Z",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Last(at).Format(time.RFC3339); got != want {
			t.Errorf("at %s it was due %s, want %s", now, got, want)
		}
	}
}
