// Package sender tells destinations what is due to them: beside the fold, in order per lead, as long as it takes. What it
// did becomes an input of the journal; what it has yet to do is always what is due less what is done. Losing its place, it
// repeats a delivery under the same webhook-id rather than skip one.
package sender

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Appender appends inputs to the journal.
type Appender interface {
	Append(ctx context.Context, events ...*journalv1.Event) (uint64, error)
}

// Store reads the index of what is due.
type Store interface {
	Hash(ctx context.Context, service string, partition int, hash string) (map[string][]byte, error)
	Fields(ctx context.Context, service string, reads []leadstore.PartitionFields) ([][][]byte, error)
}

// Options of New.
type Options struct {
	Destinations []Destination
	Journal      Appender
	Store        Store
	// Job renders a delivery, with what earlier ones left where refs is set: render.ErrGone if there is nothing to tell, any other error
	// if it cannot be told now.
	Job func(ctx context.Context, d *state.Delivery, refs bool) (*destination.Job, error)
	// Paused reads what operators have paused, by destination; nil: nobody can.
	Paused func(context.Context) (map[string]Pause, error)
	// Source of the inputs that it appends.
	Source  string
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Sender is a journal.Observer that delivers. Run must be running.
type Sender struct {
	opt     Options
	metrics *metrics

	mu        sync.Mutex
	receivers map[string]*receiver
	// todo is what the observer's calls leave for Run, in order.
	todo []func(context.Context)
	wake chan struct{}
	// lookNow asks for the pauses to be read again.
	lookNow chan struct{}
	// pauses as they were last read, and whether they ever were.
	pauses      map[string]Pause
	pausesKnown bool
	// session counts Live and Closed: what was begun for an older one is left alone. owned are its partitions, nil without one.
	session int
	owned   []int
	// known are attempts whose outcome is in the journal, or about to be, and has not been folded yet.
	known map[string]known
	// orphans are deliveries to destinations that are not configured here.
	orphans map[string]string
}

type known struct {
	attempt int
	done    bool
	next    time.Time
}

// New gives a sender. It starts nothing.
func New(opt Options) (*Sender, error) {
	s := &Sender{
		opt: opt, receivers: map[string]*receiver{}, wake: make(chan struct{}, 1), lookNow: make(chan struct{}, 1),
		known: map[string]known{}, orphans: map[string]string{},
	}
	for _, d := range opt.Destinations {
		s.receivers[d.Name] = s.newReceiver(d)
	}
	m, err := newMetrics(opt.Metrics, s)
	if err != nil {
		return nil, err
	}
	s.metrics = m
	return s, nil
}

// newReceiver gives a receiver that sends nothing before the pauses are known. s.mu is held, or s not yet shared.
func (s *Sender) newReceiver(d Destination) *receiver {
	r := &receiver{name: d.Name, now: d, queue: newQueue(d.Concurrency, d.Limiter)}
	r.queue.gate.unknown = !s.pausesKnown
	r.queue.gate.pause = s.pauses[d.Name]
	return r
}

// Run delivers until ctx ends; what is in flight then is given up and tried again by whoever comes next.
func (s *Sender) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running.Go(func() { s.watchPauses(ctx) })
	running.Go(func() { s.watchBacklogs(ctx) })
	for {
		s.startLoops(ctx, &running)
		s.mu.Lock()
		todo := s.todo
		s.todo = nil
		s.mu.Unlock()
		for _, do := range todo {
			do(ctx)
		}
		if len(todo) > 0 {
			continue
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// startLoops starts the loops of destinations that have none yet, and looks at each of them once, beside everything else.
func (s *Sender) startLoops(ctx context.Context, running *sync.WaitGroup) {
	for _, r := range s.all() {
		r.mu.Lock()
		if r.stop == nil {
			own, stop := context.WithCancel(ctx)
			r.stop = stop
			running.Go(func() { s.loop(own, r) })
			running.Go(func() { s.look(own, r) })
		}
		r.mu.Unlock()
	}
}

// loop keeps one destination's deliveries in flight.
func (s *Sender) loop(ctx context.Context, r *receiver) {
	var flying sync.WaitGroup
	defer flying.Wait()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for ctx.Err() == nil {
		it, wait := r.queue.take(s.opt.Now())
		if it != nil {
			flying.Go(func() { s.fly(ctx, r, it) })
			continue
		}
		timer.Stop()
		if wait > 0 {
			timer.Reset(wait)
		}
		select {
		case <-r.queue.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

// fly makes a delivery, and then those that may go by then: with a backlog a goroutine that has grown its stack goes on.
func (s *Sender) fly(ctx context.Context, r *receiver, it *item) {
	for it != nil {
		s.deliver(ctx, r, it)
		if ctx.Err() != nil {
			return
		}
		it, _ = r.queue.take(s.opt.Now())
	}
}

// Replace puts other destinations in force. One that keeps its name keeps its queue, and deliveries in flight end as they began.
// What is due to one that is gone waits; what waited for one that is new is delivered.
func (s *Sender) Replace(list []Destination) {
	s.mu.Lock()
	names := map[string]bool{}
	fresh := false
	var gone []*receiver
	for _, d := range list {
		names[d.Name] = true
		if r := s.receivers[d.Name]; r != nil {
			r.replace(d)
			continue
		}
		s.receivers[d.Name] = s.newReceiver(d)
		fresh = true
	}
	for name, r := range s.receivers {
		if !names[name] {
			delete(s.receivers, name)
			gone = append(gone, r)
		}
	}
	session, owned := s.session, s.owned
	s.mu.Unlock()
	for _, r := range gone {
		r.mu.Lock()
		if r.stop != nil {
			r.stop()
		}
		r.mu.Unlock()
		r.queue.clear()
	}
	if !fresh && len(gone) == 0 {
		return
	}
	s.later(func(ctx context.Context) {
		s.mu.Lock()
		clear(s.orphans)
		s.mu.Unlock()
		if owned != nil {
			s.load(ctx, session, owned)
		}
	})
}

func (s *Sender) later(do func(context.Context)) {
	s.mu.Lock()
	s.todo = append(s.todo, do)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Live begins to deliver what is due in the owned partitions.
func (s *Sender) Live(owned []int) {
	s.mu.Lock()
	s.session++
	s.owned = append([]int{}, owned...)
	session := s.session
	s.mu.Unlock()
	s.later(func(ctx context.Context) { s.load(ctx, session, owned) })
}

// Closed stops: what waits is somebody else's until the next Live.
func (s *Sender) Closed() {
	s.mu.Lock()
	s.session++
	s.owned = nil
	s.mu.Unlock()
	s.later(func(context.Context) {
		for _, r := range s.all() {
			r.queue.clear()
		}
		s.mu.Lock()
		clear(s.orphans)
		s.mu.Unlock()
	})
}

func (s *Sender) current(session int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session == session
}

// Folded takes in what has become due, and what has become of deliveries. The store shows both by now.
func (s *Sender) Folded(changes []journal.Change) {
	var due []string
	var settled []func()
	for _, c := range changes {
		for _, f := range c.Facts {
			if p := f.Body.GetDeliveryDue(); p != nil && f.Entity == c.Entity {
				due = append(due, p.GetWebhookId())
			}
		}
		if c.Event.Input() {
			if id := c.Event.Body.GetReplayRequested().GetWebhookId(); id != "" {
				due = append(due, id)
			}
			if f := s.reported(c.Event.Body); f != nil {
				settled = append(settled, f)
			}
		}
	}
	if len(due)+len(settled) == 0 {
		return
	}
	s.mu.Lock()
	session := s.session
	s.mu.Unlock()
	s.later(func(ctx context.Context) {
		for _, f := range settled {
			f()
		}
		s.fetch(ctx, session, due)
	})
}

// reported gives what an input says of a delivery.
func (s *Sender) reported(body *journalv1.Event) func() {
	if p := body.GetReplayRequested(); p != nil {
		return func() {
			if r := s.receiver(p.GetDestination()); r != nil {
				r.queue.nudge()
			}
		}
	}
	if body.GetDestinationPaused() != nil {
		return func() {
			select {
			case s.lookNow <- struct{}{}:
			default:
			}
		}
	}
	if p := body.GetDelivered(); p != nil {
		return func() { s.settled(p.GetDestination(), p.GetWebhookId(), int(p.GetAttempt()), true, time.Time{}) }
	}
	if p := body.GetDeliveryFailed(); p != nil {
		return func() {
			s.settled(p.GetDestination(), p.GetWebhookId(), int(p.GetAttempt()), p.GetDead(), p.GetNextAt().AsTime())
		}
	}
	return nil
}

// settled notes that an attempt's outcome has been folded, whoever made it.
func (s *Sender) settled(to, id string, attempt int, done bool, next time.Time) {
	s.mu.Lock()
	if k, ok := s.known[id]; ok && k.attempt <= attempt {
		delete(s.known, id)
	}
	s.mu.Unlock()
	r := s.receiver(to)
	switch {
	case r == nil:
	case done:
		r.queue.forget(id)
	default:
		r.queue.advance(id, attempt, next)
	}
}

var _ journal.Observer = (*Sender)(nil)
