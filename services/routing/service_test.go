package routing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

func testService(t *testing.T, engines func(*testing.T) (*nats.Conn, leadstore.Store)) {
	nc, store := engines(t)
	r := &rig{Fixture: journaltest.NewFixture(t, nc, store), crm: newCRM(t), cfg: DefaultConfig()}
	file := filepath.Join(t.TempDir(), "directory.yaml")
	if err := os.WriteFile(file, []byte(testDirectory), 0o600); err != nil {
		t.Fatal(err)
	}
	r.cfg.Directory = config.Path(file)
	r.cfg.WatchRelist = 200 * time.Millisecond
	r.cfg.Destinations = []Destination{{
		Name: "crm", Type: TypeWebhook, URL: r.crm.URL, Secrets: []config.Secret{config.NewSecret(testSecret)},
		Events: []string{fold.EventRouted, fold.EventStageChanged, fold.EventUpdated}, AllowPrivate: true,
	}}
	r.Start(scoring{}, journal.WorkerOptions{})
	stop := r.start(t)

	t.Run("from qualified to delivered", r.testDelivered)
	t.Run("lists and pages", r.testLists)
	t.Run("watching", r.testWatch)
	t.Run("answers", r.testAnswers)
	t.Run("lead events", r.testLeadEvents)
	t.Run("clocks and outreach", r.testTiming)
	t.Run("brief", r.testBrief)
	t.Run("dry run", r.testDryRun)
	t.Run("directory", r.testDirectory)
	t.Run("waiting and replay", r.testReplay)

	// Everything is what an uninterrupted run over the same journal gives, and so it is after the store was lost.
	parser, err := directory.NewParser()
	if err != nil {
		t.Fatal(err)
	}
	logic := fold.NewLogic(r.J.Key(), parser)
	r.Agree(logic)
	stop()
	for p := range journal.Partitions {
		if err := store.Wipe(t.Context(), fold.Service, p, "test"); err != nil {
			t.Fatal(err)
		}
	}
	r.start(t)
	r.Agree(logic)
	id := r.qualify(t, "after@initech.example")
	r.handoff(t, id, delivered)
	r.crm.mu.Lock()
	defer r.crm.mu.Unlock()
	for id, bodies := range r.crm.got {
		if len(bodies) > 1 && !strings.Contains(fmt.Sprint(bodies[0]), "replayed") {
			t.Errorf("%s was sent %d times", id, len(bodies))
		}
	}
}

func (r *rig) testDelivered(t *testing.T) {
	id := r.qualify(t, "ada@initech.example")
	h := r.handoff(t, id, delivered)
	if h.GetStage() != "routed" || h.GetOwner().GetId() != "ana" || h.GetOwner().GetName() != "Ana" || h.GetAccount().GetId() != "ac-1" || h.GetEmail() != "ada@initech.example" {
		t.Errorf("handoff: %v", h)
	}
	got := r.crm.received(fold.EventRouted)
	if len(got) != 1 {
		t.Fatalf("the CRM got %d", len(got))
	}
	data := got[0]["data"].(map[string]any)
	owner, brief, sla := data["owner"].(map[string]any), data["brief"].(map[string]any), data["sla"].(map[string]any)
	if data["handoff_id"] != id || data["stage"] != "routed" || data["epoch"] != 1.0 || owner["email"] != "ana@us.example" || owner["chosen"].(map[string]any)["route"] != "named" {
		t.Errorf("data: %v", data)
	}
	if _, ok := sla["accept_by"]; !ok {
		t.Error("zero values are left out")
	}
	if brief["persona"] != "buyer" || brief["journey_stage"] != "decision" || brief["familiarity"] != "new" || len(brief["why_now"].([]any)) < 2 {
		t.Errorf("brief: %v", brief)
	}
	others := brief["others_at_account"].([]any)
	if len(others) != 1 || others[0].(map[string]any)["title"] != "CTO" {
		t.Errorf("others: %v", others)
	}
	next := brief["suggested_next"].([]any)
	if len(next) != 1 || next[0].(map[string]any)["asset"] != "roi" {
		t.Errorf("next: %v", next)
	}
	if _, err := time.Parse(time.RFC3339, got[0]["timestamp"].(string)); err != nil {
		t.Error(err)
	}
	p, err := r.client.GetBrief(t.Context(), &routingv1.GetHandoffRequest{Id: id})
	if err != nil || p.GetLead().GetExternalIds()["hubspot"] != "7" || p.GetScore().GetEngagement() != 21.4 || p.GetBrief().GetConsent()["email"] != "granted" {
		t.Errorf("brief: %v, %v", p, err)
	}
	for _, id := range []string{"", "ho_x", identity.Handoff(r.Lead(99), 1)} {
		if _, err := r.client.GetHandoff(t.Context(), &routingv1.GetHandoffRequest{Id: id}); status.Code(err) != codes.NotFound {
			t.Errorf("handoff %q: %v", id, err)
		}
	}
	if n := testutil.ToFloat64(counter(t, r.metrics, "baton_delivery_attempts_total", "delivered")); n != 1 {
		t.Errorf("%v deliveries counted", n)
	}
}

func counter(t *testing.T, reg *prometheus.Registry, name, outcome string) prometheus.Collector {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "copy"})
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == outcome {
					g.Set(m.GetCounter().GetValue())
				}
			}
		}
	}
	return g
}

func (r *rig) testLists(t *testing.T) {
	want := map[string]bool{identity.Handoff(r.J.Key().Lead(identity.Email, "", "ada@initech.example"), 1): true}
	for i := range 11 {
		want[r.qualify(t, fmt.Sprintf("list-%d@hooli.example", i))] = true
	}
	for id := range want {
		r.handoff(t, id, delivered)
	}
	seen, token := map[string]bool{}, ""
	for pages := 0; ; pages++ {
		page, err := r.client.ListHandoffs(t.Context(), &routingv1.ListHandoffsRequest{Stage: "routed", PageSize: 5, PageToken: token})
		if err != nil || len(page.GetHandoffs()) > 5 || pages > 3 {
			t.Fatalf("page %d of %d: %v", pages, len(page.GetHandoffs()), err)
		}
		for _, h := range page.GetHandoffs() {
			if seen[h.GetId()] || !want[h.GetId()] {
				t.Errorf("%s is listed twice, or should not be", h.GetId())
			}
			seen[h.GetId()] = true
		}
		if token = page.GetNextPageToken(); token == "" {
			break
		}
	}
	if len(seen) != len(want) {
		t.Errorf("%d of %d listed", len(seen), len(want))
	}
	ana, err := r.client.ListHandoffs(t.Context(), &routingv1.ListHandoffsRequest{Owner: "ana"})
	bo, err2 := r.client.ListHandoffs(t.Context(), &routingv1.ListHandoffsRequest{Owner: "bo", Stage: "routed"})
	if err := errors.Join(err, err2); err != nil || len(ana.GetHandoffs())+len(bo.GetHandoffs()) != len(want) || len(bo.GetHandoffs()) < 5 {
		t.Errorf("ana has %d, bo %d: %v", len(ana.GetHandoffs()), len(bo.GetHandoffs()), err)
	}
	one, err := r.client.ListHandoffs(t.Context(), &routingv1.ListHandoffsRequest{Lead: r.J.Key().Lead(identity.Email, "", "ada@initech.example")})
	if err != nil || len(one.GetHandoffs()) != 1 {
		t.Errorf("of one lead: %v, %v", one, err)
	}
	for _, bad := range []*routingv1.ListHandoffsRequest{
		{Stage: "x"}, {Owner: "a b"}, {Lead: "x"}, {PageToken: "x"}, {PageSize: -1}, {After: "x"},
	} {
		if _, err := r.client.ListHandoffs(t.Context(), bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", bad, err)
		}
	}
	list, err := r.client.ListDeliveries(t.Context(), &routingv1.ListDeliveriesRequest{Destination: "crm", State: "delivered", PageSize: 5})
	if err != nil || len(list.GetDeliveries()) != 5 || list.GetNextPageToken() == "" || list.GetDeliveries()[0].GetAttempts() != 1 {
		t.Errorf("deliveries: %v, %v", list, err)
	}
}

func (r *rig) testWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := r.client.WatchHandoffs(ctx, &routingv1.ListHandoffsRequest{Stage: "routed", Owner: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	existing, err := r.client.ListHandoffs(ctx, &routingv1.ListHandoffsRequest{Stage: "routed", Owner: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	for range existing.GetHandoffs() {
		if h, err := stream.Recv(); err != nil || h.GetOwner().GetId() != "ana" {
			t.Fatalf("first those that are there: %v, %v", h, err)
		}
	}
	id := r.qualify(t, "watched@initech.example")
	await := func(stage string) {
		t.Helper()
		for {
			h, err := stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if h.GetId() == id && h.GetStage() == stage {
				return
			}
		}
	}
	await("routed")
	r.answer(t, id, "watch-1", handoffAccept(id, "ana"))
	await("accepted") // it leaves the selection, and says so once
}

func handoffAccept(id, rep string) *journalv1.Event {
	return &journalv1.Event{Type: "accepted", Payload: &journalv1.Event_Accepted{Accepted: &journalv1.Disposition{HandoffId: id, Rep: rep}}}
}

func (r *rig) answer(t *testing.T, id, request string, ev *journalv1.Event) *journalv1.Answered {
	t.Helper()
	lead, _, _ := identity.LeadOfHandoff(id)
	ev.Id, ev.Entity, ev.Source, ev.ReceivedAt = request, lead, "api", timestamppb.Now()
	seq, err := r.J.Append(t.Context(), ev)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, err := r.J.Await(ctx, lead, seq, func(ev *journal.Event) bool { return ev.Body.GetAnswered().GetRequestId() == request })
	if err != nil {
		t.Fatal(err)
	}
	return got.Body.GetAnswered()
}

func (r *rig) testAnswers(t *testing.T) {
	id := r.qualify(t, "answer@initech.example")
	r.handoff(t, id, delivered)
	if a := r.answer(t, id, "a1", handoffAccept(id, "bo")); a.GetOk() || !strings.HasPrefix(a.GetRefused(), "not_owner: ") {
		t.Errorf("bo accepts what ana has: %v", a)
	}
	for _, request := range []string{"a2", "a3"} {
		if a := r.answer(t, id, request, handoffAccept(id, "ana")); !a.GetOk() || a.GetStage() != "accepted" {
			t.Errorf("ana accepts: %v", a)
		}
	}
	head, err := r.J.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h, err := r.client.GetHandoff(t.Context(), &routingv1.GetHandoffRequest{Id: id, After: fmt.Sprint(head)})
	if err != nil || h.GetStage() != "accepted" || h.GetAcceptedAt() == nil {
		t.Errorf("%v, %v", h, err)
	}
}

func (r *rig) testLeadEvents(t *testing.T) {
	lead := r.Lead(1)
	r.say(t, lead, &journalv1.Event{Type: "say_stage_changed", Payload: &journalv1.Event_StageChanged{StageChanged: &journalv1.StageChanged{From: "", To: "inquiry", Epoch: 1}}})
	journaltest.Eventually(t, "the CRM hears of the stage", func() error {
		got := r.crm.received(fold.EventStageChanged)
		if len(got) != 1 {
			return fmt.Errorf("it got %d", len(got))
		}
		data := got[0]["data"].(map[string]any)
		if data["to"] != "inquiry" || data["lead"].(map[string]any)["email"] != "known@initech.example" {
			t.Errorf("data: %v", data)
		}
		return nil
	})
}

func (r *rig) testDirectory(t *testing.T) {
	before, err := r.client.GetDirectory(t.Context(), &routingv1.GetDirectoryRequest{})
	if err != nil || before.GetYaml() != testDirectory || before.GetSequence() == "" {
		t.Fatalf("%v, %v", before, err)
	}
	_, err = r.client.PutDirectory(t.Context(), &routingv1.PutDirectoryRequest{Yaml: "reps: [ {id: ana, wieght: 1} ]"})
	if status.Code(err) != codes.InvalidArgument {
		t.Fatalf("a wrong directory: %v", err)
	}
	var fields []string
	for _, d := range status.Convert(err).Details() {
		if b, ok := d.(*errdetails.BadRequest); ok {
			for _, f := range b.GetFieldViolations() {
				fields = append(fields, f.GetDescription())
			}
		}
	}
	if len(fields) != 1 || !strings.HasPrefix(fields[0], "line 1: ") {
		t.Errorf("faults: %q", fields)
	}
	same, err := r.client.PutDirectory(t.Context(), &routingv1.PutDirectoryRequest{Yaml: testDirectory})
	if err != nil || same.GetSequence() != before.GetSequence() {
		t.Errorf("the same again: %v, %v", same, err)
	}
	inactive := strings.ReplaceAll(strings.ReplaceAll(testDirectory, "{id: ana,", "{id: ana, active: false,"), "{id: bo,", "{id: bo, active: false,")
	put, err := r.client.PutDirectory(t.Context(), &routingv1.PutDirectoryRequest{Yaml: inactive})
	if err != nil || put.GetSequence() == before.GetSequence() {
		t.Fatalf("another: %v, %v", put, err)
	}
	got, err := r.client.GetDirectory(t.Context(), &routingv1.GetDirectoryRequest{After: put.GetSequence()})
	if err != nil || got.GetYaml() != inactive {
		t.Errorf("%v, %v", got, err)
	}
}

// testReplay runs while nobody is active.
func (r *rig) testReplay(t *testing.T) {
	r.crm.answer(410)
	id := r.qualify(t, "replayed@hooli.example")
	h := r.handoff(t, id, func(h *routingv1.Handoff) bool { return len(h.GetWaitingFor()) == 2 })
	if h.GetStage() != "waiting" || h.GetOwner().GetId() != "desk" || h.GetWaitingFor()[0].GetSkipped() != "inactive" || h.GetWaitingUntil() != nil {
		t.Errorf("while it waits: %v", h)
	}
	if list, err := r.client.ListHandoffs(t.Context(), &routingv1.ListHandoffsRequest{Stage: "waiting", Owner: "desk"}); err != nil || len(list.GetHandoffs()) != 1 {
		t.Errorf("waiting: %v, %v", list, err)
	}
	if _, err := r.client.PutDirectory(t.Context(), &routingv1.PutDirectoryRequest{Yaml: testDirectory}); err != nil {
		t.Fatal(err)
	}
	h = r.handoff(t, id, func(h *routingv1.Handoff) bool {
		return len(h.GetDeliveries()) == 1 && h.GetDeliveries()[0].GetState() == "dead"
	})
	d := h.GetDeliveries()[0]
	if d.GetAttempts() != 1 || d.GetLastStatus() != 410 {
		t.Errorf("dead: %v", d)
	}
	list, err := r.client.ListDeliveries(t.Context(), &routingv1.ListDeliveriesRequest{State: "dead"})
	if err != nil || len(list.GetDeliveries()) != 1 || list.GetDeliveries()[0].GetId() != d.GetId() {
		t.Errorf("dead: %v, %v", list, err)
	}
	r.crm.answer(200)
	if _, err := r.client.ReplayDelivery(t.Context(), &routingv1.ReplayDeliveryRequest{Id: d.GetId()}); err != nil {
		t.Fatal(err)
	}
	if h := r.handoff(t, id, delivered); h.GetDeliveries()[0].GetAttempts() != 2 {
		t.Errorf("replayed: %v", h.GetDeliveries())
	}
	for _, id := range []string{"", "x", fold.WebhookID(r.Lead(5), "crm", "x", "y")} {
		if _, err := r.client.ReplayDelivery(t.Context(), &routingv1.ReplayDeliveryRequest{Id: id}); status.Code(err) != codes.NotFound {
			t.Errorf("replay of %q: %v", id, err)
		}
	}
}
