package edge

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// load lets a number of requests run at once for a while, each taking so long, and gives how many were let in last.
func load(a *admission, clock *time.Time, offered int, took func(running int) time.Duration) int {
	in := 0
	for range 200 {
		in = 0
		for range offered {
			if a.tryEnter() {
				in++
			}
		}
		began := *clock
		*clock = clock.Add(took(in))
		for range in {
			a.leave(began, *clock, true)
		}
	}
	return in
}

func TestAdmission(t *testing.T) {
	clock := time.Unix(0, 0)
	a := newAdmission()
	// A machine that takes 2,000 a second: with n at once, each takes n/2000 s. 8,000 want in.
	slow := func(n int) time.Duration { return time.Duration(n) * time.Second / 2000 }
	if in := load(a, &clock, 8000, slow); slow(in) > 200*time.Millisecond || in < 200 {
		t.Errorf("%d are let in, which take %v each", in, slow(in))
	}
	// A fast one has room for all.
	if in := load(a, &clock, 8000, func(int) time.Duration { return 20 * time.Millisecond }); in != 8000 {
		t.Errorf("%d of 8000 are let in where they take 20ms", in)
	}
	// However long requests take, some are let in, enough to be written in groups.
	if in := load(a, &clock, 8000, func(int) time.Duration { return time.Minute }); in != admitLeast {
		t.Errorf("%d are let in, want %d", in, admitLeast)
	}
	// What is not typical changes nothing.
	for range 1000 {
		if !a.tryEnter() {
			t.Fatal("a lone request is refused")
		}
		began := clock
		clock = clock.Add(time.Second)
		a.leave(began, clock, false)
	}
	if got := a.limit.Load(); got != admitLeast {
		t.Errorf("the limit is %d", got)
	}
	if a.running.Load() != 0 {
		t.Errorf("%d are counted as running", a.running.Load())
	}
}

// Who waits for a place gets it when one is free, the last one first; who has waited long enough does not.
func TestPlacesAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission()
		a.limit.Store(1)
		if !a.enter(t.Context()) {
			t.Fatal("the first one is refused")
		}
		in := make(chan int, 3)
		wait := func(n int) {
			go func() {
				if a.enter(t.Context()) {
					in <- n
				} else {
					in <- -n
				}
			}()
			synctest.Wait()
		}
		wait(1)
		wait(2)
		began := time.Now()
		a.leave(began, began, false)
		if got := <-in; got != 2 {
			t.Errorf("%d was let in, want the last one", got)
		}
		if got := <-in; got != -1 || time.Since(began) != admitPatience {
			t.Errorf("%d after %v", got, time.Since(began))
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if a.enter(gone) {
			t.Error("let in although nobody waits for it")
		}
		a.leave(began, began, false)
		if a.running.Load() != 0 || len(a.waiting) != 0 {
			t.Errorf("%d are running, %d wait", a.running.Load(), len(a.waiting))
		}
	})
}
