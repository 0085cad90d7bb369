package crm

import (
	"fmt"
	"maps"
	"slices"
	"strings"

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
	// Required: a record cannot be made without a value.
	Required bool
	// Choices are all values that it takes, nil where it takes any.
	Choices []string
}

// CheckFields compares the fields that a configuration maps with those that an object has there. The first mapping is that of the
// object itself, where those belong that are required; given are fields that Baton sets by itself, which need no mapping.
func CheckFields(cfg *destination.Config, there map[string]Property, mappings, given []string) []string {
	var problems []string
	known := slices.Clone(given)
	for _, m := range mappings {
		fields := cfg.Fields[m]
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			known = append(known, name)
			p, ok := there[name]
			at := "fields." + m + "." + name
			switch {
			case strings.Contains(name, "@"): // a relation: its name is another than the field's
				continue
			case !ok:
				problems = append(problems, at+": there is no such field, or the key may not see it; create it or take it out")
				continue
			case p.ReadOnly:
				problems = append(problems, at+": the field can only be read; take it out, or give the key's user the right to write it")
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
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if p := there[name]; p.Required && !p.ReadOnly && !slices.Contains(known, name) {
			problems = append(problems, fmt.Sprintf("fields.%s: the field %s must have a value there; map it", mappings[0], name))
		}
	}
	return problems
}

// CheckSet looks for a field that Baton sets by itself, or that an option names.
func CheckSet(object string, there map[string]Property, names ...string) []string {
	var problems []string
	for _, name := range names {
		switch p, ok := there[name]; {
		case !ok:
			problems = append(problems, fmt.Sprintf("%s has no field %s, or the key may not see it; create it", object, name))
		case p.ReadOnly:
			problems = append(problems, fmt.Sprintf("%s.%s can only be read; give the key's user the right to write it", object, name))
		}
	}
	return problems
}

// CheckChoices tells values of options (prefix and key name each) that are none of a field's choices. Empty values are not looked at.
func CheckChoices(prefix string, values map[string]string, field string, choices []string) []string {
	var problems []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if v := values[key]; v != "" && len(choices) > 0 && !slices.Contains(choices, v) {
			problems = append(problems, fmt.Sprintf("options.%s%s: %q is none of the choices of %s; add it there or set another", prefix, key, v, field))
		}
	}
	return problems
}
