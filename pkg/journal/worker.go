package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/batonhq/baton/pkg/leadstore"
)

// WorkerOptions of a worker; zero values are the defaults.
type WorkerOptions struct {
	Log      *slog.Logger
	Metrics  prometheus.Registerer
	Observer Observer
	Tracer   trace.Tracer
	// Instance names this process among those of the same service; default: the host's name. A restarted process should
	// come back under the same name: it then takes its partitions over at once.
	Instance string
	// Own fixes the partitions instead of sharing them out among the workers that are alive; nil shares.
	Own []int
	// Batch is how many events go into one commit at most. Default 1,000.
	Batch int
	// CacheEntities is how many decoded entities are kept between batches. Default 5,000.
	CacheEntities int
	// CacheBytes bounds what these take, as stored; in memory it is two or three times as much. Half of it may be loaded
	// for one commit. Before the session is live it is four times as much. Default 6 MiB.
	CacheBytes int
	// CatchUp is how many changed entities may wait for the store before the session is live, while nobody reads it: each is
	// written once for many events. Default 16,000.
	CatchUp int
	// QuietBehind is how many sequences a partition without facts may lag in its checkpoint. Default 10,000.
	QuietBehind uint64
}

// Worker runs one service's Logic over the partitions it owns, in sessions: when anything is in doubt (a commit without an
// answer, a store that is not where it was left, a lost partition), the session's state is dropped and the next one starts
// from what the log and the store hold. Recovery is the start-up path.
type Worker struct {
	j       *Journal
	store   leadstore.Store
	logic   Logic
	opt     WorkerOptions
	metrics *workerMetrics
	lease   *lease
	status  status

	// After a commit that was refused for its content: how many events may go into one, until which sequence, and the
	// inputs that were found to be the reason.
	limit       int
	limitUntil  uint64
	quarantines map[uint64]string
}

// NewWorker gives a worker; Run runs it.
func NewWorker(j *Journal, store leadstore.Store, logic Logic, opt WorkerOptions) *Worker {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Observer == nil {
		opt.Observer = nobody{}
	}
	if opt.Tracer == nil {
		opt.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if opt.Batch == 0 {
		opt.Batch = 1000
	}
	if opt.CacheEntities == 0 {
		opt.CacheEntities = 5_000
	}
	if opt.CacheBytes == 0 {
		opt.CacheBytes = 6 << 20
	}
	if opt.CatchUp == 0 {
		opt.CatchUp = 16_000
	}
	if opt.QuietBehind == 0 {
		opt.QuietBehind = 10_000
	}
	opt.Log = opt.Log.With("service", logic.Service())
	return &Worker{
		j: j, store: store, logic: logic, opt: opt,
		metrics: newWorkerMetrics(opt.Metrics, logic.Service()), lease: newLease(j, logic.Service(), opt),
		status: status{changed: make(chan struct{})}, limit: opt.Batch, quarantines: map[uint64]string{},
	}
}

// Run works until ctx ends. It returns an error only where going on is pointless (a misconfigured journal).
func (w *Worker) Run(ctx context.Context) error {
	answer, err := w.j.nc.Subscribe(positionSubject(w.logic.Service()), w.answerPosition(ctx))
	if err != nil {
		return fmt.Errorf("%s worker: %w", w.logic.Service(), err)
	}
	defer func() { _ = answer.Unsubscribe() }()
	var leasing sync.WaitGroup
	leasing.Go(func() { w.lease.run(ctx) })
	defer leasing.Wait()

	backoff := 20 * time.Millisecond
	for ctx.Err() == nil {
		owned, lost := w.lease.owned()
		if len(owned) == 0 {
			select {
			case <-lost:
			case <-ctx.Done():
			}
			continue
		}
		started := time.Now()
		err := w.session(ctx, owned, lost)
		w.status.close()
		if ctx.Err() != nil {
			break
		}
		reason := sessionEnd(err)
		w.metrics.sessions.WithLabelValues(reason).Inc()
		if reason == "moved" {
			w.opt.Log.Info("partitions moved; opening another session")
			continue
		}
		if reason == "content" || time.Since(started) > 5*time.Second {
			backoff = 20 * time.Millisecond
		}
		w.opt.Log.Warn("session ended; opening another", "reason", reason, "error", err, "in", backoff.String())
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
		}
		backoff = min(2*backoff, 2*time.Second)
	}
	return nil
}

// errMoved ends a session whose partitions changed.
var errMoved = errors.New("partitions moved")

// sessionEnd is the one place where an error decides how a session's end is counted; all of them open another.
func sessionEnd(err error) string {
	switch {
	case errors.Is(err, errMoved):
		return "moved"
	case errors.Is(err, errFenced), errors.Is(err, leadstore.ErrConflict):
		return "fenced"
	case errors.Is(err, errContent):
		return "content"
	case errors.Is(err, leadstore.ErrUnavailable):
		return "store"
	default:
		return "journal"
	}
}

// Ready reports whether reads can be answered: nil once the session has replayed what the store was missing. The error
// wraps ErrNotReady and tells the progress.
func (w *Worker) Ready() error { return w.status.ready() }

// lineage is what a store must have been folded from and by: this journal, this version of the logic's state.
func (w *Worker) lineage() string {
	lineage := w.j.id + "/" + strconv.Itoa(blobVersion)
	if v, ok := w.logic.(Versioned); ok {
		lineage += "/" + v.Version()
	}
	return lineage
}

// nobody observes nothing.
type nobody struct{}

func (nobody) Live([]int)      {}
func (nobody) Folded([]Change) {}
func (nobody) Closed()         {}

type workerMetrics struct {
	events, facts, drift, quarantined prometheus.Counter
	sessions                          *prometheus.CounterVec
	commit                            prometheus.Histogram
	position                          prometheus.Gauge
}

func newWorkerMetrics(r prometheus.Registerer, service string) *workerMetrics {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	r = prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, r)
	m := &workerMetrics{
		events:      prometheus.NewCounter(prometheus.CounterOpts{Name: "baton_worker_events_total", Help: "Events folded, live and in replay."}),
		facts:       prometheus.NewCounter(prometheus.CounterOpts{Name: "baton_worker_facts_total", Help: "Facts committed."}),
		drift:       prometheus.NewCounter(prometheus.CounterOpts{Name: "baton_worker_drift_total", Help: "Entities whose replay differed from what is recorded."}),
		quarantined: prometheus.NewCounter(prometheus.CounterOpts{Name: "baton_worker_quarantined_total", Help: "Inputs quarantined because the log refused their commit."}),
		sessions:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "baton_worker_sessions_total", Help: "Sessions ended, by reason."}, []string{"reason"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "baton_worker_commit_seconds", Help: "Time of one commit into the log.", Buckets: prometheus.ExponentialBuckets(0.00025, 2, 14),
		}),
		position: prometheus.NewGauge(prometheus.GaugeOpts{Name: "baton_worker_position", Help: "Sequence up to which the journal has been read."}),
	}
	r.MustRegister(m.events, m.facts, m.drift, m.quarantined, m.sessions, m.commit, m.position)
	return m
}
