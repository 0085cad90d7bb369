package dynamics

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// What a task's columns hold unless somebody changed them, in characters.
const (
	subjectLength     = 200
	descriptionLength = 2000
)

// The states of a task.
var (
	taskOpen      = state{0, 2} // open, not started
	taskCompleted = state{1, 5}
	taskCanceled  = state{2, 6}
)

// work is one delivery on its way.
type work struct {
	crm.Errand
	d    *Destination
	task string

	cut map[string]bool // tables whose lengths were asked for
}

func (w *work) done(person string) destination.Outcome {
	status := 0
	if person != "" {
		status = http.StatusNoContent
	}
	return w.Done(status, map[string]string{crm.RefPerson: person, refTask: w.task})
}

// known gives the lead that earlier deliveries of the handoff left.
func (w *work) known() string {
	return w.Known(crm.RefPerson, isGUID)
}

// hand sees to it that the lead is there, with its owner and its task.
func (w *work) hand(ctx context.Context) destination.Outcome {
	var why destination.Outcome
	var ok bool
	if w.Owner, why, ok = w.d.owners.ID(ctx, w.Job.Payload.GetOwner()); !ok {
		return why
	}
	person := w.known()
	if person == "" {
		if person, why, ok = w.find(ctx, true); !ok {
			return why
		}
	}
	for turn := 0; person != ""; turn++ {
		if turn == 2 {
			return destination.Outcome{Verdict: destination.Again, Status: http.StatusNotFound, Reason: "the lead, or the user who is to own it, is not there"}
		}
		there, why, ok := w.patch(ctx, leadTable, "/leads("+person+")", ifThere, func() map[string]any {
			values := w.leadValues(false)
			values[w.d.keyField] = w.Job.Handoff
			return values
		})
		if !ok {
			return why
		}
		if there != nil {
			break
		}
		if person, why, ok = w.find(ctx, false); !ok { // deleted there: only what has the handoff's id, or the address, is the same lead
			return why
		}
	}
	if person == "" {
		if person, why, ok = w.create(ctx); !ok {
			return why
		}
	}
	if o, ok := w.brief(ctx, person); !ok {
		return o
	}
	return w.done(person)
}

// create makes the lead under its key.
func (w *work) create(ctx context.Context) (string, destination.Outcome, bool) {
	key := "/leads(" + w.d.keyField + "='" + w.Job.Handoff + "')"
	a, why, ok := w.patch(ctx, leadTable, key, ifNotThere, func() map[string]any { return w.leadValues(true) })
	if !ok {
		return "", why, false
	}
	if a == nil {
		return "", destination.Outcome{Verdict: destination.Again, Status: http.StatusNotFound, Reason: "the user who is to own the lead is not there"}, false
	}
	if id := idOf(a); id != "" {
		return id, destination.Outcome{}, true
	}
	id, why, ok := w.find(ctx, false)
	if ok && id == "" {
		return "", crm.Unreadable(a), false
	}
	return id, why, ok
}

// brief writes the task. One that was brought up to date and is not there any more is made anew.
func (w *work) brief(ctx context.Context, person string) (destination.Outcome, bool) {
	path := "/tasks(" + w.task + ")"
	if w.Job.Event == crm.Updated {
		a, why, ok := w.patch(ctx, taskTable, path, ifThere, func() map[string]any { return w.taskValues(person, false) })
		if a != nil || !ok {
			return why, ok
		}
	}
	a, why, ok := w.patch(ctx, taskTable, path, whatever, func() map[string]any { return w.taskValues(person, true) })
	if ok && a == nil {
		return destination.Outcome{Verdict: destination.Again, Reason: "the lead is gone while its task is written"}, false
	}
	return why, ok
}

// change alters what is there; where there is nothing, there is nothing to do.
func (w *work) change(ctx context.Context) destination.Outcome {
	person := w.known()
	if len(w.changes()) > 0 {
		for stale := person != ""; ; stale = false {
			if person == "" {
				var why destination.Outcome
				var ok bool
				if person, why, ok = w.find(ctx, false); !ok {
					return why
				}
			}
			if person == "" {
				break
			}
			a, why, ok := w.patch(ctx, leadTable, "/leads("+person+")", ifThere, w.changes)
			if !ok {
				return why
			}
			if a != nil || !stale {
				break
			}
			person = ""
		}
	}
	if len(w.changes()) == 0 && w.Plan.Closing == crm.Stays {
		o := w.done(person)
		o.Status = 0 // nothing was asked
		return o
	}
	if w.Plan.Closing != crm.Stays {
		if _, why, ok := w.patch(ctx, taskTable, "/tasks("+w.task+")", ifThere, w.closing); !ok {
			return why
		}
	}
	return w.done(person)
}

// find looks the lead up by the handoff's id, and where widely, by the id that its sources know and by e-mail address.
func (w *work) find(ctx context.Context, widely bool) (string, destination.Outcome, bool) {
	d, lead := w.d, w.Job.Payload.GetLead()
	filter := d.keyField + " eq " + quoted(w.Job.Handoff)
	if w.Plan.Hand && d.matchEmail && lead.GetEmail() != "" {
		filter += " or (emailaddress1 eq " + quoted(lead.GetEmail()) + " and statecode eq 0)"
	}
	rows, why, ok := d.rows(ctx, "/leads", url.Values{
		"$select": {"leadid," + d.keyField}, "$filter": {filter}, "$orderby": {"createdon desc"}, "$top": {"10"},
	})
	if !ok {
		return "", why, false
	}
	var others []string
	for _, r := range rows {
		id, _ := r["leadid"].(string)
		if !isGUID(id) {
			return "", crm.Unreadable(&destination.Answer{Status: http.StatusOK}), false
		}
		if r[d.keyField] == w.Job.Handoff {
			return id, destination.Outcome{}, true
		}
		others = append(others, id)
	}
	if id := w.External(&d.config, isGUID); id != "" && widely && w.Plan.Hand {
		return id, destination.Outcome{}, true
	}
	if len(others) == 1 {
		return others[0], destination.Outcome{}, true
	}
	return "", destination.Outcome{}, true
}

// patch writes a row. The answer is nil where it is not there. Values too long for their columns are cut to what the
// metadata says, once it was asked for.
func (w *work) patch(ctx context.Context, table, path, condition string, values func() map[string]any) (*destination.Answer, destination.Outcome, bool) {
	for {
		body := values()
		w.tidy(table, body)
		a, why, ok := w.d.ask(ctx, http.MethodPatch, path, condition, body)
		if !ok {
			return nil, why, false
		}
		if a.OK() {
			return a, destination.Outcome{}, true
		}
		j := judge(a, w.d.deps.Now())
		switch {
		case a.Status == http.StatusNotFound && j.outcome.Verdict == destination.Never:
			// A bound user who is not there answers in the same way: the next attempt looks the user up anew.
			w.d.owners.Forget(w.Job.Payload.GetOwner())
			return nil, destination.Outcome{}, true
		case j.code == tooLong && !w.cut[table]:
			if w.cut == nil {
				w.cut = map[string]bool{}
			}
			w.cut[table] = true
			if why, ok := w.d.measure(ctx, table); !ok {
				return nil, why, false
			}
		default:
			return nil, j.outcome, false
		}
	}
}

// leadValues gives the columns of the lead; making says that it is to be made.
func (w *work) leadValues(making bool) map[string]any {
	values := w.d.config.Fields[leadTable].Values(w.Vars)
	if w.Owner != "" && (making || w.Job.Event != crm.Updated) {
		values["ownerid@odata.bind"] = "/systemusers(" + w.Owner + ")"
	}
	w.status(values)
	return values
}

// changes gives the columns of the lead that an event changes.
func (w *work) changes() map[string]any {
	values := map[string]any{}
	if w.Plan.Mapping != "" {
		values = w.d.config.Fields[w.Plan.Mapping].Values(w.Vars)
	}
	w.status(values)
	return values
}

func (w *work) status(values map[string]any) {
	if s, ok := w.d.statuses[w.Plan.Stage]; ok {
		values["statecode"], values["statuscode"] = s.state, s.status
	}
}

// taskValues gives the columns of the task; whole says that it is to be as new.
func (w *work) taskValues(person string, whole bool) map[string]any {
	values := w.d.config.Fields[taskTable].Values(w.Vars)
	if whole {
		values["regardingobjectid_lead_task@odata.bind"] = "/leads(" + person + ")"
		if w.Owner != "" {
			values["ownerid@odata.bind"] = "/systemusers(" + w.Owner + ")"
		}
		if by := w.Job.Payload.GetSla().GetAcceptBy(); by.IsValid() {
			if _, mapped := values["scheduledend"]; !mapped {
				values["scheduledend"] = by.AsTime().Format(time.RFC3339)
			}
		}
	}
	if w.Plan.Reopen {
		values["statecode"], values["statuscode"] = taskOpen.state, taskOpen.status
	}
	if _, ok := values["subject"]; !ok {
		values["subject"] = "Handoff " + w.Job.Handoff
	}
	return values
}

// closing gives the columns of the task that end it.
func (w *work) closing() map[string]any {
	end := taskCompleted
	values := map[string]any{}
	if w.Plan.Closing == crm.Withdrawn {
		end = taskCanceled
		if subject, ok := w.d.config.Fields[taskTable].Values(w.Vars)["subject"].(string); ok {
			values["subject"] = "Withdrawn: " + subject
		}
	}
	values["statecode"], values["statuscode"] = end.state, end.status
	return values
}

// tidy gives values the form that Dataverse takes: several values of a choice in one text; texts no longer than their columns.
func (w *work) tidy(table string, values map[string]any) {
	crm.JoinLists(values, ",")
	lengths := w.d.lengths.Of(table)
	if lengths == nil && table == taskTable {
		lengths = map[string]int{"subject": subjectLength, "description": descriptionLength}
	}
	crm.Shorten(w.d.deps.Log, &w.d.config, w.Job, table, values, lengths)
}
