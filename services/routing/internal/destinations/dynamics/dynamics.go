// Package dynamics hands leads over to Dynamics 365 Sales by the Web API of Dataverse, version 9.2: a lead with its owner, and a
// task with the brief.
//
// A lead is found by the handoff's id in a column with an alternate key, or else, where exactly one open lead has it, by its
// e-mail address. The task's id is made of the handoff's, so that writing it twice makes one: nothing has to be added to tasks.
// Leads are made with If-None-Match and changed with If-Match: what somebody deleted is not made again by a late change.
//
// Source: Microsoft Learn, "Update and delete table rows using the Web API", "Service protection API limits", "Web service
// error codes"; requests as dynamics-web-api makes them.
package dynamics

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// typeName is how the configuration names the type.
const typeName = "dynamics"

// The tables.
const (
	leadTable = "lead"
	taskTable = "task"
)

// The keys of what is kept in Refs.
const (
	refTask = "task"
)

// root of the Web API below the environment's address.
const root = "/api/data/v9.2"

// Type is the row of the table.
func Type() destination.Type {
	return destination.Type{
		Name:   typeName,
		Events: crm.Events(),
		Fields: map[string]map[string]string{
			leadTable: {
				"subject": `brief.subject`, "firstname": `lead.first_name`, "lastname": `lead.last_name`, "emailaddress1": `lead.email`, "jobtitle": `lead.title`,
				"telephone1": `lead.phone`, "companyname": `account.name`, "address1_line1": `lead.street`, "address1_city": `lead.city`,
				"address1_postalcode": `lead.postal_code`,
			},
			taskTable:    {"subject": `brief.subject`, "description": `brief.text`, "prioritycode": `2`},
			crm.OnChange: {}, crm.OnBreach: {},
		},
		Options: crm.WithStatuses(map[string]string{
			"external_id_field": "baton_handoffid", "match_email": "true", "fallback_owner": "",
		}),
		// 6,000 requests in 5 minutes is what a user has on each of Microsoft's servers.
		Limit:       destination.Limit{Requests: 15, Per: time.Second},
		Concurrency: 5,
		New:         New,
	}
}

// Destination is one environment of Dataverse.
type Destination struct {
	config     destination.Config
	deps       destination.Deps
	api        *crm.API
	owners     *crm.Owners
	statuses   map[string]state
	keyField   string
	matchEmail bool

	lengths crm.Lengths // of columns, once described
}

// state is a pair of statecode and statuscode, which depend on each other.
type state struct{ state, status int }

// New checks a configuration. The address is that of the environment: https://initech.crm4.dynamics.com.
func New(config destination.Config, deps destination.Deps) (destination.Destination, error) {
	s := &crm.Settings{Config: config}
	s.Need("url", config.URL)
	s.URL("url", config.URL)
	s.Auth([]string{"client_id", "client_secret"}, "tenant", "token_url", "scope")
	if config.Auth.TokenURL == "" {
		s.Need("auth.tenant", config.Auth.Tenant)
	}
	if !crm.IsName(config.Auth.Tenant, "-.") {
		s.Problem("auth.tenant", "must be the id or a domain of the tenant")
	}
	d := &Destination{
		config: config, deps: deps, keyField: s.Name("external_id_field", "", false), matchEmail: s.Bool("match_email"),
		statuses: map[string]state{},
	}
	for stage, v := range s.Statuses() {
		a, b, _ := strings.Cut(v, ":")
		code, err1 := strconv.Atoi(a)
		status, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil {
			s.Problem("options.status_"+stage, "must be STATECODE:STATUSCODE, as in 2:7")
		}
		d.statuses[stage] = state{code, status}
	}
	if f := config.Options["fallback_owner"]; f != "" && !isGUID(f) {
		s.Problem("options.fallback_owner", "must be the id of a system user")
	}
	s.Mappings(leadTable, taskTable, crm.OnChange, crm.OnBreach)
	s.Own(leadTable, d.keyField, "ownerid@odata.bind", "leadid")
	if err := s.Err(); err != nil {
		return nil, err
	}
	if deps.Log == nil {
		d.deps.Log = slog.New(slog.DiscardHandler)
	}
	d.api = &crm.API{
		Client: deps.Client, Base: config.URL, Scheme: "Bearer", Tokens: &destination.Tokens{Now: deps.Now, Fetch: d.fetch},
	}
	d.owners = &crm.Owners{
		Keys: crm.Names(&config), Fallback: config.Options["fallback_owner"], Valid: isGUID, Now: deps.Now, Find: d.findUser,
	}
	return d, nil
}

// fetch gets a token by client credentials from Microsoft Entra ID.
func (d *Destination) fetch(ctx context.Context) (destination.Token, destination.Outcome) {
	a := d.config.Auth
	endpoint, scope := a.TokenURL, a.Scope
	if endpoint == "" {
		endpoint = "https://login.microsoftonline.com/" + a.Tenant + "/oauth2/v2.0/token"
	}
	if scope == "" {
		scope = d.config.URL + "/.default"
	}
	g, o := crm.Grant(ctx, &d.deps, endpoint, nil, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {a.ClientID}, "client_secret": {a.ClientSecret}, "scope": {scope},
	})
	if o.Verdict != destination.Done {
		return destination.Token{}, o
	}
	return destination.Token{Value: g.AccessToken, Until: g.Until(d.deps.Now())}, o
}

// Deliver makes one attempt.
func (d *Destination) Deliver(ctx context.Context, job *destination.Job) destination.Outcome {
	errand, end, ok := crm.Begin(job, &d.deps)
	if !ok {
		return end
	}
	w := &work{d: d, Errand: errand, task: taskID(job.Handoff)}
	if w.Plan.Hand {
		return w.hand(ctx)
	}
	return w.change(ctx)
}

// The conditions of a write.
const (
	ifThere    = "If-Match"
	ifNotThere = "If-None-Match"
	whatever   = ""
)

// ask makes a request; condition is one of the three above.
func (d *Destination) ask(ctx context.Context, method, path, condition string, body any) (*destination.Answer, destination.Outcome, bool) {
	h := http.Header{"OData-MaxVersion": {"4.0"}, "OData-Version": {"4.0"}}
	if condition != whatever {
		h.Set(condition, "*")
	}
	if body != nil {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	return d.api.Ask(ctx, method, root+path, h, body)
}

// rows asks for rows of a table.
func (d *Destination) rows(ctx context.Context, path string, query url.Values) ([]map[string]any, destination.Outcome, bool) {
	a, why, ok := d.ask(ctx, http.MethodGet, path+"?"+strings.NewReplacer("+", "%20", "%24", "$").Replace(query.Encode()), whatever, nil)
	if !ok {
		return nil, why, false
	}
	if !a.OK() {
		return nil, judge(a, d.deps.Now()).outcome, false
	}
	rows, ok := readRows(a.Body)
	if !ok {
		return nil, crm.Unreadable(a), false
	}
	return rows, destination.Outcome{}, true
}

// findUser looks an enabled user up by e-mail address. Of several it takes the first by id, always the same.
func (d *Destination) findUser(ctx context.Context, email string) (string, destination.Outcome, bool) {
	rows, why, ok := d.rows(ctx, "/systemusers", url.Values{
		"$select": {"systemuserid"}, "$filter": {"internalemailaddress eq " + quoted(email) + " and isdisabled eq false"}, "$orderby": {"systemuserid"}, "$top": {"2"},
	})
	if !ok || len(rows) == 0 {
		return "", why, ok
	}
	id, _ := rows[0]["systemuserid"].(string)
	if !isGUID(id) {
		return "", crm.Unreadable(&destination.Answer{Status: http.StatusOK}), false
	}
	return id, destination.Outcome{}, true
}

// quoted gives a text as OData has it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// taskID makes the id of a handoff's task: a UUID of version 8 (RFC 9562, section 5.8) of the handoff's hash.
func taskID(handoff string) string {
	sum := sha256.Sum256([]byte("baton task " + handoff))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

var (
	guid     = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	entityID = regexp.MustCompile(`/leads\(([0-9a-fA-F-]{36})\)$`)
)

func isGUID(s string) bool { return guid.MatchString(s) }

// idOf reads the header OData-EntityId: the address of what was written. "" where the address has the alternate key in it.
func idOf(a *destination.Answer) string {
	m := entityID.FindStringSubmatch(a.Header.Get("OData-EntityId"))
	if m == nil || !isGUID(m[1]) {
		return ""
	}
	return m[1]
}
