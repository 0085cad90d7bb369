package crm

import "strings"

// Stages tells what a CRM's own stages mean: as the operator has it, or else as the type has it. A value is looked up as it
// stands, and then whatever its case.
type Stages struct{ layers [2]layer }

type layer struct{ exact, folded map[string]string }

// NewStages makes the table of a source: own counts above defaults.
func NewStages(defaults, own map[string]string) Stages {
	return Stages{layers: [2]layer{newLayer(own), newLayer(defaults)}}
}

func newLayer(m map[string]string) layer {
	l := layer{exact: m, folded: make(map[string]string, len(m))}
	for value := range m {
		key := fold(value)
		// Two values that differ in case alone: the one that sorts first, so that every start of the program decides alike.
		if first, twice := l.folded[key]; !twice || value < first {
			l.folded[key] = value
		}
	}
	return l
}

func fold(value string) string { return strings.ToLower(strings.TrimSpace(value)) }

// Of gives the event type that a stage means; false where nobody says.
func (s Stages) Of(value string) (eventType string, ok bool) {
	if value == "" {
		return "", false
	}
	for _, l := range s.layers {
		if t, ok := l.exact[value]; ok {
			return t, true
		}
		if as, ok := l.folded[fold(value)]; ok {
			return l.exact[as], true
		}
	}
	return "", false
}
