package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	ingestv1 "github.com/batonhq/baton/proto/baton/ingest/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/agents"
	"github.com/batonhq/baton/services/ingest/internal/edge"
	"github.com/batonhq/baton/services/ingest/internal/intake"
	"github.com/batonhq/baton/services/ingest/internal/poll"
	"github.com/batonhq/baton/services/ingest/internal/rpc"
	"github.com/batonhq/baton/services/ingest/internal/senders"
)

// Journal is what ingest needs of the journal; *journal.Journal has it.
type Journal interface {
	Append(ctx context.Context, events ...*journalv1.Event) (seq uint64, err error)
	ReadEntity(ctx context.Context, entity string, from uint64, limit int) ([]*journal.Event, error)
	LastOfEntity(ctx context.Context, entity string) (*journal.Event, error)
	Head(ctx context.Context) (uint64, error)
	Key() identity.Key
}

// Deps is what the service works with. Journal is needed.
type Deps struct {
	Journal Journal
	// Log gets what an operator should know; nil discards.
	Log     *slog.Logger
	Metrics prometheus.Registerer
	// Tracer gives every request a span below the one in its context; nil gives none.
	Tracer trace.Tracer
	// Now is the clock: received_at is by it. nil is the machine's.
	Now func() time.Time
	// Client asks the platforms that are asked for their events; nil is one that follows no redirects.
	Client *http.Client
}

// Service is the ingest service.
type Service struct {
	cfg     Config
	journal Journal
	edge    *edge.Edge
	rpc     *rpc.Server
	poll    *poll.Runner
	log     *slog.Logger

	// reload guards sources, which are those in force.
	reload  sync.Mutex
	sources []Source
}

// New puts the service together. It starts nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("ingest configuration: %w", err)
	}
	if deps.Journal == nil {
		return nil, errors.New("ingest: a journal is needed")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	sources, errs := cfg.build()
	if len(errs) > 0 {
		return nil, fmt.Errorf("ingest configuration: %w", errors.Join(errs...))
	}
	in := intake.New(deps.Journal, intake.Options{Now: deps.Now, Agents: agents.New(), Mailbox: cfg.Mailboxes.is()})
	e, err := edge.New(edge.Options{
		Sources: sources, Tracking: senders.Tracking(), Intake: in, InFlight: cfg.InFlight, Hold: cfg.Hold, PublicURL: strings.TrimSuffix(cfg.PublicURL, "/"),
		CORSOrigins: cfg.CORSOrigins, Now: deps.Now, Log: deps.Log, Metrics: deps.Metrics, Tracer: deps.Tracer,
	})
	if err != nil {
		return nil, err
	}
	if deps.Client == nil {
		deps.Client = poll.Client()
	}
	p, err := poll.New(poll.Options{Sources: sources, Edge: e, Intake: in, Client: deps.Client, Now: deps.Now, Log: deps.Log, Metrics: deps.Metrics})
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, journal: deps.Journal, edge: e, rpc: rpc.New(e, in, deps.Now), poll: p, log: deps.Log, sources: cfg.Sources}, nil
}

// Handler serves /v1/… and /webhooks/…; everything else there is not found.
//
// The server that it is mounted in must bound the header and the whole request in time (http.Server.ReadHeaderTimeout 5 s,
// ReadTimeout 9 s) and refuse a request that states its length twice; where it sets no ReadTimeout, a body still has 9 s.
func (s *Service) Handler() http.Handler { return s.edge }

// Register puts the IngestService on a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) { ingestv1.RegisterIngestServiceServer(r, s.rpc) }

// Run looks after the files that secrets are in and asks the platforms that are to be asked, until ctx ends, and then drains: new
// requests get 503, those under way end, for as long as the configuration allows.
func (s *Service) Run(ctx context.Context) error {
	var beside sync.WaitGroup
	beside.Go(func() { s.poll.Run(ctx) })
	s.watchSecrets(ctx)
	beside.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
	defer cancel()
	return s.Shutdown(ctx)
}

// Shutdown refuses new requests from now on and waits for those under way. The error says that some were still under way
// when ctx ended.
func (s *Service) Shutdown(ctx context.Context) error {
	if err := s.edge.Drain(ctx); err != nil {
		return fmt.Errorf("ingest: requests still under way: %w", err)
	}
	return nil
}

// readyTimeout is how long the journal may take to say that it is there.
const readyTimeout = 2 * time.Second

// Ready reports whether events can be taken: the service is not stopping, and the journal answers.
func (s *Service) Ready() error {
	if s.edge.Draining() {
		return errors.New("stopping")
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if _, err := s.journal.Head(ctx); err != nil {
		return fmt.Errorf("the journal does not answer: %w", err)
	}
	return nil
}
