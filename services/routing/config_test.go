package routing

import (
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/config"
)

func TestConfig(t *testing.T) {
	good := Destination{
		Name: "crm", Type: TypeWebhook, URL: "https://crm.example/hook", Secrets: []config.Secret{config.NewSecret(testSecret)}, Events: []string{"handoff.routed"},
	}
	valid := DefaultConfig()
	valid.Destinations = []Destination{good}
	if err := valid.Validate(); err != nil {
		t.Fatalf("a good configuration: %v", err)
	}
	for _, tc := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Concurrency = 0 }, "routing.concurrency: 0 is not between"},
		{func(c *Config) { c.WatchRelist = 0 }, "routing.watch_relist: 0s is not between"},
		{func(c *Config) { c.Destinations[0].Name = "a b" }, `destinations[0].name: "a b" is not`},
		{func(c *Config) { c.Destinations = append(c.Destinations, good) }, `destinations[1].name: "crm" is another`},
		{func(c *Config) { c.Destinations[0].Type = "nobody" }, `destinations[0].type: "nobody" is not one of webhook`},
		{func(c *Config) { c.Destinations[0].URL = "ftp://crm.example" }, "destinations[0].url: must be like"},
		{func(c *Config) { c.Destinations[0].URL = "https:///hook" }, "destinations[0].url: must be like"},
		{func(c *Config) { c.Destinations[0].URL = "https://user:hush@crm.example/" }, "destinations[0].url: must not carry"},
		{func(c *Config) { c.Destinations[0].URL = "https://crm.example/#x" }, "destinations[0].url: must not have"},
		{func(c *Config) { c.Destinations[0].Secrets = []config.Secret{config.NewSecret("whsec_***")} }, "destinations[0].secrets[0]: "},
		{func(c *Config) { c.Destinations[0].Events = nil }, "destinations[0].events: at least one"},
		{func(c *Config) { c.Destinations[0].Events = []string{"handoff.lost"} }, `destinations[0].events[0]: "handoff.lost" is not one of`},
		{func(c *Config) { c.Destinations[0].Events = []string{"handoff.routed", "handoff.routed"} }, "destinations[0].events[1]: \"handoff.routed\" is given twice"},
	} {
		c := DefaultConfig()
		d := good
		c.Destinations = []Destination{d}
		tc.change(&c)
		err := c.Validate()
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "***") {
			t.Errorf("%v, want %s", err, tc.want)
		}
	}
}

func TestCheckDirectory(t *testing.T) {
	if err := CheckDirectory([]byte(testDirectory)); err != nil {
		t.Error(err)
	}
	if err := CheckDirectory([]byte("reps: [")); err == nil || !strings.Contains(err.Error(), "directory: ") {
		t.Errorf("%v", err)
	}
}
