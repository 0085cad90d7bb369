// Package pipedrivetest is as much of Pipedrive in memory as Baton uses of it, for tests: of the destination and of the whole program.
package pipedrivetest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
)

type object = map[string]any

const Field = "0123456789abcdef0123456789abcdef01234567"

// Fake is a Pipedrive company in memory. Its search knows only what was there lag requests ago, and no more than it is told.
type Fake struct {
	Mu     sync.Mutex
	next   int
	All    map[string][]object
	Blind  bool // the search finds nothing
	Oauth  bool
	tokens int
	Fields []string
}

func New() *Fake {
	return &Fake{next: 10, All: map[string][]object{}, Fields: []string{Field, "title", "name"}}
}

func (f *Fake) Records() map[string]int {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	out := map[string]int{}
	for _, kind := range []string{"persons", "organizations", "leads", "notes", "activities"} {
		out[kind] = len(f.All[kind])
	}
	return out
}

func (f *Fake) First(kind string) object {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if len(f.All[kind]) == 0 {
		return nil
	}
	return f.All[kind][0]
}

func give(w http.ResponseWriter, status int, data any) {
	crmtest.Answer(w, status, object{"success": true, "data": data, "additional_data": object{"pagination": object{"more_items_in_collection": false}}})
}

func fail(w http.ResponseWriter, status int, says string) {
	crmtest.Answer(w, status, object{"success": false, "error": says, "data": nil})
}

func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if r.URL.Path == "/oauth/token" {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte("app:app-secret"))
		if r.Header.Get("Authorization") != want || r.FormValue("grant_type") != "refresh_token" || r.FormValue("refresh_token") != "refresh-secret" {
			crmtest.Answer(w, 400, object{"success": "false", "error": "invalid_grant"})
			return
		}
		f.tokens++
		crmtest.Answer(w, 200, object{"access_token": "tok-" + strconv.Itoa(f.tokens), "expires_in": 3599, "api_domain": "https://initech.example"})
		return
	}
	if f.Oauth && r.Header.Get("Authorization") != "Bearer tok-"+strconv.Itoa(f.tokens) || !f.Oauth && r.Header.Get("x-api-token") != "key-secret" {
		crmtest.Answer(w, 401, object{"success": false, "error": "unauthorized access", "errorCode": 401})
		return
	}
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // api v1 leads …
	if len(path) < 3 || path[0] != "api" || path[1] != map[string]string{"persons": "v2", "organizations": "v2", "activities": "v2"}[path[2]] && path[1] != "v1" {
		fail(w, 404, "Unknown method")
		return
	}
	q, kind := r.URL.Query(), path[2]
	switch {
	case kind == "users":
		found := []object{}
		if i := slices.Index([]string{"ana@us.example", "bo@us.example"}, q.Get("term")); i >= 0 && q.Get("search_by_email") == "1" {
			found = append(found, object{"id": 21 + i, "email": q.Get("term"), "active_flag": true})
		}
		give(w, 200, found)
	case kind == "dealFields" || kind == "personFields":
		out := []object{}
		for _, k := range f.Fields {
			out = append(out, object{"key": k, "field_type": "varchar"})
		}
		give(w, 200, out)
	case len(path) == 4 && path[3] == "search":
		f.search(w, kind, q.Get("fields"), q.Get("term"), q.Get("exact_match"))
	case r.Method == http.MethodGet:
		f.list(w, kind, len(path) == 4 && path[3] == "archived", q)
	case r.Method == http.MethodPost:
		f.post(w, kind, crmtest.Body(r))
	case r.Method == http.MethodPatch && kind != "notes" || r.Method == http.MethodPut && kind == "notes":
		f.change(w, kind, path[3], crmtest.Body(r))
	default:
		fail(w, 405, "method")
	}
}

func (f *Fake) search(w http.ResponseWriter, kind, by, term, exact string) {
	items := []object{}
	for _, o := range f.All[kind] {
		hit := by == "name" && o["name"] == term
		if emails, ok := o["emails"].([]any); ok && by == "email" {
			for _, e := range emails {
				hit = hit || e.(object)["value"] == term
			}
		}
		if hit && !f.Blind && exact == "true" {
			items = append(items, object{"result_score": 0.9, "item": object{"id": o["id"]}})
		}
	}
	give(w, 200, object{"items": items})
}

func (f *Fake) list(w http.ResponseWriter, kind string, archived bool, q map[string][]string) {
	out := []object{}
	for _, o := range slices.Backward(f.All[kind]) {
		if by := q["person_id"]; by != nil && fmt.Sprint(o["person_id"]) != by[0] || kind == "leads" && (o["is_archived"] == true) != archived {
			continue
		}
		if by := q["lead_id"]; by != nil && o["lead_id"] != by[0] {
			continue
		}
		out = append(out, o)
	}
	give(w, 200, out)
}

func (f *Fake) has(kind string, id any) bool {
	return slices.ContainsFunc(f.All[kind], func(o object) bool { return fmt.Sprint(o["id"]) == fmt.Sprint(id) })
}

func (f *Fake) post(w http.ResponseWriter, kind string, body object) {
	f.next++
	body["id"] = f.next
	switch kind {
	case "persons", "organizations":
		if body["name"] == nil {
			fail(w, 400, "name is required")
			return
		}
	case "leads":
		if _, number := body["person_id"].(float64); !number || !f.has("persons", body["person_id"]) || body["title"] == nil {
			fail(w, 400, "a lead needs a title, and a person or an organization")
			return
		}
		body["id"] = fmt.Sprintf("adf21080-0e10-11eb-879b-%012d", f.next)
	case "notes", "activities":
		if !f.has("leads", body["lead_id"]) {
			fail(w, 400, "lead not found")
			return
		}
	}
	f.All[kind] = append(f.All[kind], body)
	give(w, 201, body)
}

func (f *Fake) change(w http.ResponseWriter, kind, id string, body object) {
	for _, o := range f.All[kind] {
		if fmt.Sprint(o["id"]) == id {
			for k, v := range body {
				o[k] = v
			}
			give(w, 200, o)
			return
		}
	}
	fail(w, 404, "not found")
}
