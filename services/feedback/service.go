package feedback

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/feedback/internal/api"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/fold"
	"github.com/batonhq/baton/services/feedback/internal/gauges"
	"github.com/batonhq/baton/services/feedback/internal/inforce"
	"github.com/batonhq/baton/services/feedback/internal/journeys"
	"github.com/batonhq/baton/services/feedback/internal/ledger"
	"github.com/batonhq/baton/services/feedback/internal/proposing"
	"github.com/batonhq/baton/services/feedback/internal/rows"
	"github.com/batonhq/baton/services/feedback/internal/weekly"
)

// Deps is what the service works with. Journal, Store and Caller are needed.
type Deps struct {
	Journal *journal.Journal
	Store   leadstore.Store
	// Caller gives the name of who makes a call, and the rep that the token is bound to, "" for none.
	Caller func(context.Context) (name, rep string)
	// Agreements is scoring's AgreementService; nil where nobody can be asked: then there are no proposals.
	Agreements proposing.Agreements
	// Role gives in which role the caller asks for another owner: admin, manager, or "" for neither. nil: nobody is either.
	Role func(context.Context) string
	// Handoffs is routing, asked for what a bulk request selects; nil: such requests must name their handoffs.
	Handoffs routingv1.RoutingServiceClient
	Log      *slog.Logger
	Metrics  prometheus.Registerer
	Tracer   trace.Tracer
	// Instance names this process among those of the service; see journal.WorkerOptions.
	Instance string
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// Service is the feedback service.
type Service struct {
	worker *journal.Worker
	rows   *rows.Rows
	server *api.Server
	weekly *weekly.Sender
	gauges *gauges.Gauges
	// journeys are read ahead from the deals of a year before now.
	journeys *journeys.Collector
	now      func() time.Time
}

// readAhead is how long ago deals were won that are read before anybody asks: the longest span that is usual to ask about.
const readAhead = 365 * 24 * time.Hour

// proposalsMaxAge is how old proposals may be, unless a call names a sequence: leads become SQLs in days, not in minutes.
const proposalsMaxAge = time.Minute

// New puts the service together. It starts nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("feedback configuration: %w", err)
	}
	if deps.Journal == nil || deps.Store == nil || deps.Caller == nil {
		return nil, errors.New("feedback: journal, store and caller are needed")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Role == nil {
		deps.Role = func(context.Context) string { return "" }
	}
	reader := journal.NewReader(deps.Journal, deps.Store, fold.Service)
	s := &Service{rows: rows.New(reader, cfg.FunnelMaxAge, deps.Log, deps.Now), now: deps.Now}
	answered, err := newMetrics(deps.Metrics, s.rows.Len)
	if err != nil {
		return nil, err
	}
	s.worker = journal.NewWorker(deps.Journal, deps.Store, fold.Logic{}, journal.WorkerOptions{
		Log: deps.Log, Metrics: deps.Metrics, Observer: s.rows, Tracer: deps.Tracer, Instance: deps.Instance,
	})
	proposed := proposing.New(proposing.Options{
		Tables: s.rows, Agreements: deps.Agreements, Globals: deps.Journal, Now: deps.Now, MaxAge: proposalsMaxAge,
	})
	cache := journeys.NewCache(deps.Journal, deps.Journal.Key())
	books := ledger.New(deps.Journal, deps.Now)
	holds := inForce{inforce.New(deps.Journal), books}
	s.journeys = &journeys.Collector{Cache: cache, Deals: journeys.BookDeals{Books: s.rows}, Leads: s.rows}
	s.server = api.New(api.Options{
		Proposals: proposed,
		Journal:   deps.Journal, States: reader, Funnels: s.rows, Caller: deps.Caller, Role: deps.Role, Handoffs: handoffs(deps),
		Books: s.rows, Ledger: books, Tables: s.rows, InForce: holds, Rates: holds.rates,
		Journeys:     s.journeys,
		AnswerWithin: cfg.AnswerWithin, Now: deps.Now, NewID: rand.Text, Log: deps.Log, Answered: answered,
	})
	schedule, _ := cfg.Summary.schedule() // it was validated above
	s.weekly = &weekly.Sender{Journal: deps.Journal, Schedule: schedule, Make: s.server.Weekly, Now: deps.Now, Log: deps.Log}
	s.gauges = gauges.New(s.rows, s.server.Counting, deps.Now, deps.Log)
	if deps.Metrics != nil {
		if err := deps.Metrics.Register(s.gauges); err != nil {
			return nil, fmt.Errorf("register the numbers: %w", err)
		}
	}
	return s, nil
}

// handoffs gives what lists handoffs: a nil client is none.
func handoffs(deps Deps) api.Handoffs {
	if deps.Handoffs == nil {
		return nil
	}
	return deps.Handoffs
}

// newMetrics gives the counter of answers, and registers it and the number of rows held.
func newMetrics(reg prometheus.Registerer, held func() int) (func(core.Disposition, string), error) {
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "baton_feedback_dispositions_total",
		Help: "Answers of sales taken over the API, by what became of them: done, refused, pending (not decided in time), failed (not taken).",
	}, []string{"disposition", "outcome"})
	if reg != nil {
		rows := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "baton_feedback_rows",
			Help: "Leads whose funnel rows this process holds in memory; 0 where it reads them from the store.",
		}, func() float64 { return float64(held()) })
		for _, c := range []prometheus.Collector{answers, rows} {
			if err := reg.Register(c); err != nil {
				return nil, fmt.Errorf("register metrics of feedback: %w", err)
			}
		}
	}
	return func(d core.Disposition, outcome string) { answers.WithLabelValues(string(d), outcome).Inc() }, nil
}

// Run folds the journal until ctx ends, or until going on is pointless (the error says why).
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { s.rows.Run(ctx) })
	running.Go(func() { s.weekly.Run(ctx) })
	running.Go(func() { s.gauges.Run(ctx) })
	running.Go(func() { s.journeys.Warm(ctx, s.now().Add(-readAhead).UnixMilli()) })
	if err := s.worker.Run(ctx); err != nil {
		return fmt.Errorf("feedback: %w", err)
	}
	return nil
}

// Register puts the FeedbackService on a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	feedbackv1.RegisterFeedbackServiceServer(r, s.server)
}

// Ready gives nil once reads can be answered, and otherwise why not, with the progress.
func (s *Service) Ready() error { return s.worker.Ready() }

// HTTPStatus gives the HTTP status of an answer where it is not 200, for the JSON gateway: a disposition whose outcome is
// not yet known is 202. 0 for everything else.
func HTTPStatus(m proto.Message) int {
	if r, ok := m.(*feedbackv1.DispositionResponse); ok && r.GetStatus() == api.StatusPending {
		return http.StatusAccepted
	}
	return 0
}
