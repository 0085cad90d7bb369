// Package espocrm tells EspoCRM: a lead for each person, the brief as a post in its stream and a task for the owner. Requests and errors
// are those of EspoCRM's documentation (docs.espocrm.com: API, search parameters, stream) and of its source (Core/Api/ErrorOutput.php,
// Core/Exceptions).
//
// Its searches read the database itself. A lead is recognised by the handoff's id in a custom field; where there is none yet, the
// duplicate check of EspoCRM names the lead that has the same e-mail address, which then is the one. Posts and tasks are recognised by
// a mark in their text.
package espocrm

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/crm"
)

// Type is the row for the table of kinds.
func Type() destination.Type {
	return destination.Type{
		Name: "espocrm", Events: crm.FlowEvents(), New: New,
		Fields: map[string]map[string]string{
			"lead": {
				"firstName": "lead.first_name", "lastName": "lead.last_name", "emailAddress": "lead.email", "phoneNumber": "lead.phone",
				"title": "lead.title", "addressCountry": "lead.country", "accountName": "account.name",
				"addressStreet": "lead.street", "addressCity": "lead.city", "addressPostalCode": "lead.postal_code", "addressState": "lead.state",
			},
			"lead_on_stage": {
				"status": `{"routed": "Assigned", "accepted": "In Process", "recalled": "Recycled", "recycled": "Recycled", "disqualified": "Dead"}[change.to]`,
			},
		},
		Options: crm.FlowOptions(map[string]string{"handoff_field": "cHandoffId", "duplicates": "reuse"}),
	}
}

type espocrm struct {
	api   crm.API
	cfg   destination.Config
	now   func() time.Time
	field string
	reuse bool
}

// New makes a destination. The address is the installation's, without /api/v1.
func New(cfg destination.Config, deps destination.Deps) (destination.Destination, error) {
	s := &crm.Settings{Config: cfg}
	if cfg.URL == "" {
		s.Problem("url", "is missing: the address of the installation")
	}
	s.Auth([]string{"token"})
	s.Mappings("lead", "lead_on_stage")
	e := &espocrm{cfg: cfg, now: deps.Now, field: cfg.Options["handoff_field"], reuse: s.OneOf("duplicates", "reuse", "create") == "reuse"}
	if attribute(e.field) == "" {
		s.Problem("options.handoff_field", "must be the name of a text field of leads; EspoCRM puts a c before those that are made by hand")
	}
	e.api = crm.API{Client: deps.Client, Base: strings.TrimSuffix(cfg.URL, "/api/v1") + "/api/v1/", Header: crm.Key("X-Api-Key", cfg.Auth.Token), Judge: e.judge}
	return crm.NewFlow(e, s, deps, isID)
}

// isID reports whether a text can be an id: 17 or 24 characters usually, and whatever an import gave it.
func isID(s string) bool { return s != "" && len(s) <= 64 && crm.IsName(s, "-") }

type entity struct {
	ID          string `json:"id"`
	Email       string `json:"emailAddress"`
	Status      string `json:"status"`
	Description string `json:"description"`
	Post        string `json:"post"`
	Type        string `json:"type"`
	Entity      string `json:"_entityType"`
}

type list struct {
	Total int      `json:"total"`
	List  []entity `json:"list"`
}

// maxName is how long a name may be, in characters.
const maxName = 255

// pageSize is the most that EspoCRM gives at once; pages bounds how many are looked through.
const (
	pageSize = 200
	pages    = 20
)

// where gives the query of a search: each condition is a type, an attribute and a value.
func where(fields string, conditions ...[3]string) url.Values {
	q := url.Values{"select": {fields}, "maxSize": {"1"}}
	for i, c := range conditions {
		at := "where[" + strconv.Itoa(i) + "]"
		q.Set(at+"[type]", c[0])
		q.Set(at+"[attribute]", c[1])
		if c[2] != "" {
			q.Set(at+"[value]", c[2])
		}
	}
	return q
}

// User asks for the active user with an e-mail address.
func (e *espocrm) User(ctx context.Context, email string) (string, error) {
	var got list
	q := where("id", [3]string{"equals", "emailAddress", email}, [3]string{"isTrue", "isActive", ""})
	if _, err := e.api.Do(ctx, http.MethodGet, "User?"+q.Encode(), nil, &got); err != nil || len(got.List) == 0 {
		return "", err
	}
	return got.List[0].ID, nil
}

// lead gives the id of the lead of which an attribute has a value, "" where there is none.
func (e *espocrm) lead(ctx context.Context, attribute, value string) (string, error) {
	var got list
	a, err := e.api.Do(ctx, http.MethodGet, "Lead?"+where("id", [3]string{"equals", attribute, value}).Encode(), nil, nil, http.StatusBadRequest)
	switch {
	case err != nil:
		return "", err
	case a.Status == http.StatusBadRequest && attribute == e.field:
		return "", e.noField(a.Status)
	case !a.OK():
		return "", &crm.Stop{Outcome: e.judge(a)}
	case !a.JSON(&got):
		return "", crm.Strange(a)
	case len(got.List) == 0:
		return "", nil
	}
	return got.List[0].ID, nil
}

func (e *espocrm) noField(status int) error {
	return &crm.Stop{Outcome: destination.Outcome{Verdict: destination.Operator, Status: status, Reason: "leads have no field " + e.field + " that the key may use: create it (Entity Manager, Lead, a varchar)"}}
}

// Find looks for the handoff's lead, or without a handoff for the lead with the e-mail address.
func (e *espocrm) Find(ctx context.Context, v *crm.Visit) (bool, error) {
	if v.Refs["lead"] != "" {
		return true, nil
	}
	attribute, value := e.field, v.Handoff()
	if value == "" {
		attribute, value = "emailAddress", v.Lead.GetEmail()
	}
	if value == "" {
		return false, nil
	}
	id, err := e.lead(ctx, attribute, value)
	if err != nil || id == "" {
		return false, err
	}
	v.Refs["lead"] = id
	return true, nil
}

// Save writes the lead.
func (e *espocrm) Save(ctx context.Context, v *crm.Visit) (bool, error) {
	body := v.Values("lead")
	body[e.field] = v.Handoff()
	if v.Owner != "" {
		body["assignedUserId"] = v.Owner
	}
	id := v.Refs["lead"]
	if id == "" {
		var err error
		if id, err = e.lead(ctx, e.field, v.Handoff()); err != nil {
			return false, err
		}
	}
	if id != "" {
		v.Refs["lead"] = id
		there, err := e.put(ctx, "Lead/"+url.PathEscape(id), body)
		if err != nil || there || !v.Remake() {
			return there, err
		}
	}
	if body["lastName"] == nil {
		body["lastName"] = v.Name()
	}
	made, err := e.create(ctx, body, v.Lead.GetEmail())
	if err != nil {
		return false, err
	}
	v.Refs["lead"] = made
	return true, nil
}

// put writes on what may be gone, once more without the phone number where that is not one in EspoCRM's eyes: no lead is lost
// for its phone number.
func (e *espocrm) put(ctx context.Context, path string, body map[string]any) (there bool, err error) {
	for {
		a, err := e.api.Do(ctx, http.MethodPut, path, body, nil, http.StatusNotFound, http.StatusBadRequest)
		switch {
		case err != nil:
			return false, err
		case a.Status == http.StatusBadRequest && withoutPhone(a, body):
			continue
		case a.Status == http.StatusBadRequest:
			return false, &crm.Stop{Outcome: e.judge(a)}
		}
		return a.OK(), nil
	}
}

func withoutPhone(a *destination.Answer, body map[string]any) bool {
	if field, _ := wrong(a); field != "phoneNumber" || body["phoneNumber"] == nil {
		return false
	}
	delete(body, "phoneNumber")
	return true
}

// create posts a lead. A duplicate with the same e-mail address is taken for it, unless it was converted or duplicates are wanted;
// one that only has the same name is somebody else.
func (e *espocrm) create(ctx context.Context, body map[string]any, email string) (string, error) {
	sure := !e.reuse
	for {
		var header http.Header
		if sure {
			header = crm.Key("X-Skip-Duplicate-Check", "true")
		}
		a, err := e.api.DoWith(ctx, http.MethodPost, "Lead", header, body, nil, http.StatusConflict, http.StatusBadRequest)
		switch {
		case err != nil:
			return "", err
		case a.Status == http.StatusBadRequest && withoutPhone(a, body):
		case a.Status == http.StatusConflict && !sure:
			var there []entity
			a.JSON(&there)
			for _, one := range there {
				if one.ID == "" || email == "" || !strings.EqualFold(one.Email, email) || one.Status == "Converted" || one.Entity != "" && one.Entity != "Lead" {
					continue
				}
				if ok, err := e.put(ctx, "Lead/"+url.PathEscape(one.ID), body); err != nil || ok {
					return one.ID, err
				}
			}
			sure = true
		case !a.OK():
			return "", &crm.Stop{Outcome: e.judge(a)}
		default:
			var made map[string]any
			if !a.JSON(&made) {
				return "", crm.Strange(a)
			}
			id, ok := made["id"].(string)
			if !ok || id == "" {
				return "", crm.Strange(a)
			}
			if made[e.field] != body[e.field] { // EspoCRM leaves out what it does not know, without a word
				return "", e.noField(a.Status)
			}
			return id, nil
		}
	}
}

// Stage writes the fields that follow the stage.
func (e *espocrm) Stage(ctx context.Context, v *crm.Visit) (bool, error) {
	body := v.OnStage("lead")
	if len(body) == 0 {
		return true, nil
	}
	return e.put(ctx, "Lead/"+url.PathEscape(v.Refs["lead"]), body)
}

// Note posts in the stream of the lead. EspoCRM lets a post be changed for some days only; after that a new one is made.
func (e *espocrm) Note(ctx context.Context, v *crm.Visit, id string, n crm.Note) (string, error) {
	lead := v.Refs["lead"]
	if id == "" {
		var err error
		q := url.Values{"filter": {"posts"}}
		if id, err = e.marked(ctx, "Lead/"+url.PathEscape(lead)+"/stream", q, func(one *entity) bool { return strings.Contains(one.Post, n.Mark) }); err != nil {
			return "", err
		}
	}
	if id != "" {
		if n.Final {
			return id, nil
		}
		a, err := e.api.Do(ctx, http.MethodPut, "Note/"+url.PathEscape(id), map[string]string{"post": n.Text}, nil, http.StatusForbidden, http.StatusNotFound)
		if err != nil || a.OK() {
			return id, err
		}
	}
	return e.make(ctx, "Note", map[string]any{"type": "Post", "parentType": "Lead", "parentId": lead, "post": n.Text})
}

// Task makes a task of the lead.
func (e *espocrm) Task(ctx context.Context, v *crm.Visit, id string, t crm.Task) (string, error) {
	lead := v.Refs["lead"]
	if id == "" {
		var err error
		q := where("id,description", [3]string{"equals", "parentId", lead}, [3]string{"equals", "parentType", "Lead"})
		if id, err = e.marked(ctx, "Task", q, func(one *entity) bool { return strings.Contains(one.Description, t.Mark) }); err != nil {
			return "", err
		}
	}
	body := map[string]any{}
	switch {
	case t.Mode == crm.End && id == "", t.Mode == crm.Open && id != "":
		return id, nil
	case t.Mode == crm.End:
		body["status"] = "Completed"
	default:
		body["status"], body["dateEnd"] = "Not Started", t.Due.UTC().Format("2006-01-02 15:04:05")
		if v.Owner != "" {
			body["assignedUserId"] = v.Owner
		}
	}
	if id != "" {
		_, err := e.put(ctx, "Task/"+url.PathEscape(id), body)
		return id, err
	}
	name, _ := crm.Cut(t.Title, maxName)
	body["name"], body["description"], body["priority"], body["parentType"], body["parentId"] = name, t.Text, "High", "Lead", lead
	return e.make(ctx, "Task", body)
}

func (e *espocrm) make(ctx context.Context, kind string, body map[string]any) (string, error) {
	var made entity
	a, err := e.api.Do(ctx, http.MethodPost, kind, body, &made)
	if err == nil && made.ID == "" {
		err = crm.Strange(a)
	}
	return made.ID, err
}

// marked gives the id of the first that is found in a list, "" where none is.
func (e *espocrm) marked(ctx context.Context, path string, q url.Values, is func(*entity) bool) (string, error) {
	q.Set("maxSize", strconv.Itoa(pageSize))
	for page := range pages {
		q.Set("offset", strconv.Itoa(page*pageSize))
		var got list
		if _, err := e.api.Do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &got); err != nil {
			return "", err
		}
		for i := range got.List {
			if is(&got.List[i]) {
				return got.List[i].ID, nil
			}
		}
		if len(got.List) < pageSize {
			break
		}
	}
	return "", nil
}
