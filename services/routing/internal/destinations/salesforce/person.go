package salesforce

import (
	"context"
	"net/http"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// What Salesforce holds of a task, in characters.
const (
	subjectLength     = 255
	descriptionLength = 32_000
)

// maxTurns is how often a delivery is written anew with what the last answer taught.
const maxTurns = 6

// place is where a handoff is at Salesforce, as far as it is known.
type place struct {
	person, task string
}

// work is one delivery on its way.
type work struct {
	crm.Errand
	d *Destination

	// What earlier turns taught.
	forgot, filled, cut, followed, taskGone bool
}

func (w *work) done(at place) destination.Outcome {
	status := 0
	if at.person != "" {
		status = http.StatusOK
	}
	return w.Done(status, map[string]string{crm.RefPerson: at.person, refTask: at.task})
}

// known gives what earlier deliveries of the same handoff left.
func (w *work) known() (at place) {
	if at.person = w.Known(crm.RefPerson, isPerson); at.person != "" {
		at.task = w.Known(refTask, isID)
	}
	return at
}

// hand sees to it that the person is there, with its owner and its task.
func (w *work) hand(ctx context.Context) destination.Outcome {
	var why destination.Outcome
	var ok bool
	if w.Owner, why, ok = w.d.owners.ID(ctx, w.Job.Payload.GetOwner()); !ok {
		return why
	}
	return w.run(ctx, w.known())
}

// change alters what is there; where there is nobody, there is nothing to do.
func (w *work) change(ctx context.Context) destination.Outcome {
	if len(w.personValues(false)) == 0 && w.Plan.Closing == crm.Stays {
		o := w.done(w.known())
		o.Status = 0 // nothing was asked
		return o
	}
	return w.run(ctx, w.known())
}

// run writes until it is done, or nothing more can be learnt.
func (w *work) run(ctx context.Context, at place) destination.Outcome {
	for range maxTurns {
		var why destination.Outcome
		var ok bool
		if at.person == "" {
			if at, why, ok = w.find(ctx); !ok {
				return why
			}
			if at.person == "" && !w.Plan.Hand {
				return w.done(at)
			}
		}
		if at.person != "" && at.task == "" && !w.taskGone && (w.Plan.Hand || w.Plan.Closing != crm.Stays) {
			if at.task, why, ok = w.findTask(ctx, at.person); !ok {
				return why
			}
		}
		out, next, again := w.write(ctx, at)
		if !again {
			return out
		}
		at = next
	}
	return destination.Outcome{Verdict: destination.Again, Reason: "the record changes while it is written"}
}

// find looks the person up: by the handoff's id, by the id that the lead's sources know, by e-mail address.
func (w *work) find(ctx context.Context) (place, destination.Outcome, bool) {
	d, lead := w.d, w.Job.Payload.GetLead()
	soql := "SELECT Id, " + d.keyField
	if d.object == leadObject {
		soql += ", IsConverted, ConvertedContactId"
	}
	soql += " FROM " + d.object + " WHERE " + d.keyField + " = " + quoted(w.Job.Handoff)
	byEmail := w.Plan.Hand && d.matchEmail && lead.GetEmail() != ""
	if byEmail && d.object == leadObject {
		soql += " OR (Email = " + quoted(lead.GetEmail()) + " AND IsConverted = false)"
	} else if byEmail {
		soql += " OR Email = " + quoted(lead.GetEmail())
	}
	recs, why, ok := d.query(ctx, soql+" ORDER BY CreatedDate DESC LIMIT 10")
	if !ok {
		return place{}, why, false
	}
	var keyed, others []record
	for _, r := range recs {
		if r.key == w.Job.Handoff {
			keyed = append(keyed, r)
		} else {
			others = append(others, r)
		}
	}
	switch {
	case len(keyed) > 1:
		return place{}, destination.Outcome{Verdict: destination.Never, Reason: "several records have the handoff's id: make the external id field unique"}, false
	case len(keyed) == 1 && keyed[0].Converted:
		return place{person: keyed[0].Contact}, destination.Outcome{}, true
	case len(keyed) == 1:
		return place{person: keyed[0].ID}, destination.Outcome{}, true
	case !w.Plan.Hand:
		return place{}, destination.Outcome{}, true
	}
	if id := w.External(&d.config, isPerson); id != "" && !w.forgot {
		return place{person: id}, destination.Outcome{}, true
	}
	if len(others) == 1 {
		return place{person: others[0].ID}, destination.Outcome{}, true
	}
	return place{}, destination.Outcome{}, true
}

// findTask looks the handoff's task up among the person's.
func (w *work) findTask(ctx context.Context, person string) (string, destination.Outcome, bool) {
	match := "Subject LIKE " + like(w.marker())
	if w.d.taskKey != "" {
		match = w.d.taskKey + " = " + quoted(w.Job.Handoff)
	}
	recs, why, ok := w.d.query(ctx, "SELECT Id FROM Task WHERE WhoId = "+quoted(person)+" AND "+match+" ORDER BY CreatedDate LIMIT 1")
	if !ok || len(recs) == 0 {
		return "", why, ok
	}
	return recs[0].ID, destination.Outcome{}, true
}

func (w *work) marker() string { return "[" + w.Job.Handoff + "]" }

// personValues gives the fields of the person; making says that it is to be made.
func (w *work) personValues(making bool) map[string]any {
	d := w.d
	values := map[string]any{}
	if w.Plan.Hand {
		values = d.config.Fields[d.object].Values(w.Vars)
		if w.Owner != "" && (making || w.Job.Event != crm.Updated) {
			values["OwnerId"] = w.Owner
		}
		if w.filled {
			for _, name := range []string{"LastName", "Company"} {
				if v, ok := values[name]; (!ok || v == "") && (name == "LastName" || d.object == leadObject) {
					values[name] = d.config.Options["missing_value"]
				}
			}
		}
	}
	if w.Plan.Mapping != "" {
		for name, v := range d.config.Fields[w.Plan.Mapping].Values(w.Vars) {
			values[name] = v
		}
	}
	if s := d.statuses[w.Plan.Stage]; s != "" {
		values[d.config.Options["status_field"]] = s
	}
	w.tidy(d.object, values)
	return values
}

// taskValues gives the fields of the task; making says that it is to be made.
func (w *work) taskValues(making bool) map[string]any {
	d := w.d
	values := d.config.Fields[taskObject].Values(w.Vars)
	if !w.Plan.Hand {
		subject, known := values["Subject"].(string)
		values = map[string]any{"Status": d.config.Options["task_closed"]}
		if w.Plan.Closing == crm.Withdrawn && known {
			values["Subject"] = "Withdrawn: " + subject
		}
	} else {
		if w.Owner != "" && !isQueue(w.Owner) && (making || w.Job.Event != crm.Updated) {
			values["OwnerId"] = w.Owner
		}
		if _, mapped := values["Status"]; !mapped && (making || w.Plan.Reopen) {
			values["Status"] = d.config.Options["task_open"]
		}
		if by := w.Job.Payload.GetSla().GetAcceptBy(); by.IsValid() && (making || w.Plan.Reopen) {
			if _, mapped := values["ActivityDate"]; !mapped {
				values["ActivityDate"] = by.AsTime().In(destination.Zone(w.Job.Payload.GetOwner())).Format("2006-01-02")
			}
		}
		if d.taskKey != "" {
			values[d.taskKey] = w.Job.Handoff
		}
	}
	w.tidy(taskObject, values)
	if subject, ok := values["Subject"].(string); ok {
		end := ""
		if d.taskKey == "" {
			end = " " + w.marker()
		}
		short, _ := crm.Cut(strings.Join(strings.Fields(subject), " "), subjectLength-len(end))
		values["Subject"] = short + end
	} else if making {
		values["Subject"] = "Handoff " + w.marker()
	}
	if text, ok := values["Description"].(string); ok {
		values["Description"], _ = crm.Cut(text, descriptionLength)
	}
	return values
}

// tidy gives values the form that Salesforce takes: several values of a picklist in one text; texts no longer than their fields.
func (w *work) tidy(object string, values map[string]any) {
	crm.JoinLists(values, ";")
	crm.Shorten(w.d.deps.Log, &w.d.config, w.Job, object, values, w.d.lengths.Of(object))
}

// subrequest is one part of a composite request.
type subrequest struct {
	Method string         `json:"method"`
	URL    string         `json:"url"`
	Ref    string         `json:"referenceId"`
	Body   map[string]any `json:"body"`
}

// The references of the parts.
const (
	partPerson = "lead"
	partTask   = "task"
)

// requests gives the parts that bring what is due to where it belongs.
func (w *work) requests(at place) (parts []subrequest) {
	d := w.d
	sobjects := d.root + "/sobjects/"
	if at.person == "" {
		parts = append(parts, subrequest{http.MethodPatch, sobjects + d.object + "/" + d.keyField + "/" + w.Job.Handoff, partPerson, w.personValues(true)})
	} else if objectOf(at.person) == d.object {
		values := w.personValues(false)
		if w.Plan.Hand {
			values[d.keyField] = w.Job.Handoff
		}
		if len(values) > 0 {
			parts = append(parts, subrequest{http.MethodPatch, sobjects + d.object + "/" + at.person, partPerson, values})
		}
	}
	who := at.person
	if who == "" {
		who = "@{" + partPerson + ".id}"
	}
	switch {
	case at.task != "" && (w.Plan.Hand || w.Plan.Closing != crm.Stays):
		parts = append(parts, subrequest{http.MethodPatch, sobjects + "Task/" + at.task, partTask, w.taskValues(false)})
	case at.task == "" && w.Plan.Hand:
		values := w.taskValues(true)
		values["WhoId"] = who
		parts = append(parts, subrequest{http.MethodPost, sobjects + "Task", partTask, values})
	}
	return parts
}

// write makes the composite request. again says that the answer taught something, and next where it now is.
func (w *work) write(ctx context.Context, at place) (out destination.Outcome, next place, again bool) {
	requests := w.requests(at)
	if len(requests) == 0 {
		return w.done(at), at, false
	}
	a, why, ok := w.d.ask(ctx, http.MethodPost, "/composite", map[string]any{"allOrNone": true, "compositeRequest": requests})
	if !ok {
		return why, at, false
	}
	if !a.OK() {
		return judge(a, w.d.deps.Now()).outcome, at, false
	}
	parts, ok := readComposite(a.Body)
	if !ok || len(parts) != len(requests) {
		return crm.Unreadable(a), at, false
	}
	if f := failing(parts); f != nil {
		header := http.Header{}
		for k, v := range f.Header {
			header.Set(k, v)
		}
		return w.learn(ctx, at, f.Ref, judge(&destination.Answer{Status: f.Status, Header: header, Body: f.Body}, w.d.deps.Now()))
	}
	for i := range parts {
		switch id := parts[i].created(); {
		case parts[i].Ref == partPerson && at.person == "":
			at.person = id
		case parts[i].Ref == partTask && at.task == "":
			at.task = id
		}
	}
	if w.Plan.Hand && (at.person == "" || at.task == "") {
		return crm.Unreadable(a), at, false
	}
	return w.done(at), at, false
}

// learn says what an error teaches; where it teaches nothing, it is the outcome.
func (w *work) learn(ctx context.Context, at place, ref string, j judged) (out destination.Outcome, next place, again bool) {
	gone := j.code == "ENTITY_IS_DELETED" || j.code == "NOT_FOUND" || j.code == "MALFORMED_ID"
	switch {
	case gone && ref == partTask && at.task != "" && !w.taskGone:
		w.taskGone = true
		return j.outcome, place{person: at.person}, true
	case gone && at.person != "" && !w.forgot:
		w.forgot = true
		return j.outcome, place{}, true
	case gone && at.person == "":
		j.outcome.Verdict = destination.Operator // the path of the upsert has a field in it
		j.outcome.Reason += ": is options.external_id_field an external id of " + w.d.object + "?"
	case j.code == "CANNOT_UPDATE_CONVERTED_LEAD" && !w.followed && at.person != "":
		w.followed = true
		contact, why, ok := w.contactOf(ctx, at.person)
		if !ok {
			return why, at, false
		}
		return j.outcome, place{person: contact, task: at.task}, true
	case j.code == "DUPLICATES_DETECTED" && at.person == "" && len(j.matched) == 1:
		return j.outcome, place{person: j.matched[0]}, true
	case j.code == "DUPLICATES_DETECTED":
		j.outcome.Reason += ": a duplicate rule forbids it, and not exactly one record matches"
	case j.code == "REQUIRED_FIELD_MISSING" && ref == partPerson && !w.filled && w.d.config.Options["missing_value"] != "":
		w.filled = true
		return j.outcome, at, true
	case j.code == "STRING_TOO_LONG" && !w.cut:
		w.cut = true
		object := w.d.object
		if ref == partTask {
			object = taskObject
		}
		if _, why, ok := w.d.describe(ctx, object); !ok {
			why.Sick = false // the delivery is what cannot be taken: a description can be too long to be read
			why.Reason = j.outcome.Reason + ", and the lengths of fields cannot be asked: " + why.Reason
			return why, at, false
		}
		return j.outcome, at, true
	case j.code == "INVALID_CROSS_REFERENCE_KEY" || j.code == "INACTIVE_OWNER_OR_USER" || j.code == "OP_WITH_INVALID_USER_TYPE_EXCEPTION":
		w.d.owners.Forget(w.Job.Payload.GetOwner())
	}
	return j.outcome, at, false
}

// contactOf gives the contact that a lead became.
func (w *work) contactOf(ctx context.Context, lead string) (string, destination.Outcome, bool) {
	recs, why, ok := w.d.query(ctx, "SELECT Id, IsConverted, ConvertedContactId FROM Lead WHERE Id = "+quoted(lead)+" LIMIT 1")
	if !ok {
		return "", why, false
	}
	if len(recs) == 0 || objectOf(recs[0].Contact) == "" {
		return "", destination.Outcome{Verdict: destination.Never, Reason: "the lead was converted, and its contact cannot be seen"}, false
	}
	return recs[0].Contact, destination.Outcome{}, true
}
