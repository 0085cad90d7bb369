package crm

import (
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// The names of mappings beside those of a vendor's objects: fields of the person that are set on lead.* events, and when a
// promise was broken. Nothing is mapped there by default.
const (
	OnChange = "Change"
	OnBreach = "Breach"
)

// The events that CRMs are told of.
const (
	Routed       = "handoff.routed"
	Updated      = "handoff.updated"
	Reassigned   = "handoff.reassigned"
	Recalled     = "handoff.recalled"
	StageChanged = "lead.stage_changed"
	BandChanged  = "lead.score_band_changed"
	Breached     = "sla.breached"
)

// Events gives what a CRM can be told of.
func Events() []string {
	return []string{Routed, Reassigned, Updated, Recalled, StageChanged, BandChanged, Breached}
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
	case Routed:
		return Plan{Hand: true, Stage: "routed"}, true
	case Updated:
		return Plan{Hand: true}, true
	case Reassigned:
		return Plan{Hand: true, Reopen: true, Stage: "reassigned"}, true
	case Recalled:
		return Plan{Stage: "recalled", Closing: Withdrawn}, true
	case BandChanged:
		return Plan{Mapping: OnChange}, true
	case Breached:
		return Plan{Mapping: OnBreach}, true
	case StageChanged:
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

// Names are those under which the ids of people and reps there are known to others: the destination's, then the type's.
func Names(cfg *destination.Config) []string { return []string{cfg.Name, cfg.Type} }

// Errand is a delivery on its way through a CRM.
type Errand struct {
	Job  *destination.Job
	Plan Plan
	Vars destination.Variables
	// Owner is the id of the owner's user there, once it was looked up.
	Owner string
}

// Begin reads a delivery; ok is false where it is at its end already, and the outcome says how. A lead that was never handed over is
// nobody in the CRM; a handoff's id becomes a key there, and a part of addresses.
func Begin(job *destination.Job, deps *destination.Deps) (e Errand, end destination.Outcome, ok bool) {
	plan, known := PlanOf(job)
	if !known {
		return e, destination.Outcome{Verdict: destination.Never, Reason: "a CRM is not told of " + job.Event}, false
	}
	vars, err := destination.VariablesOf(job, deps)
	if err != nil {
		return e, destination.Outcome{Verdict: destination.Never, Reason: "the delivery's data cannot be read"}, false
	}
	if job.Handoff == "" || !IsName(job.Handoff, "-") {
		if plan.Hand {
			return e, destination.Outcome{Verdict: destination.Never, Reason: "the handoff's id cannot be a key"}, false
		}
		return e, destination.Outcome{Verdict: destination.Done}, false
	}
	return Errand{Job: job, Plan: plan, Vars: vars}, destination.Outcome{}, true
}

// Known gives what earlier deliveries of the same handoff left under a name in their refs, where it can be an id there. What is left of an
// earlier handoff of the lead is found again by what is the person's own: its task would be the wrong one.
func (e *Errand) Known(name string, isID func(string) bool) string {
	if id := e.Job.Refs[name]; e.Job.Refs[RefHandoff] == e.Job.Handoff && isID(id) {
		return id
	}
	return ""
}

// External gives the lead's own id in the CRM, as a source of marketing's stated it; "" where none did that can be one.
func (e *Errand) External(cfg *destination.Config, isID func(string) bool) string {
	for _, name := range Names(cfg) {
		if id := e.Job.Payload.GetLead().GetExternalIds()[name]; isID(id) {
			return id
		}
	}
	return ""
}

// Done gives the outcome of what is written, with the ids that are known; "" are left out.
func (e *Errand) Done(status int, refs map[string]string) destination.Outcome {
	o := destination.Outcome{Verdict: destination.Done, Status: status, Refs: map[string]string{RefHandoff: e.Job.Handoff}}
	for name, id := range refs {
		if id != "" {
			o.Refs[name] = id
		}
	}
	return o
}

// The keys of what is kept in Refs.
const (
	RefHandoff = "handoff"
	RefPerson  = "person"
)
