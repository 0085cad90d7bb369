package poll_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// A reload that changes nothing of a source that is asked leaves it as it is: it is asked on, and no sooner.
func TestReloadOfTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, m := &fakejournal.Journal{}, &marketo{scanned: 300}
		m.happened(2, 1, 2)
		sources := func() []ingest.Source {
			p := &sender.Poll{URL: "https://123-abc-456.mktorest.com", ClientID: "id", ClientSecret: config.NewSecret("hush"), Since: "1999-12-31T00:00:00Z"}
			return []ingest.Source{{Name: "mkto", Type: "marketo", Poll: p}}
		}
		c := ingest.DefaultConfig()
		c.Sources = sources()
		s, err := ingest.New(c, ingest.Deps{
			Journal: j, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil)), Client: &http.Client{Transport: m},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		before := m.calls
		for range 10 {
			if err := s.Reload(sources()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if m.calls != before || m.granted != 1 {
			t.Errorf("%d calls and %d access tokens more", m.calls-before, m.granted-1)
		}
		m.happened(2, 3)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		got := 0
		for _, ev := range j.Events() {
			if ev.Type == "form_submitted" {
				got++
			}
		}
		if got != 3 {
			t.Errorf("%d events, want 3", got)
		}
	})
}
