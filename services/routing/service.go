package routing

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/apply"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/sender"
	"github.com/batonhq/baton/services/routing/internal/server"
)

// Deps is what the service works with. Journal and Store are needed.
type Deps struct {
	Journal *journal.Journal
	Store   leadstore.Store
	// Leads knows colleagues at an account, and leads that were never handed over. Without it briefs name no colleagues, and
	// lead events carry the lead's id alone.
	Leads leadv1.LeadContextServiceClient
	// Caller gives the name of who makes a call, and the rep that the token is bound to, "" for none. nil: nobody is bound.
	Caller func(context.Context) (name, rep string)
	// Role gives in which role the caller oversees others: admin, manager, or "" for neither. nil: nobody does.
	Role func(context.Context) string
	// ActsFor gives the rep whose handoffs alone the caller may list, "" for one who may list all. nil: everybody may.
	ActsFor func(context.Context) (rep string)
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Tracer  trace.Tracer
	// Instance names this process among those of the service; see journal.WorkerOptions.
	Instance string
	// Transport makes the connections to a destination; nil dials, and refuses addresses that are not public.
	Transport func(Destination) http.RoundTripper
	// RootCAs verifies mail servers; nil is the machine's.
	RootCAs *x509.CertPool
	// Clock is the senders' and the API's; nil is the machine's. Decisions have none.
	Clock func() time.Time
}

// Service is the routing service.
type Service struct {
	cfg    Config
	deps   Deps
	worker *journal.Worker
	sender *sender.Sender
	server *server.Server
	reader *journal.Reader
	desk   *deskGauge
	// directory is the configured file's text, nil without one.
	directory []byte
	applied   atomic.Bool
	// notify is what destinations have that tell people.
	notify destination.Notify

	// reload guards what Reload changes: the destinations in cfg. changed asks for them to be stated.
	reload  sync.Mutex
	changed chan struct{}
}

// New puts the service together, and reads and checks the directory's file. It starts nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("routing configuration: %w", err)
	}
	if deps.Journal == nil || deps.Store == nil {
		return nil, errors.New("routing: journal and store are needed")
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.Clock == nil {
		deps.Clock = time.Now
	}
	if deps.Caller == nil {
		deps.Caller = func(context.Context) (string, string) { return "", "" }
	}
	parser, err := directory.NewParser()
	if err != nil {
		return nil, fmt.Errorf("routing: %w", err)
	}
	s := &Service{cfg: cfg, deps: deps, reader: journal.NewReader(deps.Journal, deps.Store, fold.Service), changed: make(chan struct{}, 1)}
	if cfg.Directory != "" {
		if s.directory, err = readDirectory(cfg.Directory.String(), parser); err != nil {
			return nil, err
		}
	}
	inForce := current.New(deps.Journal, parser, deps.Clock)
	renderer := &render.Renderer{
		Blobs: s.reader, Directory: inForce, Key: deps.Journal.Key(), Leads: deps.Leads, Log: deps.Log, Now: deps.Clock,
	}
	if s.notify, err = notifies(cfg, deps, inForce); err != nil {
		return nil, err
	}
	if s.sender, err = newSender(cfg, deps, renderer, s.reader, s.notify); err != nil {
		return nil, err
	}
	if s.desk, err = newDeskGauge(deps.Metrics, s.reader, deps.Clock, deps.Log); err != nil {
		return nil, err
	}
	hub := server.NewHub()
	s.server = server.New(server.Options{
		Journal: deps.Journal, States: s.reader, Renderer: renderer, Directory: inForce, Parser: parser, Caller: deps.Caller,
		Answers: deps.Journal, Past: deps.Journal, Agreements: current.NewAgreements(deps.Journal, deps.Clock),
		Now: deps.Clock, Log: deps.Log, Relist: cfg.WatchRelist, Senders: s.sender,
		Role: deps.Role, ActsFor: deps.ActsFor, History: deps.Journal, Key: deps.Journal.Key(),
	}, hub)
	s.worker = journal.NewWorker(deps.Journal, deps.Store, fold.NewLogic(deps.Journal.Key(), parser), journal.WorkerOptions{
		Log: deps.Log, Metrics: deps.Metrics, Observer: server.Observers{s.sender, hub}, Tracer: deps.Tracer, Instance: deps.Instance,
	})
	return s, nil
}

func newSender(cfg Config, deps Deps, renderer *render.Renderer, reader *journal.Reader, notify destination.Notify) (*sender.Sender, error) {
	list, err := receivers(cfg, deps, notify)
	if err != nil {
		return nil, err
	}
	return sender.New(sender.Options{
		Destinations: list, Journal: deps.Journal, Store: deps.Store, Job: renderer.Job, Paused: pauses(reader),
		Source: fold.Service, Now: deps.Clock, Log: deps.Log, Metrics: deps.Metrics,
	})
}

// Run puts the configured directory and destinations in force and works until ctx ends, or until going on is pointless (the
// error says why).
func (s *Service) Run(ctx context.Context) error {
	if err := s.apply(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("routing: %w", err)
	}
	s.applied.Store(true)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { s.desk.run(ctx) })
	running.Go(func() { s.watchReloads(ctx) })
	running.Go(func() { s.watchSecrets(ctx) })
	failed := make(chan error, 1)
	running.Go(func() {
		failed <- s.sender.Run(ctx)
		cancel()
	})
	err := s.worker.Run(ctx)
	cancel()
	if err := errors.Join(err, <-failed); err != nil {
		return fmt.Errorf("routing: %w", err)
	}
	return nil
}

// apply states what the configuration says, trying again while the journal does not answer.
func (s *Service) apply(ctx context.Context) error { return s.insist(ctx, s.applyOnce) }

// insist does something until the journal answers.
func (s *Service) insist(ctx context.Context, do func(context.Context) error) error {
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := do(ctx)
		if err == nil || !errors.Is(err, journal.ErrUnavailable) {
			return err
		}
		s.deps.Log.WarnContext(ctx, "the directory and the destinations cannot be put in force yet; trying again", "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s *Service) applyOnce(ctx context.Context) error {
	j := s.deps.Journal
	if err := s.applyDestinations(ctx); err != nil {
		return err
	}
	if err := apply.MatchingRules(ctx, j, s.deps.Clock); err != nil {
		return err
	}
	if s.directory == nil {
		return nil
	}
	applied, err := apply.DirectoryFile(ctx, j, j, s.directory, s.deps.Clock)
	if applied {
		s.deps.Log.InfoContext(ctx, "the directory's file was put in force", "hash", apply.Hash(s.directory))
	}
	return err
}

// Register puts the RoutingService on a gRPC server.
func (s *Service) Register(r grpc.ServiceRegistrar) {
	routingv1.RegisterRoutingServiceServer(r, s.server)
}

// Ready gives nil once reads can be answered, and otherwise why not, with the progress.
func (s *Service) Ready() error {
	if !s.applied.Load() {
		return fmt.Errorf("%w: the directory and the destinations are being put in force", journal.ErrNotReady)
	}
	return s.worker.Ready()
}

// CheckDirectory reads and checks a directory's text: every fault with its line, field and reason.
func CheckDirectory(text []byte) error {
	parser, err := directory.NewParser()
	if err != nil {
		return err
	}
	_, err = parser.Parse(text)
	return err
}

func readDirectory(path string, parser *directory.Parser) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	if _, err := parser.Parse(text); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}
