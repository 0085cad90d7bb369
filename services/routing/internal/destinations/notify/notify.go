// Package notify is what destinations have in common that tell people: whom, when, and in which words. Each recipient is told once and in
// their own time; what waits for the same recipient is told in one message. The kinds of destinations (email, slack) write and
// send the messages.
//
// Guarantee: everybody is told at least once. Whom a delivery was told to is remembered by the process alone, so that after a crash
// between a message and its record the same message may come again, with the same Message.ID.
package notify

import (
	"context"
	"log/slog"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Sender sends a message to a recipient: one attempt.
type Sender interface {
	Send(ctx context.Context, to *Recipient, m *Message) destination.Outcome
	// Reaches gives why a person cannot be told, in words without personal data; "" where they can.
	Reaches(p *Person) string
}

// Notifier tells people by a Sender. It is a destination.Destination, a Digester and a Tester.
type Notifier struct {
	Name, Type string
	Settings   *Settings
	Deps       destination.Deps
	Sender     Sender
	// Together tells all recipients of a delivery in one message, as a channel does.
	Together bool
}

const (
	// notNow is how long a delivery waits whose recipients cannot be found out.
	notNow = 5 * time.Second
	// gathering is how long a message whose moment has come is kept for what else is to go with it.
	gathering = time.Second
)

var (
	_ destination.Digester = (*Notifier)(nil)
	_ destination.Tester   = (*Notifier)(nil)
)

// Deliver tells whom it can tell now, one message each, and puts the rest off.
func (n *Notifier) Deliver(ctx context.Context, job *destination.Job) destination.Outcome {
	dir, err := n.directory(ctx, job.SeenAt)
	if err != nil {
		return n.putOff(job.Told, notNow, "")
	}
	t := n.tell(dir, job)
	for _, r := range t.left() {
		if _, waits := n.moment(job, r, t.now); waits {
			continue
		}
		if !t.took(r, n.Sender.Send(ctx, r, n.message(dir, r, job, t.now))) {
			break
		}
	}
	return t.outcome()
}

// DeliverAll tells one recipient of several deliveries in one message.
func (n *Notifier) DeliverAll(ctx context.Context, group string, jobs []*destination.Job) []destination.Outcome {
	out := make([]destination.Outcome, len(jobs))
	var since time.Time
	for _, job := range jobs {
		if job.SeenAt.After(since) {
			since = job.SeenAt
		}
	}
	dir, err := n.directory(ctx, since)
	if err != nil {
		for i, job := range jobs {
			out[i] = n.putOff(job.Told, notNow, group)
		}
		return out
	}
	var tells []*telling
	var due []*telling
	var to *Recipient
	for _, job := range jobs {
		t := n.tell(dir, job)
		tells = append(tells, t)
		for _, r := range t.left() {
			if r.Key != group {
				continue
			}
			if at, _ := n.moment(job, r, t.now); !at.After(t.now) {
				t.to, to = r, r
				due = append(due, t)
			}
		}
	}
	if to != nil {
		o := n.Sender.Send(ctx, to, n.gathered(dir, due))
		for _, t := range due {
			t.took(t.to, o)
		}
	}
	for i, t := range tells {
		out[i] = t.outcome()
	}
	return out
}

// Test sends a sample to a person.
func (n *Notifier) Test(ctx context.Context, to string) destination.Outcome {
	dir, err := n.directory(ctx, n.Deps.Now())
	if err != nil {
		return destination.Outcome{Reason: "the directory cannot be read now"}
	}
	r, problem := n.sampled(dir, to)
	if problem != "" {
		return destination.Outcome{Verdict: destination.Never, Reason: problem}
	}
	return n.Sender.Send(ctx, r, n.sample(dir, r, n.Deps.Now()))
}

// Problems says what in the directory and the settings keeps people from being told.
func (n *Notifier) Problems(ctx context.Context) ([]string, error) {
	dir, err := n.directory(ctx, n.Deps.Now())
	if err != nil {
		return nil, err
	}
	return n.problems(dir), nil
}

// directory gives the one in force: whom a delivery is for may stand there only since it was made.
func (n *Notifier) directory(ctx context.Context, since time.Time) (*core.Directory, error) {
	if n.Deps.Notify.Directory == nil {
		return nil, nil // it knows nobody
	}
	return n.Deps.Notify.Directory(ctx, since)
}

func (n *Notifier) putOff(told map[string]string, after time.Duration, group string) destination.Outcome {
	return destination.Outcome{
		Verdict: destination.Later, For: destination.ForDelivery, After: after, Group: group, Told: told, Reason: "it waits for its moment",
	}
}

// telling is one delivery on its way to its recipients.
type telling struct {
	n          *Notifier
	job        *destination.Job
	now        time.Time
	recipients []*Recipient
	// to is the one whom a message for several deliveries goes to.
	to   *Recipient
	told map[string]string
	// unreached is why somebody who should be told cannot be, "" where everybody can.
	unreached string
	status    int
	// held is what keeps the delivery from going on, nil where nothing does.
	held *destination.Outcome
}

func (n *Notifier) tell(dir *core.Directory, job *destination.Job) *telling {
	t := &telling{n: n, job: job, now: n.Deps.Now(), told: map[string]string{}}
	for key, why := range job.Told {
		t.told[key] = why
	}
	t.recipients, t.unreached = n.recipients(dir, job)
	return t
}

// left gives whom it was not told to yet.
func (t *telling) left() (list []*Recipient) {
	for _, r := range t.recipients {
		if _, done := t.told[r.Key]; !done {
			list = append(list, r)
		}
	}
	return list
}

// took takes in what came of a message, and reports whether to go on with others.
func (t *telling) took(r *Recipient, o destination.Outcome) bool {
	if o.Status != 0 {
		t.status = o.Status
	}
	switch o.Verdict {
	case destination.Done:
		t.told[r.Key] = ""
	case destination.Never:
		t.told[r.Key] = o.Reason
		t.n.Deps.Log.LogAttrs(context.Background(), slog.LevelWarn, "somebody cannot be told of a delivery",
			slog.String("webhook_id", t.job.ID), slog.String("reason", o.Reason))
	default:
		if t.held == nil || o.Verdict > t.held.Verdict {
			t.held = &o
		}
		return o.Verdict == destination.Again && !o.Sick
	}
	return true
}

// outcome says what has become of the delivery.
func (t *telling) outcome() destination.Outcome {
	if t.held != nil {
		o := *t.held
		o.Told = t.told
		return o
	}
	var first time.Time
	group := ""
	for _, r := range t.left() {
		if at, _ := t.n.moment(t.job, r, t.now); first.IsZero() || at.Before(first) {
			first, group = at, r.Key
		}
	}
	if group != "" {
		o := t.n.putOff(t.told, max(first.Sub(t.now), gathering), group)
		o.Status = t.status
		return o
	}
	refused := t.unreached
	for _, r := range t.recipients {
		if why := t.told[r.Key]; why != "" {
			refused = why
		}
	}
	if refused != "" {
		return destination.Outcome{Verdict: destination.Never, Status: t.status, Reason: refused, Told: t.told}
	}
	return destination.Outcome{Verdict: destination.Done, Status: t.status, Told: t.told}
}
