// Package pipedrive tells Pipedrive: a person and an organisation, a lead for each handoff, the brief as a note and a task for the
// owner. Requests and errors are those of Pipedrive's documentation (developers.pipedrive.com, API v1 and v2; pipedrive.readme.io:
// rate limiting, OAuth) and of its own client.
//
// Pipedrive has no upsert, and its search answers from an index that lags behind. A person is therefore looked for by the
// search and, before one is made, among the newest hundred persons, which are read from the records themselves; an organisation
// likewise. Leads, notes and activities are listed by the person or the lead they belong to, and recognised by the handoff's id in a
// custom field or in their text.
package pipedrive

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// Type is the row for the table of kinds.
func Type() destination.Type {
	return destination.Type{
		Name: "pipedrive", Events: crm.FlowEvents(), New: New,
		Fields: map[string]map[string]string{
			"person": {
				"name": "lead.name", "emails": "lead.email", "phones": "lead.phone",
			},
			"person_on_stage": {},
			"lead":            {"title": "lead.label"},
			// The inbox of leads has those that are open; what is over is archived, where it can be seen and brought back.
			"lead_on_stage": {"is_archived": `change.to in ["recalled", "recycled", "disqualified"]`},
		},
		Options: crm.FlowOptions(map[string]string{"handoff_field": "", "organization": "create"}),
		Limit:   destination.Limit{Requests: 18, Per: 2 * time.Second},
	}
}

type pipedrive struct {
	api  crm.API
	cfg  destination.Config
	deps destination.Deps
	now  func() time.Time

	// field is the custom field of leads that holds the handoff's id.
	field        string
	organization string
	// making lets one organisation be made at a time: two leads of one company often come together.
	making sync.Mutex
}

// New makes a destination. The address is https://api.pipedrive.com, or what OAuth says, unless another is configured.
func New(cfg destination.Config, deps destination.Deps) (destination.Destination, error) {
	s := &crm.Settings{Config: cfg}
	p := &pipedrive{cfg: cfg, deps: deps, now: deps.Now, field: cfg.Options["handoff_field"], organization: s.OneOf("organization", "create", "find", "none")}
	p.api = crm.API{Client: deps.Client, Base: cfg.URL, Judge: p.judge}
	if cfg.Auth.RefreshToken != "" || cfg.Auth.ClientID != "" {
		s.Auth([]string{"client_id", "client_secret", "refresh_token"}, "token_url")
		p.api.Tokens, p.api.Scheme = &destination.Tokens{Fetch: p.fetch, Now: deps.Now}, "Bearer"
	} else {
		s.Auth([]string{"token"})
		p.api.Header = crm.Key("x-api-token", cfg.Auth.Token)
	}
	if p.api.Base == "" {
		p.api.Base = "https://api.pipedrive.com"
	}
	s.Mappings("person", "person_on_stage", "lead", "lead_on_stage")
	if !regexp.MustCompile(`^[a-f0-9]{40}$`).MatchString(p.field) {
		s.Problem("options.handoff_field", "must be the key of a text field of leads and deals, 40 characters of 0-9 and a-f: it is in Data fields, ⋯, Copy API key")
	}
	return crm.NewFlow(p, s, deps, crm.IsNumber)
}

// id is a number or a UUID.
type id string

// UnmarshalJSON takes a number or a text.
func (i *id) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*i = id(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return fmt.Errorf("read an id: %w", err)
	}
	*i = id(n)
	return nil
}

// answer is the envelope around every answer.
type answer[T any] struct {
	Success bool `json:"success"`
	Data    T    `json:"data"`
	More    struct {
		Cursor     string `json:"next_cursor"`
		Pagination struct {
			More bool `json:"more_items_in_collection"`
			Next int  `json:"next_start"`
		} `json:"pagination"`
	} `json:"additional_data"`
}

type thing struct {
	ID id `json:"id"`
}

// number gives an id as JSON has it there: of persons, organisations, users and notes a number.
func number(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	return s
}

// User asks for the user with an e-mail address.
func (p *pipedrive) User(ctx context.Context, email string) (string, error) {
	var got answer[[]struct {
		ID     id     `json:"id"`
		Email  string `json:"email"`
		Active *bool  `json:"active_flag"`
	}]
	if _, err := p.api.Do(ctx, http.MethodGet, "/api/v1/users/find?"+url.Values{"term": {email}, "search_by_email": {"1"}}.Encode(), nil, &got); err != nil {
		return "", err
	}
	for _, u := range got.Data {
		if strings.EqualFold(u.Email, email) && (u.Active == nil || *u.Active) {
			return string(u.ID), nil
		}
	}
	return "", nil
}

// person gives the id of the person with the lead's e-mail address, "" where there is none. newest looks among the newest, too.
func (p *pipedrive) person(ctx context.Context, v *crm.Visit, newest bool) (string, error) {
	email := v.Lead.GetEmail()
	if email == "" {
		return v.External(), nil
	}
	found, err := p.search(ctx, "persons", "email", email)
	if err != nil || found != "" || !newest {
		return found, err
	}
	var got answer[[]struct {
		ID     id `json:"id"`
		Emails []struct {
			Value string `json:"value"`
		} `json:"emails"`
	}]
	if _, err := p.api.Do(ctx, http.MethodGet, "/api/v2/persons?limit=100&sort_by=add_time&sort_direction=desc", nil, &got); err != nil {
		return "", err
	}
	for _, one := range got.Data {
		for _, e := range one.Emails {
			if strings.EqualFold(e.Value, email) {
				return string(one.ID), nil
			}
		}
	}
	return "", nil
}

// search asks the index for what has exactly that value; of several the first.
func (p *pipedrive) search(ctx context.Context, object, field, term string) (string, error) {
	var got answer[struct {
		Items []struct {
			Item thing `json:"item"`
		} `json:"items"`
	}]
	q := "term=" + url.QueryEscape(term) + "&fields=" + field + "&exact_match=true"
	if _, err := p.api.Do(ctx, http.MethodGet, "/api/v2/"+object+"/search?"+q, nil, &got); err != nil || len(got.Data.Items) == 0 {
		return "", err
	}
	return string(got.Data.Items[0].Item.ID), nil
}

// Find looks for the person and the handoff's lead.
func (p *pipedrive) Find(ctx context.Context, v *crm.Visit) (bool, error) {
	if v.Refs["person"] == "" {
		found, err := p.person(ctx, v, false)
		if err != nil || found == "" {
			return false, err
		}
		v.Refs["person"] = found
	}
	if v.Handoff() != "" && v.Refs["lead"] == "" {
		found, err := p.lead(ctx, v)
		if err != nil {
			return false, err
		}
		if found == "" {
			return false, nil
		}
		v.Refs["lead"] = found
	}
	return true, nil
}

// lead gives the id of the handoff's lead among those of the person, archived ones included.
func (p *pipedrive) lead(ctx context.Context, v *crm.Visit) (string, error) {
	for _, path := range []string{"/api/v1/leads", "/api/v1/leads/archived"} {
		for start := 0; ; {
			var got answer[[]map[string]any]
			q := url.Values{"person_id": {v.Refs["person"]}, "limit": {"100"}, "start": {strconv.Itoa(start)}}
			if _, err := p.api.Do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &got); err != nil {
				return "", err
			}
			for _, l := range got.Data {
				if found, ok := l["id"].(string); ok && l[p.field] == v.Handoff() {
					return found, nil
				}
			}
			if next := got.More.Pagination; !next.More || next.Next <= start {
				break
			}
			start = got.More.Pagination.Next
		}
	}
	return "", nil
}

// Save writes the organisation, the person and the lead.
func (p *pipedrive) Save(ctx context.Context, v *crm.Visit) (bool, error) {
	organization, err := p.saveOrganization(ctx, v)
	if err != nil {
		return false, err
	}
	if err := p.savePerson(ctx, v, organization); err != nil {
		return false, err
	}
	return p.saveLead(ctx, v, organization)
}

// make posts and gives the new record's id.
func (p *pipedrive) make(ctx context.Context, path string, body map[string]any) (string, error) {
	var made answer[thing]
	a, err := p.api.Do(ctx, http.MethodPost, path, body, &made)
	if err == nil && made.Data.ID == "" {
		err = crm.Strange(a)
	}
	return string(made.Data.ID), err
}

func (p *pipedrive) savePerson(ctx context.Context, v *crm.Visit, organization string) error {
	body := custom(v.Values("person"))
	if organization != "" {
		body["org_id"] = number(organization)
	}
	if v.Owner != "" {
		body["owner_id"] = number(v.Owner)
	}
	known := v.Refs["person"]
	if known == "" {
		var err error
		if known, err = p.person(ctx, v, true); err != nil {
			return err
		}
	}
	if known != "" {
		change := body
		for _, list := range []string{"emails", "phones"} { // they are replaced as a whole: the person's other ones must stay
			delete(change, list)
		}
		a, err := p.api.Do(ctx, http.MethodPatch, "/api/v2/persons/"+url.PathEscape(known), change, nil, http.StatusNotFound, http.StatusGone)
		if err != nil {
			return err
		}
		if a.OK() {
			v.Refs["person"] = known
			return nil
		}
		body = custom(v.Values("person"))
		if organization != "" {
			body["org_id"] = number(organization)
		}
	}
	if v.Lead.GetEmail() == "" {
		return crm.Refuse(destination.Never, "the lead has neither an e-mail address nor an external id of a person")
	}
	if body["name"] == nil {
		body["name"] = v.Name()
	}
	made, err := p.make(ctx, "/api/v2/persons", body)
	if err == nil {
		v.Refs["person"] = made
	}
	return err
}

// custom moves custom fields (their keys are 40 hexadecimal digits) to where version 2 of the API has them, and makes lists
// of single addresses and numbers.
func custom(values map[string]any) map[string]any {
	for _, list := range []string{"emails", "phones"} {
		if one, ok := values[list].(string); ok {
			values[list] = []any{map[string]any{"value": one, "primary": true, "label": "work"}}
		}
	}
	own := map[string]any{}
	for name, value := range values {
		if len(name) == 40 {
			own[name] = value
			delete(values, name)
		}
	}
	if len(own) > 0 {
		values["custom_fields"] = own
	}
	return values
}

func (p *pipedrive) saveLead(ctx context.Context, v *crm.Visit, organization string) (bool, error) {
	body := v.Values("lead")
	if v.Owner != "" {
		body["owner_id"] = number(v.Owner)
	}
	known := v.Refs["lead"]
	if known == "" {
		var err error
		if known, err = p.lead(ctx, v); err != nil {
			return false, err
		}
	}
	if known != "" {
		v.Refs["lead"] = known
		a, err := p.api.Do(ctx, http.MethodPatch, "/api/v1/leads/"+url.PathEscape(known), body, nil, http.StatusNotFound, http.StatusGone)
		if err != nil || a.OK() {
			return err == nil, err
		}
		if !v.Remake() {
			return false, nil
		}
	}
	body["person_id"], body[p.field] = number(v.Refs["person"]), v.Handoff()
	if organization != "" {
		body["organization_id"] = number(organization)
	}
	if body["title"] == nil {
		body["title"] = v.Name()
	}
	delete(body, "is_archived")
	made, err := p.make(ctx, "/api/v1/leads", body)
	if err != nil {
		return false, err
	}
	v.Refs["lead"] = made
	return true, nil
}

// Stage writes the fields that follow the stage. A lead that was made a deal is no lead any more.
func (p *pipedrive) Stage(ctx context.Context, v *crm.Visit) (bool, error) {
	if body := custom(v.OnStage("person")); len(body) > 0 {
		if _, err := p.api.Do(ctx, http.MethodPatch, "/api/v2/persons/"+url.PathEscape(v.Refs["person"]), body, nil, http.StatusNotFound, http.StatusGone); err != nil {
			return false, err
		}
	}
	body := v.OnStage("lead")
	if len(body) == 0 || v.Refs["lead"] == "" || v.Handoff() == "" {
		return true, nil
	}
	a, err := p.api.Do(ctx, http.MethodPatch, "/api/v1/leads/"+url.PathEscape(v.Refs["lead"]), body, nil, http.StatusNotFound, http.StatusGone)
	return err == nil && a.OK(), err
}
