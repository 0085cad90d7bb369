package sender

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/webhook"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

func TestDelivered(t *testing.T) {
	bubble(t, map[string]http.HandlerFunc{"crm": status(202)}, func(w *world) {
		id := w.due(lead(1), "crm", 1)[0]
		advance(time.Millisecond)
		if d := w.delivery(id); d.State != state.Delivered || d.Attempts != 1 {
			t.Errorf("%+v", d)
		}
		if ev := w.appended[0]; ev.Id != id+".1" || ev.Entity != lead(1) || ev.Source != "routing" || ev.GetDelivered().GetStatus() != 202 {
			t.Errorf("appended %v", ev)
		}
		advance(100 * time.Hour)
		if n := len(w.called("crm")); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestTheRetrySchedule(t *testing.T) {
	bubble(t, map[string]http.HandlerFunc{"crm": status(500)}, func(w *world) {
		id := w.due(lead(1), "crm", 1)[0]
		advance(100 * time.Hour)
		calls := w.called("crm")
		if len(calls) != 10 {
			t.Fatalf("%d attempts, want ten", len(calls))
		}
		for i, c := range calls {
			if c.id != id {
				t.Errorf("attempt %d is of %s", i+1, c.id)
			}
			if i > 0 {
				gap := c.after - calls[i-1].after
				// A pause of the whole destination may add to it.
				if low, high := retries[i-1]*95/100, retries[i-1]*105/100+maxPause; gap < low || gap > high {
					t.Errorf("attempt %d comes %s after the one before, want %s", i+1, gap, retries[i-1])
				}
			}
		}
		if d := w.delivery(id); d.State != state.Dead || d.Attempts != 10 || d.Error != "status 500" {
			t.Errorf("%+v", d)
		}
		// Put back by hand, it has the whole schedule ahead of it again.
		w.fold(&journalv1.Event{Entity: lead(1), Type: "replay_requested", Payload: &journalv1.Event_ReplayRequested{
			ReplayRequested: &journalv1.ReplayRequested{WebhookId: id, Destination: "crm"},
		}})
		advance(time.Second)
		if calls := w.called("crm"); len(calls) != 11 {
			t.Errorf("%d attempts right after the replay, want one, pause or no pause", len(calls)-10)
		}
		advance(6 * time.Minute)
		if calls := w.called("crm"); len(calls) < 12 || calls[11].id != id {
			t.Errorf("%d attempts after the replay", len(calls)-10)
		}
		if last := w.appended[len(w.appended)-1]; last.GetDeliveryFailed().GetDead() || last.Id != fmt.Sprintf("%s.%d", id, len(w.appended)) {
			t.Errorf("after the replay: %v", last)
		}
	})
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		state   string
		reason  string
		next    time.Duration // from the attempt on, at least
	}{
		{"too many", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		}, state.Failing, "status 429", time.Hour},
		{"until a date", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", time.Now().Add(2*time.Hour).UTC().Format(http.TimeFormat))
			w.WriteHeader(503)
		}, state.Failing, "status 503", 2*time.Hour - time.Second},
		{"gone", status(410), state.Dead, "status 410: the destination wants no more deliveries", 0},
		{"refused", status(400), state.Failing, "status 400", 4 * time.Second},
		{"moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://169.254.169.254/", 307) }, state.Failing, "status 307: redirects are not followed", 4 * time.Second},
		{"silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, state.Failing, "no answer in time", 4 * time.Second},
		{"endless", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10<<20)) }, state.Delivered, "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, map[string]http.HandlerFunc{"crm": tc.handler}, func(w *world) {
				id := w.due(lead(1), "crm", 1)[0]
				for d := (state.Delivery{}); d.Attempts == 0; d = w.delivery(id) {
					advance(time.Second)
				}
				d := w.delivery(id)
				if d.State != tc.state || d.Error != tc.reason {
					t.Errorf("%s: %q, want %s: %q", d.State, d.Error, tc.state, tc.reason)
				}
				if tc.next > 0 && d.NextAt.Before(w.appended[0].ReceivedAt.AsTime().Add(tc.next)) {
					t.Errorf("next after %s, want %s", d.NextAt.Sub(w.appended[0].ReceivedAt.AsTime()), tc.next)
				}
			})
		})
	}
}

func TestRetryAfterIsForTheWholeDestination(t *testing.T) {
	first := true
	bubble(t, map[string]http.HandlerFunc{"crm": func(w http.ResponseWriter, _ *http.Request) {
		if first {
			first = false
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(429)
		}
	}}, func(w *world) {
		w.due(lead(1), "crm", 1)
		advance(time.Second)
		w.due(lead(2), "crm", 1)
		advance(9 * time.Minute)
		if n := len(w.called("crm")); n != 1 {
			t.Errorf("%d calls while it asked to be left alone", n)
		}
		advance(2 * time.Minute)
		if n := len(w.called("crm")); n != 3 {
			t.Errorf("%d calls after that", n)
		}
	})
}

func TestOrderPerLead(t *testing.T) {
	fail := 2
	flying := map[string]int{}
	var mu sync.Mutex
	bubble(t, map[string]http.HandlerFunc{"crm": func(rw http.ResponseWriter, r *http.Request) {
		entity := fold.EntityOfDelivery(r.Header.Get(webhook.HeaderID))
		mu.Lock()
		if flying[entity]++; flying[entity] > 1 {
			t.Errorf("two of one lead in flight")
		}
		mu.Unlock()
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		flying[entity]--
		if entity == lead(1) && fail > 0 {
			fail--
			rw.WriteHeader(500)
		}
	}}, func(w *world) {
		want := w.due(lead(1), "crm", 3)
		other := w.due(lead(2), "crm", 1)[0]
		advance(2 * time.Second)
		if d := w.delivery(other); d.State != state.Delivered {
			t.Errorf("another lead waits: %+v", d)
		}
		advance(time.Hour)
		var got []string
		for _, ev := range w.appended {
			if p := ev.GetDelivered(); p != nil && ev.Entity == lead(1) {
				got = append(got, p.WebhookId)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("delivered as %v, want %v", got, want)
		}
	})
}

// What is due is read as it comes, and put into the queues while they are at work already.
func TestOrderPerLeadAfterATakeover(t *testing.T) {
	bubble(t, map[string]http.HandlerFunc{"crm": status(200)}, func(w *world) {
		w.sender.Closed()
		advance(time.Second)
		_, want := w.state(lead(1), "crm", 5) // by another worker
		w.garbled = 20
		w.sender.opt.Log = slog.New(slowLog{slog.DiscardHandler})
		advance(time.Second)
		w.live()
		advance(time.Minute)
		var got []string
		for _, ev := range w.appended {
			if p := ev.GetDelivered(); p != nil {
				got = append(got, p.WebhookId)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("delivered as %v, want %v", got, want)
		}
	})
}

func TestADeadDestinationDelaysNobodyElse(t *testing.T) {
	bubble(t, map[string]http.HandlerFunc{
		"dead": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "well": status(200),
	}, func(w *world) {
		for n := range 100 {
			w.due(lead(n), "dead", 1)
			w.due(lead(n), "well", 1)
		}
		advance(time.Millisecond)
		if n := len(w.called("well")); n != 100 {
			t.Errorf("%d of 100 reached the other at once", n)
		}
		if n := len(w.called("dead")); n != 4 {
			t.Errorf("%d in flight, want as many as are allowed", n)
		}
	})
}

func TestABacklogUsesUpNoAttemptsAndDrainsInOrder(t *testing.T) {
	down := true
	bubble(t, map[string]http.HandlerFunc{"crm": func(rw http.ResponseWriter, _ *http.Request) {
		if down {
			rw.WriteHeader(503)
		}
	}}, func(w *world) {
		var want []string
		for n := range 200 {
			want = append(want, w.due(lead(n), "crm", 1)...)
			advance(time.Second)
		}
		advance(time.Hour)
		most := 0
		for _, id := range want {
			most = max(most, w.delivery(id).Attempts)
		}
		if n := len(w.called("crm")); n > 60 || most > 8 {
			t.Errorf("%d calls to a destination that is down, up to %d for one delivery", n, most)
		}
		w.mu.Lock()
		down, w.calls["crm"] = false, nil
		w.mu.Unlock()
		advance(30 * time.Minute)
		for _, id := range want {
			if d := w.delivery(id); d.State != state.Delivered {
				t.Fatalf("%+v is not delivered half an hour after the destination came back", d)
			}
		}
		if n := len(w.called("crm")); n != 200 {
			t.Errorf("%d calls for 200 deliveries", n)
		}
	})
}

func TestTheJournalIsDown(t *testing.T) {
	bubble(t, map[string]http.HandlerFunc{"crm": status(200)}, func(w *world) {
		w.down = true
		ids := w.due(lead(1), "crm", 2)
		advance(time.Hour)
		if got := w.ids("crm"); !slices.Equal(got, ids[:1]) {
			t.Errorf("called for %v before the first outcome was written", got)
		}
		w.mu.Lock()
		w.down = false
		w.mu.Unlock()
		advance(10 * time.Second)
		if got := w.ids("crm"); !slices.Equal(got, ids) || len(w.appended) != 2 {
			t.Errorf("called for %v, %d outcomes", got, len(w.appended))
		}
	})
}

func TestSessionsComeAndGo(t *testing.T) {
	slow := make(chan struct{})
	var calls int
	bubble(t, map[string]http.HandlerFunc{"crm": func(http.ResponseWriter, *http.Request) {
		if calls++; calls == 1 {
			<-slow
		}
	}}, func(w *world) {
		slow = make(chan struct{}) // the bubble's own
		ids := w.due(lead(1), "crm", 3)
		advance(time.Second)
		// The session ends while the first is in flight, and another begins.
		w.sender.Closed()
		advance(time.Second)
		w.live()
		advance(time.Second)
		close(slow)
		advance(time.Second)
		if got := w.ids("crm"); !slices.Equal(got, ids) {
			t.Errorf("called for %v, want each once: %v", got, ids)
		}
		// An outcome that is written but not folded yet when the next session begins is not forgotten.
		w.mu.Lock()
		w.behind = true
		w.mu.Unlock()
		late := w.due(lead(2), "crm", 1)[0]
		advance(time.Second)
		w.sender.Closed()
		w.live()
		advance(time.Hour)
		if got := w.ids("crm"); !slices.Equal(got, append(ids, late)) {
			t.Errorf("called for %v, want %s once", got, late)
		}
		// While nobody is in charge, nothing is sent.
		w.sender.Closed()
		advance(time.Second)
		w.mu.Lock()
		w.books[lead(3)] = &state.Book{}
		id := fold.WebhookID(lead(3), "crm", fold.EventRouted, "0")
		w.books[lead(3)].Add(state.Delivery{ID: id, Destination: "crm", Entity: lead(3), DueAt: time.Now(), NextAt: time.Now()})
		w.mu.Unlock()
		advance(time.Hour)
		if got := w.ids("crm"); slices.Contains(got, id) {
			t.Error("sent without being in charge")
		}
		w.live()
		advance(time.Second)
		if got := w.ids("crm"); !slices.Contains(got, id) {
			t.Error("what was due before is not sent")
		}
	})
}

func TestWhatCannotBeRendered(t *testing.T) {
	bubble(t, map[string]http.HandlerFunc{"crm": status(200)}, func(w *world) {
		w.notReady = true
		id := w.due(lead(1), "crm", 1)[0]
		advance(time.Hour)
		if d := w.delivery(id); d.Attempts != 0 || len(w.called("crm")) != 0 {
			t.Errorf("an attempt without a body: %+v", d)
		}
		w.mu.Lock()
		w.notReady = false
		w.mu.Unlock()
		advance(maxNotReady)
		if d := w.delivery(id); d.State != state.Delivered {
			t.Errorf("once it can be rendered: %+v", d)
		}
		w.mu.Lock()
		w.books[lead(1)].Add(state.Delivery{ID: fold.WebhookID(lead(1), "crm", "x", "x"), Destination: "crm", Handoff: "gone", Entity: lead(1), DueAt: time.Now(), NextAt: time.Now()})
		w.mu.Unlock()
		w.sender.Closed()
		w.live()
		advance(time.Second)
		if d := w.delivery(fold.WebhookID(lead(1), "crm", "x", "x")); d.State != state.Dead || !strings.Contains(d.Error, "nothing to tell") {
			t.Errorf("with nothing to tell: %+v", d)
		}
	})
}

func TestADestinationThatIsNotConfigured(t *testing.T) {
	bubble(t, map[string]http.HandlerFunc{"crm": status(200)}, func(w *world) {
		w.due(lead(1), "other", 2)
		advance(time.Hour)
		if got := w.sender.orphaned(); got["other"] != 2 {
			t.Errorf("orphaned %v", got)
		}
	})
}

func TestAReplayedOlderDeliveryDoesNotOvertakeTheOneInFlight(t *testing.T) {
	q, now := newQueue(4, nil), time.Now()
	q.put(&state.Delivery{ID: "newer", Entity: "ld", Number: 2, NextAt: now})
	head, _ := q.take(now)
	q.put(&state.Delivery{ID: "older", Entity: "ld", Number: 1, NextAt: now})
	if it, _ := q.take(now); it != nil {
		t.Fatalf("%s flies beside %s", it.ID, head.ID)
	}
	q.land(head, true, nil)
	if it, _ := q.take(now); it == nil || it.ID != "older" {
		t.Errorf("then flies %v", it)
	}
}

// Many deliveries that fail at the same moment are one sign that the destination is ill: it gets the first pause.
func TestFailuresAtOnceAreOnePause(t *testing.T) {
	var c circuit
	start := time.Unix(1_700_000_000, 0)
	for i := range 40 {
		c.failed("", start, start.Add(time.Duration(i)*time.Millisecond))
	}
	if until := c.until.Sub(start); until > firstPause+time.Second {
		t.Fatalf("left alone for %v, want about %v", until, firstPause)
	}
	probe := c.until
	c.failed("", probe, probe.Add(time.Second))
	if pause := c.until.Sub(probe); pause < 2*firstPause || pause > 2*firstPause+time.Second {
		t.Fatalf("after a failed probe it is left alone for %v, want twice the first pause", pause)
	}
	c.succeeded()
	if c.limit(probe, 16) != 16 {
		t.Fatal("after a success it is not asked as before")
	}
}
