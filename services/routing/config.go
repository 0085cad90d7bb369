package routing

import (
	"errors"
	"fmt"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Config of the routing service.
type Config struct {
	// Directory and Destinations stand at the top of the configuration; whoever composes the program puts them here.
	// Directory is a file, "" for none: it is applied at start if it differs from what was last applied from it.
	Directory    config.Path   `yaml:"-"`
	Destinations []Destination `yaml:"-"`
	// Outbound stands at the top, too. AllowLoopback lets destinations lie on this machine: engines within the process are for one
	// machine alone, and so are the receivers that it is tried with.
	Outbound      Outbound `yaml:"-"`
	AllowLoopback bool     `yaml:"-"`
	// PublicURL is where people reach the HTTP port (http.public_url), "" where they do not: then messages have no links.
	PublicURL string `yaml:"-"`

	// Concurrency is how many deliveries to one destination may be in flight.
	Concurrency int `yaml:"concurrency"`
	// WatchRelist is how often a stream of handoffs looks for what other processes have folded.
	WatchRelist time.Duration `yaml:"watch_relist"`
}

// Events lists what destinations can be told of.
func Events() []string {
	return []string{
		fold.EventRouted, fold.EventReassigned, fold.EventRecalled, fold.EventStageChanged, fold.EventBandChanged,
		fold.EventSLABreached, fold.EventSLAEscalated, fold.EventAgreementActivated, fold.EventDeskWaiting, fold.EventDeskCleared, fold.EventUpdated,
		fold.EventSummary,
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
	p, err := newPlanner(&c)
	if err != nil {
		errs = append(errs, err)
	}
	names := map[string]bool{}
	for i, d := range c.Destinations {
		if p != nil {
			_, problems := p.plan(d)
			for _, err := range problems {
				errs = append(errs, fmt.Errorf("destinations[%d].%w", i, err))
			}
		}
		if names[d.Name] {
			errs = append(errs, fmt.Errorf("destinations[%d].name: %q is another destination's", i, d.Name))
		}
		names[d.Name] = true
	}
	return errors.Join(errs...)
}
