package agreement

import "github.com/batonhq/baton/pkg/strictyaml"

// node is a place in the text that knows what an agreement's values look like. An absent one reads as zero.
type node struct{ strictyaml.Node }

// object gives the members of a mapping with the given keys; any other key is an error.
func (n node) object(keys ...string) map[string]node {
	out := make(map[string]node, len(keys))
	for key, field := range n.Fields(keys...) {
		out[key] = node{field}
	}
	return out
}

// list gives the entries of a list of at most MaxRules.
func (n node) list() []node {
	entries := n.List()
	if len(entries) > MaxRules {
		n.Fail("has %d entries, at most %d are allowed", len(entries), MaxRules)
		return nil
	}
	out := make([]node, len(entries))
	for i := range entries {
		out[i] = node{entries[i]}
	}
	return out
}
