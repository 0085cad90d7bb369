package ingest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
)

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if err := testConfig().Validate(); err != nil {
		t.Errorf("the tests': %v", err)
	}
	secretOf := func(s ...string) (out []config.Secret) {
		for _, v := range s {
			out = append(out, config.NewSecret(v))
		}
		return out
	}
	key := config.NewSecret("wk_hush")
	for _, tc := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Sources = []Source{{Type: "baton"}} }, "sources[0].name"},
		{func(c *Config) { c.Sources = []Source{{Name: "A b", Type: "baton"}} }, `sources[0].name: "A b" is not`},
		{func(c *Config) { c.Sources = []Source{{Name: strings.Repeat("x", 41), Type: "baton"}} }, "sources[0].name"},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "baton"}, {Name: "a", Type: "baton"}} }, "sources[1].name: \"a\" is the name of sources[0]"},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "bacon"}} }, `sources[0].type: "bacon" is none of segment, rudderstack`},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "segment"}} }, "sources[0].write_key: is required"},
		{func(c *Config) {
			c.Sources = []Source{{Name: "a", Type: "segment", WriteKey: key}, {Name: "b", Type: "rudderstack", WriteKey: key}}
		}, "sources[1].write_key: is that of sources[0]"},
		{func(c *Config) {
			c.Sources = []Source{{Name: "a", Type: "segment", WriteKey: key, Secrets: secretOf("whsec_aHVzaA==")}}
		}, "sources[0].secrets: sources of this type have none"},
		{func(c *Config) {
			c.Sources = []Source{{Name: "a", Type: "segment", WriteKey: key, Map: map[string]string{"X": "page_view"}}}
		}, `the nearest is "page_viewed"`},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "baton", Secrets: secretOf("whsec_%hush%")}} }, "sources[0].secrets: webhook verifier: secret 1"},
		{func(c *Config) {
			c.Sources = []Source{{Name: "a", Type: "baton", Secrets: secretOf("whsec_aHVzaA==", "")}}
		}, "secret 2: the secret is empty"},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "baton", WriteKey: key}} }, "sources[0].write_key"},
		{func(c *Config) {
			c.Sources = []Source{{Name: "a", Type: "baton", Map: map[string]string{"X": "page_viewed"}}}
		}, "sources[0].map"},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "standard-webhooks"}} }, "sources[0].secrets: at least one is required"},
		{func(c *Config) {
			c.Sources = []Source{{Name: "a", Type: "standard-webhooks", Secrets: secretOf("hush"), Map: map[string]string{"X": "nope"}}}
		}, "sources[0].map"},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "baton", Rate: -1}} }, "sources[0].rate"},
		{func(c *Config) { c.Sources = []Source{{Name: "a", Type: "baton", MaxBody: 64 << 20}} }, "sources[0].max_body"},
		{func(c *Config) {
			c.Sources = []Source{{Name: "f", Type: "typeform", Secrets: []config.Secret{config.NewSecret("hush"), config.NewSecret("")}}}
		}, "sources[0].secrets[1]"},
		{func(c *Config) { c.MaxBody = 0 }, "ingest.max_body"},
		{func(c *Config) { c.MaxEvent = 8 << 20 }, "ingest.max_event"},
		{func(c *Config) { c.MaxEvents = 0 }, "ingest.max_events"},
		{func(c *Config) { c.InFlight = 1 << 20 }, "ingest.in_flight"},
		{func(c *Config) { c.Hold = time.Hour }, "ingest.hold"},
		{func(c *Config) { c.Drain = -1 }, "ingest.drain"},
		{func(c *Config) { c.CORSOrigins = []string{"*", "www.example.com"} }, "http.cors_origins[1]"},
		{func(c *Config) { c.CORSOrigins = []string{"https://x.example/path"} }, "http.cors_origins[0]"},
	} {
		c := DefaultConfig()
		tc.change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want …%s…", err, tc.want)
			continue
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("a secret is shown: %v", err)
		}
		if _, err := New(c, Deps{Journal: &fakejournal.Journal{}}); err == nil {
			t.Errorf("%s: a service of it", tc.want)
		}
	}
}

// All that is wrong is told at once.
func TestConfigErrorsAreJoined(t *testing.T) {
	c := DefaultConfig()
	c.MaxBody, c.Sources = 0, []Source{{Name: "A", Type: "x"}, {Name: "b", Type: "segment"}}
	err := c.Validate()
	for _, want := range []string{"ingest.max_body", "sources[0].name", "sources[0].type", "sources[1].write_key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in %v", want, err)
		}
	}
}

func TestNewNeedsAJournal(t *testing.T) {
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a service without a journal")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	s, err := New(testConfig(), Deps{Journal: &fakejournal.Journal{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Errorf("not ready: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
	if s.Ready() == nil {
		t.Error("ready after its end")
	}
}
