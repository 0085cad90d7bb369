// Package crmplan has what the CRMs have in common: what each event asks of one, sessions that get in with OAuth tokens, who a
// rep is there, and lengths of fields. What a vendor calls things, and how it says no, is the vendor's own package's.
package crmplan

import (
	"unicode/utf16"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// The names of mappings beside those of a vendor's objects: fields of the person that are set on lead.* events, and when a
// promise was broken. Nothing is mapped there by default.
const (
	OnChange = "Change"
	OnBreach = "Breach"
)

// Events gives what a CRM can be told of.
func Events() []string {
	return []string{
		"handoff.routed", "handoff.reassigned", "handoff.updated", "handoff.recalled", "lead.stage_changed", "lead.score_band_changed",
		"sla.breached",
	}
}

// Closing is what becomes of the brief's task.
type Closing int

// The closings.
const (
	// Stays as it is.
	Stays Closing = iota
	// Done with: the handoff came to an end of its own.
	Over
	// Withdrawn: nobody is to work on it.
	Withdrawn
)

// Plan is what an event asks of a CRM.
type Plan struct {
	// Hand: the person is to be there, with its owner and the brief. Otherwise only what is there is changed.
	Hand bool
	// Reopen: the brief's task is new to somebody, whatever became of it before.
	Reopen bool
	// Closing of the brief's task.
	Closing Closing
	// Stage whose status, where the options have one, the person gets; "" for none.
	Stage string
	// Mapping is the name of the fields that are set beside those of the person: OnChange, OnBreach or "".
	Mapping string
}

// PlanOf gives the plan for a delivery; ok is false for events that no CRM is told of.
func PlanOf(job *destination.Job) (plan Plan, ok bool) {
	switch job.Event {
	case "handoff.routed":
		return Plan{Hand: true, Stage: "routed"}, true
	case "handoff.updated":
		return Plan{Hand: true}, true
	case "handoff.reassigned":
		return Plan{Hand: true, Reopen: true, Stage: "reassigned"}, true
	case "handoff.recalled":
		return Plan{Stage: "recalled", Closing: Withdrawn}, true
	case "lead.score_band_changed":
		return Plan{Mapping: OnChange}, true
	case "sla.breached":
		return Plan{Mapping: OnBreach}, true
	case "lead.stage_changed":
		p := Plan{Stage: job.Lead.GetTo(), Mapping: OnChange}
		switch p.Stage {
		case "routed":
			p.Stage = "" // handoff.routed sets it
		case "recycled", "disqualified", "won", "lost":
			p.Closing = Over
		}
		return p, true
	}
	return Plan{}, false
}

// Stages are those that can have a status, in the options as status_STAGE.
func Stages() []string {
	return []string{"routed", "reassigned", "recalled", "accepted", "sql", "opportunity", "won", "lost", "recycled", "disqualified"}
}

// WithStatuses adds an empty option status_STAGE for each of Stages.
func WithStatuses(options map[string]string) map[string]string {
	for _, s := range Stages() {
		options["status_"+s] = ""
	}
	return options
}

// Cut shortens a text to at most n UTF-16 units, which is how CRMs count at the most; a shortened one ends with an ellipsis.
func Cut(s string, n int) (short string, cut bool) {
	if n <= 0 || len(s) <= n {
		return s, false
	}
	units, end := 0, 0
	for i, r := range s {
		w := utf16.RuneLen(r)
		if units+w > n-1 && end == 0 {
			end = i + 1 // one more than the place, so that 0 means none
		}
		units += w
	}
	if units <= n {
		return s, false
	}
	return s[:end-1] + "…", true
}

// CutAll shortens the texts among values to the lengths that are known of their fields, and names the fields that were.
func CutAll(values map[string]any, lengths map[string]int) (cut []string) {
	for name, v := range values {
		s, isText := v.(string)
		if !isText || lengths[name] <= 0 {
			continue
		}
		if short, was := Cut(s, lengths[name]); was {
			values[name] = short
			cut = append(cut, name)
		}
	}
	return cut
}
