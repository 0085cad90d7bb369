// Package weekly appends the summary of the last week to the journal, once a week, for the desk to tell who subscribed.
package weekly

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/summary"
)

// Type of the event that is appended.
const Type = "summary_due"

const (
	// every is how often is looked whether the moment has come.
	every = time.Minute
	// late is how long after its moment a summary is still sent, where nobody ran at that time.
	late = 24 * time.Hour
)

// Schedule is when the last week's summary is sent.
type Schedule struct {
	Day  time.Weekday
	At   time.Duration // since midnight, by the clock on the wall
	Zone *time.Location
}

// Last gives the latest moment of the schedule that is not after now.
func (s Schedule) Last(now time.Time) time.Time {
	local := now.In(s.Zone)
	for back := 0; ; back++ {
		due := time.Date(local.Year(), local.Month(), local.Day()-back, 0, int(s.At/time.Minute), 0, 0, s.Zone)
		if due.Weekday() == s.Day && !due.After(now) {
			return due
		}
	}
}

// Journal takes events; *journal.Journal is one.
type Journal interface {
	Append(ctx context.Context, events ...*journalv1.Event) (seq uint64, err error)
}

// Sender appends summaries.
type Sender struct {
	Journal  Journal
	Schedule Schedule
	// Make makes the summary of the week that begins on a Monday.
	Make func(ctx context.Context, monday time.Time) (*summary.Summary, error)
	Now  func() time.Time
	Log  *slog.Logger

	sent string
}

// Run looks every minute until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.Look(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("the weekly summary could not be sent; trying again", "error", err)
		}
	}
}

// Look appends the summary of the last week that was over at the schedule's latest moment, unless this Sender did, the moment is more than a
// day ago, or there is no lead to tell of. Several processes append the same event id, and the desk tells each week once.
func (s *Sender) Look(ctx context.Context) error {
	now := s.Now()
	due := s.Schedule.Last(now)
	monday := summary.Monday(due).AddDate(0, 0, -7)
	week := summary.Name(monday)
	if week == s.sent || now.Sub(due) > late {
		return nil
	}
	sum, err := s.Make(ctx, monday)
	if err != nil {
		return err
	}
	if sum.Leads == 0 {
		return nil
	}
	page, err := sum.HTML()
	if err != nil {
		return err
	}
	at := timestamppb.New(now)
	if _, err := s.Journal.Append(ctx, &journalv1.Event{
		Id: "summary:" + week, Entity: identity.Desk, Type: Type, Source: "feedback", OccurredAt: at, ReceivedAt: at,
		Payload: &journalv1.Event_SummaryDue{SummaryDue: &journalv1.SummaryDue{Week: week, Text: sum.Text(), Html: page, Slack: sum.Slack()}},
	}); err != nil {
		return fmt.Errorf("append the summary of %s: %w", week, err)
	}
	s.sent = week
	return nil
}
