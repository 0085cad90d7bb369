package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/routing"
)

// reloader is the service that takes other sources while it runs.
type reloader interface {
	Reload(sources []ingest.Source) error
}

// destinationReloader is the service that takes other destinations while it runs.
type destinationReloader interface {
	Reload(list []routing.Destination, out routing.Outbound) error
}

// watchReload reads the configuration again whenever it is asked to, and puts its sources and destinations in force. Of everything else, what
// the process began with stays: it is opened, registered and listened on.
func (p *process) watchReload(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.opt.Reload:
		}
		if n, err := p.reload(); err != nil {
			for _, line := range flat(err) {
				p.log.Error("the configuration is not right: the sources and destinations stay as they are", "error", line)
			}
		} else {
			p.log.Info("the sources and destinations have been read again; all other settings are read at the start alone", "sources", n[0], "destinations", n[1])
		}
	}
}

// reload gives how many sources and destinations are in force. What is wrong with the configuration, anywhere in it, refuses it whole.
func (p *process) reload() (n [2]int, err error) {
	if p.opt.Load == nil || p.sources == nil && p.destinations == nil {
		return n, errors.New("this process has no sources and no destinations")
	}
	next, err := p.opt.Load()
	if err != nil {
		return n, err
	}
	// What is in force is the running process with the new sources and destinations; both must be right.
	running := *p.cfg
	running.Sources, running.Destinations, running.Outbound = next.Sources, next.Destinations, next.Outbound
	if err := errors.Join(next.Validate(p.opt.Target), running.Validate(p.opt.Target)); err != nil {
		return n, err
	}
	if p.sources != nil {
		if err := p.sources.Reload(next.Sources); err != nil {
			return n, fmt.Errorf("sources: %w", err)
		}
		n[0] = len(next.Sources)
	}
	if p.destinations != nil {
		if err := p.destinations.Reload(next.Destinations, next.Outbound); err != nil {
			return n, fmt.Errorf("destinations: %w", err)
		}
		n[1] = len(next.Destinations)
	}
	return n, nil
}

// flat takes joined errors apart, each told once.
func flat(err error) []string {
	var out []string
	seen := map[string]bool{}
	var walk func(error)
	walk = func(err error) {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				walk(e)
			}
			return
		}
		if !seen[err.Error()] {
			seen[err.Error()] = true
			out = append(out, err.Error())
		}
	}
	walk(err)
	return out
}
