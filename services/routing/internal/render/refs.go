package render

import (
	"context"
	"maps"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// refs gives what earlier deliveries to the same destination left, about the same handoff, or about the lead where this one is about
// none. on is the state of the lead, nil where it has not been read.
func (r *Renderer) refs(ctx context.Context, d *state.Delivery, on *state.Lead) (map[string]string, error) {
	if identity.RankOf(d.Entity) == 0 {
		return nil, nil
	}
	if on == nil {
		var err error
		if on, err = r.Lead(ctx, d.Entity); err != nil {
			return nil, err
		}
	}
	out := map[string]string{}
	if d.Handoff == "" {
		for _, h := range on.Handoffs {
			maps.Copy(out, h.Refs[d.Destination])
		}
		maps.Copy(out, on.Refs[d.Destination])
		return out, nil
	}
	h := on.Handoff(d.Handoff)
	// What was on its way when the handoff went on to this lead was delivered for the lead that it was made for.
	if origin, _, ok := identity.LeadOfHandoff(d.Handoff); ok && origin != d.Entity {
		first, err := r.Lead(ctx, origin)
		if err != nil {
			return nil, err
		}
		if o := first.Handoff(d.Handoff); o != nil {
			maps.Copy(out, o.Refs[d.Destination])
		}
	}
	if h != nil {
		maps.Copy(out, h.Refs[d.Destination])
	}
	return out, nil
}
