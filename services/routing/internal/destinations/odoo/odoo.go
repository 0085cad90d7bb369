// Package odoo tells Odoo 19 and later: a lead of its CRM for each handoff, the brief as a note in its chatter and a to-do for the owner.
// It speaks the JSON-2 API (odoo.com/documentation: External JSON-2 API), which calls a model's method by names: POST
// /json/2/crm.lead/create {"vals_list": […]}; each call is a transaction of its own.
//
// Searches read the database itself. A lead is recognised by the handoff's id in a custom field, notes and to-dos by a mark in
// their text.
package odoo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// Type is the row for the table of kinds.
func Type() destination.Type {
	return destination.Type{
		Name: "odoo", Events: crm.FlowEvents(), New: New,
		Fields: map[string]map[string]string{
			"lead": {
				"name": "lead.label", "contact_name": "lead.name", "email_from": "lead.email", "phone": "lead.phone", "function": "lead.title",
				"partner_name": "account.name", "street": "lead.street", "city": "lead.city", "zip": "lead.postal_code",
			},
			// What is over is archived, as Odoo does with what is lost: it can be seen and brought back.
			"lead_on_stage": {
				"priority": `{"a": "3", "b": "2", "c": "1", "d": "0"}[score.grade]`,
				"active":   `{"recalled": false, "recycled": false, "disqualified": false}[change.to]`,
			},
		},
		Options: crm.FlowOptions(map[string]string{"handoff_field": "x_baton_handoff_id", "activity": "mail.mail_activity_data_todo"}),
	}
}

type odoo struct {
	api      crm.API
	cfg      destination.Config
	now      func() time.Time
	field    string
	activity string
}

// New makes a destination. The address is the server's; auth.database names the database where the server has several.
func New(cfg destination.Config, deps destination.Deps) (destination.Destination, error) {
	s := &crm.Settings{Config: cfg}
	if cfg.URL == "" {
		s.Problem("url", "is missing: the address of the server")
	}
	s.Auth([]string{"token"}, "database")
	s.Mappings("lead", "lead_on_stage")
	o := &odoo{cfg: cfg, now: deps.Now, field: cfg.Options["handoff_field"], activity: cfg.Options["activity"]}
	if fieldName(o.field) == "" {
		s.Problem("options.handoff_field", "must be the technical name of a text field of leads, such as x_baton_handoff_id")
	}
	if !regexp.MustCompile(`^[a-z0-9_]+\.[A-Za-z0-9_.]+$`).MatchString(o.activity) {
		s.Problem("options.activity", "must be the external id of a type of activity, such as mail.mail_activity_data_todo")
	}
	header := crm.Key("Authorization", "bearer "+cfg.Auth.Token)
	header.Set("User-Agent", "Baton")
	if cfg.Auth.Database != "" {
		header.Set("X-Odoo-Database", cfg.Auth.Database)
	}
	o.api = crm.API{Client: deps.Client, Base: cfg.URL + "/json/2/", Header: header, Judge: o.judge}
	return crm.NewFlow(o, s, deps, crm.IsNumber)
}

type values = map[string]any

// call calls a model's method; ok is false where the record is not there any more, which also leaves into as it is.
func (o *odoo) call(ctx context.Context, model, method string, body values, into any) (ok bool, err error) {
	a, err := o.api.Do(ctx, http.MethodPost, model+"/"+method, body, nil, http.StatusNotFound)
	if err != nil {
		return false, err
	}
	if a.Status == http.StatusNotFound {
		if exception(a) == "odoo.exceptions.MissingError" {
			return false, nil
		}
		return false, &crm.Stop{Outcome: o.judge(a)}
	}
	if into != nil && !a.JSON(into) {
		return false, crm.Strange(a)
	}
	return true, nil
}

// record is a row of a search. What is empty is false in Odoo's JSON, whatever its type.
type record struct {
	ID     int64 `json:"id"`
	Text   any   `json:"-"`
	Active bool  `json:"-"`
}

// search gives the records that a domain selects, archived ones included, the newest first; text is the field that is read besides.
func (o *odoo) search(ctx context.Context, model, text string, limit int, domain ...any) ([]record, error) {
	fields := []string{"id"}
	if text != "" {
		fields = append(fields, text)
	}
	if model == "mail.activity" {
		fields = append(fields, "active")
	}
	var rows []map[string]any
	if _, err := o.call(ctx, model, "search_read", values{
		"domain": domain, "fields": fields, "limit": limit, "order": "id desc", "context": values{"active_test": false},
	}, &rows); err != nil {
		return nil, err
	}
	out := make([]record, 0, len(rows))
	for _, row := range rows {
		id, ok := row["id"].(float64)
		if !ok || id < 1 {
			continue
		}
		active, _ := row["active"].(bool)
		out = append(out, record{ID: int64(id), Text: row[text], Active: active})
	}
	return out, nil
}

// User asks for the internal user with an e-mail address.
func (o *odoo) User(ctx context.Context, email string) (string, error) {
	found, err := o.search(ctx, "res.users", "", 1, []any{"share", "=", false}, []any{"active", "=", true}, "|", []any{"login", "=ilike", literal(email)}, []any{"email", "=ilike", literal(email)})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return strconv.FormatInt(found[0].ID, 10), nil
}

// literal takes the meaning from the characters that match others in a pattern.
func literal(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// number gives an id as Odoo has it.
func number(id string) any {
	if n, err := strconv.ParseInt(id, 10, 64); err == nil {
		return n
	}
	return id
}

// Find looks for the handoff's lead.
func (o *odoo) Find(ctx context.Context, v *crm.Visit) (bool, error) {
	if v.Refs["lead"] != "" {
		return true, nil
	}
	if v.Handoff() == "" {
		return false, nil
	}
	found, err := o.search(ctx, "crm.lead", "", 1, []any{o.field, "=", v.Handoff()})
	if err != nil || len(found) == 0 {
		return false, err
	}
	v.Refs["lead"] = strconv.FormatInt(found[0].ID, 10)
	return true, nil
}

// Save writes the lead.
func (o *odoo) Save(ctx context.Context, v *crm.Visit) (bool, error) {
	vals := v.Values("lead")
	vals[o.field] = v.Handoff()
	if v.Owner != "" {
		vals["user_id"] = number(v.Owner)
	}
	found, err := o.Find(ctx, v)
	if err != nil {
		return false, err
	}
	if found {
		there, err := o.write(ctx, "crm.lead", v.Refs["lead"], vals)
		if err != nil || there || !v.Remake() {
			return there, err
		}
	}
	if vals["name"] == nil {
		vals["name"] = v.Name()
	}
	id, err := o.make(ctx, "crm.lead", "create", values{"vals_list": []any{vals}})
	if err != nil {
		return false, err
	}
	v.Refs["lead"] = id
	return true, nil
}

func (o *odoo) write(ctx context.Context, model, id string, vals values) (bool, error) {
	return o.call(ctx, model, "write", values{"ids": []any{number(id)}, "vals": vals}, nil)
}

// make calls a method that makes a record, and gives its id: methods answer with a number or with a list of one.
func (o *odoo) make(ctx context.Context, model, method string, body values) (string, error) {
	var raw json.RawMessage
	ok, err := o.call(ctx, model, method, body, &raw)
	if err != nil || !ok {
		return "", err
	}
	var many []int64
	var one int64
	switch {
	case json.Unmarshal(raw, &many) == nil && len(many) == 1 && many[0] > 0:
		return strconv.FormatInt(many[0], 10), nil
	case json.Unmarshal(raw, &one) == nil && one > 0:
		return strconv.FormatInt(one, 10), nil
	}
	return "", crm.Strange(&destination.Answer{Status: http.StatusOK})
}

// Stage writes the fields that follow the stage.
func (o *odoo) Stage(ctx context.Context, v *crm.Visit) (bool, error) {
	vals := v.OnStage("lead")
	if len(vals) == 0 {
		return true, nil
	}
	return o.write(ctx, "crm.lead", v.Refs["lead"], vals)
}

// marked gives the record of the lead whose text has a mark. The pattern only narrows down: in it _ stands for any character.
func (o *odoo) marked(ctx context.Context, v *crm.Visit, model, on, text, mark string) (*record, error) {
	found, err := o.search(ctx, model, text, 50, []any{on, "=", "crm.lead"}, []any{"res_id", "=", number(v.Refs["lead"])}, []any{text, "ilike", literal(mark)})
	if err != nil {
		return nil, err
	}
	for i := range found {
		if s, ok := found[i].Text.(string); ok && strings.Contains(s, mark) {
			return &found[i], nil
		}
	}
	return nil, nil
}

// Note writes an internal note on the lead: nobody outside is mailed.
func (o *odoo) Note(ctx context.Context, v *crm.Visit, id string, n crm.Note) (string, error) {
	if id == "" {
		found, err := o.marked(ctx, v, "mail.message", "model", "body", n.Mark)
		if err != nil {
			return "", err
		}
		if found != nil {
			id = strconv.FormatInt(found.ID, 10)
		}
	}
	if id != "" {
		if n.Final {
			return id, nil
		}
		_, err := o.write(ctx, "mail.message", id, values{"body": n.HTML})
		return id, err
	}
	return o.make(ctx, "crm.lead", "message_post", values{
		"ids": []any{number(v.Refs["lead"])}, "body": n.HTML, "body_is_html": true, "message_type": "comment", "subtype_xmlid": "mail.mt_note",
	})
}

// Task plans an activity. Odoo archives or deletes one that is done: a task that is known and gone was done.
func (o *odoo) Task(ctx context.Context, v *crm.Visit, id string, t crm.Task) (string, error) {
	found, err := o.marked(ctx, v, "mail.activity", "res_model", "note", t.Mark)
	if err != nil {
		return "", err
	}
	if found != nil {
		id = strconv.FormatInt(found.ID, 10)
	}
	plan := values{"date_deadline": t.Due.In(destination.Zone(v.Job.Payload.GetOwner())).Format("2006-01-02")}
	if v.Owner != "" {
		plan["user_id"] = number(v.Owner)
	}
	switch {
	case t.Mode == crm.End:
		if found != nil && found.Active {
			_, err = o.call(ctx, "mail.activity", "action_feedback", values{"ids": []any{found.ID}}, nil)
		}
		return id, err
	case t.Mode == crm.Open && id != "":
		return id, nil
	case found != nil:
		plan["active"] = true
		_, err = o.write(ctx, "mail.activity", id, plan)
		return id, err
	}
	plan["ids"], plan["act_type_xmlid"], plan["summary"], plan["note"] = []any{number(v.Refs["lead"])}, o.activity, t.Title, t.HTML
	return o.make(ctx, "crm.lead", "activity_schedule", plan)
}

// Check asks which fields leads have.
func (o *odoo) Check(ctx context.Context) ([]string, error) {
	var got map[string]struct {
		Type      string     `json:"type"`
		ReadOnly  bool       `json:"readonly"`
		Selection [][]string `json:"selection"`
	}
	if _, err := o.call(ctx, "crm.lead", "fields_get", values{"attributes": []string{"type", "readonly", "selection"}}, &got); err != nil {
		return nil, fmt.Errorf("read the fields of leads: %w", err)
	}
	there := map[string]crm.Property{}
	for name, f := range got {
		p := crm.Property{ReadOnly: f.ReadOnly}
		for _, choice := range f.Selection {
			if len(choice) > 0 {
				p.Choices = append(p.Choices, choice[0])
			}
		}
		there[name] = p
	}
	problems := crm.CheckFields(&o.cfg, there, []string{"lead", "lead_on_stage"}, nil)
	if f, ok := got[o.field]; !ok || f.Type != "char" || f.ReadOnly {
		problems = append(problems, "options.handoff_field: leads have no text field "+o.field+" that can be written; create it (Settings, Technical, Fields; model crm.lead, type char, indexed)")
	}
	return problems, nil
}

var _ destination.Checker = (*odoo)(nil)
