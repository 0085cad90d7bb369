package app

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestPartsStopInReverse(t *testing.T) {
	s := newStack(quiet())
	var order []string
	for _, name := range []string{"engine", "journal", "service"} {
		s.push(name, func(context.Context) error {
			order = append(order, name)
			if name == "journal" {
				return errors.New("no")
			}
			return nil
		})
	}
	err := s.stop(t.Context())
	if !reflect.DeepEqual(order, []string{"service", "journal", "engine"}) {
		t.Errorf("%v", order)
	}
	if err == nil || !strings.Contains(err.Error(), "stop journal: no") {
		t.Errorf("%v: one that fails is told and the rest stopped", err)
	}
	if err := s.stop(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("%v %v: stopping twice stops once", err, order)
	}
}

func TestAPartThatEndsByItselfIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			result error
			want   string
		}{"with an error": {errors.New("boom"), "boom"}, "without": {nil, "ended by itself"}} {
			s := newStack(quiet())
			s.run("service", func(context.Context) error { return c.result })
			if err := <-s.failed; !strings.Contains(err.Error(), "service: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", name, err)
			}
			_ = s.stop(t.Context())
		}
		s := newStack(quiet())
		s.run("service", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if err := s.stop(t.Context()); err != nil {
			t.Errorf("a stop that was asked for: %v", err)
		}
		synctest.Wait()
		if len(s.failed) > 0 {
			t.Errorf("it counts as a failure: %v", <-s.failed)
		}
	})
}

func TestAPartThatDoesNotStopIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStack(quiet())
		end := make(chan struct{})
		s.run("stuck", func(context.Context) error { <-end; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), stopWithin)
		defer cancel()
		begin := time.Now()
		err := s.stop(ctx)
		if err == nil || !strings.Contains(err.Error(), "stop stuck: it does not stop") || time.Since(begin) != stopWithin {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		close(end)

		s.push("deaf", func(context.Context) error { <-t.Context().Done(); return nil })
		begin = time.Now()
		if err := s.stop(ctx); err == nil || !strings.Contains(err.Error(), "stop deaf") || time.Since(begin) != lastMoment {
			t.Errorf("%v after %v: it does not look at the time", err, time.Since(begin))
		}
	})
}

func TestReadiness(t *testing.T) {
	r := newReadiness("journal", "scoring")
	if states, all := r.state(); all || states["journal"] != "starting" {
		t.Errorf("%v %v", states, all)
	}
	r.set("journal", func() error { return nil })
	r.set("scoring", func() error { return errors.New("rebuilding, 40 %") })
	if states, all := r.state(); all || states["journal"] != "" || states["scoring"] != "rebuilding, 40 %" {
		t.Errorf("%v %v", states, all)
	}
	r.set("scoring", func() error { return nil })
	if _, all := r.state(); !all {
		t.Error("not ready")
	}
}

func TestAwaitGoesOnUntilItWorksOrNeverCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		if err := await(t.Context(), quiet(), "x", func() error {
			if tries++; tries < 4 {
				return errors.New("not yet")
			}
			return nil
		}); err != nil || tries != 4 {
			t.Errorf("%v after %d", err, tries)
		}
		never := errors.New("misconfigured")
		if err := await(t.Context(), quiet(), "x", func() error { return final{never} }); !errors.Is(err, never) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := await(ctx, quiet(), "x", func() error { return errors.New("not yet") }); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not yet") {
			t.Errorf("%v", err)
		}
	})
}
