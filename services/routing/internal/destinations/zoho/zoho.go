// Package zoho hands leads over to Zoho CRM by its REST API, version 6: a record of Leads with its owner, and the brief as a note
// or as a task.
//
// A lead is found by its e-mail address, or by the handoff's id where options.external_id_field names a unique field for it:
// Zoho's upsert looks for both before it makes a record. A note or task is found by the handoff's id, which ends its title.
// Zoho tells of what is wrong with a record inside an answer of status 200, and ignores fields that it does not know: Check
// finds those.
//
// Source: Zoho CRM API v6, "Upsert Records", "Notes", "Fields metadata", "Status codes".
package zoho

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// typeName is how the configuration names the type.
const typeName = "zoho"

// The modules.
const (
	leads = "Leads"
	notes = "Notes"
	tasks = "Tasks"
)

// The keys of what is kept in Refs.
const (
	refBrief = "brief"
)

// root of the API below its domain.
const root = "/crm/v6"

// Type is the row of the table.
func Type() destination.Type {
	return destination.Type{
		Name:   typeName,
		Events: crm.Events(),
		Fields: map[string]map[string]string{
			leads: {
				"First_Name": `lead.first_name`, "Last_Name": `lead.last_name`, "Email": `lead.email`, "Designation": `lead.title`, "Phone": `lead.phone`,
				"Company": `account.name`, "Street": `lead.street`, "City": `lead.city`, "Zip_Code": `lead.postal_code`, "State": `lead.state`,
			},
			notes:        {"Note_Title": `brief.subject`, "Note_Content": `brief.text`},
			tasks:        {"Subject": `brief.subject`, "Description": `brief.text`, "Priority": `"High"`},
			crm.OnChange: {}, crm.OnBreach: {},
		},
		Options: crm.WithStatuses(map[string]string{
			"data_center": "com", "brief": notes, "external_id_field": "", "duplicate_check_fields": "Email", "trigger": "", "status_field": "Lead_Status",
			"task_open": "Not Started", "task_closed": "Completed", "missing_value": "[not provided]", "fallback_owner": "",
		}),
		// Ten requests at a time are allowed in the Standard edition.
		Limit:       destination.Limit{Requests: 10, Per: time.Second},
		Concurrency: 3,
		New:         New,
	}
}

// centers gives the hosts of accounts and of the API by data center.
func centers() map[string][2]string {
	return map[string][2]string{
		"com": {"accounts.zoho.com", "www.zohoapis.com"}, "eu": {"accounts.zoho.eu", "www.zohoapis.eu"}, "in": {"accounts.zoho.in", "www.zohoapis.in"},
		"com.au": {"accounts.zoho.com.au", "www.zohoapis.com.au"}, "jp": {"accounts.zoho.jp", "www.zohoapis.jp"},
		"com.cn": {"accounts.zoho.com.cn", "www.zohoapis.com.cn"}, "ca": {"accounts.zohocloud.ca", "www.zohoapis.ca"}, "sa": {"accounts.zoho.sa", "www.zohoapis.sa"},
	}
}

// Destination is one organisation at Zoho CRM.
type Destination struct {
	config   destination.Config
	deps     destination.Deps
	api      *crm.API
	owners   *crm.Owners
	statuses map[string]string
	keyField string
	check    []string // duplicate_check_fields, the handoff's first
	trigger  []string
	accounts string // the token endpoint
	brief    briefForm
}

// briefForm is what the brief is there: a note or a task.
type briefForm struct {
	module, title, text     string
	titleLength, textLength int
}

// New checks a configuration. The address is needed for none of Zoho's data centers.
func New(config destination.Config, deps destination.Deps) (destination.Destination, error) {
	s := &crm.Settings{Config: config}
	s.URL("url", config.URL)
	s.Auth([]string{"client_id", "client_secret", "refresh_token"}, "token_url")
	d := &Destination{
		config: config, deps: deps, keyField: s.Name("external_id_field", "", true), statuses: s.Statuses(),
		trigger: s.List("trigger"), accounts: config.Auth.TokenURL,
	}
	hosts, ok := centers()[config.Options["data_center"]]
	if !ok {
		s.Problem("options.data_center", "is not known: com, eu, in, com.au, jp, com.cn, ca and sa are")
	}
	base := config.URL
	if base == "" {
		base = "https://" + hosts[1]
	}
	if d.accounts == "" {
		d.accounts = "https://" + hosts[0] + "/oauth/v2/token"
	}
	for _, f := range d.trigger {
		if f != "workflow" && f != "approval" && f != "blueprint" && f != "pathfinder" && f != "orchestration" {
			s.Problem("options.trigger", "may have workflow, approval, blueprint, pathfinder and orchestration")
		}
	}
	s.Name("duplicate_check_fields", ", ", true)
	if d.check = s.List("duplicate_check_fields"); d.keyField != "" {
		d.check = append([]string{d.keyField}, slices.DeleteFunc(d.check, func(f string) bool { return f == d.keyField })...)
	}
	if len(d.check) == 0 {
		s.Problem("options.duplicate_check_fields", "is missing, and there is no external_id_field: every delivery would make a new record")
	}
	switch config.Options["brief"] {
	case notes:
		d.brief = briefForm{notes, "Note_Title", "Note_Content", 120, 32_000}
	case tasks:
		d.brief = briefForm{tasks, "Subject", "Description", 255, 32_000}
	default:
		s.Problem("options.brief", "must be Notes or Tasks")
	}
	if len(d.statuses) > 0 {
		s.Name("status_field", "", false)
	}
	if f := config.Options["fallback_owner"]; f != "" && !isID(f) {
		s.Problem("options.fallback_owner", "must be the id of a user")
	}
	s.Mappings(leads, notes, tasks, crm.OnChange, crm.OnBreach)
	s.Own(leads, d.keyField, "Owner", "id")
	if err := s.Err(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		d.deps.Log = slog.New(slog.DiscardHandler)
	}
	d.api = &crm.API{
		Client: deps.Client, Base: base, Scheme: "Zoho-oauthtoken", Refused: refused, Tokens: &destination.Tokens{Now: deps.Now, Fetch: d.fetch},
	}
	d.owners = &crm.Owners{
		Keys: crm.Names(&config), Fallback: config.Options["fallback_owner"], Valid: isID, Now: deps.Now, Find: d.findUser,
	}
	return d, nil
}

// tooManyTokens is how long to wait when too many tokens were asked for: Zoho gives ten in ten minutes.
const tooManyTokens = 10 * time.Minute

// fetch gets a token by the refresh token.
func (d *Destination) fetch(ctx context.Context) (destination.Token, destination.Outcome) {
	a := d.config.Auth
	g, o := crm.Grant(ctx, &d.deps, d.accounts, nil, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {a.ClientID}, "client_secret": {a.ClientSecret}, "refresh_token": {a.RefreshToken},
	})
	if g.Error == "Access Denied" {
		o.Verdict, o.After, o.Sick = destination.Later, tooManyTokens, false
		o.Reason = "too many tokens were asked for"
	}
	if o.Verdict != destination.Done {
		return destination.Token{}, o
	}
	t := destination.Token{Value: g.AccessToken, Until: g.Until(d.deps.Now())}
	if d.config.URL == "" {
		t.Base = crm.Base(g.APIDomain, d.accounts)
	}
	return t, o
}

// Deliver makes one attempt.
func (d *Destination) Deliver(ctx context.Context, job *destination.Job) destination.Outcome {
	errand, end, ok := crm.Begin(job, &d.deps)
	if !ok {
		return end
	}
	w := &work{d: d, Errand: errand, lengths: map[string]map[string]int{}}
	if w.Plan.Hand {
		return w.hand(ctx)
	}
	return w.change(ctx)
}

// pages gives all of a list that comes in pages, at most ten of them; an empty one is answered with 204.
func (d *Destination) pages(ctx context.Context, path string, query url.Values, name string) ([]map[string]any, destination.Outcome, bool) {
	var all []map[string]any
	for page := 1; page <= 10; page++ {
		if name != "fields" { // which come all at once
			query.Set("page", strconv.Itoa(page))
			query.Set("per_page", "200")
		}
		a, why, ok := d.api.Ask(ctx, http.MethodGet, root+path+"?"+query.Encode(), nil, nil)
		if !ok {
			return nil, why, false
		}
		if a.Status == http.StatusNoContent || a.Status == http.StatusNotModified {
			break
		}
		if !a.OK() {
			return nil, judge(a, d.deps.Now()).outcome, false
		}
		rows, more, ok := readPage(a.Body, name)
		if !ok {
			return nil, crm.Unreadable(a), false
		}
		if all = append(all, rows...); !more {
			break
		}
	}
	return all, destination.Outcome{}, true
}

// findUser looks an active user up by e-mail address.
func (d *Destination) findUser(ctx context.Context, email string) (string, destination.Outcome, bool) {
	users, why, ok := d.pages(ctx, "/users", url.Values{"type": {"ActiveUsers"}}, "users")
	if !ok {
		return "", why, false
	}
	for _, u := range users {
		at, _ := u["email"].(string)
		if id, _ := u["id"].(string); strings.EqualFold(at, email) && isID(id) {
			return id, destination.Outcome{}, true
		}
	}
	return "", destination.Outcome{}, true
}

// isID reports whether a text can be the id of a record: digits alone.
func isID(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 6 && len(s) <= 24
}
