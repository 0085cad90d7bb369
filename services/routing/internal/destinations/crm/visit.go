package crm

import (
	"fmt"
	"html"
	"maps"
	"strings"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Visit is one delivery on its way through a CRM.
type Visit struct {
	Job *destination.Job
	// Vars are what the fields' expressions see. Beside what destination.VariablesOf gives: lead.name (the first and last name, else
	// the e-mail address, else the id), lead.label (the name and the company), and with handoff.routed and handoff.recalled
	// change.to and change.reason, as with lead.stage_changed.
	Vars destination.Variables
	// Refs are the records' ids as far as they are known; what is found or made is put in.
	Refs map[string]string
	// Owner is the id of the owner's user in the CRM, "" where none is to be written.
	Owner string
	// Staged says that the fields that follow the stage are to be written, too.
	Staged bool
	// Lead is who it is about; never nil.
	Lead *routingv1.PayloadLead

	cfg *destination.Config
}

func newVisit(job *destination.Job, cfg *destination.Config, deps *destination.Deps) (*Visit, error) {
	vars, err := destination.VariablesOf(job, deps)
	if err != nil {
		return nil, err
	}
	v := &Visit{Job: job, Vars: vars, Refs: map[string]string{}, cfg: cfg, Lead: &routingv1.PayloadLead{}}
	if l := job.Lead.GetLead(); l != nil {
		v.Lead = l
	}
	if l := job.Payload.GetLead(); l != nil {
		v.Lead = l
	}
	v.remember(job.Refs)
	if job.Event == Routed || job.Event == Recalled {
		change := map[string]any{"to": strings.TrimPrefix(job.Event, "handoff.")}
		if r := job.Payload.GetReason(); r != "" {
			change["reason"] = r
		}
		vars["change"] = change
	}
	if lead, ok := vars["lead"].(map[string]any); ok {
		name := strings.TrimSpace(v.Lead.GetFirstName() + " " + v.Lead.GetLastName())
		if name == "" {
			name = v.Lead.GetEmail()
		}
		if name == "" {
			name = v.Lead.GetId()
		}
		lead["name"], lead["label"] = name, name
		if company := job.Payload.GetAccount().GetName(); company != "" {
			lead["label"] = name + " – " + company
		}
	}
	return v, nil
}

// Whose records the refs are of. What else is among them is the handoff's, but for those in refsOfLead.
const (
	refHandoff = "of_handoff"
	refLead    = "of_lead"
)

func refsOfLead() []string { return []string{"contact", "company", "person", "organization"} }

// remember takes over the refs of earlier deliveries: all of them if they are of the same handoff, the person's and the company's
// if they are of an earlier handoff of the same lead, none otherwise.
func (v *Visit) remember(refs map[string]string) {
	switch {
	case v.Job.Handoff != "" && refs[refHandoff] == v.Job.Handoff:
		maps.Copy(v.Refs, refs)
	case refs[refLead] == v.Lead.GetId():
		for _, name := range refsOfLead() {
			if id := refs[name]; id != "" {
				v.Refs[name] = id
			}
		}
	}
	v.Refs[refLead] = v.Lead.GetId()
	if v.Job.Handoff != "" {
		v.Refs[refHandoff] = v.Job.Handoff
	}
}

// Handoff gives the handoff's id, "" where the delivery is about none.
func (v *Visit) Handoff() string { return v.Job.Handoff }

// Name gives what the lead is called; never empty for a lead with an id.
func (v *Visit) Name() string {
	if lead, ok := v.Vars["lead"].(map[string]any); ok {
		if name, ok := lead["name"].(string); ok {
			return name
		}
	}
	return v.Lead.GetId()
}

// External gives the lead's own id in this CRM, as a source of marketing's stated it under the destination's name or
// its type; "" where none did.
func (v *Visit) External() string {
	for _, name := range Names(v.cfg) {
		if id := v.Lead.GetExternalIds()[name]; id != "" {
			return id
		}
	}
	return ""
}

// Values gives the fields of an object as the configuration maps them, those that follow the stage (object_on_stage) only where
// the event has one.
func (v *Visit) Values(object string) map[string]any {
	out := v.cfg.Fields[object].Values(v.Vars)
	if v.Staged {
		maps.Copy(out, v.OnStage(object))
	}
	return out
}

// OnStage gives the fields of an object that follow the stage.
func (v *Visit) OnStage(object string) map[string]any {
	return v.cfg.Fields[object+"_on_stage"].Values(v.Vars)
}

// Remake says whether a record that was made before, and deleted there since, is to be made again: only when the lead is handed
// over. Whoever deletes a record later has decided so.
func (v *Visit) Remake() bool { return v.Job.Event == Routed }

// Note is a text beside a lead's record.
type Note struct {
	// Mark is in the text and recognises the note.
	Mark string
	// Title is its first line. Text and HTML are the whole note, the mark included.
	Title, Text, HTML string
	// Final notes are made once and never changed.
	Final bool
}

// Mode says what is to become of a task.
type Mode int

// Modes of a task.
const (
	// Open makes it, unless it is there.
	Open Mode = iota
	// Move gives it to another owner and opens it again, or makes it.
	Move
	// End completes it, if it is there.
	End
)

// Task asks the owner to act.
type Task struct {
	Note
	Mode Mode
	Due  time.Time
}

// Mark gives what recognises a note or task of a handoff.
func Mark(handoff, what string) string { return "Baton ref " + handoff + ":" + what + "." }

func newNote(handoff, what, title, text, markup string) Note {
	mark := Mark(handoff, what)
	return Note{
		Mark: mark, Title: title, Text: cutBytes(text, MaxText) + "\n\n" + mark,
		HTML: fit(markup, text) + "<p><small>" + html.EscapeString(mark) + "</small></p>",
	}
}

// stageNote tells of a stage.
func stageNote(handoff, stage, reason string) Note {
	text := "Baton: " + stage + "."
	if reason != "" {
		text = fmt.Sprintf("Baton: %s (%s).", stage, reason)
	}
	n := newNote(handoff, stage, text, text, "<p>"+html.EscapeString(text)+"</p>")
	n.Final = true
	return n
}
