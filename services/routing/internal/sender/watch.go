package sender

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// How often the sender looks at what operators have paused, and at how old its backlogs are. A pause holds at once where the
// desk is folded in this process, and after one look elsewhere.
const (
	lookEvery    = 5 * time.Second
	firstLook    = 100 * time.Millisecond
	backlogEvery = 10 * time.Second
)

// watchPauses keeps the queues' pauses as the desk has them, until ctx ends. Before they have been read once, nothing is sent:
// somebody may have had a reason. When they cannot be read later, what was known holds.
func (s *Sender) watchPauses(ctx context.Context) {
	if s.opt.Paused == nil {
		s.applyPauses(nil)
		return
	}
	wait := firstLook
	for read := false; ; {
		pauses, err := s.opt.Paused(ctx)
		switch {
		case err == nil:
			s.applyPauses(pauses)
			read, wait = true, lookEvery
		case !read && ctx.Err() == nil:
			s.opt.Log.WarnContext(ctx, "it cannot be read which destinations are paused: nothing is sent before that", "error", err)
			wait = min(2*wait, lookEvery)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.lookNow:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (s *Sender) applyPauses(pauses map[string]Pause) {
	s.mu.Lock()
	s.pauses, s.pausesKnown = pauses, true
	s.mu.Unlock()
	for _, r := range s.all() {
		r.queue.paused(pauses[r.name])
	}
}

// watchBacklogs tells an operator once when what is oldest at a destination has been due for longer than it may, and once when that is
// over.
func (s *Sender) watchBacklogs(ctx context.Context) {
	tick := time.NewTicker(backlogEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := s.opt.Now()
		for _, r := range s.all() {
			st := r.status(now)
			r.mu.Lock()
			was := r.alarmed
			r.alarmed = st.Alarm
			r.mu.Unlock()
			switch {
			case st.Alarm && !was:
				s.opt.Log.ErrorContext(ctx, "a destination's backlog is too old", "destination", r.name, "waiting", st.Backlog,
					"oldest_seconds", int(now.Sub(st.Oldest).Seconds()), "state", st.State, "reason", st.Reason)
			case was && !st.Alarm:
				s.opt.Log.InfoContext(ctx, "a destination's backlog is worked off", "destination", r.name, "waiting", st.Backlog)
			}
		}
	}
}

func sortStatuses(list []Status) {
	slices.SortFunc(list, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
}
