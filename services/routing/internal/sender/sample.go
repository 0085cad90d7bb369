package sender

import (
	"context"
	"errors"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

var (
	// ErrUnknown says that no destination has a name.
	ErrUnknown = errors.New("sender: there is no such destination")
	// ErrNoSample says that a destination can send none: use its check.
	ErrNoSample = errors.New("sender: the destination can send no sample")
)

// Test sends a sample to somebody whom a destination tells, now, whatever waits for it. The error is ErrUnknown or ErrNoSample.
func (s *Sender) Test(ctx context.Context, name, to string) (o destination.Outcome, err error) {
	r := s.receiver(name)
	if r == nil {
		return o, ErrUnknown
	}
	tester, ok := r.destination().To.(destination.Tester)
	if !ok {
		return o, ErrNoSample
	}
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	return bounded(tester.Test(ctx, to), false), nil
}
