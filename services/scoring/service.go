package scoring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/api"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// Deps is what the service works with. Journal and Store are needed.
type Deps struct {
	Journal *journal.Journal
	Store   leadstore.Store
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Tracer  trace.Tracer
	// Instance names this process among those of the service; see journal.WorkerOptions.
	Instance string
	// Now is the clock of scores that are shown, and of an agreement that is applied; nil is the machine's. Nothing that is
	// decided about a lead depends on it.
	Now func() time.Time
}

// Service is the scoring service.
type Service struct {
	worker  *journal.Worker
	server  *api.Server
	file    *apply.File
	planned *apply.Planned

	mu      sync.Mutex
	applied error
}

// errApplying is why the service is not ready before the configured agreement stands in the journal.
var errApplying = errors.New("the configured agreement is being applied")

// New puts the service together. It reads and checks the configured agreement, and starts nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("scoring configuration: %w", err)
	}
	if deps.Journal == nil || deps.Store == nil {
		return nil, errors.New("scoring: journal and store are needed")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	library, err := book.NewLibrary()
	if err != nil {
		return nil, fmt.Errorf("scoring: %w", err)
	}
	text, err := cfg.readAgreement()
	if err != nil {
		return nil, fmt.Errorf("scoring configuration: %w", err)
	}
	versions := api.NewAgreements(deps.Journal, library)
	contract := &apply.Contract{Globals: deps.Journal, Library: library, Now: deps.Now}
	s := &Service{applied: errApplying, planned: &apply.Planned{Versions: versions, Contract: contract, Log: deps.Log}}
	if text != nil {
		if s.file, err = apply.NewFile(text, contract, deps.Log); err != nil {
			return nil, fmt.Errorf("scoring configuration: %s: %w", cfg.Agreement, err)
		}
	}
	reader := journal.NewReader(deps.Journal, deps.Store, fold.Service)
	logic := fold.NewLogic(library, deps.Journal.Key())
	s.worker = journal.NewWorker(deps.Journal, deps.Store, logic, journal.WorkerOptions{
		Log: deps.Log, Metrics: deps.Metrics, Tracer: deps.Tracer, Instance: deps.Instance, Batch: cfg.Batch, CacheEntities: cfg.CacheLeads,
		CacheBytes: cfg.CacheLeads * usualLead,
	})
	s.server = api.New(api.Options{
		States: reader, Log: deps.Journal, Inputs: deps.Journal, Accounts: accounts{deps.Journal, reader}, Agreements: versions,
		Contract: contract, Logic: logic, Key: deps.Journal.Key(), Now: deps.Now,
	})
	return s, nil
}

// accounts counts inputs on the journal and their outcomes in the fold.
type accounts struct {
	*journal.Journal
	reader *journal.Reader
}

func (a accounts) Counters(ctx context.Context) (journal.Counters, error) {
	return a.reader.Counters(ctx)
}

// Run applies the configured agreement and folds the journal until ctx ends, or until going on is pointless (the error says
// why).
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { s.apply(ctx) })
	running.Go(func() { s.planned.Run(ctx) })
	if err := s.worker.Run(ctx); err != nil {
		return fmt.Errorf("scoring: %w", err)
	}
	return nil
}

// apply states the agreement, again and again while the journal is away.
func (s *Service) apply(ctx context.Context) {
	var err error
	if s.file != nil {
		err = s.file.Apply(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.applied = err
}

// Register puts the services ScoringService, LeadContextService and AgreementService on a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	scoringv1.RegisterScoringServiceServer(r, s.server)
	leadv1.RegisterLeadContextServiceServer(r, s.server)
	agreementv1.RegisterAgreementServiceServer(r, s.server)
}

// Ready gives nil once the agreement is applied and reads can be answered, and otherwise why not, with the progress.
func (s *Service) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.applied != nil {
		return s.applied
	}
	return s.worker.Ready()
}
