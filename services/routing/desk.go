package routing

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// deskGauge watches who waits at the desk: a lead that nobody can take must not wait unseen.
type deskGauge struct {
	states  states
	now     func() time.Time
	log     *slog.Logger
	waiting atomic.Int64
	// since is when the one who waits longest asked, in nanoseconds; 0 when nobody waits.
	since atomic.Int64
	// byPool is how each pool waits, a map that is never changed.
	byPool atomic.Pointer[map[string]poolWaits]
}

// poolWaits is how many wait for a pool, and since when the first of them.
type poolWaits struct {
	count int
	since time.Time
}

type states interface {
	Blobs(ctx context.Context, entities ...string) ([][]byte, error)
}

const (
	lookEvery = 5 * time.Second
	// sayAgain is how often an operator is told that somebody still waits.
	sayAgain = 10 * time.Minute
)

func newDeskGauge(reg prometheus.Registerer, states states, now func() time.Time, log *slog.Logger) (*deskGauge, error) {
	g := &deskGauge{states: states, now: now, log: log}
	if reg == nil {
		return g, nil
	}
	for _, c := range []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "baton_desk_waiting", Help: "Handoffs that wait at the desk because nobody can take them. Every routing process tells the same.",
		}, func() float64 { return float64(g.waiting.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "baton_desk_waiting_oldest_seconds", Help: "How long the first of them has waited.",
		}, g.age),
		poolCollector{g},
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the desk: %w", err)
		}
	}
	return g, nil
}

func (g *deskGauge) age() float64 {
	since := g.since.Load()
	if since == 0 {
		return 0
	}
	return max(0, g.now().Sub(time.Unix(0, since)).Seconds())
}

// run looks at the desk until ctx ends.
func (g *deskGauge) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var said time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n, err := g.look(ctx)
		switch {
		case err != nil: // being rebuilt, or away: readiness says so
		case n == 0:
			said = time.Time{}
		case g.now().Sub(said) >= sayAgain:
			said = g.now()
			g.log.WarnContext(ctx, "handoffs wait at the desk: nobody can take them", "waiting", n, "oldest_seconds", int(g.age()), "pools", g.pools())
		}
	}
}

func (g *deskGauge) look(ctx context.Context) (int, error) {
	blobs, err := g.states.Blobs(ctx, identity.Desk)
	if err != nil {
		return 0, fmt.Errorf("look at the desk: %w", err)
	}
	d, err := state.DecodeDesk(blobs[0])
	if err != nil {
		return 0, err
	}
	n, since, pools := 0, int64(0), map[string]poolWaits{}
	for _, e := range d.Desk.Queue {
		if e.Told {
			if n == 0 {
				since = e.Since.UnixNano()
			}
			n++
			w := pools[e.Pool]
			if w.count == 0 {
				w.since = e.Since
			}
			w.count++
			pools[e.Pool] = w
		}
	}
	g.byPool.Store(&pools)
	g.waiting.Store(int64(n))
	g.since.Store(since)
	return n, nil
}

// pools names the pools that somebody waits for.
func (g *deskGauge) pools() []string {
	if p := g.byPool.Load(); p != nil {
		return slices.Sorted(maps.Keys(*p))
	}
	return nil
}
