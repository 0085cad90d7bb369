package grpcx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// GatewayOptions of NewGateway.
type GatewayOptions struct {
	// Auth as the servers have it. The gateway checks no token, it passes them on; it keeps callers from elsewhere out
	// where there are none, since the servers see only the gateway's own address.
	Auth Auth
	// Log gets what could not be answered; nil discards.
	Log *slog.Logger
	// Status gives the HTTP status of an answer where it is not 200; 0 otherwise. May be nil.
	Status func(proto.Message) int
	// BodyLimit in bytes of a request; 0 means 1 MB.
	BodyLimit int64
	// BodyLimits are those of paths that may be larger.
	BodyLimits map[string]int64
	// Timeout of a call; 0 means 15 s. Reads wait for `after` at most 2 s of it.
	Timeout time.Duration
	// Long gives the time-out of a call that may take longer, 0 for any other. May be nil.
	Long func(*http.Request) time.Duration
	// Params gives the parameters that an address may have, by its path; any other is refused by its name, so that a slip of the pen
	// asks no other question than was meant. nil, or nil for a path, takes all and ignores those that are not known.
	Params func(path string) []string
	// Origins of browser pages that may send requests besides those of the same host, as https://app.example.
	Origins []string
}

// Gateway is the JSON API over the gRPC services.
type Gateway struct {
	*runtime.ServeMux
	opt     GatewayOptions
	origins *http.CrossOriginProtection
}

// NewGateway gives a gateway on which the generated Register…Handler functions register their paths. JSON has the protos'
// names and zero values; unknown members of a body are refused; errors are problems.
func NewGateway(opt GatewayOptions) (*Gateway, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.BodyLimit == 0 {
		opt.BodyLimit = 1 << 20
	}
	if opt.Timeout == 0 {
		opt.Timeout = 15 * time.Second
	}
	g := &Gateway{opt: opt, origins: http.NewCrossOriginProtection()}
	for _, o := range opt.Origins {
		if o == "*" {
			continue // for sources that take events from any page, never for this API
		}
		if err := g.origins.AddTrustedOrigin(o); err != nil {
			return nil, err
		}
	}
	g.ServeMux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.HTTPBodyMarshaler{Marshaler: bodies{&runtime.JSONPb{ // an HttpBody goes out as it is
			MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true},
		}}}),
		runtime.WithErrorHandler(g.failed), runtime.WithStreamErrorHandler(streamFailed),
		runtime.WithRoutingErrorHandler(func(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, code int) {
			switch code {
			case http.StatusNotFound:
				NotFound(w)
			case http.StatusMethodNotAllowed:
				WriteProblem(w, code, "this path does not take that method")
			default:
				WriteProblem(w, code, "")
			}
		}),
		runtime.WithForwardResponseOption(g.answer),
		runtime.WithIncomingHeaderMatcher(func(string) (string, bool) { return "", false }), // Authorization goes on without
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
		runtime.WithMetadata(g.metadata),
		runtime.WithDisablePathLengthFallback(), runtime.WithDisableHTTPMethodOverride(), runtime.WithWriteContentLength(),
	)
	return g, nil
}

// NotFound answers a path that there is not.
func NotFound(w http.ResponseWriter) {
	WriteProblem(w, http.StatusNotFound, "there is nothing at this path")
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		p := recover()
		if p == http.ErrAbortHandler { //nolint:errorlint // it is the value itself that net/http knows
			panic(p)
		}
		if p != nil {
			g.opt.Log.ErrorContext(r.Context(), "a request panicked", "panic", p)
			WriteProblem(w, http.StatusInternalServerError, internalError)
		}
	}()
	if g.opt.Auth.Open() && !localRequest(r) {
		WriteProblem(w, http.StatusUnauthorized, "no tokens are configured: only callers on the same machine are served")
		return
	}
	if err := g.origins.Check(r); err != nil {
		WriteProblem(w, http.StatusForbidden, "requests from pages of other origins are not taken")
		return
	}
	if name := g.unknownParam(r); name != "" {
		writeStatus(w, invalidParam(name))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), g.timeout(w, r))
	defer cancel()
	body, ok := g.body(w, r)
	if !ok {
		return
	}
	s := &streamWriter{ResponseWriter: w}
	r = r.WithContext(context.WithValue(ctx, streamKey{}, s))
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Del("Grpc-Timeout") // the limit is ours
	r.Header.Del("Te")           // answers have no trailers
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store") // personal data
	g.ServeMux.ServeHTTP(s, r)
	switch {
	case s.failed:
		writeStatus(w, s.err)
	case s.asIs && s.err != nil:
		panic(http.ErrAbortHandler) // what was sent is no whole file, and says so by ending in the middle
	}
}

// timeout gives a call's time-out. One that may take longer than others may also answer for longer than the server's own
// limit: where that cannot be set (a writer without deadlines), the server's stays.
func (g *Gateway) timeout(w http.ResponseWriter, r *http.Request) time.Duration {
	if g.opt.Long == nil {
		return g.opt.Timeout
	}
	long := g.opt.Long(r)
	if long <= g.opt.Timeout {
		return g.opt.Timeout
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(long))
	return long
}

// body reads the body whole, within its limit.
func (g *Gateway) body(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	limit := g.opt.BodyLimit
	if l, ok := g.opt.BodyLimits[r.URL.Path]; ok {
		limit = l
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		WriteProblem(w, http.StatusRequestEntityTooLarge, "the body is larger than this path takes")
		return nil, false
	case err != nil:
		WriteProblem(w, http.StatusBadRequest, "the body ended too early")
		return nil, false
	}
	if len(body) == 0 && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodDelete {
		body = []byte("{}") // a POST that has nothing to say
	}
	return body, true
}

// localRequest reports whether a request was made on this machine, by a program or a page of it: not passed on by a
// proxy, and not by a page that was led here under another name.
func localRequest(r *http.Request) bool {
	return Loopback(r.RemoteAddr) && Loopback(r.Host) &&
		r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == "" && r.Header.Get("X-Real-Ip") == ""
}

// metadata presents our own token for a caller on this machine who needs none: the servers may be on others.
func (g *Gateway) metadata(_ context.Context, r *http.Request) metadata.MD {
	if g.opt.Auth.Open() && g.opt.Auth.Internal != "" && r.Header.Get("Authorization") == "" {
		return metadata.Pairs("authorization", "Bearer "+g.opt.Auth.Internal)
	}
	return nil
}

func (g *Gateway) answer(_ context.Context, w http.ResponseWriter, resp proto.Message) error {
	if _, page := resp.(*httpbody.HttpBody); page { // whatever it shows, it loads and runs nothing
		if s, ok := w.(*streamWriter); ok {
			s.asIs, s.left = true, 1
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	}
	if g.opt.Status != nil {
		if code := g.opt.Status(resp); code != 0 && code != http.StatusOK {
			w.WriteHeader(code)
		}
	}
	return nil
}

func (g *Gateway) failed(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) {
	var routed *runtime.HTTPStatusError
	if errors.As(err, &routed) {
		err = routed.Err
	}
	if r.Context().Err() == nil {
		g.opt.Log.DebugContext(ctx, "an API call was refused", "error", err)
	}
	writeStatus(w, err)
}
