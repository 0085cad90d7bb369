package app

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"google.golang.org/grpc"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/telemetry"
)

// stopWithin is how long stopping may take: then what is left ends with the process.
const stopWithin = 20 * time.Second

// Options of Run.
type Options struct {
	Target  Target
	Config  Config
	Version string
	// Log is where the log goes.
	Log io.Writer
	// Getenv reads the OTEL_ variables.
	Getenv func(string) string
	// Reload asks for the sources of the configuration to be read again, which Load does; nil: nobody asks.
	Reload <-chan struct{}
	Load   func() (Config, error)
	// Started is called once everything has been started, with where it is. May be nil.
	Started func(Addrs)
}

// Addrs are the ports of a running process as this machine reaches them; HTTP is "" where there is none.
type Addrs struct{ HTTP, GRPC, Admin string }

// process is one running process.
type process struct {
	opt     Options
	cfg     *Config
	log     *slog.Logger
	up      *stack
	ready   *readiness
	metrics *prometheus.Registry
	tracing *telemetry.Tracing
	auth    grpcx.Auth

	listeners struct{ http, grpc, admin net.Listener }
	nc        *nats.Conn
	journal   *journal.Journal
	store     leadstore.Store
	services  []namedService
	ingest    http.Handler
	sources   reloader
	// destinations is routing, nil where this process does not run it.
	destinations destinationReloader
	refusals     refusals
	front        *front
}

// service is what every service offers.
type service interface {
	Register(r grpc.ServiceRegistrar)
	Run(ctx context.Context) error
	Ready() error
}

type namedService struct {
	name string
	service
}

// Run runs a target until ctx ends, then stops it in order: no new requests, those under way to their end, the services,
// the engines. It returns nil after a stop that was asked for, and otherwise why it could not start or go on.
func Run(ctx context.Context, opt Options) error {
	log, err := telemetry.NewLogger(opt.Log, opt.Config.Log)
	if err != nil {
		return err
	}
	if err := opt.Config.Validate(opt.Target); err != nil {
		return err
	}
	if opt.Target == Up && opt.Config.InternalToken.IsZero() {
		opt.Config.InternalToken = config.NewSecret(rand.Text())
	}
	p := &process{
		opt: opt, cfg: &opt.Config, log: log.With("target", string(opt.Target)), metrics: telemetry.NewRegistry(opt.Version),
	}
	p.up = newStack(p.log)
	err = p.start(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
			p.log.Info("stopping")
		case err = <-p.up.failed:
			p.log.Error("stopping: a part has failed", "error", err)
		}
	} else if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // asked to stop while it started
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(err, p.up.stop(stop))
}

// start starts everything in the order in which it depends on each other. What has been started is in p.up, also when it
// returns an error.
func (p *process) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		p.listen, p.startMemory, p.startTelemetry, p.startAdmin, p.openEngines, p.openJournal, p.startServices, p.startGRPC, p.startHTTP,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	addrs := Addrs{GRPC: reachable(p.listeners.grpc), Admin: reachable(p.listeners.admin)}
	if p.listeners.http != nil {
		addrs.HTTP = reachable(p.listeners.http)
	}
	p.log.Info("started", "version", p.opt.Version, "http", addrs.HTTP, "grpc", addrs.GRPC, "admin", addrs.Admin)
	if p.opt.Started != nil {
		p.opt.Started(addrs)
	}
	return nil
}

// listen opens every port first: one that is taken is told before an engine has been touched.
func (p *process) listen(ctx context.Context) error {
	for _, l := range []struct {
		setting, addr string
		wanted        bool
		into          *net.Listener
	}{
		{"http.addr", p.cfg.HTTP.Addr, p.opt.Target.runs(Ingest), &p.listeners.http},
		{"grpc.addr", p.cfg.GRPC.Addr, true, &p.listeners.grpc},
		{"admin.addr", p.cfg.Admin.Addr, true, &p.listeners.admin},
	} {
		if !l.wanted {
			continue
		}
		opened, err := listen(ctx, l.setting, l.addr)
		if err != nil {
			return err
		}
		*l.into = opened
		p.up.push(l.setting, func(context.Context) error {
			if err := opened.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		})
	}
	return nil
}

func (p *process) startTelemetry(ctx context.Context) error {
	name := "baton"
	if p.opt.Target != Up {
		name += "-" + string(p.opt.Target)
	}
	var err error
	p.tracing, err = telemetry.NewTracing(ctx, p.cfg.Telemetry, name, p.opt.Version, p.opt.Getenv)
	if err != nil {
		return err
	}
	if p.tracing.Enabled {
		// The exporter tells its failures nowhere else. It is the process's own setting, and this is the process.
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { p.log.Warn("traces are not sent", "error", err) }))
	}
	p.up.push("traces", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second) // a collector that is away must not hold up a stop
		defer cancel()
		if err := p.tracing.Shutdown(ctx); err != nil {
			p.log.Warn("the last traces were not sent", "error", err)
		}
		return nil
	})
	return nil
}

func (p *process) startAdmin(context.Context) error {
	names := []string{"nats", "journal", "store"}
	for _, t := range Targets()[1:] {
		if p.opt.Target.runs(t) {
			names = append(names, string(t))
		}
	}
	p.ready = newReadiness(names...)
	server := newHTTPServer(adminHandler(p.ready, p.metrics, &p.refusals), func(line string) { p.log.Debug("net/http reports", "what", line) })
	p.serve("admin", server, watchedListener{p.listeners.admin})
	return nil
}

// serve runs an HTTP server; stopping it lets requests under way end.
func (p *process) serve(name string, server *http.Server, l net.Listener) {
	p.up.run(name, func(context.Context) error {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return context.Canceled
	})
	waitForEnd := p.up.parts[len(p.up.parts)-1].stop
	p.up.parts[len(p.up.parts)-1].stop = func(ctx context.Context) error {
		return errors.Join(p.shutdown(ctx, name, server), waitForEnd(ctx))
	}
}

// shutdown gives requests under way most of the time there is; then they are cut.
func (p *process) shutdown(ctx context.Context, name string, server *http.Server) error {
	patient, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	if err := server.Shutdown(patient); err != nil {
		p.log.Warn("requests under way were cut", "server", name)
		return server.Close()
	}
	return nil
}

func (p *process) openEngines(ctx context.Context) error {
	var err error
	if p.cfg.NATS.URL.IsZero() {
		p.log.Info("starting the embedded journal", "data_dir", p.cfg.DataDir.String(), "sync", p.cfg.Journal.Sync)
		p.nc, err = startNATS(p.cfg, p.log, p.up)
	} else {
		p.nc, err = connectNATS(ctx, p.cfg, p.log, p.up)
	}
	if err != nil {
		return err
	}
	p.ready.set("nats", func() error {
		if !p.nc.IsConnected() {
			return errors.New("not connected")
		}
		return nil
	})
	return nil
}

func (p *process) openJournal(ctx context.Context) error {
	err := await(ctx, p.log, "the journal", func() error {
		var err error
		p.journal, err = journal.Open(ctx, p.nc, journal.Options{Replicas: p.cfg.Journal.Replicas, Log: p.log, Propagator: p.tracing.Propagator})
		if errors.Is(err, journal.ErrMisconfigured) {
			return final{err}
		}
		return err
	})
	if err != nil {
		return err
	}
	p.up.run("journal", p.journal.Run)
	p.ready.set("journal", func() error { return nil })
	if p.opt.Target == Ingest {
		p.ready.set("store", func() error { return nil }) // ingest needs none
		return nil
	}
	store, err := openStore(ctx, p.cfg, p.log, p.up)
	if err != nil {
		return err
	}
	p.store = store
	p.ready.set("store", func() error { return nil })
	return nil
}

func (p *process) startServices(ctx context.Context) error {
	if err := p.buildServices(ctx); err != nil {
		return err
	}
	for _, s := range p.services {
		p.up.run(s.name, s.Run)
		p.ready.set(s.name, s.Ready)
	}
	if p.opt.Reload != nil {
		p.up.run("reload", p.watchReload)
	}
	return nil
}

func (p *process) startGRPC(context.Context) error {
	p.auth = p.cfg.auth()
	server, err := grpcx.NewServer(grpcx.ServerOptions{
		Auth: p.auth, Log: p.log, Metrics: p.metrics, Tracer: p.tracer(), Propagator: p.tracing.Propagator, MapError: statusOf,
	})
	if err != nil {
		return err
	}
	for _, s := range p.services {
		s.Register(server)
	}
	p.up.run("health", func(ctx context.Context) error { return p.reportHealth(ctx, server) })
	p.up.run("grpc", func(context.Context) error {
		if err := server.Serve(p.listeners.grpc); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return err
		}
		return context.Canceled
	})
	p.up.push("gRPC calls", func(ctx context.Context) error {
		server.Health.Shutdown()
		done := make(chan struct{})
		go func() { server.GracefulStop(); close(done) }()
		patient, cancel := context.WithTimeout(ctx, 3*time.Second) // streams to clients never end by themselves
		defer cancel()
		select {
		case <-done:
		case <-patient.Done():
			server.Stop()
			<-done
		}
		return nil
	})
	return nil
}

// reportHealth keeps the gRPC health service at what the services say of themselves.
func (p *process) reportHealth(ctx context.Context, server *grpcx.Server) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		_, all := p.ready.state()
		server.SetServing("", all)
		for _, s := range p.services {
			server.SetServing("baton."+s.name, s.Ready() == nil)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
