package grpcx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// ServerOptions of NewServer.
type ServerOptions struct {
	Auth Auth
	// Log gets panics and internal errors; nil discards.
	Log *slog.Logger
	// Metrics gets baton_grpc_…; nil for none.
	Metrics prometheus.Registerer
	// Tracer and Propagator trace calls; nil for neither.
	Tracer     trace.TracerProvider
	Propagator propagation.TextMapPropagator
	// MapError gives the status of an error that has none yet; nil, or an answer of nil, makes it an internal error.
	MapError func(error) error
}

// Server is a gRPC server and its health service.
type Server struct {
	*grpc.Server
	Health *health.Server
}

// NewServer gives a server that knows every caller, survives every panic and tells no internals: an error that is not
// meant for callers is logged and answered as Internal "internal error". It listens to nothing yet.
func NewServer(opt ServerOptions) (*Server, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	m, err := newServerMetrics(opt.Metrics)
	if err != nil {
		return nil, err
	}
	edge := &edge{log: opt.Log, mapError: opt.MapError}
	options := []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(m.unary, edge.unary, opt.Auth.unary),
		grpc.ChainStreamInterceptor(m.stream, edge.stream, opt.Auth.stream),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage),
		grpc.MaxHeaderListSize(64 << 10), grpc.ConnectionTimeout(10 * time.Second),
	}
	if opt.Tracer != nil && opt.Propagator != nil {
		options = append(options, grpc.StatsHandler(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(opt.Tracer), otelgrpc.WithPropagators(opt.Propagator), otelgrpc.WithMeterProvider(noMeters()))))
	}
	s := &Server{Server: grpc.NewServer(options...), Health: health.NewServer()}
	healthv1.RegisterHealthServer(s.Server, s.Health)
	return s, nil
}

// SetServing tells callers of the health service whether a service can do its work; "" is the process.
func (s *Server) SetServing(service string, ready bool) {
	state := healthv1.HealthCheckResponse_NOT_SERVING
	if ready {
		state = healthv1.HealthCheckResponse_SERVING
	}
	s.Health.SetServingStatus(service, state)
}

// MaxMessage is the largest message of a call, in bytes: that of the journal, 8 MB, and room for its frame.
const MaxMessage = 9 << 20

// HealthPolicy has the rules of the health service: it is public.
func HealthPolicy() Policy {
	p := Policy{}
	for _, m := range healthv1.Health_ServiceDesc.Methods {
		p["/"+healthv1.Health_ServiceDesc.ServiceName+"/"+m.MethodName] = Rule{Public: true, Retry: true}
	}
	for _, s := range healthv1.Health_ServiceDesc.Streams {
		p["/"+healthv1.Health_ServiceDesc.ServiceName+"/"+s.StreamName] = Rule{Public: true}
	}
	return p
}

// edge is where errors and panics become statuses.
type edge struct {
	log      *slog.Logger
	mapError func(error) error
}

func (e *edge) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (resp any, err error) {
	defer func() {
		if r := recover(); r != nil {
			resp, err = nil, e.panicked(ctx, info.FullMethod, r)
		}
	}()
	resp, err = next(ctx, req)
	if err != nil {
		err = e.status(ctx, info.FullMethod, err)
		if status.Code(err) == codes.Unavailable {
			// We have tried, for as long as a caller should wait: it is for the caller's caller to come again. Clients of
			// ours repeat on their own only what never reached a server.
			_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", "-1"))
		}
		return nil, err
	}
	return resp, nil
}

func (e *edge) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = e.panicked(ss.Context(), info.FullMethod, r)
		}
	}()
	if err := next(srv, ss); err != nil {
		return e.status(ss.Context(), info.FullMethod, err)
	}
	return nil
}

func (e *edge) panicked(ctx context.Context, method string, r any) error {
	e.log.ErrorContext(ctx, "a call panicked", "method", method, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
	return status.Error(codes.Internal, internalError)
}

const internalError = "internal error"

// status gives what the caller is told. Unknown and Internal are what nobody meant to say.
func (e *edge) status(ctx context.Context, method string, err error) error {
	st, ok := status.FromError(err)
	if !ok && e.mapError != nil {
		if mapped := e.mapError(err); mapped != nil {
			st, ok = status.FromError(mapped)
		}
	}
	switch {
	case ok && st.Code() != codes.Unknown && st.Code() != codes.Internal && st.Code() != codes.DataLoss:
		return own(st)
	case errors.Is(err, context.DeadlineExceeded):
		return own(status.New(codes.DeadlineExceeded, "it took too long"))
	case errors.Is(err, context.Canceled):
		return own(status.New(codes.Canceled, "the caller went away"))
	}
	e.log.ErrorContext(ctx, "a call failed", "method", method, "error", err)
	return status.Error(codes.Internal, internalError)
}

// domain marks a status as said by one of our servers, for callers to read, rather than made by gRPC underway.
const domain = "baton"

func own(st *status.Status) error {
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.ErrorInfo); ok && info.GetDomain() == domain {
			return st.Err()
		}
	}
	marked, err := st.WithDetails(&errdetails.ErrorInfo{Domain: domain, Reason: st.Code().String()})
	if err != nil {
		return st.Err()
	}
	return marked.Err()
}
