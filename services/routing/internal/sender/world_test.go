package sender

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/webhook"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
	webhookdest "github.com/batonhq/baton/services/routing/internal/destinations/webhook"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/outbound"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/state"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// world is a journal, a store and destinations, all in memory. What the sender appends is folded into the store at once, as
// a worker would, unless the test says otherwise.
type world struct {
	t      *testing.T
	sender *Sender
	start  time.Time
	stop   func()

	mu       sync.Mutex
	books    map[string]*state.Book
	appended []*journalv1.Event
	// down makes appends fail; behind keeps what is appended from being folded.
	down, behind bool
	// notReady makes rendering fail.
	notReady bool
	// garbled is how many entries of each partition's index cannot be read.
	garbled int
	// pauses are what operators have paused; pausesUnknown makes reading them fail.
	pauses        map[string]Pause
	pausesUnknown bool
	// refs by entity, as the fold keeps them.
	refs map[string]map[string]string
	log  *lines
	// calls of each destination: when, which delivery.
	calls map[string][]call
}

type call struct {
	after time.Duration
	id    string
}

func (w *world) Append(_ context.Context, events ...*journalv1.Event) (uint64, error) {
	w.mu.Lock()
	if w.down {
		w.mu.Unlock()
		return 0, journal.ErrUnavailable
	}
	w.appended = append(w.appended, events...)
	behind := w.behind
	w.mu.Unlock()
	if !behind {
		w.fold(events...)
	}
	return 1, nil
}

// fold folds inputs into the store and shows them to the sender.
func (w *world) fold(events ...*journalv1.Event) {
	var changes []journal.Change
	w.mu.Lock()
	for _, ev := range events {
		b := w.books[ev.Entity]
		switch {
		case ev.GetDelivered() != nil:
			if refs := ev.GetDelivered().Refs; refs != nil {
				if w.refs == nil {
					w.refs = map[string]map[string]string{}
				}
				w.refs[ev.Entity] = refs
			}
			b.Delivered(ev.GetDelivered().WebhookId, int(ev.GetDelivered().Attempt), 200, ev.ReceivedAt.AsTime())
		case ev.GetDeliveryFailed() != nil:
			f := ev.GetDeliveryFailed()
			b.Failed(f.WebhookId, int(f.Attempt), int(f.Status), f.Reason, f.NextAt.AsTime(), ev.ReceivedAt.AsTime(), f.Dead)
		case ev.GetDestinationPaused() != nil:
			delete(w.pauses, ev.GetDestinationPaused().Destination)
			if ev.GetDestinationPaused().Paused {
				w.pauses[ev.GetDestinationPaused().Destination] = Pause{Since: time.Now(), By: ev.GetDestinationPaused().By}
			}
		case ev.GetReplayRequested() != nil:
			b.Replay(ev.GetReplayRequested().WebhookId, time.Now())
		}
		changes = append(changes, journal.Change{Entity: ev.Entity, Event: &journal.Event{Head: journal.Head{Entity: ev.Entity, Type: ev.Type}, Body: ev}})
	}
	w.mu.Unlock()
	w.sender.Folded(changes)
}

// due states deliveries, folds them, and gives their ids.
func (w *world) due(entity, destination string, n int) (ids []string) {
	c, ids := w.state(entity, destination, n)
	w.sender.Folded([]journal.Change{c})
	return ids
}

// state states deliveries without telling the sender.
func (w *world) state(entity, destination string, n int) (c journal.Change, ids []string) {
	c = journal.Change{Entity: entity, Event: &journal.Event{Head: journal.Head{Entity: entity, Origin: &journal.Origin{}}, Body: &journalv1.Event{}}}
	w.mu.Lock()
	if w.books[entity] == nil {
		w.books[entity] = &state.Book{}
	}
	for range n {
		id := fold.WebhookID(entity, destination, fold.EventRouted, fmt.Sprint(w.books[entity].Stated))
		w.books[entity].Add(state.Delivery{ID: id, Destination: destination, Event: fold.EventRouted, Entity: entity, DueAt: time.Now(), NextAt: time.Now()})
		c.Facts = append(c.Facts, &journal.Event{Head: journal.Head{Entity: entity}, Body: &journalv1.Event{
			Payload: &journalv1.Event_DeliveryDue{DeliveryDue: &journalv1.DeliveryDue{WebhookId: id, Destination: destination}},
		}})
		ids = append(ids, id)
	}
	w.mu.Unlock()
	return c, ids
}

func (w *world) Hash(_ context.Context, _ string, partition int, _ string) (map[string][]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string][]byte{}
	for n := range w.garbled {
		out[fmt.Sprint("garbled", n)] = []byte{0xff}
	}
	for entity, b := range w.books {
		for _, d := range b.List {
			if journal.PartitionOf(entity) == partition && !d.Done() {
				out[d.ID] = state.EncodeDelivery(d)
			}
		}
	}
	return out, nil
}

func (w *world) Fields(_ context.Context, _ string, reads []leadstore.PartitionFields) ([][][]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := make([][][]byte, len(reads))
	for i, r := range reads {
		for _, id := range r.Fields {
			var blob []byte
			if b := w.books[fold.EntityOfDelivery(id)]; b != nil {
				if d := b.Find(id); d != nil && !d.Done() {
					blob = state.EncodeDelivery(d)
				}
			}
			out[i] = append(out[i], blob)
		}
	}
	return out, nil
}

func (w *world) job(_ context.Context, d *state.Delivery, refs bool) (*destination.Job, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.notReady {
		return nil, journal.ErrNotReady
	}
	if d.Handoff == "gone" {
		return nil, render.ErrGone
	}
	job := &destination.Job{ID: d.ID, Attempt: d.Attempts + 1, Event: d.Event, Entity: d.Entity, DueAt: d.DueAt, Body: []byte(`{"id":"` + d.ID + `"}`)}
	if refs {
		job.Refs = w.refs[d.Entity]
	}
	return job, nil
}

// destination gives a webhook that a handler answers, or what setup has in its place.
func (w *world) destination(name string, h http.HandlerFunc, setup setup) Destination {
	limiter := outbound.NewLimiter(setup.limit, time.Now)
	d := Destination{Name: name, Type: "webhook", To: setup.to, Limiter: limiter, Concurrency: cmp.Or(setup.concurrency, 4), BacklogAlarm: setup.backlogAlarm}
	if to, ok := setup.to.(interface{ limited(*outbound.Limiter) }); ok {
		to.limited(limiter)
	}
	if d.To == nil {
		var err error
		d.To, err = webhookdest.New(
			destination.Config{URL: "http://" + name + ".example/hook", Secrets: []string{secret}},
			destination.Deps{Client: outbound.NewClient(transport{w, name, h}, limiter, outbound.RequestWithin), Now: time.Now},
		)
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return d
}

func (w *world) paused(context.Context) (map[string]Pause, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pausesUnknown {
		return nil, journal.ErrNotReady
	}
	return maps.Clone(w.pauses), nil
}

// lines is a log that is kept.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// transport answers as a destination's handler does, without a network.
type transport struct {
	w    *world
	name string
	http.Handler
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	v, err := webhook.NewVerifier([]string{secret}, webhook.Tolerance)
	if err != nil {
		t.w.t.Error(err)
	}
	id := r.Header.Get(webhook.HeaderID)
	if err := v.Verify(r.Header, body, time.Now()); err != nil {
		t.w.t.Errorf("%s: %v", id, err)
	}
	if string(body) != `{"id":"`+id+`"}` || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.UserAgent() != "Baton/1 (Standard-Webhooks)" {
		t.w.t.Errorf("%s %s %v: %s", r.Method, id, r.Header, body)
	}
	t.w.mu.Lock()
	t.w.calls[t.name] = append(t.w.calls[t.name], call{time.Since(t.w.start), id})
	t.w.mu.Unlock()
	rec := httptest.NewRecorder()
	t.ServeHTTP(rec, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return rec.Result(), nil
}

// setup is what a test wants of a destination beside its handler; by default it is a webhook.
type setup struct {
	to           destination.Destination
	limit        destination.Limit
	concurrency  int
	backlogAlarm time.Duration
}

func newWorld(t *testing.T, handlers map[string]http.HandlerFunc, setups map[string]setup) *world {
	w := &world{t: t, start: time.Now(), books: map[string]*state.Book{}, calls: map[string][]call{}, pauses: map[string]Pause{}}
	w.log = &lines{}
	opt := Options{Journal: w, Store: w, Job: w.job, Paused: w.paused, Source: "routing", Now: time.Now, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	for name, h := range handlers {
		opt.Destinations = append(opt.Destinations, w.destination(name, h, setups[name]))
	}
	var err error
	if w.sender, err = New(opt); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.sender.Run(ctx)
	}()
	w.stop = func() { cancel(); <-done }
	w.live()
	return w
}

func (w *world) live() {
	all := make([]int, journal.Partitions)
	for p := range all {
		all[p] = p
	}
	w.sender.Live(all)
}

// slowLog takes its time for every line: whatever else there is to do is done meanwhile.
type slowLog struct{ slog.Handler }

func (slowLog) Enabled(context.Context, slog.Level) bool { return true }

func (slowLog) Handle(context.Context, slog.Record) error {
	time.Sleep(time.Millisecond)
	return nil
}

// advance lets time pass and everything settle.
func advance(d time.Duration) {
	time.Sleep(d) // the bubble's clock: it moves when nobody has anything left to do
	synctest.Wait()
}

func (w *world) delivery(id string) state.Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.books[fold.EntityOfDelivery(id)].Find(id)
}

func (w *world) called(name string) []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls[name])
}

func (w *world) ids(name string) (ids []string) {
	for _, c := range w.called(name) {
		ids = append(ids, c.id)
	}
	return ids
}

func lead(n int) string {
	return identity.Key("0123456789abcdef0123456789abcdef").Lead(identity.Email, "", fmt.Sprint(n))
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func bubble(t *testing.T, handlers map[string]http.HandlerFunc, test func(w *world)) {
	t.Helper()
	bubbleWith(t, handlers, nil, test)
}

func bubbleWith(t *testing.T, handlers map[string]http.HandlerFunc, setups map[string]setup, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, handlers, setups)
		defer func() { w.stop() }()
		test(w)
	})
}
