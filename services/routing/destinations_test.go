package routing

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// safeLog is a log that several goroutines write.
type safeLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestDestinationsInTheService(t *testing.T) {
	nc, store := journaltest.InProcess(t)
	logged := &safeLog{}
	r := &rig{Fixture: journaltest.NewFixture(t, nc, store), crm: newCRM(t), cfg: DefaultConfig(), log: slog.New(slog.NewTextHandler(logged, nil))}
	file := filepath.Join(t.TempDir(), "directory.yaml")
	if err := os.WriteFile(file, []byte(testDirectory), 0o600); err != nil {
		t.Fatal(err)
	}
	r.cfg.Directory = config.Path(file)
	r.cfg.AllowLoopback = true
	r.cfg.Destinations = []Destination{{
		Name: "crm", Type: TypeWebhook, URL: r.crm.URL + "/hook?token=in-the-address", Secrets: []config.Secret{config.NewSecret(testSecret)}, Events: []string{fold.EventRouted},
	}}
	r.Start(scoring{}, journal.WorkerOptions{})
	stop := r.start(t)
	list := func(state string) func() error {
		return func() error {
			got, err := r.client.ListDestinations(t.Context(), &routingv1.ListDestinationsRequest{})
			if err != nil || len(got.GetDestinations()) != 1 || got.GetDestinations()[0].GetState() != state {
				return fmt.Errorf("%v, %w", got, err)
			}
			return nil
		}
	}
	id := r.qualify(t, "one@initech.example")
	r.handoff(t, id, delivered)

	// Paused, it is sent nothing; that holds through a restart.
	if _, err := r.client.PauseDestination(t.Context(), &routingv1.PauseDestinationRequest{Name: "crm", Reason: "moving house"}); err != nil {
		t.Fatal(err)
	}
	journaltest.Eventually(t, "paused", list("paused"))
	stop()
	r.start(t)
	journaltest.Eventually(t, "paused after the restart", list("paused"))
	second := r.qualify(t, "two@initech.example")
	r.handoff(t, second, func(h *routingv1.Handoff) bool { return len(h.GetDeliveries()) == 1 })
	journaltest.Eventually(t, "a backlog", func() error {
		got, err := r.client.ListDestinations(t.Context(), &routingv1.ListDestinationsRequest{})
		if err != nil || got.GetDestinations()[0].GetBacklog() != 1 || got.GetDestinations()[0].GetReason() != "moving house" {
			return fmt.Errorf("%v, %w", got, err)
		}
		return nil
	})
	if n := len(r.crm.received(fold.EventRouted)); n != 1 {
		t.Errorf("%d deliveries while it is paused", n)
	}
	if _, err := r.client.ResumeDestination(t.Context(), &routingv1.ResumeDestinationRequest{Name: "crm"}); err != nil {
		t.Fatal(err)
	}
	r.handoff(t, second, delivered)

	t.Run("replay of a range", r.testReplayRange)
	t.Run("reload", r.testReload)
	t.Run("secrets in files", r.testSecretsInFiles)

	for _, call := range []func(context.Context) error{
		func(ctx context.Context) error {
			_, err := r.client.CheckDestination(ctx, &routingv1.CheckDestinationRequest{Name: "nobody"})
			return err
		},
		func(ctx context.Context) error {
			_, err := r.client.PauseDestination(ctx, &routingv1.PauseDestinationRequest{Name: "nobody"})
			return err
		},
	} {
		if err := call(t.Context()); status.Code(err) != codes.NotFound {
			t.Errorf("%v", err)
		}
	}
	if found, err := r.client.CheckDestination(t.Context(), &routingv1.CheckDestinationRequest{Name: "crm"}); err != nil || !found.GetUnsupported() {
		t.Errorf("%v, %v", found, err)
	}
	// Neither secrets nor people nor what receivers answer are in the log.
	for _, secret := range []string{"in-the-address", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "initech.example", "said-by-the-receiver"} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("the log tells %s:\n%s", secret, logged)
		}
	}
	parserless, err := Logic(r.J.Key())
	if err != nil {
		t.Fatal(err)
	}
	r.Agree(parserless)
}

func (r *rig) testReplayRange(t *testing.T) {
	r.crm.answer(410)
	start := time.Now()
	var ids []string
	for i := range 7 {
		ids = append(ids, r.qualify(t, fmt.Sprintf("range-%d@initech.example", i)))
	}
	for _, id := range ids {
		r.handoff(t, id, func(h *routingv1.Handoff) bool {
			return len(h.GetDeliveries()) == 1 && h.GetDeliveries()[0].GetState() == "dead"
		})
	}
	r.crm.answer(200)
	replayed, token := 0, ""
	for pages := 0; ; pages++ {
		got, err := r.client.ReplayDeliveries(t.Context(), &routingv1.ReplayDeliveriesRequest{
			Destination: "crm", Event: fold.EventRouted, From: timestamppb.New(start.Add(-time.Minute)), To: timestamppb.New(time.Now().Add(time.Minute)), Limit: 3, PageToken: token,
		})
		if err != nil || got.GetReplayed()+got.GetSkipped() > 3 || pages > 4 {
			t.Fatalf("page %d: %v, %v", pages, got, err)
		}
		replayed += int(got.GetReplayed())
		if token = got.GetNextPageToken(); token == "" {
			break
		}
	}
	for _, id := range ids {
		if h := r.handoff(t, id, delivered); h.GetDeliveries()[0].GetAttempts() != 2 {
			t.Errorf("%v", h.GetDeliveries())
		}
	}
	again, err := r.client.ReplayDeliveries(t.Context(), &routingv1.ReplayDeliveriesRequest{Destination: "crm"})
	if err != nil || again.GetReplayed() != 0 || again.GetSequence() != "" || replayed != 7 {
		t.Errorf("%d put back; again: %v, %v", replayed, again, err)
	}
	for field, bad := range map[string]*routingv1.ReplayDeliveriesRequest{
		"destination": {}, "state": {Destination: "crm", State: "due"}, "event": {Destination: "crm", Event: "x y"}, "limit": {Destination: "crm", Limit: 5000},
		"to":         {Destination: "crm", From: timestamppb.New(start), To: timestamppb.New(start)},
		"page_token": {Destination: "crm", PageToken: "x"},
	} {
		if _, err := r.client.ReplayDeliveries(t.Context(), bad); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// testReload gives the destination another address and another secret while something is due to it.
func (r *rig) testReload(t *testing.T) {
	r.crm.answer(http.StatusInternalServerError)
	id := r.qualify(t, "reload@initech.example")
	r.handoff(t, id, func(h *routingv1.Handoff) bool {
		return len(h.GetDeliveries()) == 1 && h.GetDeliveries()[0].GetState() == "failing"
	})
	other := newCRM(t)
	next := r.cfg.Destinations[0]
	next.URL, next.Events = other.URL, []string{fold.EventRouted, fold.EventStageChanged}
	bad := next
	bad.Events = []string{"nothing"}
	if err := r.service.Reload([]Destination{bad}, Outbound{}); err == nil || !strings.Contains(err.Error(), "destinations[0].events[0]") {
		t.Errorf("a configuration that is wrong: %v", err)
	}
	if err := r.service.Reload([]Destination{next}, Outbound{}); err != nil {
		t.Fatal(err)
	}
	d := r.handoff(t, id, func(*routingv1.Handoff) bool { return true }).GetDeliveries()[0]
	if _, err := r.client.ReplayDelivery(t.Context(), &routingv1.ReplayDeliveryRequest{Id: d.GetId()}); err != nil {
		t.Fatal(err)
	}
	r.handoff(t, id, delivered)
	if n := len(other.received(fold.EventRouted)); n != 1 {
		t.Errorf("%d deliveries to the new address", n)
	}
	journaltest.Eventually(t, "the new events are in force", func() error {
		ev, err := r.J.LastGlobal(t.Context(), fold.KindDestinations)
		if err == nil && len(ev.Body.GetDestinationsChanged().GetDestinations()[0].GetEvents()) != 2 {
			err = fmt.Errorf("they are %v", ev.Body)
		}
		return err
	})
}
