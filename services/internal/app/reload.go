package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/batonhq/baton/services/ingest"
)

// reloader is the service that takes other sources while it runs.
type reloader interface {
	Reload(sources []ingest.Source) error
}

// watchReload reads the configuration again whenever it is asked to, and puts its sources in force. Of everything else, what
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
				p.log.Error("the configuration is not right: the sources stay as they are", "error", line)
			}
		} else {
			p.log.Info("the sources have been read again; all other settings are read at the start alone", "sources", n)
		}
	}
}

// reload gives how many sources are in force. What is wrong with the configuration, anywhere in it, refuses it whole.
func (p *process) reload() (int, error) {
	if p.opt.Load == nil || p.sources == nil {
		return 0, errors.New("this process has no sources")
	}
	next, err := p.opt.Load()
	if err != nil {
		return 0, err
	}
	// What is in force is the running process with the new sources; both must be right.
	running := *p.cfg
	running.Sources = next.Sources
	if err := errors.Join(next.Validate(p.opt.Target), running.Validate(p.opt.Target)); err != nil {
		return 0, err
	}
	if err := p.sources.Reload(next.Sources); err != nil {
		return 0, fmt.Errorf("sources: %w", err)
	}
	return len(next.Sources), nil
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
