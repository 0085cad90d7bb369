package scoring

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
)

const testAgreement = `agreement: lead-handoff
half_life: 14d
engagement:
  - { id: pricing, on: page_viewed, when: 'event.properties.url.contains("/pricing")', points: 8, cap: {count: 2, per: 1d} }
  - { id: ebook,   on: asset_downloaded, points: 10, half_life: 30d, because: asked for something of worth }
  - { id: webinar, on: event_attended, points: 60 }
fit:
  - { id: senior,  when: 'lead.title.matches("(?i)vp")', points: 40, because: decides or signs }
  - { id: size,    when: 'account.employees >= 200', points: 40 }
qualify:
  - { id: matrix,     when: 'grade in ["a","b"] && engagement >= 20' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// rig is a running service, and clients of it.
type rig struct {
	*journaltest.Fixture
	t          *testing.T
	agreement  string
	service    *Service
	leads      leadv1.LeadContextServiceClient
	scores     scoringv1.ScoringServiceClient
	agreements agreementv1.AgreementServiceClient
}

func newRig(t *testing.T, engines func(*testing.T) (*nats.Conn, leadstore.Store)) *rig {
	t.Helper()
	nc, store := engines(t)
	file := filepath.Join(t.TempDir(), "agreement.yaml")
	if err := os.WriteFile(file, []byte(testAgreement), 0o600); err != nil {
		t.Fatal(err)
	}
	return &rig{Fixture: journaltest.NewFixture(t, nc, store), t: t, agreement: file}
}

func (r *rig) start() (stop func()) {
	r.t.Helper()
	cfg := DefaultConfig()
	cfg.Agreement = r.agreement
	var err error
	if r.service, err = New(cfg, Deps{Journal: r.J, Store: r.Store, Metrics: prometheus.NewRegistry(), Instance: "test"}); err != nil {
		r.t.Fatal(err)
	}
	if r.service.Ready() == nil {
		r.t.Error("ready before it runs")
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
		r.t.Fatal(err)
	}
	r.leads, r.scores, r.agreements = leadv1.NewLeadContextServiceClient(conn), scoringv1.NewScoringServiceClient(conn), agreementv1.NewAgreementServiceClient(conn)
	journaltest.Eventually(r.t, "scoring is ready", r.service.Ready)
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
			r.t.Errorf("run: %v", err)
		}
	}
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) lead(email string) string { return r.J.Key().Lead(identity.Email, "", email) }

var n int

// sees appends an input and gives its sequence.
func (r *rig) sees(lead, eventType string, change ...func(*journalv1.Event)) string {
	r.t.Helper()
	n++
	e := &journalv1.Event{Id: fmt.Sprint("e", n), Entity: lead, Type: eventType, Source: "site", ReceivedAt: timestamppb.Now(), OccurredAt: timestamppb.Now()}
	for _, c := range change {
		c(e)
	}
	seq, err := r.J.Append(r.t.Context(), e)
	if err != nil {
		r.t.Fatal(err)
	}
	return fmt.Sprint(seq)
}

func email(address string) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.Identity = &journalv1.Identity{Email: address} }
}

func vp(e *journalv1.Event) {
	e.Traits = &journalv1.Traits{Title: proto.String("VP Sales"), FirstName: proto.String("Ana")}
	e.Account = &journalv1.Account{Domain: proto.String("initech.example"), Employees: proto.Int32(420)}
}

func link(to string) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		e.Payload = &journalv1.Event_Linked{Linked: &journalv1.Linked{To: to}}
	}
}
