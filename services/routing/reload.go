package routing

import (
	"context"
	"fmt"
	"slices"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/apply"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/outbound"
	"github.com/batonhq/baton/services/routing/internal/sender"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// receivers makes the destinations of a configuration that has been checked.
func receivers(cfg Config, deps Deps, notify destination.Notify) ([]sender.Destination, error) {
	p, err := newPlanner(&cfg)
	if err != nil {
		return nil, fmt.Errorf("routing: %w", err)
	}
	var list []sender.Destination
	for _, d := range cfg.Destinations {
		plan, errs := p.plan(d)
		if len(errs) > 0 {
			return nil, fmt.Errorf("destination %s: %w", d.Name, errs[0])
		}
		if d.Type == TypeWebhook && len(d.Secrets) == 0 {
			deps.Log.Warn("a destination has no secret: what it is sent is not signed", "destination", d.Name)
		}
		limiter := outbound.NewLimiter(plan.limit, deps.Clock)
		transport := outbound.NewTransport(plan.policy, plan.most)
		client := outbound.NewClient(transport, limiter, outbound.RequestWithin)
		if deps.Transport != nil {
			client = outbound.NewClient(deps.Transport(d), limiter, outbound.RequestWithin)
		}
		notify.Dial = outbound.NewDialer(plan.policy, limiter)
		to, err := plan.make(client, deps.Clock, deps.Log.With("destination", d.Name), notify)
		if err != nil {
			return nil, fmt.Errorf("destination %s: %w", d.Name, err)
		}
		list = append(list, sender.Destination{
			Name: d.Name, Type: d.Type, Events: plan.events, To: to, Limiter: limiter, Concurrency: plan.most, BacklogAlarm: plan.alarm,
			Plain: d.Type == TypeWebhook,
		})
	}
	return list, nil
}

// subscriptions gives who is told what, as the journal has it.
func subscriptions(cfg Config) ([]*journalv1.Destination, error) {
	p, err := newPlanner(&cfg)
	if err != nil {
		return nil, err
	}
	var list []*journalv1.Destination
	for _, d := range cfg.Destinations {
		plan, errs := p.plan(d)
		if len(errs) > 0 {
			return nil, fmt.Errorf("destination %s: %w", d.Name, errs[0])
		}
		list = append(list, &journalv1.Destination{Name: d.Name, Type: d.Type, Events: plan.events})
	}
	return list, nil
}

// pauses reads what operators have paused off the desk.
func pauses(reader *journal.Reader) func(context.Context) (map[string]sender.Pause, error) {
	return func(ctx context.Context) (map[string]sender.Pause, error) {
		blobs, err := reader.Blobs(ctx, identity.Desk)
		if err != nil {
			return nil, fmt.Errorf("read the desk: %w", err)
		}
		d, err := state.DecodeDesk(blobs[0])
		if err != nil {
			return nil, err
		}
		out := map[string]sender.Pause{}
		for name, p := range d.Paused {
			out[name] = sender.Pause{Since: p.Since, By: p.By, Because: p.Because}
		}
		return out, nil
	}
}

// Reload puts other destinations in force: new ones, others' new secrets, credentials, limits and fields; those that are not among them are
// gone, and what is due to them waits. Queues stay, and deliveries in flight end as they began. The error joins everything that is wrong; then
// all stays as it was. Who is told what is stated in the journal, as at the start, while Run runs.
func (s *Service) Reload(list []Destination, out Outbound) error {
	s.reload.Lock()
	defer s.reload.Unlock()
	return s.replace(list, out)
}

func (s *Service) replace(list []Destination, out Outbound) error {
	next := s.cfg
	next.Destinations, next.Outbound = slices.Clone(list), out
	if err := next.Validate(); err != nil {
		return fmt.Errorf("routing configuration: %w", err)
	}
	made, err := receivers(next, s.deps, s.notify)
	if err != nil {
		return fmt.Errorf("routing configuration: %w", err)
	}
	s.cfg = next
	s.sender.Replace(made)
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return nil
}

// applyDestinations states who is told what, if that has changed.
func (s *Service) applyDestinations(ctx context.Context) error {
	s.reload.Lock()
	cfg := s.cfg
	s.reload.Unlock()
	list, err := subscriptions(cfg)
	if err != nil {
		return fmt.Errorf("routing: %w", err)
	}
	return apply.Destinations(ctx, s.deps.Journal, list, s.deps.Clock)
}

// watchReloads states what a reload has changed, until ctx ends.
func (s *Service) watchReloads(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
		}
		if err := s.insist(ctx, s.applyDestinations); err != nil && ctx.Err() == nil {
			s.deps.Log.ErrorContext(ctx, "what destinations are told of could not be put in force", "error", err)
		}
	}
}
