package handoff

import (
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/routing/internal/core/calendar"
)

// rota is a calendar that may be replaced while a clock runs.
type rota struct{ calendar.Calendar }

func (r *rota) Later(start time.Time, d time.Duration) time.Time {
	at, ok := r.Add(start, d)
	if !ok {
		panic("the calendars of this test always open again")
	}
	return at
}

func (r *rota) Passed(from, to time.Time) time.Duration { return r.Worked(from, to) }

func genRota(t *rapid.T, start time.Time) *rota {
	zone := rapid.SampledFrom([]string{"Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}).Draw(t, "zone")
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	r := &rota{calendar.Calendar{Location: loc, Holidays: map[calendar.Date]struct{}{}}}
	from := rapid.IntRange(6, 11).Draw(t, "from") * 60
	noon := from + rapid.IntRange(60, 200).Draw(t, "noon")
	for d := range r.Week {
		if d == 0 || !rapid.Bool().Draw(t, "free") {
			r.Week[d] = []calendar.Span{{From: from, To: noon}, {From: noon + 45, To: noon + 245}}
		}
	}
	for range rapid.IntRange(0, 2).Draw(t, "holidays") {
		r.Holidays[calendar.DateOf(start.AddDate(0, 0, rapid.IntRange(0, 6).Draw(t, "holiday")).In(loc))] = struct{}{}
	}
	for range rapid.IntRange(0, 1).Draw(t, "away") {
		at := start.Add(time.Duration(rapid.IntRange(-600, 6000).Draw(t, "at")) * time.Minute)
		r.Away = append(r.Away, calendar.Absence{From: at, To: at.Add(time.Duration(rapid.IntRange(1, 2000).Draw(t, "length")) * time.Minute)})
	}
	r.Normalize()
	return r
}

// A clock that is planned again and again, over changes of the calendar and pauses, takes each step once, at the minute at
// which somebody takes it who walks minute by minute and counts: one minute more of each that is worked and not paused.
func TestClocksAgainstAMinuteByMinuteWalker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Around the end of summer time in Europe and America, and in the Lord Howe islands its half hour.
		start := rapid.SampledFrom([]time.Time{
			time.Date(2026, 10, 23, 7, 0, 0, 0, time.UTC), time.Date(2026, 10, 30, 12, 0, 0, 0, time.UTC), time.Date(2026, 4, 3, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "start").Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "minute")) * time.Minute)
		promise := Promise{Accept: time.Duration(rapid.IntRange(1, 15).Draw(t, "hours")) * time.Hour, Ladder: []Rung{
			{After: 20 * time.Minute, Notify: NotifyRep}, {Percent: 50, Notify: NotifyRep}, {Percent: 100, Notify: NotifyManager}, {Percent: 150, Notify: NotifyManager},
		}}
		now := genRota(t, start)
		h := &Handoff{ID: "ho_1"}
		h.Assign(Assignment{Rep: "ana", At: start})
		_, steps := promise.AcceptSteps(start, now.Later)
		h.Start(Pinned{Version: 1, Working: true, Within: promise.Accept}, start, steps, now)

		// The walker's side: what is left, by how many minutes of work each step needs.
		type left struct {
			need   time.Duration
			action string
			number int
		}
		var waiting []left
		for _, s := range steps {
			waiting = append(waiting, left{s.After, s.Action, s.Number})
		}
		worked, pausedUntil := time.Duration(0), time.Time{}
		var fired, walked []string

		const minutes = 8 * 24 * 60
		changes := map[int]bool{}
		for range 2 {
			changes[rapid.IntRange(1, minutes).Draw(t, "change")] = true
		}
		pauses, resumes := map[int]int{}, map[int]bool{}
		for range 2 {
			at := rapid.IntRange(1, 3000).Draw(t, "pause")
			pauses[at] = rapid.IntRange(1, 2000).Draw(t, "for")
			resumes[at+rapid.IntRange(1, 2000).Draw(t, "resume")] = true
		}
		for m := range minutes {
			at := start.Add(time.Duration(m) * time.Minute)
			// What happens at this minute is known from it on; a calendar that changes is looked at there, as it is
			// when a timer fires.
			if changes[m] {
				h.Plan(at, now)
				now = genRota(t, start)
				h.Plan(at, now)
			}
			if length, ok := pauses[m]; ok && len(h.Steps) > 0 {
				until := at.Add(time.Duration(length) * time.Minute)
				h.Pausing(at, until, "", "", Pinned{}, now)
				pausedUntil = until
			}
			if resumes[m] && at.Before(pausedUntil) && len(h.Steps) > 0 {
				h.Resuming(at, now)
				pausedUntil = at
			}
			if next := h.Next(); !next.IsZero() && !next.After(at) {
				h.Plan(at, now)
				if h.Ended(at) {
					h.Resuming(at, now)
				}
				for _, s := range slices.Clone(h.Due(at)) {
					fired = append(fired, fmt.Sprint(m, s.Action, s.Number))
					h.Done(s.Clock, s.Action, s.Number)
				}
			}
			for len(waiting) > 0 && waiting[0].need <= worked {
				walked = append(walked, fmt.Sprint(m, waiting[0].action, waiting[0].number))
				waiting = waiting[1:]
			}
			if !at.Before(pausedUntil) && now.At(at) == calendar.Open {
				worked += time.Minute
			}
		}
		if !slices.Equal(fired, walked) {
			t.Fatalf("the clock takes %v, the walker %v", fired, walked)
		}
	})
}

// A plan that nothing has changed under changes nothing, whenever it is made.
func TestPlanningAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := genRota(t, noon)
		_, steps := promise.AcceptSteps(noon, r.Later)
		h := &Handoff{ID: "ho_1"}
		h.Assign(Assignment{Rep: "ana", At: noon})
		h.Start(Pinned{Version: 1, Working: true, Within: promise.Accept}, noon, steps, r)
		want := slices.Clone(h.Steps)
		at := noon
		for range 5 {
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Hour)).Draw(t, "later")))
			h.Plan(at, r)
			for i, s := range h.Steps {
				if !s.At.Equal(want[i].At) || s.Action != want[i].Action {
					t.Fatalf("at %s: step %d is %+v, was %+v", at, i, s, want[i])
				}
			}
		}
	})
}

func TestPauses(t *testing.T) {
	day := 24 * time.Hour
	paused := func(h *Handoff, at, until time.Time) *Handoff {
		h.Pausing(at, until, "", "", Pinned{Version: 1}, Elapsed{})
		return h
	}
	running := func() *Handoff {
		h := at(Routed)
		_, steps := promise.AcceptSteps(noon, elapsed)
		h.Start(Pinned{Version: 1, Within: promise.Accept}, noon, steps, Elapsed{})
		return h
	}
	for name, c := range map[string]struct {
		h       *Handoff
		r       Request
		atMost  time.Duration
		refused string
		repeat  bool
	}{
		"a manager":                  {h: running(), r: Request{Do: DoPause, Until: noon.Add(9 * day)}},
		"its owner":                  {h: running(), r: Request{Do: DoPause, Rep: "bo", Until: noon.Add(2 * day)}, atMost: 2 * day},
		"its owner, too long":        {h: running(), r: Request{Do: DoPause, Rep: "bo", Until: noon.Add(2*day + 1)}, atMost: 2 * day, refused: TooLong},
		"its owner, may not":         {h: running(), r: Request{Do: DoPause, Rep: "bo", Until: noon.Add(1)}, refused: NotAllowed},
		"who had it":                 {h: running(), r: Request{Do: DoPause, Rep: "ana", Until: noon.Add(1)}, atMost: day, refused: TakenOver},
		"a stranger":                 {h: running(), r: Request{Do: DoPause, Rep: "cy", Until: noon.Add(1)}, atMost: day, refused: NotOwner},
		"in the past":                {h: running(), r: Request{Do: DoPause, Until: noon}, refused: NotFuture},
		"for ever":                   {h: running(), r: Request{Do: DoPause, Until: noon.Add(367 * day)}, refused: TooLong},
		"no clock":                   {h: at(SQL), r: Request{Do: DoPause, Until: noon.Add(1)}, refused: NoClock},
		"nobody has it":              {h: at(Waiting), r: Request{Do: DoPause, Until: noon.Add(1)}, refused: StillWaiting},
		"over":                       {h: at(Recycled), r: Request{Do: DoResume}, refused: AlreadyClosed},
		"merged away":                {h: at(Recalled), r: Request{Do: DoResume}, refused: Superseded},
		"resume what runs":           {h: running(), r: Request{Do: DoResume}, refused: NotPaused},
		"resume":                     {h: paused(running(), noon, noon.Add(day)), r: Request{Do: DoResume, Rep: "bo"}},
		"again, the same":            {h: paused(running(), noon, noon.Add(day)), r: Request{Do: DoPause, Until: noon.Add(day)}, repeat: true},
		"again, longer in all":       {h: paused(running(), noon.Add(-day), noon.Add(day)), r: Request{Do: DoPause, Rep: "bo", Until: noon.Add(2 * day)}, atMost: 3 * day},
		"again, too long in all":     {h: paused(running(), noon.Add(-day), noon.Add(day)), r: Request{Do: DoPause, Rep: "bo", Until: noon.Add(2 * day)}, atMost: 2 * day, refused: TooLong},
		"of a clock from before now": {h: paused(unpinned(), noon, noon.Add(day)), r: Request{Do: DoResume}},
	} {
		c.r.At = noon
		a := c.h.DecidePause(c.r, c.atMost)
		code, _, _ := cut(a.Refused)
		if a.OK != (c.refused == "") || code != c.refused || a.Repeat != c.repeat || a.Stage != c.h.Stage {
			t.Errorf("%s: %+v", name, a)
		}
	}
	// A clock that began before clocks were pinned keeps what it had left.
	h := paused(unpinned(), noon.Add(time.Hour), noon.Add(day))
	if want := noon.Add(day + time.Hour); !h.Next().Equal(h.Pause.Until) || !h.NextStep().Equal(want) || !h.AcceptBy.Equal(noon.Add(day+3*time.Hour)) {
		t.Errorf("the next step is on %s, want %s; accept by %s", h.NextStep(), want, h.AcceptBy)
	}
}

// unpinned gives a handoff whose steps have moments alone.
func unpinned() *Handoff {
	h := at(Routed)
	_, h.Steps = promise.AcceptSteps(noon, elapsed)
	for i := range h.Steps {
		h.Steps[i].After = 0
	}
	return h
}

func cut(refused string) (code, why string, ok bool) {
	for i := range refused {
		if refused[i] == ':' {
			return refused[:i], refused[i+1:], true
		}
	}
	return refused, "", false
}
