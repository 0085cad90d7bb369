// Package salesforce hands leads over to Salesforce by its REST API: a Lead (or Contact) with its owner, and a Task with the
// brief, made together or not at all in one call of the composite resource.
//
// A person is found by the handoff's id in an external id field, or else, where exactly one open record has it, by its e-mail address. A
// task is found by the handoff's id, which ends its subject (or is in a field of its own: option task_key_field), so that a
// delivery that comes again makes nothing twice. Leads that were converted meanwhile are followed to their contact, which
// gets the task and is not changed otherwise.
//
// Source: Salesforce REST API Developer Guide, version 66.0; requests as jsforce makes them.
package salesforce

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// typeName is how the configuration names the type.
const typeName = "salesforce"

// The objects, and the prefixes of their ids.
const (
	leadObject    = "Lead"
	contactObject = "Contact"
	taskObject    = "Task"
)

// The keys of what is kept in Refs.
const (
	refTask = "task"
)

// Type is the row of the table.
func Type() destination.Type {
	return destination.Type{
		Name:   typeName,
		Events: crm.Events(),
		Fields: map[string]map[string]string{
			leadObject: {
				"FirstName": `lead.first_name`, "LastName": `lead.last_name`, "Email": `lead.email`, "Title": `lead.title`, "Phone": `lead.phone`,
				"Company": `account.name`, "Street": `lead.street`, "City": `lead.city`, "PostalCode": `lead.postal_code`,
			},
			contactObject: {
				"FirstName": `lead.first_name`, "LastName": `lead.last_name`, "Email": `lead.email`, "Title": `lead.title`, "Phone": `lead.phone`,
				"MailingStreet": `lead.street`, "MailingCity": `lead.city`, "MailingPostalCode": `lead.postal_code`,
			},
			taskObject:   {"Subject": `brief.subject`, "Description": `brief.text`, "Priority": `"High"`},
			crm.OnChange: {}, crm.OnBreach: {},
		},
		Options: crm.WithStatuses(map[string]string{
			"object": leadObject, "external_id_field": "Baton_Handoff_Id__c", "task_key_field": "", "match_email": "true", "status_field": "Status",
			"task_open": "Not Started", "task_closed": "Completed", "missing_value": "[not provided]", "fallback_owner": "",
			"allow_save_duplicates": "true", "auto_assign": "false", "limit_percent": "95", "api_version": "66.0", "audience": "",
		}),
		Limit:       destination.Limit{Requests: 20, Per: time.Second},
		Concurrency: 5,
		New:         New,
	}
}

// Destination is one organisation at Salesforce.
type Destination struct {
	config   destination.Config
	deps     destination.Deps
	api      *crm.API
	owners   *crm.Owners
	statuses map[string]string

	object, keyField, taskKey string
	matchEmail                bool
	root                      string // "/services/data/v66.0"
	limitPercent              int
	header                    http.Header
	lengths                   crm.Lengths // of fields, once described

	mu        sync.Mutex
	nearUntil time.Time // near the limit of requests until then
}

// New checks a configuration. The address is that of the organisation's My Domain.
func New(config destination.Config, deps destination.Deps) (destination.Destination, error) {
	s := &crm.Settings{Config: config}
	s.Need("url", config.URL)
	s.URL("url", config.URL)
	s.Auth(nil, "client_id", "client_secret", "private_key", "user", "token_url")
	sign, err := newGrant(config)
	if err != nil {
		s.Problem("auth."+err.field, err.reason)
	}
	d := &Destination{
		config: config, deps: deps,
		object: config.Options["object"], keyField: s.Name("external_id_field", "", false), taskKey: s.Name("task_key_field", "", true),
		matchEmail: s.Bool("match_email"), statuses: s.Statuses(), limitPercent: s.Int("limit_percent", 1, 100),
		root: "/services/data/v" + s.Name("api_version", ".", false),
	}
	if d.object != leadObject && d.object != contactObject {
		s.Problem("options.object", "must be Lead or Contact")
	}
	if len(d.statuses) > 0 {
		s.Name("status_field", "", false)
	}
	if f := config.Options["fallback_owner"]; f != "" && !isID(f) {
		s.Problem("options.fallback_owner", "must be the id of a user or a queue")
	}
	s.Mappings(leadObject, contactObject, taskObject, crm.OnChange, crm.OnBreach)
	s.Own(d.object, d.keyField, "OwnerId", "Id")
	d.header = http.Header{
		"Sforce-Duplicate-Rule-Header": {"allowSave=" + strconv.FormatBool(s.Bool("allow_save_duplicates"))},
		"Sforce-Auto-Assign":           {strings.ToUpper(strconv.FormatBool(s.Bool("auto_assign")))},
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		d.deps.Log = slog.New(slog.DiscardHandler)
	}
	d.api = &crm.API{
		Client: deps.Client, Base: config.URL, Scheme: "Bearer",
		Tokens: &destination.Tokens{Now: deps.Now, Fetch: d.fetch(sign)},
	}
	d.owners = &crm.Owners{
		Keys: crm.Names(&config), Fallback: config.Options["fallback_owner"], Valid: isID, Now: deps.Now, Find: d.findUser,
	}
	return d, nil
}

// Deliver makes one attempt.
func (d *Destination) Deliver(ctx context.Context, job *destination.Job) destination.Outcome {
	errand, end, ok := crm.Begin(job, &d.deps)
	if !ok {
		return end
	}
	if wait := d.nearLimit(); wait > 0 {
		return destination.Outcome{Verdict: destination.Later, After: wait, Reason: "the organisation is near its limit of requests"}
	}
	w := &work{d: d, Errand: errand}
	if w.Plan.Hand {
		return w.hand(ctx)
	}
	return w.change(ctx)
}

// ask makes a request and notes how near the organisation is to its limit.
func (d *Destination) ask(ctx context.Context, method, path string, body any) (*destination.Answer, destination.Outcome, bool) {
	a, why, ok := d.api.Ask(ctx, method, d.root+path, d.header, body)
	if !ok {
		return nil, why, false
	}
	if used, of, ok := usage(a.Header.Get("Sforce-Limit-Info")); ok {
		d.mu.Lock()
		if used*100 >= of*int64(d.limitPercent) {
			d.nearUntil = d.deps.Now().Add(limitPause)
		} else {
			d.nearUntil = time.Time{}
		}
		d.mu.Unlock()
	}
	return a, destination.Outcome{}, true
}

// limitPause is how long nothing is asked near the limit, which is one of the last 24 hours: then one request tells where it stands.
const limitPause = 15 * time.Minute

func (d *Destination) nearLimit() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(d.nearUntil.Sub(d.deps.Now()), 0)
}

type record struct {
	ID        string `json:"Id"`
	Converted bool   `json:"IsConverted"`
	Contact   string `json:"ConvertedContactId"`
	// key is the value of the external id field; read apart, for its name is configured.
	key string
}

// query runs SOQL; what it gives is the answer's records.
func (d *Destination) query(ctx context.Context, soql string) ([]record, destination.Outcome, bool) {
	a, why, ok := d.ask(ctx, http.MethodGet, "/query?q="+url.QueryEscape(soql), nil)
	if !ok {
		return nil, why, false
	}
	if !a.OK() {
		return nil, judge(a, d.deps.Now()).outcome, false
	}
	recs, ok := readRecords(a, d.keyField)
	if !ok {
		return nil, crm.Unreadable(a), false
	}
	return recs, destination.Outcome{}, true
}

func readRecords(a *destination.Answer, keyField string) ([]record, bool) {
	var all struct {
		Records []map[string]any `json:"records"`
	}
	if !a.JSON(&all) || all.Records == nil {
		return nil, false
	}
	out := make([]record, 0, len(all.Records))
	for _, r := range all.Records {
		var rec record
		rec.ID, _ = r["Id"].(string)
		rec.Converted, _ = r["IsConverted"].(bool)
		rec.Contact, _ = r["ConvertedContactId"].(string)
		rec.key, _ = r[keyField].(string)
		if !isID(rec.ID) || rec.Contact != "" && !isID(rec.Contact) {
			return nil, false
		}
		out = append(out, rec)
	}
	return out, true
}

// findUser looks an active user up by e-mail address. Of several it takes the first by id, always the same.
func (d *Destination) findUser(ctx context.Context, email string) (string, destination.Outcome, bool) {
	recs, why, ok := d.query(ctx, "SELECT Id FROM User WHERE Email = "+quoted(email)+" AND IsActive = true ORDER BY Id LIMIT 2")
	if !ok || len(recs) == 0 {
		return "", why, ok
	}
	return recs[0].ID, destination.Outcome{}, true
}

// quoted gives a text as SOQL has it.
func quoted(s string) string { return "'" + escape(s) + "'" }

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`).Replace(s)
}

// like gives a part of a text as LIKE looks for it.
func like(part string) string {
	return "'%" + strings.NewReplacer("_", `\_`, "%", `\%`).Replace(escape(part)) + "%'"
}

// isID reports whether a text can be the id of a record: 15 or 18 letters and digits.
func isID(s string) bool {
	return (len(s) == 15 || len(s) == 18) && crm.IsName(s, "") && !strings.Contains(s, "_")
}

// objectOf tells the object of an id by its prefix; "" for others than the two.
func objectOf(id string) string {
	switch {
	case !isID(id):
		return ""
	case strings.HasPrefix(id, "00Q"):
		return leadObject
	case strings.HasPrefix(id, "003"):
		return contactObject
	}
	return ""
}

// isPerson reports whether an id is that of a lead or a contact.
func isPerson(id string) bool { return objectOf(id) != "" }

// isQueue reports whether an id is a queue's, who cannot own tasks.
func isQueue(id string) bool { return strings.HasPrefix(id, "00G") }
