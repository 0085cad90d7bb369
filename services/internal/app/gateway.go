package app

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/grpcx"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	ingestv1 "github.com/batonhq/baton/proto/baton/ingest/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/feedback"
	"github.com/batonhq/baton/services/routing"
)

// directoryLimit is the largest body that PUT /api/v1/directory takes: a directory lists every account.
const directoryLimit = 8 << 20

// agreementLimit is the largest that POST /api/v1/agreements takes: the text as a JSON string.
const agreementLimit = 3 << 20

// startHTTP serves ingest and the JSON API. It is started last and stopped first.
func (p *process) startHTTP(ctx context.Context) error {
	if p.listeners.http == nil {
		return nil
	}
	gateway, err := p.newGateway(ctx)
	if err != nil {
		return err
	}
	clicks, err := p.oneClick()
	if err != nil {
		return err
	}
	p.front = &front{ingest: p.ingest, api: gateway, links: clicks}
	handler := p.tracing.Handler(p.front, route)
	server := newHTTPServer(handler, func(line string) { p.log.Debug("net/http reports", "what", line) })
	var l net.Listener = watchedListener{p.listeners.http}
	if p.cfg.HTTP.TLS.On() {
		cert, err := loadCertificate(p.cfg.HTTP.TLS, p.log)
		if err != nil {
			return err
		}
		server.TLSConfig = cert.config()
		l = newTLSListener(p.listeners.http, server.TLSConfig)
	}
	p.serve("http", server, l)
	p.up.push("new requests", func(context.Context) error {
		p.front.draining.Store(true)
		p.ready.set("http", func() error { return errStopping })
		return nil
	})
	return nil
}

// longCall gives the time that is needed to a backtest, a simulation and a shadow's report, which read the journal, to a release, which
// looks at every lead that is held, to an export, which may be of every lead, and to a watch, which ends when its reader goes.
func longCall(r *http.Request) time.Duration {
	path, found := strings.CutPrefix(r.URL.Path, "/api/v1/")
	switch {
	case !found:
		return 0
	case r.Method == http.MethodPost && (strings.HasPrefix(path, "agreements/") || strings.HasPrefix(path, "proposals/")) && strings.HasSuffix(path, "/backtest"),
		r.Method == http.MethodGet && strings.HasPrefix(path, "agreements/") && strings.HasSuffix(path, "/shadow"),
		r.Method == http.MethodGet && (path == "inbox/watch" || strings.HasPrefix(path, "export/")),
		r.Method == http.MethodPost && (path == "history/release" || path == "directory/simulate"):
		return time.Hour
	}
	return 0
}

// httpStatus gives the status of an answer where it is not 200; 0 for all others.
func httpStatus(m proto.Message) int { return cmp.Or(feedback.HTTPStatus(m), routing.HTTPStatus(m)) }

func (p *process) newGateway(ctx context.Context) (*grpcx.Gateway, error) {
	g, err := grpcx.NewGateway(grpcx.GatewayOptions{
		Auth: p.auth, Log: p.log, Origins: p.cfg.HTTP.CORSOrigins, Status: httpStatus, Params: params,
		BodyLimits: map[string]int64{"/api/v1/directory": directoryLimit, "/api/v1/directory/accounts": directoryLimit, "/api/v1/directory/try": directoryLimit, "/api/v1/directory/simulate": directoryLimit, "/api/v1/agreements": agreementLimit}, Long: longCall,
	})
	if err != nil {
		return nil, fmt.Errorf("http.cors_origins: %w", err)
	}
	type register = func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error
	conns := map[string]*grpc.ClientConn{}
	for _, peer := range []struct {
		name      Target
		addr      string
		registers []register
	}{
		{Ingest, p.cfg.Peers.Ingest, []register{ingestv1.RegisterIngestServiceHandler}},
		{Scoring, p.cfg.Peers.Scoring, []register{
			leadv1.RegisterLeadContextServiceHandler, scoringv1.RegisterScoringServiceHandler, agreementv1.RegisterAgreementServiceHandler,
		}},
		{Routing, p.cfg.Peers.Routing, []register{routingv1.RegisterRoutingServiceHandler}},
		{Feedback, p.cfg.Peers.Feedback, []register{feedbackv1.RegisterFeedbackServiceHandler}},
	} {
		addr := p.peer(peer.name, peer.addr)
		if addr == "" {
			p.log.Warn("the JSON API does not know where a service is: set its address in peers", "service", string(peer.name))
			addr = reachable(p.listeners.grpc)
		}
		conn := conns[addr]
		if conn == nil {
			if conn, err = p.dial(addr, ""); err != nil { // callers' own tokens, never ours
				return nil, err
			}
			conns[addr] = conn
		}
		for _, register := range peer.registers {
			if err := register(ctx, g.ServeMux, conn); err != nil {
				return nil, fmt.Errorf("set up the JSON API: %w", err)
			}
		}
	}
	return g, nil
}

// peer gives the address of a service: this process's own where it runs it, else the configured one, "" if there is none.
func (p *process) peer(name Target, configured string) string {
	if p.opt.Target == Up || configured == "" && p.opt.Target.runs(name) {
		return reachable(p.listeners.grpc)
	}
	return configured
}

// dial gives a connection that is closed when the process stops.
func (p *process) dial(addr, token string) (*grpc.ClientConn, error) {
	conn, err := grpcx.Dial(addr, grpcx.ClientOptions{Token: token, Policy: access(), Tracer: p.tracer(), Propagator: p.tracing.Propagator})
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	p.up.push("connection to "+addr, func(context.Context) error { return conn.Close() })
	return conn, nil
}

// tracer gives what calls are traced with; nil where nothing is.
func (p *process) tracer() trace.TracerProvider {
	if !p.tracing.Enabled {
		return nil
	}
	return p.tracing.Provider
}
