// Package poll asks the platforms that are configured so for their events, and puts these into the journal together with how
// far each has been read. Whatever ends a process, the next one goes on where the journal says: a page may be read twice, whose
// events are then recognised, and none is skipped. Several processes may read one platform; it costs them the calls alone.
package poll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/services/ingest/internal/edge"
	"github.com/batonhq/baton/services/ingest/internal/intake"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

const (
	// pace is the least time between two pages: a platform's limits are shared by all that use it.
	pace = 250 * time.Millisecond
	// After a failure whose length nobody knows, the wait doubles from first to longest.
	first, longest = time.Second, 5 * time.Minute
	// restate is how long a page without events is not worth a fact of how far was read.
	restate = time.Hour
)

// Options of a Runner. All but Metrics are needed.
type Options struct {
	Sources []*edge.Source
	Edge    *edge.Edge
	Intake  *intake.Intake
	// Client speaks with the platforms. It should follow no redirects: requests carry secrets.
	Client  *http.Client
	Now     func() time.Time
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Client gives the client that a Runner needs.
func Client() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Runner asks.
type Runner struct {
	opt    Options
	pages  *prometheus.CounterVec
	failed *prometheus.CounterVec
	lag    *prometheus.Desc

	mu      sync.Mutex
	readers []*reader
	// replaced is closed when other readers are to run.
	replaced chan struct{}
}

// reader asks for one source.
type reader struct {
	opt    *Options
	source *edge.Source
	from   sender.Poller
	every  time.Duration
	log    *slog.Logger
	pages  prometheus.Counter
	failed *prometheus.CounterVec

	// cursor is where it has come to, once it is loaded.
	cursor sender.Cursor
	loaded bool
	stated time.Time // when the journal was last told

	mu     sync.Mutex
	caught time.Time // when there was nothing more; at first, when it began
}

// New makes a runner of those sources that are to be asked. It starts nothing.
func New(opt Options) (*Runner, error) {
	r := &Runner{
		opt: opt, replaced: make(chan struct{}),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_ingest_poll_pages_total", Help: "Pages that a platform was asked for and has given, by source; many are empty.",
		}, []string{"source"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "baton_ingest_poll_failures_total", Help: "Pages that could not be had, by source and the platform's code.",
		}, []string{"source", "code"}),
		lag: prometheus.NewDesc("baton_ingest_poll_lag_seconds",
			"Time since a platform last had nothing more to give: what happened later may not be here yet.", []string{"source"}, nil),
	}
	r.Replace(opt.Sources)
	if opt.Metrics == nil {
		return r, nil
	}
	for _, c := range []prometheus.Collector{r.pages, r.failed, r} {
		if err := opt.Metrics.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of polling: %w", err)
		}
	}
	return r, nil
}

// Replace has other sources asked from now on. One that is the same goes on where it is.
func (r *Runner) Replace(sources []*edge.Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var next []*reader
	for _, s := range sources {
		from, ok := s.Sender.(sender.Poller)
		if !ok || from.Polls() == 0 {
			continue
		}
		name := s.Config.Name
		if i := slices.IndexFunc(r.readers, func(old *reader) bool { return old.source.Sender == s.Sender }); i >= 0 {
			next = append(next, r.readers[i])
			continue
		}
		next = append(next, &reader{
			opt: &r.opt, source: s, from: from, every: from.Polls(), log: r.opt.Log.With("source", name),
			pages: r.pages.WithLabelValues(name), failed: r.failed.MustCurryWith(prometheus.Labels{"source": name}), caught: r.opt.Now(),
		})
	}
	if slices.Equal(next, r.readers) {
		return
	}
	r.readers = next
	close(r.replaced)
	r.replaced = make(chan struct{})
}

// Run asks until ctx ends.
func (r *Runner) Run(ctx context.Context) {
	for ctx.Err() == nil {
		r.mu.Lock()
		readers, replaced := r.readers, r.replaced
		r.mu.Unlock()
		these, stop := context.WithCancel(ctx)
		var all sync.WaitGroup
		for _, one := range readers {
			all.Go(func() { one.run(these) })
		}
		select {
		case <-ctx.Done():
		case <-replaced:
		}
		stop()
		all.Wait()
	}
}

// Describe and Collect give each source's lag.
func (r *Runner) Describe(out chan<- *prometheus.Desc) { out <- r.lag }

// Collect gives each source's lag.
func (r *Runner) Collect(out chan<- prometheus.Metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.readers {
		out <- prometheus.MustNewConstMetric(r.lag, prometheus.GaugeValue, one.lag(), one.source.Config.Name)
	}
}

func (r *reader) lag() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(0, r.opt.Now().Sub(r.caught).Seconds())
}

func (r *reader) run(ctx context.Context) {
	fails, code := 0, ""
	for ctx.Err() == nil {
		var wait time.Duration
		err := error(nil)
		if !r.loaded {
			r.cursor, err = r.opt.Intake.Progressed(ctx, r.source.Config.Name)
			r.loaded = err == nil
		}
		if err == nil {
			wait, err = r.step(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			if code != "" {
				r.log.Info("the platform is read again")
			}
			fails, code = 0, ""
		default:
			fails++
			now := ""
			if wait, now = failure(err, fails); now != code { // once, however often it is tried
				r.log.Warn("the platform cannot be read; it is tried again", "code", now, "error", err)
			}
			code = now
			r.failed.WithLabelValues(code).Inc()
		}
		r.pause(ctx, wait, fails > 0)
	}
}

// soon is how long after a source has told of something it is asked for it: some show it a moment later.
const soon = time.Second

// pause waits until the next page is to be asked for: sooner where the source has told of something since, but for one that
// wants to be left alone.
func (r *reader) pause(ctx context.Context, wait time.Duration, alone bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	news := r.source.News
	if alone {
		news = nil
	}
	for until := r.opt.Now().Add(wait); ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-news:
			news = nil
			timer.Reset(min(soon, max(0, until.Sub(r.opt.Now()))))
		}
	}
}

// failure gives how long to wait after the n-th failure in a row, and what to call it.
func failure(err error, n int) (time.Duration, string) {
	wait, code := longest, "journal"
	if n < 10 {
		wait = min(first<<(n-1), longest)
	}
	wait += rand.N(wait/4 + 1) //nolint:gosec // so that several processes do not go in step
	var later *sender.Later
	if errors.As(err, &later) {
		code = later.Code
		wait = max(wait, later.Wait)
		if later.Wait > 0 && n < 3 {
			wait = later.Wait
		}
	}
	return wait, code
}

// step reads one page and gives how long to wait for the next.
func (r *reader) step(ctx context.Context) (time.Duration, error) {
	now := r.opt.Now()
	page, err := r.from.Fetch(ctx, r.opt.Client, now, r.cursor)
	if err != nil {
		return 0, err
	}
	r.pages.Inc()
	if page.Body != nil || r.cursor.Token == "" || now.Sub(r.stated) >= restate {
		if err := r.keep(ctx, page); err != nil {
			return 0, err
		}
		r.stated = now
	}
	stuck := page.More && page.Next.Token == r.cursor.Token
	r.cursor = page.Next
	if !page.More {
		r.mu.Lock()
		r.caught = now
		r.mu.Unlock()
	}
	if !page.More || stuck {
		return r.every, nil
	}
	return pace, nil
}

// keep puts a page's events into the journal, and how far it reaches.
func (r *reader) keep(ctx context.Context, page sender.Page) error {
	d := &sender.Delivery{ContentType: "application/json", Body: page.Body, Received: r.opt.Intake.Received(r.opt.Now())}
	_, err := r.opt.Edge.Take(ctx, r.source, func(batch *intake.Batch) error {
		if page.Body != nil {
			if err := r.add(batch, d); err != nil {
				return err
			}
		}
		batch.Progress(page.Next)
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep what %s has given: %w", r.source.Config.Name, err)
	}
	return nil
}

// add adds a page's events. What cannot be read is quarantined: there is nobody to tell, and the page must not block all others.
func (r *reader) add(batch *intake.Batch, d *sender.Delivery) error {
	err := r.source.Sender.Decode(d, func(item sender.Item) error {
		switch {
		case item.Ignored != "":
			batch.Ignore()
			return nil
		case item.Errors != nil:
			return batch.Quarantine(d, item)
		}
		return batch.Add(item.Fact)
	})
	var unreadable *sender.Unreadable
	if errors.As(err, &unreadable) {
		return batch.Quarantine(d, sender.Item{Single: true, Errors: unreadable.Errors, Raw: d.Body})
	}
	return err
}
