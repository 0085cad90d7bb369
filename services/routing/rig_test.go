package routing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/webhook"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

const (
	testSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	testDirectory = `
reps: [ {id: ana, name: Ana, email: ana@us.example}, {id: bo, name: Bo} ]
pools: [ {id: all, reps: [ana, bo]} ]
routes: [ {id: named, when: 'account.owner != ""', to: {owner: account}}, {id: default, to: {pool: all}} ]
accounts: [ {id: ac-1, name: Initech, domain: initech.example, owner: ana} ]
assets: [ {id: pricing-guide, kind: white-paper, topic: pricing, stage: decision}, {id: roi, title: What it saves, topic: pricing, stage: decision} ]
campaigns: [ {id: q4, name: Q4 launch, brief: Twenty percent off.} ]
personas: [ {id: buyer, when: 'lead.title.startsWith("VP")'} ]
`
)

func TestServiceEmbedded(t *testing.T) { testService(t, journaltest.InProcess) }

// scoring states in place of scoring whatever an input of its name carries.
type scoring struct{}

func (scoring) Service() string                             { return "scoring" }
func (scoring) Wants(h journal.Head) bool                   { return h.Origin == nil && identity.RankOf(h.Entity) != 0 }
func (scoring) NewGlobals() journal.Globals                 { return journaltest.NoGlobals{} }
func (scoring) Load(string, []byte) (journal.Entity, error) { return says{}, nil }

type says struct{ journaltest.Stateless }

func (says) Decide(_ journal.Globals, ev *journal.Event, d *journal.Decision) {
	if ev.Body.GetName() == "scoring" {
		d.Fact(ev.Entity, &journalv1.Event{Type: strings.TrimPrefix(ev.Type, "say_"), Payload: ev.Body.GetPayload()})
	}
}

// crm is a destination that verifies signatures and keeps what it is sent.
type crm struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	status int
	got    map[string][]map[string]any
	order  []string
}

func newCRM(t *testing.T) *crm {
	c := &crm{t: t, status: 200, got: map[string][]map[string]any{}}
	verifier, err := webhook.NewVerifier([]string{testSecret}, webhook.Tolerance)
	if err != nil {
		t.Fatal(err)
	}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verifier.Verify(r.Header, body, time.Now()); err != nil {
			t.Errorf("the CRM refuses what it gets: %v", err)
		}
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		id := r.Header.Get(webhook.HeaderID)
		c.got[id] = append(c.got[id], m)
		c.order = append(c.order, id)
		w.WriteHeader(c.status)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *crm) answer(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// received gives the bodies of one type, the first of each delivery.
func (c *crm) received(event string) (out []map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range c.order {
		if m := c.got[id][0]; m["type"] == event {
			out = append(out, m)
		}
	}
	return out
}

// leads is a stand-in for scoring's LeadContextService.
type leads struct {
	leadv1.LeadContextServiceClient
	key identity.Key
}

func (leads) ListLeads(_ context.Context, r *leadv1.ListLeadsRequest, _ ...grpc.CallOption) (*leadv1.ListLeadsResponse, error) {
	if r.GetAccount() != "ac-1" {
		return nil, status.Error(codes.Unavailable, "being rebuilt")
	}
	return &leadv1.ListLeadsResponse{Leads: []*leadv1.Lead{{Id: "ld_other", Title: "CTO", Score: &leadv1.ScoreSummary{Engagement: 12}}}}, nil
}

func (leads) GetLead(_ context.Context, r *leadv1.GetLeadRequest, _ ...grpc.CallOption) (*leadv1.Lead, error) {
	return &leadv1.Lead{Id: r.GetId(), Email: "known@initech.example"}, nil
}

type rig struct {
	*journaltest.Fixture
	crm     *crm
	cfg     Config
	metrics *prometheus.Registry
	client  routingv1.RoutingServiceClient
	service *Service
	log     *slog.Logger
	n       int
}

func (r *rig) start(t *testing.T) (stop func()) {
	t.Helper()
	r.metrics = prometheus.NewRegistry()
	s, err := New(r.cfg, Deps{Journal: r.J, Store: r.Store, Leads: leads{key: r.J.Key()}, Metrics: r.metrics, Instance: "test", Log: r.log})
	if err != nil {
		t.Fatal(err)
	}
	r.service = s
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	server, pipe := grpc.NewServer(), bufconn.Listen(1<<16)
	s.Register(server)
	go func() { _ = server.Serve(pipe) }()
	conn, err := grpc.NewClient("passthrough:pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	r.client = routingv1.NewRoutingServiceClient(conn)
	journaltest.Eventually(t, "routing is ready", s.Ready)
	var once sync.Once
	stop = func() {
		once.Do(func() {
			_ = conn.Close()
			server.Stop()
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func (r *rig) say(t *testing.T, entity string, ev *journalv1.Event) string {
	t.Helper()
	r.n++
	ev.Id, ev.Entity, ev.Name, ev.Source, ev.ReceivedAt = fmt.Sprint("say-", r.n), entity, "scoring", "test", timestamppb.Now()
	seq, err := r.J.Append(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(seq)
}

func (r *rig) qualify(t *testing.T, email string) string {
	t.Helper()
	lead := r.J.Key().Lead(identity.Email, "", email)
	id := identity.Handoff(lead, 1)
	now := timestamppb.Now()
	r.say(t, lead, &journalv1.Event{Type: "say_qualified", Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Epoch: 1, HandoffId: id, Rule: "fast-track", AgreementVersion: 1,
		Score: &journalv1.ScoreSnapshot{Fit: 80, Grade: "a", Engagement: 21.4, AgreementVersion: 1, Contributions: []*journalv1.Contribution{
			{Side: "engagement", Rule: "ebook", Points: 21.4, Because: "asked for something of worth", Events: []string{"e1"}},
		}},
		Lead: &journalv1.LeadSnapshot{
			Id: lead, Email: email, FirstName: "Ada", Title: "VP Engineering", Engagements: 2, FirstAt: now, LastAt: now,
			Consent: map[string]string{"email": "granted"}, ExternalIds: map[string]string{"hubspot": "7"},
			Entry:    &journalv1.TimelineItem{Type: "page_viewed", Channel: "email", Campaign: "q4", Url: "https://us.example/", At: now},
			Timeline: []*journalv1.TimelineItem{{Type: "demo_requested", At: now}, {Type: "asset_downloaded", Asset: "pricing-guide", At: now}},
		},
	}}})
	return id
}

func (r *rig) handoff(t *testing.T, id string, holds func(*routingv1.Handoff) bool) *routingv1.Handoff {
	t.Helper()
	var h *routingv1.Handoff
	journaltest.Eventually(t, id, func() (err error) {
		if h, err = r.client.GetHandoff(t.Context(), &routingv1.GetHandoffRequest{Id: id}); err == nil && !holds(h) {
			err = fmt.Errorf("it is %v", h)
		}
		return err
	})
	return h
}

func delivered(h *routingv1.Handoff) bool {
	return len(h.GetDeliveries()) > 0 && h.GetDeliveries()[0].GetState() == "delivered"
}
