package state

import (
	"maps"
	"slices"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/core/desk"
)

// encodeLoads writes what the desk counts beside turns.
func encodeLoads(out *routingv1.DeskState, s *desk.State) {
	loads := func(all map[string][]desk.Load) (list []*routingv1.LoadState) {
		for _, id := range slices.Sorted(maps.Keys(all)) {
			for _, l := range all[id] {
				list = append(list, &routingv1.LoadState{Rep: id, Window: l.Window, Count: int32(l.Count), Per: int32(l.Per)})
			}
		}
		return list
	}
	out.Loads, out.PoolLoads = loads(s.Loads), loads(s.PoolLoads)
	for _, rep := range slices.Sorted(maps.Keys(s.Hands)) {
		out.Hands = append(out.Hands, &routingv1.HandsState{Rep: rep, Handoffs: s.Hands[rep]})
	}
	for _, pool := range slices.Sorted(maps.Keys(s.Alarms)) {
		out.Alarms = append(out.Alarms, &routingv1.AlarmState{Pool: pool, Since: nanos(s.Alarms[pool])})
	}
}

func decodeLoads(s *desk.State, in *routingv1.DeskState) {
	loads := func(all map[string][]desk.Load, list []*routingv1.LoadState) {
		for _, l := range list {
			all[l.Rep] = append(all[l.Rep], desk.Load{Window: l.Window, Count: int(l.Count), Per: calendar.Per(l.Per)})
		}
	}
	loads(s.Loads, in.Loads)
	loads(s.PoolLoads, in.PoolLoads)
	for _, h := range in.Hands {
		s.Hands[h.Rep] = h.Handoffs
	}
	for _, a := range in.Alarms {
		s.Alarms[a.Pool] = instant(a.Since)
	}
}
