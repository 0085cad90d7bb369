package state

import (
	"cmp"
	"maps"
	"slices"
	"unicode/utf8"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Refs are what destinations call what they made or found, by destination and what it is.
type Refs map[string]map[string]string

// Bounds of refs: destinations of one handoff, ids of each, and the length of a name and an id in bytes. Vendors' ids are far
// shorter.
const (
	maxRefDestinations = 32
	maxRefs            = 16
	maxRefName         = 64
	maxRefID           = 256
)

// BoundRefs gives the refs that are kept: of too many the first by name, none that is empty, too long or not text; nil for none.
func BoundRefs(refs map[string]string) map[string]string {
	var out map[string]string
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		id := refs[name]
		if name == "" || id == "" || len(name) > maxRefName || len(id) > maxRefID || !utf8.ValidString(name) || !utf8.ValidString(id) || len(out) == maxRefs {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[name] = id
	}
	return out
}

// AddRefs gives refs with those that a delivery left added; a newer id replaces an older one of the same name. The maps that were given
// stay as they are: copies of a handoff share them.
func AddRefs(all Refs, destination string, refs map[string]string) Refs {
	if len(refs) == 0 || all[destination] == nil && len(all) >= maxRefDestinations {
		return all
	}
	merged := maps.Clone(all[destination])
	if merged == nil {
		merged = map[string]string{}
	}
	maps.Copy(merged, refs)
	out := maps.Clone(all)
	if out == nil {
		out = Refs{}
	}
	out[destination] = BoundRefs(merged)
	return out
}

func encodeRefs(refs Refs) []*routingv1.RefsState {
	var out []*routingv1.RefsState
	for destination, ids := range refs {
		out = append(out, &routingv1.RefsState{Destination: destination, Refs: ids})
	}
	slices.SortFunc(out, func(a, b *routingv1.RefsState) int { return cmp.Compare(a.Destination, b.Destination) })
	return out
}

func decodeRefs(list []*routingv1.RefsState) Refs {
	if len(list) == 0 {
		return nil
	}
	out := make(Refs, len(list))
	for _, r := range list {
		out[r.Destination] = r.Refs
	}
	return out
}
