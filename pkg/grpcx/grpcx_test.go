package grpcx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/batonhq/baton/pkg/grpcx"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

var errLagging = errors.New("lagging")

// services is a feedback and a lead service that do what the request's id says.
type services struct {
	feedbackv1.UnimplementedFeedbackServiceServer
	leadv1.UnimplementedLeadContextServiceServer
	scoringv1.UnimplementedScoringServiceServer
	calls atomic.Int32
	seen  atomic.Pointer[grpcx.Principal]
}

func (s *services) Accept(ctx context.Context, r *feedbackv1.DispositionRequest) (*feedbackv1.DispositionResponse, error) {
	s.calls.Add(1)
	if p, ok := grpcx.PrincipalFrom(ctx); ok {
		s.seen.Store(&p)
	}
	switch r.Id {
	case "panic":
		panic("secret-internals")
	case "plain":
		return nil, errors.New("dial secret-internals")
	case "internal":
		return nil, status.Error(codes.Internal, "secret-internals")
	case "lagging":
		return nil, errLagging
	case "late":
		return nil, context.DeadlineExceeded
	case "taken":
		return nil, status.Error(codes.FailedPrecondition, "bo has it")
	case "busy":
		st, _ := status.New(codes.ResourceExhausted, "too many").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(2500 * time.Millisecond)})
		return nil, st.Err()
	case "field":
		st, _ := status.New(codes.InvalidArgument, "the reason is not one of the agreement's").WithDetails(&errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "reason", Description: "is not known"}},
		})
		return nil, st.Err()
	case "pending":
		return &feedbackv1.DispositionResponse{HandoffId: r.Id, Status: "pending", Sequence: "12"}, nil
	}
	return &feedbackv1.DispositionResponse{HandoffId: r.Id, Stage: "accepted", Status: "done", Sequence: "12"}, nil
}

func (s *services) GetLead(context.Context, *leadv1.GetLeadRequest) (*leadv1.Lead, error) {
	if s.calls.Add(1) < 3 {
		return nil, status.Error(codes.Unavailable, "contexts are being rebuilt: 10 %")
	}
	return &leadv1.Lead{Id: "ld_x"}, nil
}

func (s *services) GetReconciliation(context.Context, *scoringv1.ReconciliationRequest) (*scoringv1.Reconciliation, error) {
	return &scoringv1.Reconciliation{Ok: true, Acknowledged: 1234567, Applied: 0, LeadsByStage: map[string]float64{"won": 842}}, nil
}

const accept = "/baton.feedback.v1.FeedbackService/Accept"

func policy() grpcx.Policy {
	p := grpcx.HealthPolicy()
	p[accept] = grpcx.Rule{Roles: []string{"sales"}}
	p["/baton.lead.v1.LeadContextService/GetLead"] = grpcx.Rule{Roles: []string{"viewer"}, Retry: true}
	p["/baton.scoring.v1.ScoringService/GetReconciliation"] = grpcx.Rule{Roles: []string{"viewer"}, Retry: true}
	return p
}

func serve(t *testing.T, auth grpcx.Auth) (*services, string, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, err := grpcx.NewServer(grpcx.ServerOptions{
		Auth: auth, Log: slog.New(slog.NewTextHandler(&log, nil)), Metrics: prometheus.NewRegistry(),
		MapError: func(err error) error {
			if errors.Is(err, errLagging) {
				return status.Error(codes.Unavailable, "lagging: 10 %")
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	svc := &services{}
	feedbackv1.RegisterFeedbackServiceServer(s, svc)
	leadv1.RegisterLeadContextServiceServer(s, svc)
	scoringv1.RegisterScoringServiceServer(s, svc)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return svc, l.Addr().String(), &log
}

func dial(t *testing.T, addr, token string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpcx.Dial(addr, grpcx.ClientOptions{Token: token, Policy: policy()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func gateway(t *testing.T, addr string, auth grpcx.Auth) *grpcx.Gateway {
	t.Helper()
	g, err := grpcx.NewGateway(grpcx.GatewayOptions{Auth: auth, Origins: []string{"https://ok.example", "*"}, Status: func(m proto.Message) int {
		if d, ok := m.(*feedbackv1.DispositionResponse); ok && d.Status == "pending" {
			return http.StatusAccepted
		}
		return 0
	}})
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, addr, "")
	for _, register := range []error{
		feedbackv1.RegisterFeedbackServiceHandler(t.Context(), g.ServeMux, conn),
		leadv1.RegisterLeadContextServiceHandler(t.Context(), g.ServeMux, conn),
		scoringv1.RegisterScoringServiceHandler(t.Context(), g.ServeMux, conn),
	} {
		if register != nil {
			t.Fatal(register)
		}
	}
	return g
}

func tokens() []grpcx.Token {
	return []grpcx.Token{
		{Text: "t-ana", Principal: grpcx.Principal{Name: "ana-phone", Roles: []string{"sales"}, Rep: "ana"}},
		{Text: "t-view", Principal: grpcx.Principal{Name: "wall", Roles: []string{"viewer"}}},
	}
}

func TestWhoMayCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		auth   grpcx.Auth
		token  string
		want   codes.Code
		caller string
	}{
		{"open, local", grpcx.Auth{}, "", codes.OK, "local"},
		{"open, a token nobody has", grpcx.Auth{}, "x", codes.Unauthenticated, ""},
		{"open, internal", grpcx.Auth{Internal: "i"}, "i", codes.OK, "local"},
		{"no token", grpcx.Auth{Tokens: tokens()}, "", codes.Unauthenticated, ""},
		{"wrong token", grpcx.Auth{Tokens: tokens()}, "t-anna", codes.Unauthenticated, ""},
		{"the role", grpcx.Auth{Tokens: tokens()}, "t-ana", codes.OK, "ana-phone"},
		{"another role", grpcx.Auth{Tokens: tokens()}, "t-view", codes.PermissionDenied, ""},
		{"internal", grpcx.Auth{Tokens: tokens(), Internal: "i"}, "i", codes.OK, "baton"},
		{"a token without text", grpcx.Auth{Tokens: []grpcx.Token{{Principal: grpcx.Principal{Name: "x", Roles: []string{"sales"}}}}}, " ", codes.Unauthenticated, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.auth.Policy = policy()
			svc, addr, _ := serve(t, c.auth)
			_, err := feedbackv1.NewFeedbackServiceClient(dial(t, addr, c.token)).Accept(t.Context(), &feedbackv1.DispositionRequest{Id: "h"})
			if status.Code(err) != c.want {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if p := svc.seen.Load(); c.caller != "" && (p == nil || p.Name != c.caller) {
				t.Errorf("caller %+v, want %s", p, c.caller)
			}
			if c.want != codes.OK && svc.calls.Load() != 0 {
				t.Error("the service was reached")
			}
		})
	}
}

func TestAMethodWithoutARuleIsRefusedAndHealthIsPublic(t *testing.T) {
	_, addr, _ := serve(t, grpcx.Auth{Policy: policy(), Tokens: tokens()})
	conn := dial(t, addr, "t-ana")
	if _, err := feedbackv1.NewFeedbackServiceClient(conn).Reject(t.Context(), &feedbackv1.DispositionRequest{}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("Reject: %v", err)
	}
	if _, err := healthv1.NewHealthClient(dial(t, addr, "")).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Errorf("health: %v", err)
	}
}

func TestTwoAuthorizationsAreNone(t *testing.T) {
	_, addr, _ := serve(t, grpcx.Auth{Policy: policy(), Tokens: tokens()})
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer t-ana", "authorization", "Bearer t-view")
	if _, err := feedbackv1.NewFeedbackServiceClient(conn).Accept(ctx, &feedbackv1.DispositionRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("%v", err)
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9": true, "[::1]:80": true, "::1": true, "localhost:80": true, "LOCALHOST.": true,
		":80": false, "": false, "0.0.0.0:80": false, "[::]:80": false, "10.0.0.1:80": false, "localhost.evil.example": false, "baton:80": false,
	} {
		if got := grpcx.Loopback(addr); got != want {
			t.Errorf("%q: %v", addr, got)
		}
	}
}

func TestErrorsTellNoInternals(t *testing.T) {
	_, addr, log := serve(t, grpcx.Auth{Policy: policy()})
	client := feedbackv1.NewFeedbackServiceClient(dial(t, addr, ""))
	for id, want := range map[string]codes.Code{
		"panic": codes.Internal, "plain": codes.Internal, "internal": codes.Internal, "lagging": codes.Unavailable, "late": codes.DeadlineExceeded,
	} {
		_, err := client.Accept(t.Context(), &feedbackv1.DispositionRequest{Id: id})
		if status.Code(err) != want || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	if n := strings.Count(log.String(), "secret-internals"); n != 3 {
		t.Errorf("%d of 3 in the log: %s", n, log)
	}
}

// A read waits 2 s for what it was asked to show. Repeating it on the way would make that a multiple.
func TestWhatAServerAnsweredIsNotRepeated(t *testing.T) {
	svc, addr, _ := serve(t, grpcx.Auth{Policy: policy()})
	_, err := leadv1.NewLeadContextServiceClient(dial(t, addr, "")).GetLead(t.Context(), &leadv1.GetLeadRequest{})
	if status.Code(err) != codes.Unavailable || svc.calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, svc.calls.Load())
	}
	svc.calls.Store(0)
	if _, err := feedbackv1.NewFeedbackServiceClient(dial(t, addr, "")).Accept(t.Context(), &feedbackv1.DispositionRequest{Id: "lagging"}); err == nil || svc.calls.Load() != 1 {
		t.Errorf("%v after %d calls", err, svc.calls.Load())
	}
}

func request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:5000"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestGatewayAnswers(t *testing.T) {
	auth := grpcx.Auth{Policy: policy(), Tokens: tokens()}
	_, addr, _ := serve(t, auth)
	g := gateway(t, addr, auth)
	ana := []string{"Authorization", "Bearer t-ana"}
	view := []string{"Authorization", "Bearer t-view"}
	for _, c := range []struct {
		name   string
		req    *http.Request
		status int
		detail string
		field  grpcx.FieldError
	}{
		{"done", request("POST", "/api/v1/handoffs/h/accept", `{"note":"x"}`, ana...), 200, "", grpcx.FieldError{}},
		{"no body", request("POST", "/api/v1/handoffs/h/accept", ``, ana...), 200, "", grpcx.FieldError{}},
		{"pending", request("POST", "/api/v1/handoffs/pending/accept", `{}`, ana...), 202, "", grpcx.FieldError{}},
		{"conflict", request("POST", "/api/v1/handoffs/taken/accept", `{}`, ana...), 409, "bo has it", grpcx.FieldError{}},
		{"field", request("POST", "/api/v1/handoffs/field/accept", `{}`, ana...), 400, "the reason", grpcx.FieldError{Field: "reason", Reason: "is not known"}},
		{"busy", request("POST", "/api/v1/handoffs/busy/accept", `{}`, ana...), 429, "too many", grpcx.FieldError{}},
		{"internal", request("POST", "/api/v1/handoffs/internal/accept", `{}`, ana...), 500, "internal error", grpcx.FieldError{}},
		{"panic", request("POST", "/api/v1/handoffs/panic/accept", `{}`, ana...), 500, "internal error", grpcx.FieldError{}},
		{"rebuilding", request("POST", "/api/v1/handoffs/lagging/accept", `{}`, ana...), 503, "lagging: 10 %", grpcx.FieldError{}},
		{"no token", request("POST", "/api/v1/handoffs/h/accept", `{}`), 401, "token", grpcx.FieldError{}},
		{"basic", request("POST", "/api/v1/handoffs/h/accept", `{}`, "Authorization", "Basic eDp5"), 401, "token", grpcx.FieldError{}},
		{"smuggled", request("POST", "/api/v1/handoffs/h/accept", `{}`, "Grpc-Metadata-Authorization", "Bearer t-ana"), 401, "token", grpcx.FieldError{}},
		{"wrong role", request("POST", "/api/v1/handoffs/h/accept", `{}`, view...), 403, "sales", grpcx.FieldError{}},
		{"unknown member", request("POST", "/api/v1/handoffs/h/accept", `{"reson":"x"}`, ana...), 400, "cannot be read", grpcx.FieldError{Field: "reson", Reason: "is not known"}},
		{"wrong kind", request("POST", "/api/v1/handoffs/h/accept", `{"reason":{}}`, ana...), 400, "cannot be read", grpcx.FieldError{Field: "reason", Reason: "must be text, in quotes"}},
		{"cut off", request("POST", "/api/v1/handoffs/h/accept", `{"reason":`, ana...), 400, "cannot be read", grpcx.FieldError{Field: "body"}},
		{"not JSON", request("POST", "/api/v1/handoffs/h/accept", `hello`, ana...), 400, "cannot be read", grpcx.FieldError{Field: "body"}},
		{"not a number", request("GET", "/api/v1/leads?page_size=many", ``, view...), 400, "cannot be read", grpcx.FieldError{Field: "page_size", Reason: "is not a number, or out of range"}},
		{"not a time", request("GET", "/api/v1/metrics/funnel?from=monday", ``, ana...), 400, "cannot be read", grpcx.FieldError{Field: "from", Reason: "is not a time such as 2026-01-31T12:00:00Z (RFC 3339; in an address, + is written %2B)"}},
		{"no path", request("GET", "/api/v1/nothing", ``, ana...), 404, "nothing at this path", grpcx.FieldError{}},
		{"no method", request("PATCH", "/api/v1/leads", ``, ana...), 405, "method", grpcx.FieldError{}},
		{"not built in", request("GET", "/api/v1/leads", ``, view...), 403, "", grpcx.FieldError{}},
		{"too large", request("POST", "/api/v1/handoffs/h/accept", `{"note":"`+strings.Repeat("x", 1<<20)+`"}`, ana...), 413, "larger", grpcx.FieldError{}},
		{"from a page elsewhere", request("POST", "/api/v1/handoffs/h/accept", `{}`, append(ana, "Origin", "https://evil.example")...), 403, "origins", grpcx.FieldError{}},
		{"from a page of ours", request("POST", "/api/v1/handoffs/h/accept", `{}`, append(ana, "Origin", "https://ok.example")...), 200, "", grpcx.FieldError{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			g.ServeHTTP(rec, c.req)
			body := rec.Body.String()
			if rec.Code != c.status {
				t.Fatalf("%d %s, want %d", rec.Code, body, c.status)
			}
			if c.status < 300 {
				if rec.Header().Get("Content-Type") != "application/json" || !strings.Contains(body, `"handoff_id"`) || !strings.Contains(body, `"owner":""`) {
					t.Errorf("%s %s: want the proto's names and zero values", rec.Header().Get("Content-Type"), body)
				}
				return
			}
			var p grpcx.Problem
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Header().Get("Content-Type") != grpcx.ProblemType {
				t.Fatalf("%v: %q %s", err, rec.Header().Get("Content-Type"), body)
			}
			if p.Status != c.status || p.Title == "" || p.Type == "" || !strings.Contains(p.Detail, c.detail) {
				t.Errorf("%+v", p)
			}
			if c.field.Field != "" && (len(p.Errors) != 1 || p.Errors[0].Field != c.field.Field || !strings.Contains(p.Errors[0].Reason, c.field.Reason)) {
				t.Errorf("errors %+v, want %+v", p.Errors, c.field)
			}
			for _, leak := range []string{"secret", "proto:", "strconv", "rpc error", "127.0.0.1", "\u00a0"} {
				if strings.Contains(body, leak) {
					t.Errorf("%s shows %q", body, leak)
				}
			}
			if again := rec.Header().Get("Retry-After"); (c.status == 429 && again != "3") || (c.status == 503 && again != "1") {
				t.Errorf("Retry-After %q", again)
			}
		})
	}
}

func TestCountsAreNumbersInJSON(t *testing.T) {
	auth := grpcx.Auth{Policy: policy()}
	_, addr, _ := serve(t, auth)
	rec := httptest.NewRecorder()
	gateway(t, addr, auth).ServeHTTP(rec, request("GET", "/api/v1/reconciliation", ""))
	compact := strings.ReplaceAll(rec.Body.String(), " ", "")
	for _, want := range []string{`"acknowledged":1234567`, `"applied":0`, `"won":842`, `"orphans":[]`} {
		if !strings.Contains(compact, want) {
			t.Errorf("no %s in %s", want, compact)
		}
	}
}

func TestWithoutTokensTheGatewayServesThisMachineAlone(t *testing.T) {
	auth := grpcx.Auth{Policy: policy(), Internal: "i"}
	svc, addr, _ := serve(t, auth)
	g := gateway(t, addr, auth)
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"local":      {func(*http.Request) {}, 200},
		"elsewhere":  {func(r *http.Request) { r.RemoteAddr = "10.0.0.7:1" }, 401},
		"a proxy":    {func(r *http.Request) { r.Header.Set("X-Forwarded-For", "10.0.0.7") }, 401},
		"a rebinder": {func(r *http.Request) { r.Host = "evil.example" }, 401},
	} {
		r := request("POST", "/api/v1/handoffs/h/accept", `{}`)
		c.change(r)
		rec := httptest.NewRecorder()
		g.ServeHTTP(rec, r)
		if rec.Code != c.want {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
	if p := svc.seen.Load(); p == nil || p.Name != "local" {
		t.Errorf("caller %+v: the gateway presents Baton's own token", p)
	}
}

func TestAServerThatIsAwayIsNotNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	rec := httptest.NewRecorder()
	gateway(t, addr, grpcx.Auth{}).ServeHTTP(rec, request("GET", "/api/v1/leads/ld_x", ""))
	body, _ := io.ReadAll(rec.Body)
	if rec.Code != 503 || strings.Contains(string(body), "127.0.0.1") || !strings.Contains(string(body), "not reachable") {
		t.Errorf("%d %s", rec.Code, body)
	}
}
