package fold

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
)

// alarm tells of pools for which somebody has begun to wait, and of those for which nobody does any more.
func (e *deskEntity) alarm(g *Globals, now time.Time, rulings []desk.Ruling, d *journal.Decision) {
	if len(g.subscribers(EventDeskWaiting)) == 0 && len(e.Desk.Desk.Alarms) == 0 {
		return
	}
	s := e.Desk.Desk
	waiting := s.Waiting(rulings)
	pools := slices.Collect(maps.Keys(waiting))
	for pool := range s.Alarms {
		if _, ok := waiting[pool]; !ok {
			pools = append(pools, pool)
		}
	}
	slices.Sort(pools)
	for _, pool := range pools {
		since, told := s.Alarms[pool]
		data := map[string]string{"pool": pool, "at": now.UTC().Format(time.RFC3339Nano)}
		what := pool + "." + strconv.FormatInt(now.UnixNano(), 10)
		switch {
		case waiting[pool] > 0 && !told:
			first := firstWaiting(s, rulings, pool)
			if first == nil {
				continue
			}
			data["handoff"], data["since"] = first.Entry.Handoff, first.Entry.Since.UTC().Format(time.RFC3339Nano)
			if !first.Until.IsZero() {
				data["until"] = first.Until.UTC().Format(time.RFC3339Nano)
			}
			tell(d, g, identity.Desk, EventDeskWaiting, "", what, data)
		case waiting[pool] <= 0 && told:
			data["since"] = since.UTC().Format(time.RFC3339Nano)
			tell(d, g, identity.Desk, EventDeskCleared, "", what, data)
		}
	}
}

// firstWaiting gives who waits first for a pool, once rulings have taken effect.
func firstWaiting(s *desk.State, rulings []desk.Ruling, pool string) *desk.Ruling {
	for i := range rulings {
		if r := &rulings[i]; r.Rep == "" && r.Entry.Pool == pool {
			return r
		}
	}
	for _, e := range s.Queue {
		if e.Told && e.Pool == pool && !slices.ContainsFunc(rulings, func(r desk.Ruling) bool { return r.Entry == e }) {
			return &desk.Ruling{Entry: e, Until: e.Until}
		}
	}
	return nil
}

// alarmed notes what was told, so that it is told once. Where nobody wants to hear of the end, the end is noted by itself.
func (e *deskEntity) alarmed(g *Globals, ev *journal.Event) {
	s := e.Desk.Desk
	if p := ev.Body.GetDeliveryDue(); p != nil {
		switch p.GetEvent() {
		case EventDeskWaiting:
			since, err := time.Parse(time.RFC3339Nano, p.GetData()["since"])
			if err == nil {
				s.Alarms[p.GetData()["pool"]] = since
			}
		case EventDeskCleared:
			delete(s.Alarms, p.GetData()["pool"])
		}
		return
	}
	if len(s.Alarms) > 0 && len(g.subscribers(EventDeskCleared)) == 0 {
		waiting := s.Waiting(nil)
		maps.DeleteFunc(s.Alarms, func(pool string, _ time.Time) bool { return waiting[pool] == 0 })
	}
}
