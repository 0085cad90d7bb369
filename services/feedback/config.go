package feedback

import (
	"errors"
	"fmt"
	"time"
)

// Config of the feedback service.
type Config struct {
	// AnswerWithin is how long a disposition waits for the fact that decides it; then it answers that it is pending.
	AnswerWithin time.Duration `yaml:"answer_within"`
	// FunnelMaxAge is how old the rows may be that a funnel is counted from, in a set-up where several processes share the
	// partitions and the rows are read from the store. A call that names a sequence always gets that. Where one process
	// owns everything, the rows are in memory and current.
	FunnelMaxAge time.Duration `yaml:"funnel_max_age"`
	// Summary is when the last week's summary goes to the destinations that subscribed to summary.weekly.
	Summary Summary `yaml:"summary"`
}

// DefaultConfig gives the defaults: 2 s each, and the summary on Monday at 08:00 UTC.
func DefaultConfig() Config {
	return Config{AnswerWithin: 2 * time.Second, FunnelMaxAge: 2 * time.Second, Summary: Summary{Day: "monday", At: "08:00", TimeZone: "UTC"}}
}

// Validate gives everything that is wrong, each with the field's name and the reason.
func (c Config) Validate() error {
	var errs []error
	if c.AnswerWithin <= 0 || c.AnswerWithin > 10*time.Second {
		errs = append(errs, fmt.Errorf("answer_within: %s is not between 0 and 10s: callers wait no longer", c.AnswerWithin))
	}
	if c.FunnelMaxAge < 0 || c.FunnelMaxAge > time.Hour {
		errs = append(errs, fmt.Errorf("funnel_max_age: %s is not between 0s and 1h", c.FunnelMaxAge))
	}
	_, summaryErrs := c.Summary.schedule()
	return errors.Join(append(errs, summaryErrs...)...)
}
