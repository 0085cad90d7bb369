package ingest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/journal"
	ingestv1 "github.com/batonhq/baton/proto/baton/ingest/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// calls is the service as its gRPC server would call it.
func calls(t testing.TB, b *bench) ingestv1.IngestServiceServer {
	t.Helper()
	r := &registrar{}
	b.service.Register(r)
	s, ok := r.impl.(ingestv1.IngestServiceServer)
	if !ok {
		t.Fatalf("registered %T", r.impl)
	}
	return s
}

type registrar struct{ impl any }

func (r *registrar) RegisterService(_ *grpc.ServiceDesc, impl any) { r.impl = impl }

func structOf(t testing.TB, v map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func event(id, eventType string) map[string]any {
	return map[string]any{"id": id, "type": eventType, "lead": map[string]any{"email": "a@b.example"}}
}

func TestAppend(t *testing.T) {
	b := newBench(t)
	s := calls(t, b)
	deep := any("x")
	for range 100 {
		deep = []any{deep}
	}
	bad := event("4", "page_viewed")
	bad["properties"] = map[string]any{"deep": deep}
	resp, err := s.Append(context.Background(), &ingestv1.AppendRequest{Source: "app", Events: []*structpb.Struct{
		structOf(t, event("1", "page_viewed")), structOf(t, event("2", "page_view")), structOf(t, event("1", "page_viewed")), structOf(t, bad), nil,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if resp.Accepted != 1 || resp.Duplicates != 1 || resp.Sequence != "1" || len(resp.Rejected) != 3 || resp.Rejected[0].Index != 1 ||
		resp.Rejected[0].Errors[0].Field != "type" || !strings.Contains(resp.Rejected[1].Errors[0].Reason, "levels") || resp.Rejected[2].Index != 4 {
		t.Errorf("%v", resp)
	}
	if ev := b.journal.Events()[0].Body; ev.Source != "app" || ev.Type != "page_viewed" {
		t.Errorf("%v", ev)
	}
	for _, tc := range []struct {
		req  *ingestv1.AppendRequest
		want codes.Code
	}{
		{&ingestv1.AppendRequest{Source: "nobody", Events: []*structpb.Struct{{}}}, codes.NotFound},
		{&ingestv1.AppendRequest{Source: "app"}, codes.InvalidArgument},
		{&ingestv1.AppendRequest{Source: "app", Events: make([]*structpb.Struct, 50_001)}, codes.InvalidArgument},
	} {
		if _, err := s.Append(context.Background(), tc.req); status.Code(err) != tc.want {
			t.Errorf("%v, want %v", err, tc.want)
		}
	}
	b.journal.Fail(func([]*journalv1.Event) error { return journal.ErrOverloaded })
	if _, err := s.Append(context.Background(), &ingestv1.AppendRequest{Source: "app", Events: []*structpb.Struct{structOf(t, event("9", "page_viewed"))}}); !errors.Is(err, journal.ErrOverloaded) {
		t.Errorf("%v", err)
	}
}

func TestAppendKeepsToTheRate(t *testing.T) {
	b := newBench(t)
	s := calls(t, b)
	var events []*structpb.Struct
	for range 20 {
		events = append(events, structOf(t, event("1", "page_viewed")))
	}
	if _, err := s.Append(context.Background(), &ingestv1.AppendRequest{Source: "slow", Events: events}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append(context.Background(), &ingestv1.AppendRequest{Source: "slow", Events: events}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v", err)
	}
}

// Quarantined by one configuration, replayed by the next: the events land, under the sender's id, and the release is stated.
func TestReplayQuarantine(t *testing.T) {
	b := newBench(t)
	for i := range 20 { // others of the same source, before and after
		b.signed(t, "crm", "noise-"+string(rune('a'+i)), "{")
	}
	const body = `{"type": "invoice.paid", "timestamp": "2026-01-01T00:00:00Z", "data": {"lead": {"email": "a@b.example"}, "name": "Paid"}}`
	b.signed(t, "crm", "m1", body)
	b.signed(t, "crm", "m2", "["+goodEvent+`, {"type": "nope"}]`)
	for i := range 20 {
		b.signed(t, "crm", "later-"+string(rune('a'+i)), "{")
	}
	ids := map[string]string{}
	for _, ev := range b.journal.Events() {
		if q := ev.Body.GetQuarantined(); q != nil {
			ids[ev.Body.Id] = q.QuarantineId
		}
	}
	replay := func(on *bench, id string) (*ingestv1.ReplayQuarantineResponse, error) {
		return calls(t, on).ReplayQuarantine(context.Background(), &ingestv1.ReplayQuarantineRequest{Id: id})
	}
	before := len(b.journal.Events())
	for _, id := range []string{"m1", "m2#1", "noise-a"} {
		if _, err := replay(b, ids[id]); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("%s: %v", id, err)
		}
	}
	if n := len(b.journal.Events()); n != before {
		t.Errorf("%d events for replays of what is as unreadable as before", n-before)
	}

	// The same journal under a configuration that knows the type.
	later := testConfig()
	later.Sources[4].Map = map[string]string{"invoice.paid": "custom"}
	s, err := New(later, Deps{Journal: b.journal})
	if err != nil {
		t.Fatal(err)
	}
	next := &bench{journal: b.journal, service: s}
	for range 2 { // twice does no harm
		resp, err := replay(next, ids["m1"])
		if err != nil {
			t.Fatal(err)
		}
		if resp.Sequence == "0" {
			t.Errorf("%v", resp)
		}
	}
	var paid, released int
	for _, ev := range b.journal.Events() {
		if ev.Type == "custom" && ev.Body.Id == "m1" && ev.Body.Name == "Paid" && ev.Body.Source == "crm" {
			paid++
		}
		if r := ev.Body.GetQuarantineReleased(); r != nil {
			released++
			if r.QuarantineId != ids["m1"] || r.Events != 1 || ev.Type != "quarantine_released" || ev.Body.Id != "released-"+ids["m1"] {
				t.Errorf("%v", ev.Body)
			}
		}
	}
	if paid != 1 || released != 2 {
		t.Errorf("%d events and %d releases", paid, released)
	}
	// A later attempt of the sender's is the same event.
	w := newRecorder()
	r := b.request(t, http.MethodPost, "/webhooks/crm", body)
	sign(t, r, "m1", body, time.Now(), secret)
	s.Handler().ServeHTTP(w, r)
	if _, duplicates, _, _, _ := (reply{status: w.Code, header: w.Header(), body: w.Body.String()}).result(t); duplicates != 1 {
		t.Error("not recognised")
	}

	for _, id := range []string{"", "qu_", "qu_scoring_17", "../../etc", ids["m1"] + "x", strings.Replace(ids["m1"], "_", "_0", 2)} {
		if _, err := replay(next, id); status.Code(err) != codes.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	without := DefaultConfig()
	without.Sources = []Source{{Name: "other", Type: "baton", Secrets: []config.Secret{config.NewSecret(secret)}}}
	gone, err := New(without, Deps{Journal: b.journal})
	if err != nil {
		t.Fatal(err)
	}
	next.service = gone
	if _, err := replay(next, ids["m1"]); status.Code(err) != codes.NotFound {
		t.Errorf("%v", err)
	}
}
