package grpcx

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
)

// ClientOptions of Dial.
type ClientOptions struct {
	// Token is presented in calls that carry no authorization of their own; "" for none.
	Token string
	// Policy tells which methods may be repeated: those are, up to three times within a second, while the server is away.
	// The others fail at once, and the caller decides.
	Policy     Policy
	Tracer     trace.TracerProvider
	Propagator propagation.TextMapPropagator
}

// Dial gives a connection to a Baton service. It connects when it is first used and again whenever it is cut; a server
// that is away makes calls fail with UNAVAILABLE, never Dial. The connection is plain text: between machines, put it on a
// network of its own or behind a proxy that encrypts.
func Dial(addr string, opt ClientOptions) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig(opt.Policy)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 5 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 3 * time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithChainUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return next(withToken(ctx, opt.Token), method, req, reply, cc, opts...)
		}),
		grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return next(withToken(ctx, opt.Token), desc, cc, method, opts...)
		}),
	}
	if opt.Tracer != nil && opt.Propagator != nil {
		options = append(options, grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(opt.Tracer), otelgrpc.WithPropagators(opt.Propagator), otelgrpc.WithMeterProvider(noMeters()))))
	}
	conn, err := grpc.NewClient(addr, options...)
	if err != nil {
		return nil, fmt.Errorf("gRPC address %q: %w", addr, err)
	}
	return conn, nil
}

func withToken(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	if md, _ := metadata.FromOutgoingContext(ctx); len(md.Get("authorization")) > 0 {
		return ctx // the caller's own
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// serviceConfig gives gRPC's own retry rules for the methods that may be repeated.
func serviceConfig(p Policy) string {
	type name struct {
		Service string `json:"service"`
		Method  string `json:"method"`
	}
	var names []name
	for full, rule := range p {
		if service, method, ok := strings.Cut(strings.TrimPrefix(full, "/"), "/"); ok && rule.Retry {
			names = append(names, name{service, method})
		}
	}
	if len(names) == 0 {
		return "{}"
	}
	slices.SortFunc(names, func(a, b name) int { return strings.Compare(a.Service+a.Method, b.Service+b.Method) })
	text, err := json.Marshal(map[string]any{"methodConfig": []any{map[string]any{
		"name": names,
		"retryPolicy": map[string]any{
			"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 3,
			"retryableStatusCodes": []string{"UNAVAILABLE"},
		},
	}}})
	if err != nil {
		return "{}"
	}
	return string(text)
}
