package sender

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/outbound"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// took is a receiver that takes 200 ms for everything, and does not answer while it is down.
type took struct {
	limiter *outbound.Limiter

	mu   sync.Mutex
	down bool
	// begun is when each request came while it was up; flying counts by lead.
	begun  []time.Time
	flying map[string]int
	got    map[string][]string
	twice  int
}

func (r *took) limited(l *outbound.Limiter) { r.limiter = l }

func (r *took) Deliver(ctx context.Context, job *destination.Job) destination.Outcome {
	if err := r.limiter.Wait(ctx); err != nil { // as the client does
		return destination.Outcome{}
	}
	r.mu.Lock()
	down := r.down
	if !down {
		r.begun = append(r.begun, time.Now())
	}
	if r.flying[job.Entity]++; r.flying[job.Entity] > 1 {
		r.twice++
	}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.flying[job.Entity]--
		r.mu.Unlock()
	}()
	wait := 200 * time.Millisecond
	if down {
		wait = 15 * time.Second
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	if down {
		return destination.Outcome{Verdict: destination.Again, Sick: true, Reason: "no answer in time"}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got[job.Entity] = append(r.got[job.Entity], job.ID)
	return destination.Outcome{Verdict: destination.Done, Status: 200}
}

// A CRM is dead for an hour at a hundred handoffs a minute, another one is well: the well one's deliveries take as long as ever,
// nothing is lost, each lead's come in order, and the backlog drains as fast as the CRM's limit lets it and no faster.
func TestADeadCRMForAnHour(t *testing.T) {
	const perMinute, leads = 100, 1500
	limit := destination.Limit{Requests: 100, Per: 10 * time.Second}
	dead := &took{down: true, flying: map[string]int{}, got: map[string][]string{}}
	well := &took{flying: map[string]int{}, got: map[string][]string{}}
	bubbleWith(t, map[string]http.HandlerFunc{"dead": nil, "well": nil}, map[string]setup{
		"dead": {to: dead, limit: limit, concurrency: 8, backlogAlarm: 15 * time.Minute}, "well": {to: well, concurrency: 8, backlogAlarm: 15 * time.Minute},
	}, func(w *world) {
		want := map[string][]string{}
		dueAt := map[string]time.Time{}
		for n := range 60 * perMinute {
			entity := lead(n % leads)
			want[entity] = append(want[entity], w.due(entity, "dead", 1)...)
			for _, id := range w.due(entity, "well", 1) {
				dueAt[id] = time.Now()
			}
			advance(time.Minute / perMinute)
		}
		advance(time.Second)
		var slow []time.Duration
		for id, at := range dueAt {
			d := w.delivery(id)
			if d.State != state.Delivered {
				t.Fatalf("the well one waits: %+v", d)
			}
			slow = append(slow, d.DoneAt.Sub(at))
		}
		slices.Sort(slow)
		if p99 := slow[len(slow)*99/100]; p99 > 250*time.Millisecond {
			t.Errorf("the well one's p99 is %s", p99)
		}
		if st := w.status("dead"); st.Backlog != 60*perMinute || !st.Alarm || st.State != StateWaiting {
			t.Errorf("%+v", st)
		}
		if st := w.status("well"); st.Backlog != 0 || st.Alarm || st.State != StateOK {
			t.Errorf("%+v", st)
		}
		dead.mu.Lock()
		dead.down = false
		dead.mu.Unlock()
		// Until it is next tried take at most five minutes, what failed in the last hour waits for its schedule (30 minutes at the most, for
		// each of the few that were tried), and the backlog takes 6,000 / 10 a second.
		advance(15*time.Minute + 60*perMinute*limit.Per/time.Duration(limit.Requests))
		early := w.status("dead").Backlog
		advance(3 * time.Hour)
		if early > 60*perMinute/10 {
			t.Errorf("%d are still waiting when the backlog should have drained", early)
		}
		lost := 0
		for entity, ids := range want {
			if !slices.Equal(dead.got[entity], ids) {
				lost++
				if lost < 3 {
					t.Errorf("%s was told %v, want %v", entity, dead.got[entity], ids)
				}
			}
		}
		if lost+dead.twice+well.twice > 0 {
			t.Errorf("%d leads out of order or incomplete, %d and %d times two of one lead in flight", lost, dead.twice, well.twice)
		}
		for i := limit.Requests; i < len(dead.begun); i++ {
			if gap := dead.begun[i].Sub(dead.begun[i-limit.Requests]); gap < limit.Per {
				t.Fatalf("%d requests within %s", limit.Requests+1, gap)
			}
		}
	})
}
