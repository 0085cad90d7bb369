package crm

import (
	"fmt"
	"maps"
	"slices"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Probe gives the texts that a field can take as far as they depend on the stage or the grade alone: what a check compares
// with the choices that the CRM has.
func Probe(e destination.Expression) []string {
	seen := map[string]bool{}
	for _, stage := range []string{"routed", "accepted", "sql", "opportunity", "won", "lost", "recycled", "disqualified", "recalled"} {
		for _, grade := range []string{"a", "b", "c", "d"} {
			v, ok := e.Value(destination.Variables{"event": StageChanged, "change": map[string]any{"to": stage}, "score": map[string]any{"grade": grade}})
			if s, text := v.(string); ok && text {
				seen[s] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Property is what a CRM says of one of its fields.
type Property struct {
	ReadOnly bool
	// Choices are all values that it takes, nil where it takes any.
	Choices []string
}

// CheckFields compares the fields that a configuration maps to an object, and to object_on_stage, with those that there are.
func CheckFields(cfg *destination.Config, object string, there map[string]Property) []string {
	var problems []string
	for _, m := range []string{object, object + "_on_stage"} {
		fields := cfg.Fields[m]
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			p, ok := there[name]
			at := "fields." + m + "." + name
			switch {
			case !ok:
				problems = append(problems, fmt.Sprintf("%s: there is no such field, or the key may not see it; create it or take it out", at))
				continue
			case p.ReadOnly:
				problems = append(problems, at+": the field can only be read; take it out")
				continue
			}
			if p.Choices == nil {
				continue
			}
			for _, value := range Probe(fields[name]) {
				if !slices.Contains(p.Choices, value) {
					problems = append(problems, fmt.Sprintf("%s: %q is none of the field's choices; add it there or map another", at, value))
				}
			}
		}
	}
	return problems
}
