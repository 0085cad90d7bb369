package zoho

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// maxTurns is how often a record is written anew with what the last answer taught.
const maxTurns = 6

// work is one delivery on its way.
type work struct {
	crm.Errand
	d *Destination

	filled  bool
	lengths map[string]map[string]int // of fields, by module, as answers tell them
}

func (w *work) done(person, brief string) destination.Outcome {
	status := 0
	if person != "" {
		status = http.StatusOK
	}
	return w.Done(status, map[string]string{crm.RefPerson: person, refBrief: brief})
}

// known gives the lead and the brief that earlier deliveries of the handoff left.
func (w *work) known() (person, brief string) {
	if person = w.Known(crm.RefPerson, isID); person != "" {
		brief = w.Known(refBrief, isID)
	}
	return person, brief
}

// hand sees to it that the lead is there, with its owner and its brief.
func (w *work) hand(ctx context.Context) destination.Outcome {
	var why destination.Outcome
	var ok bool
	if w.Owner, why, ok = w.d.owners.ID(ctx, w.Job.Payload.GetOwner()); !ok {
		return why
	}
	person, brief := w.known()
	if person == "" {
		person = w.External(&w.d.config, isID)
	}
	was := person
	if person, why, ok = w.writeLead(ctx, person); !ok {
		return why
	}
	if person != was {
		brief = ""
	}
	if brief, why, ok = w.writeBrief(ctx, person, brief); !ok {
		return why
	}
	return w.done(person, brief)
}

// writeLead writes the lead: the one of an id where there is one, or else whichever Zoho finds, or a new one.
func (w *work) writeLead(ctx context.Context, person string) (string, destination.Outcome, bool) {
	gone := false
	for range maxTurns {
		values := w.leadValues(person == "")
		if person == "" && !w.canBeFound(values) {
			return "", destination.Outcome{Verdict: destination.Never,
				Reason: "the lead has none of options.duplicate_check_fields, and there is no options.external_id_field: it would be made anew every time"}, false
		}
		var j judged
		var why destination.Outcome
		var ok bool
		if person != "" {
			j, why, ok = w.send(ctx, http.MethodPut, "/Leads/"+person, leads, values, nil)
		} else {
			j, why, ok = w.send(ctx, http.MethodPost, "/Leads/upsert", leads, values, w.d.check)
		}
		if !ok {
			return "", why, false
		}
		switch {
		case j.outcome.Verdict == destination.Done && (j.id != "" || person != ""):
			if j.id != "" {
				person = j.id
			}
			return person, destination.Outcome{}, true
		case j.outcome.Verdict == destination.Done:
			return "", crm.Unreadable(&destination.Answer{Status: j.outcome.Status}), false
		case person != "" && isGone(j) && !gone:
			person, gone = "", true
		case j.code == "DUPLICATE_DATA" && j.id != "" && person == "":
			person = j.id
		case j.code == "MANDATORY_NOT_FOUND" && person == "" && !w.filled && w.d.config.Options["missing_value"] != "":
			// What fills the gap must not take the place of what somebody wrote: a lead that is there needs nothing filled.
			if person, why, ok = w.search(ctx, w.Job.Payload.GetLead().GetEmail()); !ok {
				return "", why, false
			}
			w.filled = person == ""
		case j.code == "INVALID_DATA" && j.field == "Owner":
			w.d.owners.Forget(w.Job.Payload.GetOwner())
			j.outcome.Verdict = destination.Again
			return "", j.outcome, false
		case w.learntLength(leads, j):
		default:
			return "", j.outcome, false
		}
	}
	return "", destination.Outcome{Verdict: destination.Again, Reason: "the record changes while it is written"}, false
}

// canBeFound reports whether a lead has something by which Zoho finds it again.
func (w *work) canBeFound(values map[string]any) bool {
	for _, f := range w.d.check {
		if v, ok := values[f]; ok && v != "" {
			return true
		}
	}
	return false
}

// isGone says that the record of the id in the path is not there.
func isGone(j judged) bool {
	return j.code == "INVALID_DATA" && (j.field == "id" || j.outcome.Status == http.StatusNotFound) || j.code == "RECORD_NOT_FOUND" ||
		j.code == "" && j.outcome.Status == http.StatusNotFound
}

// learntLength notes that a text is too long for its field, where that is what is wrong and was not known.
func (w *work) learntLength(module string, j judged) bool {
	if j.code != "INVALID_DATA" || j.maximum <= 0 || j.field == "" || w.lengths[module][j.field] != 0 {
		return false
	}
	if w.lengths[module] == nil {
		w.lengths[module] = map[string]int{}
	}
	w.lengths[module][j.field] = j.maximum
	return true
}

// send writes one record and says what became of it.
func (w *work) send(ctx context.Context, method, path, module string, values map[string]any, check []string) (judged, destination.Outcome, bool) {
	crm.Shorten(w.d.deps.Log, &w.d.config, w.Job, module, values, w.lengths[module])
	body := map[string]any{"data": []any{values}}
	if module != notes {
		body["trigger"] = append([]string{}, w.d.trigger...)
	}
	if check != nil {
		body["duplicate_check_fields"] = check
	}
	a, why, ok := w.d.api.Ask(ctx, method, root+path, nil, body)
	if !ok {
		return judged{}, why, false
	}
	return judge(a, w.d.deps.Now()), destination.Outcome{}, true
}

// search finds the one lead of an e-mail address, or of the handoff where there is a field for it. Zoho's index is some moments late.
func (w *work) search(ctx context.Context, email string) (string, destination.Outcome, bool) {
	query := url.Values{"fields": {"id"}}
	switch {
	case w.d.keyField != "":
		query.Set("criteria", "("+w.d.keyField+":equals:"+w.Job.Handoff+")")
	case email != "":
		query.Set("email", email)
	default:
		return "", destination.Outcome{}, true
	}
	rows, why, ok := w.d.pages(ctx, "/Leads/search", query, "data")
	if !ok {
		return "", why, false
	}
	if len(rows) != 1 {
		return "", destination.Outcome{}, true
	}
	id, _ := rows[0]["id"].(string)
	if !isID(id) {
		return "", crm.Unreadable(&destination.Answer{Status: http.StatusOK}), false
	}
	return id, destination.Outcome{}, true
}

// writeBrief writes the note or task: the one of an id, or else the one that ends with the handoff's id, or a new one.
func (w *work) writeBrief(ctx context.Context, person, brief string) (string, destination.Outcome, bool) {
	looked := false
	for range maxTurns {
		var why destination.Outcome
		var ok bool
		if brief == "" && !looked {
			if brief, why, ok = w.findBrief(ctx, person); !ok {
				return "", why, false
			}
			looked = true
		}
		var j judged
		form := w.d.brief
		switch {
		case brief != "":
			j, why, ok = w.send(ctx, http.MethodPut, "/"+form.module+"/"+brief, form.module, w.briefValues(person, false), nil)
		case form.module == notes:
			j, why, ok = w.send(ctx, http.MethodPost, "/Leads/"+person+"/Notes", form.module, w.briefValues(person, true), nil)
		default:
			j, why, ok = w.send(ctx, http.MethodPost, "/Tasks", form.module, w.briefValues(person, true), nil)
		}
		if !ok {
			return "", why, false
		}
		switch {
		case j.outcome.Verdict == destination.Done && (j.id != "" || brief != ""):
			if j.id != "" {
				brief = j.id
			}
			return brief, destination.Outcome{}, true
		case j.outcome.Verdict == destination.Done:
			return "", crm.Unreadable(&destination.Answer{Status: j.outcome.Status}), false
		case brief != "" && isGone(j):
			brief = ""
		case w.learntLength(form.module, j):
		default:
			return "", j.outcome, false
		}
	}
	return "", destination.Outcome{Verdict: destination.Again, Reason: "the record changes while it is written"}, false
}

// findBrief looks the note or task up among the lead's.
func (w *work) findBrief(ctx context.Context, person string) (string, destination.Outcome, bool) {
	form := w.d.brief
	rows, why, ok := w.d.pages(ctx, "/Leads/"+person+"/"+form.module, url.Values{"fields": {"id," + form.title}}, "data")
	if !ok {
		return "", why, false
	}
	for _, r := range rows {
		title, _ := r[form.title].(string)
		if id, _ := r["id"].(string); isID(id) && strings.HasSuffix(title, w.marker()) {
			return id, destination.Outcome{}, true
		}
	}
	return "", destination.Outcome{}, true
}

func (w *work) marker() string { return "[" + w.Job.Handoff + "]" }

// leadValues gives the fields of the lead; making says that it may have to be made.
func (w *work) leadValues(making bool) map[string]any {
	d := w.d
	values := d.config.Fields[leads].Values(w.Vars)
	if w.Owner != "" && (making || w.Job.Event != crm.Updated) {
		values["Owner"] = map[string]string{"id": w.Owner}
	}
	if d.keyField != "" {
		values[d.keyField] = w.Job.Handoff
	}
	if w.filled && making {
		for _, name := range []string{"Last_Name", "Company"} {
			if v, ok := values[name]; !ok || v == "" {
				values[name] = d.config.Options["missing_value"]
			}
		}
	}
	w.status(values)
	return values
}

func (w *work) status(values map[string]any) {
	if s := w.d.statuses[w.Plan.Stage]; s != "" {
		values[w.d.config.Options["status_field"]] = s
	}
}

// changes gives the fields of the lead that an event changes.
func (w *work) changes() map[string]any {
	values := map[string]any{}
	if w.Plan.Mapping != "" {
		values = w.d.config.Fields[w.Plan.Mapping].Values(w.Vars)
	}
	w.status(values)
	return values
}

// briefValues gives the fields of the note or task; making says that it is to be made.
func (w *work) briefValues(person string, making bool) map[string]any {
	d, form := w.d, w.d.brief
	values := d.config.Fields[form.module].Values(w.Vars)
	if form.module == tasks {
		if making {
			values["What_Id"], values["$se_module"] = map[string]string{"id": person}, leads
		}
		if w.Owner != "" && (making || w.Job.Event != crm.Updated) {
			values["Owner"] = map[string]string{"id": w.Owner}
		}
		if _, mapped := values["Status"]; !mapped && (making || w.Plan.Reopen) {
			values["Status"] = d.config.Options["task_open"]
		}
		if by := w.Job.Payload.GetSla().GetAcceptBy(); by.IsValid() && (making || w.Plan.Reopen) {
			if _, mapped := values["Due_Date"]; !mapped {
				values["Due_Date"] = by.AsTime().In(destination.Zone(w.Job.Payload.GetOwner())).Format("2006-01-02")
			}
		}
	}
	title, _ := values[form.title].(string)
	w.mark(values, title)
	if text, ok := values[form.text].(string); ok {
		values[form.text], _ = crm.Cut(text, form.textLength)
	} else if making && form.module == notes {
		values[form.text] = values[form.title] // a note without content is refused
	}
	return values
}

// mark sets the title, which ends with the handoff's id.
func (w *work) mark(values map[string]any, title string) {
	if title = strings.Join(strings.Fields(title), " "); title == "" {
		title = "Handoff"
	}
	short, _ := crm.Cut(title, w.d.brief.titleLength-len(w.marker())-1)
	values[w.d.brief.title] = short + " " + w.marker()
}

// change alters what is there; where there is nothing, there is nothing to do.
func (w *work) change(ctx context.Context) destination.Outcome {
	values := w.changes()
	closing := map[string]any{}
	if w.Plan.Closing != crm.Stays && w.d.brief.module == tasks {
		closing["Status"] = w.d.config.Options["task_closed"]
	}
	if w.Plan.Closing == crm.Withdrawn {
		title, _ := w.d.config.Fields[w.d.brief.module].Values(w.Vars)[w.d.brief.title].(string)
		w.mark(closing, "Withdrawn: "+title)
	}
	if len(values) == 0 && len(closing) == 0 {
		o := w.done(w.known())
		o.Status = 0 // nothing was asked
		return o
	}
	person, brief := w.known()
	var why destination.Outcome
	var ok bool
	if person == "" {
		email := w.Job.Payload.GetLead().GetEmail()
		if email == "" {
			email = w.Job.Lead.GetLead().GetEmail()
		}
		if person, why, ok = w.search(ctx, email); !ok {
			return why
		}
	}
	if person == "" {
		return w.done("", "")
	}
	if len(values) > 0 {
		if why, ok := w.alter(ctx, "/Leads/"+person, leads, values); !ok {
			return why
		}
	}
	if len(closing) > 0 {
		if brief == "" {
			if brief, why, ok = w.findBrief(ctx, person); !ok {
				return why
			}
		}
		if brief != "" {
			if why, ok := w.alter(ctx, "/"+w.d.brief.module+"/"+brief, w.d.brief.module, closing); !ok {
				return why
			}
		}
	}
	return w.done(person, brief)
}

// alter changes a record that was there; one that is gone needs no change.
func (w *work) alter(ctx context.Context, path, module string, values map[string]any) (destination.Outcome, bool) {
	for range maxTurns {
		j, why, ok := w.send(ctx, http.MethodPut, path, module, values, nil)
		switch {
		case !ok:
			return why, false
		case j.outcome.Verdict == destination.Done || isGone(j):
			return destination.Outcome{}, true
		case w.learntLength(module, j):
		default:
			return j.outcome, false
		}
	}
	return destination.Outcome{Verdict: destination.Again, Reason: "the record changes while it is written"}, false
}
