package notify

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/links"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
)

// outbox keeps what is sent.
type outbox struct {
	to   []string
	sent []*Message
	// answer by recipient, Done where there is none.
	answer map[string]destination.Outcome
}

func (o *outbox) Send(_ context.Context, to *Recipient, m *Message) destination.Outcome {
	if a, ok := o.answer[to.Key]; ok {
		return a
	}
	o.to, o.sent = append(o.to, to.Key), append(o.sent, m)
	return destination.Outcome{Verdict: destination.Done, Status: 250}
}

func (o *outbox) Reaches(p *Person) string {
	if p.Address == "" {
		return "no address"
	}
	return ""
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func office(loc *time.Location) calendar.Calendar {
	c := calendar.Calendar{Location: loc}
	for d := time.Monday; d <= time.Friday; d++ {
		c.Week[d] = []calendar.Span{{From: 9 * 60, To: 12 * 60}, {From: 13 * 60, To: 17*60 + 30}}
	}
	return c
}

// rig is a notifier with a clock of its own.
type rig struct {
	*Notifier
	out *outbox
	dir *core.Directory
	now time.Time
	log bytes.Buffer
}

func newRig(t testing.TB, change func(*destination.Config)) *rig {
	t.Helper()
	cfg := destination.Config{Name: "mail", Type: "email", Options: Options(nil), Events: Events()}
	if change != nil {
		change(&cfg)
	}
	s, err := Parse(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{out: &outbox{answer: map[string]destination.Outcome{}}, now: destinationtest.Noon()}
	r.dir = &core.Directory{
		Teams: []core.Team{{ID: "emea", Manager: "kim"}},
		Reps: []core.Rep{
			{ID: "ana", Name: "Ana", Email: "ana@us.example", Team: "emea", Active: true, Calendar: office(zone(t, "Europe/Stockholm"))},
			{ID: "bo", Name: "Bo", Email: "bo@us.example", Team: "emea", Active: true, Calendar: office(zone(t, "America/New_York"))},
			{ID: "kim", Name: "Kim", Email: "kim@us.example", Active: true, Calendar: calendar.Calendar{Location: time.UTC, Always: true}},
		},
	}
	r.dir.Index()
	r.Notifier = &Notifier{Name: cfg.Name, Type: cfg.Type, Settings: s, Sender: r.out, Deps: destination.Deps{
		Now: func() time.Time { return r.now }, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Notify: destination.Notify{
			Directory: func(context.Context, time.Time) (*core.Directory, error) { return r.dir, nil },
			Link: func(handoff, rep string, assignment int, action links.Action, expires time.Time) string {
				return "https://baton.us.example/r/" + rep + "-" + action.String() + "-" + expires.Format("2006-01-02")
			},
		},
	}}
	return r
}

func (r *rig) routed(id string, st destination.Standing) *destination.Job {
	job := destinationtest.Routed(id, "ana@initech.example")
	job.DueAt, job.Standing = r.now, &st
	return job
}

// follow delivers a job until it is settled, letting time pass as it asks, and gives when that was.
func (r *rig) follow(t *testing.T, job *destination.Job) (o destination.Outcome, at time.Time) {
	t.Helper()
	for range 20 {
		if o.Group != "" {
			o = r.DeliverAll(t.Context(), o.Group, []*destination.Job{job})[0]
		} else {
			o = r.Deliver(t.Context(), job)
		}
		if o.Verdict != destination.Later || o.For != destination.ForDelivery {
			return o, r.now
		}
		job.Told = o.Told
		r.now = r.now.Add(o.After)
	}
	t.Fatalf("it never ends: %+v", o)
	return o, r.now
}

func TestQuietHours(t *testing.T) {
	quiet := func(c *destination.Config) { c.Quiet.Outside = "working" }
	friday := func(h, m int) time.Time { return time.Date(2026, 11, 20, h, m, 0, 0, time.UTC) } // Stockholm is an hour ahead
	monday := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	open := destination.Standing{Stage: "routed", Rep: "ana"}
	elapsed := open
	elapsed.Elapsed = true
	for name, tc := range map[string]struct {
		at     time.Time
		st     destination.Standing
		change func(*destination.Config)
		event  string
		want   time.Time
	}{
		"at work":                       {at: friday(9, 0), st: open, change: quiet, want: friday(9, 0)},
		"over lunch":                    {at: friday(11, 30), st: open, change: quiet, want: friday(12, 0)},
		"over the weekend":              {at: friday(18, 0), st: open, change: quiet, want: monday},
		"a clock that does not wait":    {at: friday(18, 0), st: elapsed, change: quiet, want: friday(18, 0)},
		"nothing quiet":                 {at: friday(18, 0), st: open, want: friday(18, 0)},
		"nothing urgent":                {at: friday(18, 0), st: elapsed, change: func(c *destination.Config) { quiet(c); c.Options["urgent"] = "" }, want: monday},
		"news can wait":                 {at: friday(18, 0), st: elapsed, change: quiet, event: "handoff.updated", want: monday},
		"accepted meanwhile":            {at: friday(18, 0), st: destination.Standing{Stage: "accepted", Rep: "ana", Elapsed: true}, change: quiet, want: monday},
		"a digest":                      {at: friday(9, 10), st: open, event: "handoff.updated", change: func(c *destination.Config) { c.Digest.Every = time.Hour }, want: friday(10, 0)},
		"a digest after hours":          {at: friday(16, 20), st: open, event: "handoff.updated", change: func(c *destination.Config) { quiet(c); c.Digest.Every = time.Hour }, want: monday},
		"a digest in the morning":       {at: friday(8, 0), st: open, event: "handoff.updated", change: func(c *destination.Config) { c.Digest.At = "08:30" }, want: friday(24+7, 30)},
		"a running clock and a digest":  {at: friday(9, 10), st: open, change: func(c *destination.Config) { c.Digest.Every = time.Hour }, want: friday(9, 10)},
		"a digest that begins with now": {at: friday(9, 0), st: open, event: "handoff.updated", change: func(c *destination.Config) { c.Digest.Every = time.Hour }, want: friday(9, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tc.change)
			r.now = tc.at
			job := r.routed("ho_1", tc.st)
			if tc.event != "" {
				job.Event = tc.event
			}
			o, at := r.follow(t, job)
			if o.Verdict != destination.Done || !at.Equal(tc.want) || !slices.Equal(r.out.to, []string{"ana"}) {
				t.Errorf("%+v at %s to %v, want %s", o, at, r.out.to, tc.want)
			}
		})
	}
}

// Each recipient is told in their own time, and once.
func TestEachInTheirTime(t *testing.T) {
	r := newRig(t, func(c *destination.Config) {
		c.Quiet.Outside = "working"
		c.Options["to"] = "owner,previous,kim,ops@us.example"
	})
	r.now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) // ten in Stockholm, four in New York
	job := r.routed("ho_1", destination.Standing{Stage: "routed", Rep: "bo"})
	job.Event, job.Payload.PreviousOwner, job.Payload.Owner.Id, job.Payload.Owner.Name = "handoff.reassigned", "ana", "bo", "Bo"
	o := r.Deliver(t.Context(), job)
	if !slices.Equal(r.out.to, []string{"ana", "kim", "ops@us.example"}) || o.Group != "bo" || o.After != 5*time.Hour || len(o.Told) != 3 {
		t.Fatalf("%+v to %v", o, r.out.to)
	}
	job.Told = o.Told
	r.now = r.now.Add(o.After)
	// He left meanwhile: nobody else is told again.
	for name, change := range map[string]func(*core.Rep){
		"left":       func(rep *core.Rep) { rep.Active = false },
		"wants none": func(rep *core.Rep) { rep.Notify = map[string]bool{"email": false} },
		"not by it":  func(rep *core.Rep) { rep.Notify = map[string]bool{"email": true, "mail": false} },
	} {
		was := r.dir.Reps[1]
		change(&r.dir.Reps[1])
		if got := r.DeliverAll(t.Context(), "bo", []*destination.Job{job}); got[0].Verdict != destination.Done || len(r.out.to) != 3 {
			t.Errorf("%s: %+v to %v", name, got, r.out.to)
		}
		r.dir.Reps[1] = was
	}
	if got := r.DeliverAll(t.Context(), "bo", []*destination.Job{job}); got[0].Verdict != destination.Done || r.out.to[3] != "bo" {
		t.Errorf("%+v to %v", got, r.out.to)
	}
}

// What waited goes as one message that says how each stands by now, with links for what is still to be answered.
func TestADigest(t *testing.T) {
	r := newRig(t, func(c *destination.Config) { c.Digest.At = "08:30"; c.Options["urgent"] = "" })
	var jobs []*destination.Job
	for i, st := range []destination.Standing{
		{Stage: "routed", Rep: "ana"}, {Stage: "accepted", Rep: "ana"}, {Stage: "routed", Rep: "bo", Current: 1}, {Stage: "routed"},
	} {
		job := r.routed("ho_"+string(rune('1'+i)), st)
		if o := r.Deliver(t.Context(), job); o.Group != "ana" || o.Verdict != destination.Later {
			t.Fatalf("%+v", o)
		}
		jobs = append(jobs, job)
	}
	r.now = time.Date(2026, 11, 21, 7, 30, 0, 0, time.UTC)
	for _, o := range r.DeliverAll(t.Context(), "ana", jobs) {
		if o.Verdict != destination.Done {
			t.Errorf("%+v", o)
		}
	}
	if len(r.out.sent) != 1 || len(r.out.sent[0].Items) != 4 {
		t.Fatalf("%+v", r.out.sent)
	}
	m := r.out.sent[0]
	if !strings.HasPrefix(m.Subject, "4 messages, one handoff to accept: ") || !strings.HasPrefix(m.ID, "digest_") {
		t.Errorf("%s %s", m.Subject, m.ID)
	}
	for i, want := range []string{"", "Meanwhile it is accepted.", "Meanwhile it went to Bo.", "Meanwhile it was taken from Ana: it waits for somebody else."} {
		one := m.Items[i]
		if answers := len(one.Links) == 3; answers != (i == 0) || want != "" && !slices.Contains(one.Lines, want) {
			t.Errorf("%d: %v %v", i, one.Links, one.Lines)
		}
	}
	if l := m.Items[0].Links; l[0] != (Link{"Accept", "https://baton.us.example/r/ana-accept-2026-11-27"}) || l[2] != (Link{"Open", "https://baton.us.example/r/ana-read-2026-12-20"}) {
		t.Errorf("%v", m.Items[0].Links)
	}
	// In another order, or again, it is the same message.
	slices.Reverse(jobs)
	r.DeliverAll(t.Context(), "ana", jobs)
	if r.out.sent[1].ID != m.ID || r.out.sent[1].Subject != m.Subject {
		t.Errorf("%s, %s", r.out.sent[1].ID, m.ID)
	}
}

func TestWhatCannotBeTold(t *testing.T) {
	r := newRig(t, nil)
	r.Deps.Notify.Directory = func(context.Context, time.Time) (*core.Directory, error) {
		return nil, errors.New("the journal does not answer")
	}
	job := r.routed("ho_1", destination.Standing{Stage: "routed", Rep: "ana"})
	if o := r.Deliver(t.Context(), job); o.Verdict != destination.Later || o.For != destination.ForDelivery {
		t.Errorf("%+v", o)
	}
	if o := r.DeliverAll(t.Context(), "ana", []*destination.Job{job}); len(o) != 1 || o[0].Verdict != destination.Later || o[0].Group != "ana" {
		t.Errorf("%+v", o)
	}
	// Refused for good by one of two: the other is told, and the delivery is given up with the reason.
	r = newRig(t, func(c *destination.Config) { c.Options["to"] = "owner,kim" })
	r.out.answer["ana"] = destination.Outcome{Verdict: destination.Never, Status: 550, Reason: "recipient: 550 5.1.1"}
	if o := r.Deliver(t.Context(), job); o.Verdict != destination.Never || o.Reason != "recipient: 550 5.1.1" || !slices.Equal(r.out.to, []string{"kim"}) {
		t.Errorf("%+v to %v", o, r.out.to)
	}
	if strings.Contains(r.log.String(), "example") || !strings.Contains(r.log.String(), "550 5.1.1") {
		t.Errorf("%s", &r.log)
	}
}

func TestWords(t *testing.T) {
	breach := func(notify string) func(*routingv1.Payload) {
		return func(p *routingv1.Payload) {
			p.Breach = &routingv1.Breach{Clock: "accept", Rep: "ana", Notify: notify, Due: p.GetSla().GetAcceptBy()}
		}
	}
	for _, tc := range []struct {
		event, to, subject, lead string
		change                   func(*routingv1.Payload)
		body                     string
	}{
		{event: "handoff.recalled", to: "ana", subject: "Taken back: ana Lind, VP Engineering at Initech", lead: "Do not work on", change: func(p *routingv1.Payload) { p.Reason = "merged" }},
		{event: "handoff.updated", to: "ana", subject: "New: ana Lind, VP Engineering at Initech: they booked a meeting", lead: "The brief of", change: func(p *routingv1.Payload) { p.Because = []string{"They booked a meeting."} }},
		{event: "sla.escalated", to: "ana", subject: "Reminder: accept ana Lind, VP Engineering at Initech by 17:00", lead: "Please accept", change: breach("rep")},
		{event: "sla.escalated", to: "kim", subject: "Ana has not yet done it: accept ana Lind, VP Engineering at Initech by 16:00 UTC", lead: "Ana has not", change: breach("manager")},
		{event: "sla.escalated", to: "ana", subject: "ana Lind, VP Engineering at Initech is passed on: Ana did not accept in time", lead: "Ana has not", change: breach("reassign")},
		{event: "sla.escalated", to: "kim", subject: "Nobody has ana Lind, VP Engineering at Initech: Ana did not accept in time", lead: "Ana has not", change: breach("overflow")},
		{event: "sla.breached", to: "kim", subject: "Overdue: Ana did not accept ana Lind, VP Engineering at Initech by 16:00 UTC", lead: "Ana was to accept", change: breach("")},
		{event: "desk.waiting", to: "ops@us.example", subject: "Nobody is there for handoffs to emea smb until Mon 08:00 UTC", lead: "The first handoff", body: `{"data":{"pool":"emea-smb","until":"2026-11-23T08:00:00Z"}}`},
		{event: "desk.cleared", to: "ops@us.example", subject: "Nobody waits for emea smb any more", lead: "Nobody waits", body: `{"data":{"pool":"emea-smb"}}`},
		{event: "summary.weekly", to: "ops@us.example", subject: "The week in summary 2026-W47", lead: "The week", body: `{"data":{"week":"2026-W47","text":"12 handed over","html":"<html><body>12</body></html>"}}`},
		{event: "model.trained", to: "ops@us.example", subject: "model trained", lead: "It happened at 12:00 UTC: model trained.", body: `{"data":{"name":"q4","auc":0.8,"ready":true,"none":"","by":{"team_id":"ops"}}}`},
		{event: "model.trained", to: "ops@us.example", subject: "model trained", lead: "It happened", body: `garbled`},
	} {
		r := newRig(t, func(c *destination.Config) {
			c.Events = append(Events(), "model.trained")
			for _, o := range []string{"to_waiting", "to_cleared", "to_weekly"} {
				c.Options[o] = "ops@us.example"
			}
		})
		if tc.event == "model.trained" {
			r.Settings.to[tc.event] = []string{"ops@us.example"}
		}
		job := destinationtest.OfHandoff(tc.event, "ho_1", "ana@initech.example", tc.change)
		if tc.body != "" {
			job.Payload, job.Handoff, job.Body = nil, "", []byte(tc.body)
		}
		if o := r.Deliver(t.Context(), job); o.Verdict != destination.Done || !slices.Equal(r.out.to, []string{tc.to}) {
			t.Errorf("%s: %+v to %v", tc.event, o, r.out.to)
			continue
		}
		m := r.out.sent[0]
		if m.Subject != tc.subject || !strings.HasPrefix(m.Lead, tc.lead) || m.Why == "" {
			t.Errorf("%s: %q %q", tc.event, m.Subject, m.Lead)
		}
		switch {
		case tc.event == "summary.weekly" && (m.Text != "12 handed over" || m.HTML == ""):
			t.Errorf("%+v", m)
		case tc.event == "model.trained" && tc.body != "garbled" && !slices.Equal(m.Lines, []string{"auc: 0.8", "by team id: ops", "name: q4", "ready: yes"}):
			t.Errorf("%q", m.Lines)
		}
	}
}

// Nobody reads a subject to its end: what is to be done stays, however long the rest is.
func TestTheDeadlineStays(t *testing.T) {
	r := newRig(t, nil)
	job := r.routed("ho_1", destination.Standing{Stage: "routed", Rep: "ana"})
	job.Payload.Lead.Title = strings.Repeat("Very ", 60) + "important"
	if o := r.Deliver(t.Context(), job); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	if s := r.out.sent[0].Subject; len([]rune(s)) > maxSubject || !strings.HasSuffix(s, ": accept by 17:00") {
		t.Errorf("%q", s)
	}
}

// A digest's window ends at a fixed time of the recipient's day, never before what is due, and never later than its length.
func TestWindows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		loc := zone(t, rapid.SampledFrom([]string{"UTC", "Europe/Stockholm", "America/New_York", "Asia/Kolkata"}).Draw(rt, "zone"))
		due := time.Unix(rapid.Int64Range(1.76e9, 1.80e9).Draw(rt, "due"), 0)
		every := rapid.SampledFrom([]time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour}).Draw(rt, "every")
		end := (&Settings{every: every, at: -1}).window(due, loc)
		if wait := end.Sub(due); wait < 0 || wait >= every {
			rt.Fatalf("%s waits %s", due, wait)
		}
		minutes := rapid.IntRange(0, 1439).Draw(rt, "at")
		end = (&Settings{at: minutes}).window(due, loc)
		if wait := end.Sub(due); wait < 0 || wait > 26*time.Hour {
			rt.Fatalf("%s waits %s", due, wait)
		}
		if local := end.In(loc); local.Hour()*60+local.Minute() != minutes && minutes/60 > 4 { // a clock that is put forward has no 02:30
			rt.Fatalf("%s is not at %d", local, minutes)
		}
	})
}

func FuzzPlainly(f *testing.F) {
	f.Add([]byte(`{"data":{"a":[{"b":null},1,true,"x"]}}`))
	f.Add([]byte(`{"data":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := newRig(t, func(c *destination.Config) { c.Options["to"] = "ops@us.example" })
		r.Settings.to["model.trained"] = []string{"ops@us.example"}
		o := r.Deliver(t.Context(), &destination.Job{ID: "msg_1", Event: "model.trained", DueAt: r.now, Body: body})
		if o.Verdict != destination.Done || len(r.out.sent[0].Lines) > maxLines || r.out.sent[0].Subject == "" {
			t.Fatalf("%+v", o)
		}
	})
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 11, 20, 22, 30, 0, 0, time.UTC)
	stockholm := zone(t, "Europe/Stockholm")
	for want, at := range map[string]time.Time{
		"23:45": now.Add(15 * time.Minute), "Sat 00:30": now.Add(time.Hour), "Wed 23:30": now.Add(5 * 24 * time.Hour), "Mon 30 Nov 23:30": now.Add(10 * 24 * time.Hour),
		"Thu 19 Nov 23:30": now.Add(-24 * time.Hour),
	} {
		if got := Clock(at, now, stockholm); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := Clock(timestamppb.New(now).AsTime(), now, time.UTC); got != "22:30 UTC" {
		t.Error(got)
	}
}
