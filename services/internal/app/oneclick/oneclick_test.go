package oneclick

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/links"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

var (
	key     = identity.Key("0123456789abcdef0123456789abcdef")
	noon    = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	handoff = identity.Handoff(key.Lead(identity.Email, "", "x@initech.example"), 1)
)

// world is a Baton with one handoff, which takes effect at once what is answered.
type world struct {
	h        *routingv1.Handoff
	answers  []*feedbackv1.DispositionRequest
	refuse   error
	pending  bool
	reads    int
	pages    int
	readFail error
}

func newWorld() *world {
	return &world{h: &routingv1.Handoff{
		Id: handoff, Stage: "routed", Owner: &routingv1.Owner{Id: "ana", Name: "Ana"}, Email: "x@initech.example",
		Account: &routingv1.AccountRef{Name: "<b>Initech</b>"}, DueAt: timestamppb.New(noon.Add(time.Hour)), DueClock: "accept",
	}}
}

func (w *world) GetHandoff(context.Context, *routingv1.GetHandoffRequest, ...grpc.CallOption) (*routingv1.Handoff, error) {
	w.reads++
	return w.h, w.readFail
}

func (w *world) GetBrief(context.Context, *routingv1.GetHandoffRequest, ...grpc.CallOption) (*routingv1.Payload, error) {
	return &routingv1.Payload{Brief: &routingv1.Brief{WhyNow: []string{"They asked for <prices>."}}}, nil
}

func (w *world) GetBriefPage(context.Context, *routingv1.GetHandoffRequest, ...grpc.CallOption) (*httpbody.HttpBody, error) {
	w.pages++
	return &httpbody.HttpBody{ContentType: "text/html; charset=utf-8", Data: []byte("<h1>The brief</h1>")}, nil
}

func (w *world) ListReasons(context.Context, *routingv1.ListReasonsRequest, ...grpc.CallOption) (*routingv1.Reasons, error) {
	return &routingv1.Reasons{Reject: []*routingv1.ReasonChoice{{Id: "bad-data", LeadsTo: "recycled"}, {Id: "no-fit", Sub: []string{"size"}, LeadsTo: "disqualified"}}}, nil
}

func (w *world) answer(req *feedbackv1.DispositionRequest, stage, what string) (*feedbackv1.DispositionResponse, error) {
	w.answers = append(w.answers, req)
	if w.refuse != nil {
		return nil, w.refuse
	}
	if w.pending {
		return &feedbackv1.DispositionResponse{Status: "pending", Sequence: "6"}, nil
	}
	w.h.Stage, w.h.Reason, w.h.DueAt = stage, req.GetReason(), nil
	w.h.History = append(w.h.History, &routingv1.HandoffEvent{What: what, At: timestamppb.New(noon)})
	return &feedbackv1.DispositionResponse{Status: "done", Stage: stage, Sequence: "7"}, nil
}

func (w *world) Accept(_ context.Context, req *feedbackv1.DispositionRequest, _ ...grpc.CallOption) (*feedbackv1.DispositionResponse, error) {
	resp, err := w.answer(req, "accepted", "accepted")
	if err == nil && !w.pending {
		w.h.AcceptedAt = timestamppb.New(noon)
	}
	return resp, err
}

func (w *world) Reject(_ context.Context, req *feedbackv1.DispositionRequest, _ ...grpc.CallOption) (*feedbackv1.DispositionResponse, error) {
	return w.answer(req, "disqualified", "rejected")
}

// site is the handler over a world, and a signer for its links.
type site struct {
	*Handler
	t    *testing.T
	s    *links.Signer
	logs bytes.Buffer
}

func newSite(t *testing.T, w *world) *site {
	t.Helper()
	s, err := links.New(key)
	if err != nil {
		t.Fatal(err)
	}
	out := &site{t: t, s: s}
	out.Handler, err = New(Options{
		Signer: s, Answers: w, Handoffs: w, Now: func() time.Time { return noon },
		Log: slog.New(slog.NewTextHandler(&out.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *site) link(action links.Action, attempt int, expires time.Time) string {
	s.t.Helper()
	token, err := s.s.Make(handoff, "ana", attempt, action, expires)
	if err != nil {
		s.t.Fatal(err)
	}
	return links.Path + token
}

func (s *site) do(method, path string, form url.Values) (int, string, http.Header) {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

func has(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(body, p) {
			t.Errorf("%q is not on the page:\n%s", p, body)
		}
	}
}

// Mail scanners open every link, some of them often: nothing may come of it.
func TestOpeningALinkChangesNothing(t *testing.T) {
	w := newWorld()
	s := newSite(t, w)
	for _, action := range []links.Action{links.Accept, links.Reject} {
		link := s.link(action, 0, noon.Add(time.Hour))
		for range 50 {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				if code, _, _ := s.do(method, link, nil); code != http.StatusOK {
					t.Fatalf("%s: %d", method, code)
				}
			}
		}
	}
	if len(w.answers) != 0 {
		t.Fatalf("opening answered %v", w.answers)
	}
}

func TestAcceptTwice(t *testing.T) {
	w := newWorld()
	s := newSite(t, w)
	link := s.link(links.Accept, 0, noon.Add(time.Hour))
	code, body, header := s.do(http.MethodGet, link, nil)
	has(t, body, "Accept this handoff?", "x@initech.example", "&lt;b&gt;Initech&lt;/b&gt;", "20 November 2026 at 13:00 UTC", `<form method="post">`)
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "Content-Type": "text/html; charset=utf-8"} {
		if header.Get(name) != want {
			t.Errorf("%s: %q", name, header.Get(name))
		}
	}
	if p := header.Get("Content-Security-Policy"); code != 200 || !strings.HasPrefix(p, "default-src 'none'; style-src 'sha256-") || strings.Contains(body, "<script") || strings.Contains(body, "src=") {
		t.Errorf("%d, policy %q", code, p)
	}
	code, body, _ = s.do(http.MethodPost, link, url.Values{"note": {"mine"}})
	has(t, body, "It is yours", "They asked for &lt;prices&gt;.", `<a href="`+s.link(links.Read, 0, noon.Add(readable))+`">`)
	if code != 200 || len(w.answers) != 1 {
		t.Fatalf("%d, %v", code, w.answers)
	}
	if a := w.answers[0]; a.GetRep() != "ana" || a.GetId() != handoff || a.Attempt == nil || a.GetAttempt() != 0 || a.GetNote() != "mine" || !strings.HasPrefix(a.GetRequestId(), "link-") {
		t.Errorf("asked %v", a)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		code, body, _ = s.do(method, link, nil)
		has(t, body, "You accepted it already, on 20 November 2026 at 12:00 UTC.")
		if code != 200 || len(w.answers) != 1 {
			t.Errorf("%s again: %d, %d answers", method, code, len(w.answers))
		}
	}
	code, body, _ = s.do(http.MethodPost, s.link(links.Reject, 0, noon.Add(time.Hour)), url.Values{"reason": {"no-fit"}})
	has(t, body, "You accepted it already")
	if code != http.StatusConflict || len(w.answers) != 1 {
		t.Errorf("the other link: %d", code)
	}
}

// The brief is read without a token of the API, by whom the handoff was given to, and no longer than they have it.
func TestReadingTheBrief(t *testing.T) {
	w := newWorld()
	s := newSite(t, w)
	link := s.link(links.Read, 0, noon.Add(time.Hour))
	for range 2 {
		code, body, header := s.do(http.MethodGet, link, nil)
		if code != http.StatusOK || body != "<h1>The brief</h1>" || header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline';") {
			t.Errorf("%d %s %v", code, body, header)
		}
	}
	if code, _, header := s.do(http.MethodPost, link, url.Values{}); code != http.StatusMethodNotAllowed || header.Get("Allow") != "GET, HEAD" {
		t.Errorf("posted: %d", code)
	}
	w.pages = 0
	if code, _, _ := s.do(http.MethodGet, s.link(links.Read, 0, noon), nil); code != http.StatusGone {
		t.Errorf("expired: %d", code)
	}
	if code, body, _ := s.do(http.MethodGet, s.link(links.Read, 1, noon.Add(time.Hour)), nil); code != http.StatusGone {
		t.Errorf("of another assignment: %d %s", code, body)
	}
	w.h.Owner = &routingv1.Owner{Id: "bo", Name: "Bo"}
	code, body, _ := s.do(http.MethodGet, link, nil)
	has(t, body, "Bo has this handoff now.")
	if code != http.StatusGone || w.pages != 0 || len(w.answers) != 0 {
		t.Errorf("of somebody else's: %d, %d pages, %v", code, w.pages, w.answers)
	}
}

func TestRejectAsksWhy(t *testing.T) {
	w := newWorld()
	s := newSite(t, w)
	link := s.link(links.Reject, 0, noon.Add(time.Hour))
	_, body, _ := s.do(http.MethodGet, link, nil)
	has(t, body, `<option value="bad-data">bad-data (recycled)</option>`, `<option value="no-fit/size">`)
	code, body, _ := s.do(http.MethodPost, link, url.Values{"note": {"<i>"}})
	has(t, body, "Choose a reason", "&lt;i&gt;")
	if code != 400 || len(w.answers) != 0 {
		t.Errorf("without a reason: %d, %v", code, w.answers)
	}
	w.refuse = status.Error(codes.InvalidArgument, "unknown_reason: the agreement has no such reason")
	code, body, _ = s.do(http.MethodPost, link, url.Values{"reason": {"mood"}})
	has(t, body, "the agreement has no such reason", "Reject this handoff?")
	if code != 400 {
		t.Errorf("a reason that there is not: %d", code)
	}
	w.refuse = nil
	code, body, _ = s.do(http.MethodPost, link, url.Values{"reason": {"no-fit/size"}})
	has(t, body, "Rejected", "disqualified")
	if code != 200 || len(w.answers) != 2 || w.answers[1].GetReason() != "no-fit/size" || w.answers[1].GetRequestId() == w.answers[0].GetRequestId() {
		t.Errorf("%d, %v", code, w.answers)
	}
	code, body, _ = s.do(http.MethodPost, link, url.Values{"reason": {"bad-data"}})
	has(t, body, "You rejected it already", "because of no-fit/size")
	if code != 200 || len(w.answers) != 2 {
		t.Errorf("again: %d, %d answers", code, len(w.answers))
	}
}

func TestLinksThatDoNothing(t *testing.T) {
	w := newWorld()
	s := newSite(t, w)
	good := s.link(links.Accept, 0, noon.Add(time.Hour))
	for name, c := range map[string]struct {
		method, path string
		code         int
		says         string
	}{
		"forged":        {http.MethodPost, good[:len(good)-1] + "!", 404, "not valid"},
		"cut":           {http.MethodGet, good[:len(good)-9], 404, "not valid"},
		"nothing":       {http.MethodGet, links.Path, 404, "not valid"},
		"a path behind": {http.MethodGet, good + "/x", 404, "not valid"},
		"expired":       {http.MethodPost, s.link(links.Accept, 0, noon), 410, "expired"},
		"put":           {http.MethodPut, good, 405, "browser"},
		"wrong attempt": {http.MethodPost, s.link(links.Accept, 3, noon.Add(time.Hour)), 409, "assigned to you anew"},
	} {
		code, body, _ := s.do(c.method, c.path, nil)
		if code != c.code || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	w.h.Owner = &routingv1.Owner{Id: "bo", Name: "Bo <Lind>"}
	code, body, _ := s.do(http.MethodPost, good, nil)
	has(t, body, "Bo &lt;Lind&gt; has this handoff now.")
	w.h.Owner, w.h.Stage = &routingv1.Owner{Id: "desk"}, "waiting"
	_, body, _ = s.do(http.MethodGet, good, nil)
	has(t, body, "waits for somebody")
	w.h.Owner, w.h.Stage = &routingv1.Owner{Id: "ana"}, "won"
	_, body, _ = s.do(http.MethodGet, good, nil)
	has(t, body, "over: won")
	if code != 409 || len(w.answers) != 0 {
		t.Errorf("%d, %v", code, w.answers)
	}
}

// What the page showed may be over when the button is pressed.
func TestTooLateAndNotYetKnownAndDown(t *testing.T) {
	w := newWorld()
	s := newSite(t, w)
	link := s.link(links.Accept, 0, noon.Add(time.Hour))
	w.refuse = status.Error(codes.FailedPrecondition, "taken_over: it went to bo")
	code, body, _ := s.do(http.MethodPost, link, nil)
	has(t, body, "That came too late", "it went to bo")
	if code != 409 {
		t.Errorf("%d", code)
	}
	w.refuse, w.pending = nil, true
	if code, body, _ = s.do(http.MethodPost, link, nil); code != 202 || !strings.Contains(body, "not known yet") {
		t.Errorf("pending: %d %s", code, body)
	}
	w.refuse = status.Error(codes.Unavailable, "dial tcp 10.0.0.7: refused")
	if code, body, _ = s.do(http.MethodPost, link, nil); code != 503 || strings.Contains(body, "10.0.0.7") {
		t.Errorf("down: %d %s", code, body)
	}
	w.readFail = status.Error(codes.NotFound, "gone")
	if code, _, _ = s.do(http.MethodGet, link, nil); code != 404 {
		t.Errorf("erased: %d", code)
	}
	if logged := s.logs.String(); logged == "" || strings.Contains(logged, strings.TrimPrefix(link, links.Path)) {
		t.Errorf("logged: %s", logged)
	}
	code, _, _ = s.do(http.MethodPost, link, url.Values{"note": {strings.Repeat("n", maxForm)}})
	if w.readFail = nil; code == 200 {
		t.Errorf("an endless form: %d", code)
	}
}

func TestGuessersAreSlowedDown(t *testing.T) {
	w := newWorld()
	s := newSite(t, w)
	limited := 0
	for range burst + 50 {
		if code, _, _ := s.do(http.MethodGet, links.Path+"guess", nil); code == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 || w.reads != 0 {
		t.Errorf("%d of %d were slowed down, %d asked a service", limited, burst+50, w.reads)
	}
	// Another address is not.
	r := httptest.NewRequest(http.MethodGet, s.link(links.Accept, 0, noon.Add(time.Hour)), nil)
	r.RemoteAddr = "192.0.2.77:1"
	rec := httptest.NewRecorder()
	if s.ServeHTTP(rec, r); rec.Code != 200 {
		t.Errorf("another address: %d", rec.Code)
	}
}
