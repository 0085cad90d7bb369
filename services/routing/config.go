package routing

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Config of the routing service.
type Config struct {
	// Directory and Destinations stand at the top of the configuration; whoever composes the program puts them here.
	// Directory is a file, "" for none: it is applied at start if it differs from what was last applied from it.
	Directory    config.Path   `yaml:"-"`
	Destinations []Destination `yaml:"-"`

	// Concurrency is how many deliveries to one destination may be in flight.
	Concurrency int `yaml:"concurrency"`
	// WatchRelist is how often a stream of handoffs looks for what other processes have folded.
	WatchRelist time.Duration `yaml:"watch_relist"`
}

// TypeWebhook is the type of a destination that is told by signed webhooks (Standard Webhooks).
const TypeWebhook = "webhook"

// Destination is somebody who is told what happens.
type Destination struct {
	// Name is part of the journal: [A-Za-z0-9_-], at most 64 characters. What is due to a name waits for it.
	Name string `yaml:"name"`
	// Type is TypeWebhook.
	Type string `yaml:"type"`
	URL  string `yaml:"url"`
	// Secrets sign, the newest first; each gives a signature, so that one can be replaced without a gap.
	Secrets []config.Secret `yaml:"secrets"`
	// Events that it is told of, at least one of Events().
	Events []string `yaml:"events"`
	// AllowPrivate lets its address lie in a loopback, private or otherwise special range.
	AllowPrivate bool `yaml:"allow_private"`
}

// Events lists what destinations can be told of.
func Events() []string {
	return []string{
		fold.EventRouted, fold.EventReassigned, fold.EventRecalled, fold.EventStageChanged, fold.EventBandChanged,
		fold.EventSLABreached, fold.EventAgreementActivated, fold.EventUpdated,
	}
}

// DefaultConfig gives the defaults: no destinations, 16 deliveries in flight to each, a look around every 5 s.
func DefaultConfig() Config {
	return Config{Concurrency: 16, WatchRelist: 5 * time.Second}
}

// Validate gives everything that is wrong, each with the setting and the reason. It reads no file.
func (c Config) Validate() error {
	var errs []error
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		errs = append(errs, fmt.Errorf("routing.concurrency: %d is not between 1 and 1000", c.Concurrency))
	}
	if c.WatchRelist < 100*time.Millisecond || c.WatchRelist > time.Hour {
		errs = append(errs, fmt.Errorf("routing.watch_relist: %s is not between 100ms and 1h", c.WatchRelist))
	}
	names := map[string]bool{}
	for i, d := range c.Destinations {
		for _, err := range d.validate() {
			errs = append(errs, fmt.Errorf("destinations[%d].%w", i, err))
		}
		if names[d.Name] {
			errs = append(errs, fmt.Errorf("destinations[%d].name: %q is another destination's", i, d.Name))
		}
		names[d.Name] = true
	}
	return errors.Join(errs...)
}

func (d Destination) validate() (errs []error) {
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if !identity.Safe(d.Name) {
		bad("name", "%q is not 1 to 64 of the characters A–Z a–z 0–9 _ -", d.Name)
	}
	if d.Type != TypeWebhook {
		bad("type", "%q is not %s", d.Type, TypeWebhook)
	}
	u, err := url.Parse(d.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		bad("url", "must be like https://crm.example/hook")
	case u.User != nil:
		bad("url", "must not carry a user or password")
	case u.Fragment != "":
		bad("url", "must not have a fragment")
	}
	for i, s := range d.Secrets {
		if _, err := webhook.NewSigner([]string{s.Reveal()}); err != nil {
			bad(fmt.Sprintf("secrets[%d]", i), "%s", strings.TrimPrefix(err.Error(), "webhook signer: "))
		}
	}
	if len(d.Events) == 0 {
		bad("events", "at least one of %s is needed", strings.Join(Events(), ", "))
	}
	for i, e := range d.Events {
		if !slices.Contains(Events(), e) {
			bad(fmt.Sprintf("events[%d]", i), "%q is not one of %s", e, strings.Join(Events(), ", "))
		}
		if slices.Contains(d.Events[:i], e) {
			bad(fmt.Sprintf("events[%d]", i), "%q is given twice", e)
		}
	}
	return errs
}
