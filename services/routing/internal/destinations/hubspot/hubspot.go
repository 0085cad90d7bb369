// Package hubspot tells HubSpot's CRM: a contact by its e-mail address, a lead for each handoff, the brief as a note and a task for the
// owner. Requests and errors are those of HubSpot's documentation (developers.hubspot.com: CRM objects v3, associations,
// owners, error handling, usage guidelines) and of its own client @hubspot/api-client.
//
// What is made is found again without HubSpot's search, whose index lags behind: a contact by the unique e-mail address, a lead by
// a property of unique values that holds the handoff's id, notes and tasks among those of the contact by a mark in their text.
package hubspot

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// Kinds of associations that HubSpot defines.
const (
	leadToContact = 578
	noteToContact = 202
	taskToContact = 204
)

// Type is the row for the table of kinds.
func Type() destination.Type {
	return destination.Type{
		Name: "hubspot", Events: crm.FlowEvents(), New: New,
		Fields: map[string]map[string]string{
			"contact": {
				"firstname": "lead.first_name", "lastname": "lead.last_name", "jobtitle": "lead.title", "phone": "lead.phone",
				"country": "lead.country", "company": "account.name", "address": "lead.street", "city": "lead.city", "zip": "lead.postal_code", "state": "lead.state",
			},
			// HubSpot moves a life-cycle stage forward only, and ignores what would move it back.
			"contact_on_stage": {
				"lifecyclestage": `{"routed": "marketingqualifiedlead", "sql": "salesqualifiedlead", "opportunity": "opportunity", "won": "customer"}[change.to]`,
				"hs_lead_status": `{"routed": "NEW", "accepted": "OPEN", "sql": "CONNECTED", "opportunity": "OPEN_DEAL", "recycled": "BAD_TIMING", "disqualified": "UNQUALIFIED"}[change.to]`,
			},
			"lead": {
				"hs_lead_name":  "lead.label",
				"hs_lead_label": `{"a": "HOT", "b": "WARM", "c": "COLD", "d": "COLD"}[score.grade]`,
			},
			"lead_on_stage": {},
		},
		Options: crm.FlowOptions(map[string]string{
			"lead": "true", "handoff_property": "baton_handoff_id", "company": "true", "contact_owner": "true", "lifecycle": "forward", "time_zone": "",
		}),
		Limit: destination.Limit{Requests: 90, Per: 10 * time.Second},
	}
}

type hubspot struct {
	api  crm.API
	cfg  destination.Config
	now  func() time.Time
	zone atomic.Pointer[time.Location]

	rolling rolling

	lead, company, contactOwner, reset bool
	property                           string
}

// New makes a destination. The address is https://api.hubapi.com unless another is configured.
func New(cfg destination.Config, deps destination.Deps) (destination.Destination, error) {
	s := &crm.Settings{Config: cfg}
	s.Auth([]string{"token"})
	s.Mappings("contact", "contact_on_stage", "lead", "lead_on_stage")
	h := &hubspot{
		cfg: cfg, now: deps.Now, lead: s.Bool("lead"), company: s.Bool("company"), contactOwner: s.Bool("contact_owner"),
		reset: s.OneOf("lifecycle", "forward", "reset") == "reset", property: cfg.Options["handoff_property"],
	}
	if name(h.property) == "" {
		s.Problem("options.handoff_property", "must be the internal name of a property")
	}
	zone, err := time.LoadLocation(cfg.Options["time_zone"]) // "" is UTC
	if err != nil {
		s.Problem("options.time_zone", "is not known")
	}
	h.zone.Store(zone)
	base := cfg.URL
	if base == "" {
		base = "https://api.hubapi.com"
	}
	h.api = crm.API{Client: deps.Client, Base: base, Header: crm.Key("Authorization", "Bearer "+cfg.Auth.Token), Judge: h.judge}
	return crm.NewFlow(h, s, deps, crm.IsNumber)
}

// record is an object as the API answers.
type record struct {
	ID         string         `json:"id"`
	Properties map[string]any `json:"properties"`
}

// batch is the answer to a batch; a part of it can have failed.
type batch struct {
	Status  string      `json:"status"`
	Results []record    `json:"results"`
	Errors  []batchFail `json:"errors"`
}

type batchFail struct {
	failure
	Context struct {
		Trace []string `json:"objectWriteTraceId"`
	} `json:"context"`
}

// User asks for the owner with an e-mail address.
func (h *hubspot) User(ctx context.Context, email string) (string, error) {
	var got struct {
		Results []struct {
			ID       string `json:"id"`
			Archived bool   `json:"archived"`
		} `json:"results"`
	}
	_, err := h.api.Do(ctx, http.MethodGet, "/crm/v3/owners?"+url.Values{"email": {email}, "limit": {"1"}}.Encode(), nil, &got)
	if err != nil || len(got.Results) == 0 || got.Results[0].Archived {
		return "", err
	}
	return got.Results[0].ID, nil
}

// read gives the id of the object whose unique property has a value, "" where none has. Values go in the body, not in the
// address: they can be e-mail addresses, and addresses are logged on the way.
func (h *hubspot) read(ctx context.Context, object, property, value string) (string, error) {
	var got batch
	_, err := h.api.Do(ctx, http.MethodPost, "/crm/v3/objects/"+object+"/batch/read", map[string]any{
		"idProperty": property, "properties": []string{property}, "inputs": []any{map[string]string{"id": value}},
	}, &got)
	if err != nil || len(got.Results) == 0 {
		return "", err
	}
	return got.Results[0].ID, nil
}

// Find looks for the contact and the handoff's lead.
func (h *hubspot) Find(ctx context.Context, v *crm.Visit) (bool, error) {
	if v.Refs["contact"] == "" {
		id := v.External()
		if email := v.Lead.GetEmail(); email != "" {
			var err error
			if id, err = h.read(ctx, "contacts", "email", email); err != nil {
				return false, err
			}
		}
		if id == "" {
			return false, nil
		}
		v.Refs["contact"] = id
	}
	if h.lead && v.Handoff() != "" && v.Refs["lead"] == "" {
		id, err := h.read(ctx, "leads", h.property, v.Handoff())
		if err != nil {
			return false, err
		}
		if id != "" {
			v.Refs["lead"] = id
		}
	}
	return true, nil
}

// Save writes the contact, its company and the lead.
func (h *hubspot) Save(ctx context.Context, v *crm.Visit) (bool, error) {
	if err := h.saveContact(ctx, v); err != nil {
		return false, err
	}
	if err := h.saveCompany(ctx, v); err != nil {
		return false, err
	}
	if !h.lead {
		return true, nil
	}
	return h.saveLead(ctx, v)
}

func (h *hubspot) saveContact(ctx context.Context, v *crm.Visit) error {
	props := properties(v.Values("contact"))
	if h.contactOwner && v.Owner != "" {
		props["hubspot_owner_id"] = v.Owner
	}
	email := v.Lead.GetEmail()
	known := v.Refs["contact"]
	if email == "" && known == "" {
		if known = v.External(); known == "" {
			return crm.Refuse(destination.Never, "the lead has neither an e-mail address nor an external id of a contact")
		}
	}
	if known != "" { // by its id: the lead's e-mail address may have changed since
		if email != "" {
			props["email"] = email
		}
		gone, err := h.patchContact(ctx, v, known, props)
		if err != nil || !gone {
			return err
		}
		if email == "" {
			return crm.Refuse(destination.Never, "the contact of the lead's external id is not there, and it has no e-mail address")
		}
	}
	props["email"] = email
	var got batch
	answer, err := h.api.Do(ctx, http.MethodPost, "/crm/v3/objects/contacts/batch/upsert", map[string]any{"inputs": []any{map[string]any{
		"id": email, "idProperty": "email", "properties": props, "objectWriteTraceId": v.Handoff(),
	}}}, nil, http.StatusConflict)
	if err != nil {
		return err
	}
	if answer.Status == http.StatusConflict {
		id := existing(answer)
		if id == "" {
			return &crm.Stop{Outcome: h.judge(answer)}
		}
		gone, err := h.patchContact(ctx, v, id, props)
		if err == nil && gone {
			return crm.Refuse(destination.Again, "the contact that is in the way is not there")
		}
		return err
	}
	if !answer.JSON(&got) {
		return crm.Strange(answer)
	}
	for _, e := range got.Errors {
		// The batch has one input, so an error without a trace is about it, too.
		if len(e.Context.Trace) == 0 || e.Context.Trace[0] == v.Handoff() {
			return &crm.Stop{Outcome: e.outcome(destination.Outcome{Status: answer.Status, Verdict: destination.Never, Reason: "the contact was refused"})}
		}
	}
	if len(got.Results) == 0 || got.Results[0].ID == "" {
		return &crm.Stop{Outcome: destination.Outcome{Verdict: destination.Again, Status: answer.Status, Reason: "the contact was not written: the results are empty"}}
	}
	v.Refs["contact"] = got.Results[0].ID
	return nil
}

// patchContact writes on the contact with an id, or on the one that already has the e-mail address; gone says that there is no such.
func (h *hubspot) patchContact(ctx context.Context, v *crm.Visit, id string, props map[string]string) (gone bool, err error) {
	for range 2 {
		answer, err := h.api.Do(ctx, http.MethodPatch, "/crm/v3/objects/contacts/"+url.PathEscape(id), map[string]any{"properties": props}, nil,
			http.StatusNotFound, http.StatusConflict)
		switch {
		case err != nil:
			return false, err
		case answer.Status == http.StatusNotFound:
			return true, nil
		case answer.Status == http.StatusConflict:
			if id = existing(answer); id == "" {
				return false, &crm.Stop{Outcome: h.judge(answer)}
			}
		default:
			v.Refs["contact"] = id
			return false, nil
		}
	}
	return false, crm.Refuse(destination.Never, "two contacts claim the lead's e-mail address: merge them")
}

// existing reads the id out of "Contact already exists. Existing ID: 123".
func existing(answer *destination.Answer) string {
	m := regexp.MustCompile(`Existing ID:\s*([0-9]{1,20})`).FindSubmatch(answer.Body)
	if m == nil {
		return ""
	}
	return string(m[1])
}

func (h *hubspot) saveLead(ctx context.Context, v *crm.Visit) (bool, error) {
	props := properties(v.Values("lead"))
	props[h.property] = v.Handoff()
	if v.Owner != "" {
		props["hubspot_owner_id"] = v.Owner
	}
	id := v.Refs["lead"]
	if id == "" {
		var err error
		if id, err = h.read(ctx, "leads", h.property, v.Handoff()); err != nil {
			return false, err
		}
	}
	if id != "" {
		v.Refs["lead"] = id
		answer, err := h.api.Do(ctx, http.MethodPatch, "/crm/v3/objects/leads/"+url.PathEscape(id), map[string]any{"properties": props}, nil, http.StatusNotFound)
		if err != nil || answer.Status != http.StatusNotFound {
			return err == nil, err
		}
		if !v.Remake() {
			return false, nil
		}
	}
	if props["hs_lead_name"] == "" {
		props["hs_lead_name"] = v.Name()
	}
	var made record
	answer, err := h.api.Do(ctx, http.MethodPost, "/crm/v3/objects/leads", map[string]any{
		"associations": associate(v.Refs["contact"], leadToContact), "properties": props,
	}, &made)
	if err != nil {
		return false, err
	}
	if made.ID == "" {
		return false, crm.Strange(answer)
	}
	v.Refs["lead"] = made.ID
	return true, nil
}

func associate(to string, kind int) []any {
	return []any{map[string]any{
		"types": []any{map[string]any{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}},
		"to":    map[string]string{"id": to},
	}}
}

// Stage writes the fields that follow the stage. With lifecycle: reset a life-cycle stage is emptied first: only so can it move back.
func (h *hubspot) Stage(ctx context.Context, v *crm.Visit) (bool, error) {
	if props := properties(v.OnStage("contact")); len(props) > 0 {
		path := "/crm/v3/objects/contacts/" + url.PathEscape(v.Refs["contact"])
		if _, ok := props["lifecyclestage"]; ok && h.reset {
			if _, err := h.api.Do(ctx, http.MethodPatch, path, map[string]any{"properties": map[string]string{"lifecyclestage": ""}}, nil, http.StatusNotFound); err != nil {
				return false, err
			}
		}
		answer, err := h.api.Do(ctx, http.MethodPatch, path, map[string]any{"properties": props}, nil, http.StatusNotFound)
		if err != nil || !answer.OK() {
			return false, err
		}
	}
	if props := properties(v.OnStage("lead")); len(props) > 0 && v.Refs["lead"] != "" {
		if _, err := h.api.Do(ctx, http.MethodPatch, "/crm/v3/objects/leads/"+url.PathEscape(v.Refs["lead"]), map[string]any{"properties": props}, nil, http.StatusNotFound); err != nil {
			return false, err
		}
	}
	return true, nil
}

// properties gives values as HubSpot takes them: as texts; several choices joined by semicolons.
func properties(values map[string]any) map[string]string {
	out := make(map[string]string, len(values))
	for name, v := range values {
		out[name] = crm.Text(v, ";")
	}
	return out
}
