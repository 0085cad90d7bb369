package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// stack holds what is running, in the order in which it was started, and stops it in reverse.
type stack struct {
	log   *slog.Logger
	parts []part
	// failed gets the first failure of something that should run until it is stopped.
	failed chan error
}

type part struct {
	name string
	stop func(ctx context.Context) error
}

func newStack(log *slog.Logger) *stack { return &stack{log: log, failed: make(chan error, 1)} }

// push notes how something that runs is stopped. stop must return when its context ends.
func (s *stack) push(name string, stop func(ctx context.Context) error) {
	s.parts = append(s.parts, part{name: name, stop: stop})
}

// run starts what runs until its context ends. Ending before that, with or without an error, is a failure of the whole.
func (s *stack) run(name string, f func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := f(ctx)
		if ctx.Err() == nil {
			if err == nil {
				err = errors.New("it ended by itself")
			}
			s.fail(fmt.Errorf("%s: %w", name, err))
		}
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		done <- err
	}()
	s.push(name, func(stop context.Context) error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-stop.Done():
			return fmt.Errorf("it does not stop: %w", stop.Err())
		}
	})
}

func (s *stack) fail(err error) {
	select {
	case s.failed <- err:
	default: // the first one counts
	}
}

// stop stops everything, the last started first. What does not stop in its time is left behind, and said.
func (s *stack) stop(ctx context.Context) error {
	var errs []error
	for i := len(s.parts) - 1; i >= 0; i-- {
		p := s.parts[i]
		begin := time.Now()
		if err := within(ctx, p.stop); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", p.name, err))
		}
		s.log.Debug("stopped", "part", p.name, "took", time.Since(begin).Round(time.Millisecond).String())
	}
	s.parts = nil
	return errors.Join(errs...)
}

// lastMoment is what a part gets whose turn comes when the time is already over: enough to close a file.
const lastMoment = time.Second

// within waits for stop until a moment after ctx has ended, also where stop does not look at it.
func within(ctx context.Context, stop func(context.Context) error) error {
	done := make(chan error, 1)
	go func() { done <- stop(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	last := time.NewTimer(lastMoment)
	defer last.Stop()
	select {
	case err := <-done:
		return err
	case <-last.C:
		return fmt.Errorf("it does not stop: %w", ctx.Err())
	}
}

// readiness knows of every part of the process whether it can do its work.
type readiness struct {
	mu    sync.Mutex
	parts map[string]func() error
}

var (
	errStarting = errors.New("starting")
	errStopping = errors.New("stopping")
)

func newReadiness(names ...string) *readiness {
	r := &readiness{parts: map[string]func() error{}}
	for _, n := range names {
		r.set(n, func() error { return errStarting })
	}
	return r
}

// set gives a part its check, which may take a moment and must not block.
func (r *readiness) set(name string, check func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts[name] = check
}

// state gives each part's state, "" for ready, and whether all are.
func (r *readiness) state() (states map[string]string, ready bool) {
	r.mu.Lock()
	checks := maps.Clone(r.parts)
	r.mu.Unlock()
	states, ready = make(map[string]string, len(checks)), true
	for name, check := range checks {
		states[name] = ""
		if err := check(); err != nil {
			states[name], ready = err.Error(), false
		}
	}
	return states, ready
}
