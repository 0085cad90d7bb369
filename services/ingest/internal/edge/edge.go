// Package edge is ingest's HTTP side: it finds the source of a request, bounds what the request may cost, has its sender
// verify and decode it, and answers once everything is in the journal.
package edge

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/time/rate"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/intake"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Source is one configured source, ready to take requests.
type Source struct {
	Config sender.Config
	Type   sender.Type
	Sender sender.Sender
	// MaxBody in bytes, decompressed.
	MaxBody int64
	// Limit is the rate of events; nil is no limit.
	Limit *rate.Limiter
	// News has something when the source has told of something, of a source that is asked for the rest; nil otherwise.
	News chan struct{}

	counters counters
}

// Intake says whose a batch of the source's events is. What is posted with a write key is anybody's word, since such keys stand
// in pages and apps, and so is what a platform passes on of it, unless the configuration trusts it.
func (s *Source) Intake() intake.Source {
	return intake.Source{Name: s.Config.Name, Open: (s.Type.Path == sender.Tracking || s.Type.Open) && !s.Config.Trusted}
}

// Options of an edge. All but Metrics, Tracer and CORSOrigins are needed.
type Options struct {
	Sources  []*Source
	Tracking sender.TrackingAPI
	Intake   *intake.Intake
	// InFlight is how many bytes all bodies under way may hold together.
	InFlight int64
	// PublicURL is what stands before the path of a request as senders call it, https://host; "" where none is configured.
	PublicURL string
	// Hold is how long a sender that must not be answered is kept waiting while the journal does not answer.
	Hold        time.Duration
	CORSOrigins []string
	Now         func() time.Time
	Log         *slog.Logger
	Metrics     prometheus.Registerer
	Tracer      trace.Tracer
}

// Edge serves /v1/… and /webhooks/….
type Edge struct {
	opt      Options
	sources  atomic.Pointer[Sources]
	bodies   *bodies
	cors     cors
	metrics  *metrics
	refusals *refusals
	admitted *admission
	putOffs  atomic.Int64

	mu       sync.RWMutex
	draining bool
	running  sync.WaitGroup

	// down: the journal did not answer when it was last asked.
	down atomic.Bool
}

// New makes an edge. Names and write keys must be unique.
func New(opt Options) (*Edge, error) {
	e := &Edge{
		opt: opt, cors: newCORS(opt.CORSOrigins), bodies: &bodies{limit: opt.InFlight}, refusals: newRefusals(), admitted: newAdmission(),
	}
	var err error
	if e.metrics, err = newMetrics(opt.Metrics, e.bodies.held.Load); err != nil {
		return nil, err
	}
	e.Replace(opt.Sources)
	return e, nil
}

// enter counts a request in; false: no more are taken.
func (e *Edge) enter() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.draining {
		return false
	}
	e.running.Add(1)
	return true
}

// Drain refuses new requests and waits for those under way, for as long as ctx allows.
func (e *Edge) Drain(ctx context.Context) error {
	e.mu.Lock()
	e.draining = true
	e.mu.Unlock()
	done := make(chan struct{})
	go func() {
		e.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Draining reports whether Drain has been called.
func (e *Edge) Draining() bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.draining
}

// exchange is one request being answered.
type exchange struct {
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
	// sources are those that were in force when it came in; source is nil until it is known.
	sources *Sources
	source  *Source
	// token is what stands behind the source's name in the path.
	token string
}

// request gives what the source's sender is to look at.
func (e *Edge) request(x *exchange, body []byte) *sender.Request {
	r := x.r
	out := &sender.Request{
		Method: r.Method, Token: x.token, Header: r.Header, Body: body, Local: local(r), Now: x.start, URL: e.opt.PublicURL + r.URL.RequestURI(),
	}
	if e.opt.PublicURL == "" {
		scheme := "http://"
		if r.TLS != nil {
			scheme = "https://"
		}
		out.URL = scheme + r.Host + r.URL.RequestURI()
	}
	if r.URL.RawQuery != "" {
		out.Query = r.URL.Query()
	}
	return out
}

// greet answers a sender that asks before it sends.
func (e *Edge) greet(x *exchange) *refusal {
	g, ok := x.source.Sender.(sender.Greeter)
	if !ok || x.r.Method != http.MethodGet && x.r.Method != http.MethodHead && x.r.Method != http.MethodOptions {
		return unread(&refusal{status: http.StatusMethodNotAllowed, reason: "method", detail: "events are posted", allow: "POST"})
	}
	hello, err := g.Greet(e.request(x, nil))
	if err != nil {
		return unread(unverified(err))
	}
	h := x.w.Header()
	for name, value := range hello.Header {
		h.Set(name, value)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	x.w.WriteHeader(hello.Status)
	_, _ = x.w.Write(hello.Body)
	return nil
}

func unverified(err error) *refusal {
	if errors.Is(err, sender.ErrForbidden) {
		return refuse(http.StatusForbidden, "forbidden", err.Error())
	}
	return refuse(http.StatusUnauthorized, "signature", err.Error())
}

// kept gives the headers that a source's Decode looks at.
func kept(s *Source, header http.Header) map[string]string {
	keeper, own := s.Sender.(sender.Keeper)
	if s.Type.Keep == nil && !own {
		return nil
	}
	var out map[string]string
	for name, values := range header {
		if name = strings.ToLower(name); s.Type.Keep != nil && s.Type.Keep(name) || own && keeper.Keep(name) {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = strings.ToValidUTF8(strings.Join(values, ", "), "\ufffd")
		}
	}
	return out
}

// ServeHTTP answers one request.
func (e *Edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, r: r, start: e.opt.Now(), sources: e.sources.Load()}
	if !e.enter() {
		w.Header().Set("Connection", "close")
		e.refused(x, unread(&refusal{status: http.StatusServiceUnavailable, reason: "draining", detail: "this server is stopping; send it again", retry: retryUnavailable}))
		return
	}
	defer e.running.Done()
	no := e.serve(x)
	if no != nil {
		e.refused(x, no)
	}
	if x.source != nil {
		x.source.counters.seconds.Observe(e.opt.Now().Sub(x.start).Seconds())
	}
}

// noToken is why a path with a token is refused.
const noToken = "sources of this type have no token in their address: nothing stands behind the source's name"

// serve answers, or says why it does not.
func (e *Edge) serve(x *exchange) *refusal {
	if no := oversized(x.r); no != nil {
		return unread(no)
	}
	if call, ok := strings.CutPrefix(x.r.URL.Path, "/v1/"); ok {
		return e.serveTracking(x, call)
	}
	path, ok := strings.CutPrefix(x.r.URL.Path, "/webhooks/")
	name, token, _ := strings.Cut(path, "/")
	if !ok {
		detail := "there is nothing here; events go to /webhooks/{source} or /v1/{call}"
		if strings.Contains(x.r.URL.Path, "/webhooks/") {
			detail = "events go to /webhooks/{source}: a proxy has to take off what stands before it"
		}
		return unread(refuse(http.StatusNotFound, "path", detail))
	}
	s := x.sources.webhook(name)
	switch {
	case s == nil && x.sources.named[name] != nil:
		return unread(refuse(http.StatusNotFound, "path", "this source takes no webhooks: its events go to /v1/{call}, with its write key"))
	case s == nil:
		return unread(refuse(http.StatusNotFound, "unknown_source", "no source of this name takes webhooks"))
	case token != "" && !s.Type.Token:
		x.source = s
		return unread(refuse(http.StatusNotFound, "path", noToken))
	}
	x.source, x.token = s, token
	if x.r.Method != http.MethodPost {
		return e.greet(x)
	}
	b, no := e.read(x)
	if no != nil {
		return no
	}
	defer b.release()
	return e.deliver(x, "", b)
}

// read reads the body of a request. Its source may not be known yet, where the body itself tells it.
func (e *Edge) read(x *exchange) (*body, *refusal) {
	limit := x.sources.largest
	if s := x.source; s != nil {
		limit = s.MaxBody
		if no := s.tooFast(e.opt.Now()); no != nil {
			return nil, unread(no)
		}
	}
	boundTime(x.w, x.r)
	b, err := e.bodies.read(x.r, limit)
	if err != nil {
		return nil, unread(unreadBody(err, limit))
	}
	return b, nil
}

// deliver verifies a request, puts its events into the journal and answers.
func (e *Edge) deliver(x *exchange, call string, b *body) *refusal {
	s, r, received := x.source, x.r, x.start
	if !e.admitted.enter(r.Context()) {
		return overloaded()
	}
	began := e.opt.Now()
	defer func() { e.admitted.leave(began, e.opt.Now(), len(b.data) <= admitSample && !e.down.Load()) }()
	id, err := s.Sender.Verify(e.request(x, b.data))
	if err != nil {
		return unverified(err)
	}
	ctx := r.Context()
	if e.opt.Tracer != nil {
		var span trace.Span
		ctx, span = e.opt.Tracer.Start(ctx, "ingest "+s.Type.Name, trace.WithAttributes(attribute.String("baton.source", s.Config.Name)))
		defer span.End()
	}
	d := &sender.Delivery{
		ID: id, Call: call, ContentType: strings.ToValidUTF8(r.Header.Get("Content-Type"), "?"), Header: kept(s, r.Header),
		Body: b.data, Received: e.opt.Intake.Received(received),
	}
	result, no := e.take(ctx, s, d)
	if no != nil {
		return no
	}
	if result.RejectedCount > 0 {
		e.refusals.noteRejected(x, result, e.opt.Now())
	}
	trace.SpanFromContext(ctx).SetAttributes(attribute.Int("baton.events", result.Accepted))
	status, reply := s.Type.Rules.Reply(result)
	h := x.w.Header()
	h.Set("Content-Type", cmp.Or(s.Type.Rules.ReplyType, "application/json"))
	h.Set("X-Content-Type-Options", "nosniff")
	x.w.WriteHeader(status)
	_, _ = x.w.Write(reply)
	select {
	case s.News <- struct{}{}:
	default:
	}
	return nil
}

// take decodes a delivery and puts its events into the journal.
func (e *Edge) take(ctx context.Context, s *Source, d *sender.Delivery) (sender.Result, *refusal) {
	var single *refusal
	result, err := e.Take(ctx, s, func(batch *intake.Batch) error {
		err := s.Sender.Decode(d, func(item sender.Item) error {
			switch {
			case item.Ignored != "":
				batch.Ignore()
			case item.Errors == nil:
				return batch.Add(item.Fact)
			case s.Type.Rules.Refused == sender.Quarantine:
				return batch.Quarantine(d, item)
			case item.Single:
				single = malformed(item.Errors)
			default:
				batch.Reject(item.Index, item.Errors)
			}
			return nil
		})
		var unreadable *sender.Unreadable
		if errors.As(err, &unreadable) && s.Type.Rules.Refused == sender.Quarantine {
			return batch.Quarantine(d, sender.Item{Single: true, ID: d.ID, Errors: unreadable.Errors, Raw: d.Body})
		}
		return err
	})
	var unreadable *sender.Unreadable
	switch {
	case errors.As(err, &unreadable):
		return result, malformed(unreadable.Errors)
	case err != nil:
		return result, unwritten(err)
	case single != nil:
		s.counters.rejected.Inc()
		return result, single
	}
	return result, nil
}

// Take puts what add adds into the journal as events of a source, and counts them. The error is add's or the journal's;
// then the result tells what was written before.
func (e *Edge) Take(ctx context.Context, s *Source, add func(*intake.Batch) error) (sender.Result, error) {
	from := s.Intake()
	if s.Type.Rules.Unavailable == sender.Hold {
		from.Hold = e.opt.Hold
	}
	batch := e.opt.Intake.Begin(ctx, from)
	err := add(batch)
	if err == nil {
		err = batch.Flush()
	}
	result := batch.Result()
	s.counters.count(result)
	if newest := batch.Newest(); !newest.IsZero() && result.Accepted > 0 {
		s.counters.lag.Observe(e.opt.Now().Sub(newest).Seconds())
	}
	s.charge(e.opt.Now(), result)
	e.noteJournal(err)
	return result, err
}

func malformed(errs fact.Errors) *refusal {
	return &refusal{status: http.StatusBadRequest, reason: "malformed", detail: errs.Error(), errors: errs}
}

// noteJournal tells the log when the journal stops and starts answering, once each.
func (e *Edge) noteJournal(err error) {
	switch down := errors.Is(err, journal.ErrUnavailable); {
	case down && e.down.CompareAndSwap(false, true):
		e.opt.Log.Error("the journal does not take events: senders are told to come again", "error", err)
	case err == nil && e.down.Load() && e.down.CompareAndSwap(true, false):
		e.opt.Log.Info("the journal takes events again")
	}
}
