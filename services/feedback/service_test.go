package feedback

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

func TestServiceEmbedded(t *testing.T) { testService(t, journaltest.InProcess) }

// decider decides in place of scoring or of routing: on an input whose name is a stage the lead moves there, on linked it
// merges, and every request is answered, with yes unless its note says otherwise.
type decider struct{ name string }

func (d decider) Service() string                             { return d.name }
func (d decider) NewGlobals() journal.Globals                 { return journaltest.NoGlobals{} }
func (d decider) Load(string, []byte) (journal.Entity, error) { return &decides{decider: d}, nil }
func (d decider) Wants(h journal.Head) bool {
	return h.Origin == nil && (h.Type == "custom" || h.Type == "linked") == (d.name == "scoring")
}

type decides struct {
	journaltest.Stateless
	decider
}

func (d *decides) Decide(_ journal.Globals, ev *journal.Event, to *journal.Decision) {
	switch {
	case ev.Type == "custom":
		to.Fact(ev.Entity, &journalv1.Event{Type: "stage_changed", Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{
			To: ev.Body.GetName(), Epoch: 1, Source: ev.Body.GetSource(), Channel: "ads", At: ev.Body.GetOccurredAt(), FirstAt: ev.Body.GetOccurredAt(),
		}}})
	case ev.Type == "linked":
		to.Fact(ev.Entity, &journalv1.Event{Type: "merged_into", Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{Into: ev.Body.GetLinked().GetTo()}}})
	case d.name == "routing":
		refused := ev.Body.GetAccepted().GetNote()
		to.Fact(ev.Entity, &journalv1.Event{Type: "answered", Payload: &journalv1.Event_Answered{Answered: &journalv1.Answered{
			HandoffId: ev.Body.GetAccepted().GetHandoffId(), RequestId: ev.Body.GetId(), Disposition: ev.Type, Ok: refused == "", Refused: refused,
			Rep: ev.Body.GetAccepted().GetRep(), Stage: ev.Type,
		}}})
	}
}

// rig is the service between deciders, on engines.
type rig struct {
	*journaltest.Fixture
	service *Service
	client  feedbackv1.FeedbackServiceClient
}

func (r *rig) start(t *testing.T) (stop func()) {
	t.Helper()
	var err error
	r.service, err = New(DefaultConfig(), Deps{
		Journal: r.J, Store: r.Store, Metrics: prometheus.NewRegistry(), Instance: "test",
		Caller: func(context.Context) (string, string) { return "phone", "ana" },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.service.Run(ctx) }()

	server, pipe := grpc.NewServer(), bufconn.Listen(1<<16)
	r.service.Register(server)
	go func() { _ = server.Serve(pipe) }()
	conn, err := grpc.NewClient("passthrough:pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	r.client = feedbackv1.NewFeedbackServiceClient(conn)
	journaltest.Eventually(t, "feedback is ready", r.service.Ready)
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = conn.Close()
		server.Stop()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func (r *rig) append(t *testing.T, ev *journalv1.Event) {
	t.Helper()
	if _, err := r.J.Append(t.Context(), ev); err != nil {
		t.Fatal(err)
	}
}

func allPartitions() (all []int) {
	for p := range journal.Partitions {
		all = append(all, p)
	}
	return all
}

func move(lead, to string, at time.Time) *journalv1.Event {
	return &journalv1.Event{Id: lead + to, Entity: lead, Type: "custom", Name: to, Source: "site", ReceivedAt: timestamppb.New(at), OccurredAt: timestamppb.New(at)}
}

// settled gives the funnel once the facts that follow from what was appended are folded: the deciders need a moment.
func (r *rig) settled(t *testing.T, holds func(*feedbackv1.Funnel) bool) *feedbackv1.Funnel {
	t.Helper()
	var f *feedbackv1.Funnel
	journaltest.Eventually(t, "the funnel settles", func() (err error) {
		if f, err = r.client.GetFunnel(t.Context(), &feedbackv1.FunnelRequest{}); err == nil && !holds(f) {
			err = fmt.Errorf("the funnel is %v", f)
		}
		return err
	})
	return f
}

func testService(t *testing.T, engines func(*testing.T) (*nats.Conn, leadstore.Store)) {
	nc, store := engines(t)
	r := &rig{Fixture: journaltest.NewFixture(t, nc, store)}
	r.Start(decider{"scoring"}, journal.WorkerOptions{})
	r.Start(decider{"routing"}, journal.WorkerOptions{})
	stop := r.start(t)

	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range 20 {
		r.append(t, move(r.Lead(i), "inquiry", start.Add(time.Duration(i)*time.Hour)))
	}
	for i := range 5 {
		r.append(t, move(r.Lead(i), "won", start.Add(-time.Hour))) // before the lead was ever seen
	}
	r.append(t, &journalv1.Event{Id: "link", Entity: r.Lead(19), Type: "linked", Source: "site", ReceivedAt: timestamppb.Now(),
		Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{To: r.Lead(18)}}})
	want := r.settled(t, func(f *feedbackv1.Funnel) bool { return f.GetLeads() == 19 && f.GetBySource()[0].GetWon() == 5 })

	// A rep's answers, in time and with the reason.
	handoff := identity.Handoff(r.Lead(7), 1)
	got, err := r.client.Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff})
	if err != nil || got.GetStatus() != "done" || got.GetOwner() != "ana" || got.GetStage() != "accepted" || HTTPStatus(got) != 0 {
		t.Fatalf("accept: %v, %v", got, err)
	}
	if _, err := r.client.Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, Note: "not_owner: bo has it"}); status.Code(err) != codes.FailedPrecondition {
		t.Fatalf("accept what another rep has: %v", err)
	}
	if HTTPStatus(&feedbackv1.DispositionResponse{Status: "pending"}) != http.StatusAccepted {
		t.Error("pending is not 202")
	}

	// Restarted, and restarted over an emptied store: the same funnel.
	for _, empty := range []bool{false, true} {
		stop()
		if empty {
			if err := store.WipeAll(t.Context(), fold.Service, allPartitions(), "test"); err != nil {
				t.Fatal(err)
			}
		}
		stop = r.start(t)
		f, err := r.client.GetFunnel(t.Context(), &feedbackv1.FunnelRequest{After: got.GetSequence()})
		if err != nil || !proto.Equal(f, want) {
			t.Fatalf("after a restart (store emptied: %v): %v, %v; want %v", empty, f, err, want)
		}
		// A repeated request gets the answer that was given before.
		again, err := r.client.Accept(t.Context(), &feedbackv1.DispositionRequest{Id: handoff, RequestId: "once"})
		if err != nil || again.GetStatus() != "done" {
			t.Fatalf("accept: %v, %v", again, err)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{
		{AnswerWithin: 0, FunnelMaxAge: time.Second}, {AnswerWithin: time.Minute}, {AnswerWithin: time.Second, FunnelMaxAge: -1}, {AnswerWithin: time.Second, FunnelMaxAge: 2 * time.Hour},
	} {
		if c.Validate() == nil {
			t.Errorf("%+v is taken", c)
		}
		if _, err := New(c, Deps{}); err == nil {
			t.Errorf("%+v makes a service", c)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a service without a journal")
	}
}
