// Package hubspottest is as much of Hubspot in memory as Baton uses of it, for tests: of the destination and of the whole program.
package hubspottest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
)

type object = map[string]any

// Fake is a HubSpot account in memory: contacts unique by e-mail address, leads by baton_handoff_id, associations.
type Fake struct {
	Mu      sync.Mutex
	next    int
	Objects map[string]map[string]object // kind → id → properties
	links   map[string][]string          // contact/notes/5 → ids
	owners  map[string]string
	// missing are properties that the account does not have; partial makes an upsert answer 207, empty one without results.
	Missing        map[string]bool
	Partial, Empty string
	seen           []string
}

func New() *Fake {
	return &Fake{
		next: 100, Objects: map[string]map[string]object{"contacts": {}, "leads": {}, "notes": {}, "tasks": {}, "companies": {"7": {"domain": "initech.example"}}},
		links: map[string][]string{}, owners: map[string]string{"ana@us.example": "11", "bo@us.example": "12"}, Missing: map[string]bool{},
	}
}

func (f *Fake) Records() map[string]int {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	out := map[string]int{}
	for kind, all := range f.Objects {
		out[kind] = len(all)
	}
	out["company links"] = len(f.links["company"])
	return out
}

func (f *Fake) Only(kind string) object {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	for _, o := range f.Objects[kind] {
		return o
	}
	return nil
}

func fail(w http.ResponseWriter, status int, category, message string) {
	crmtest.Answer(w, status, map[string]any{"status": "error", "category": category, "message": message, "correlationId": "c-1"})
}

func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	w.Header().Set("X-HubSpot-RateLimit-Daily-Remaining", "249991")
	if r.Header.Get("Authorization") != "Bearer pat-secret" {
		fail(w, 401, "INVALID_AUTHENTICATION", "Authentication credentials not found")
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/crm/v3/"), "/")
	f.seen = append(f.seen, r.Method+" "+r.URL.Path)
	body := crmtest.Body(r)
	switch {
	case r.URL.Path == "/crm/v3/owners":
		results := []any{}
		if id, ok := f.owners[r.URL.Query().Get("email")]; ok {
			results = append(results, object{"id": id, "archived": false})
		}
		crmtest.Answer(w, 200, object{"results": results})
	case r.URL.Path == "/crm/v4/associations/contacts/companies/batch/associate/default":
		pair := body["inputs"].([]any)[0].(map[string]any)
		link := fmt.Sprint(pair["from"], pair["to"])
		if !strings.Contains(strings.Join(f.links["company"], ","), link) {
			f.links["company"] = append(f.links["company"], link)
		}
		crmtest.Answer(w, 200, object{"status": "COMPLETE", "results": []any{pair}})
	case path[0] == "properties":
		f.properties(w, path[1])
	case r.URL.Path == "/account-info/v3/details":
		crmtest.Answer(w, 200, object{"timeZone": "America/New_York"})
	case path[0] == "objects" && len(path) == 4 && path[2] == "batch" && path[3] == "read":
		f.read(w, path[1], body)
	case path[0] == "objects" && len(path) == 4 && path[2] == "batch" && path[3] == "upsert":
		f.upsert(w, body)
	case path[0] == "objects" && len(path) == 3 && path[2] == "search":
		results := []any{}
		filter := body["filterGroups"].([]any)[0].(map[string]any)["filters"].([]any)[0].(map[string]any)
		for id, o := range f.Objects[path[1]] {
			if o[filter["propertyName"].(string)] == filter["value"] {
				results = append(results, object{"id": id, "properties": o})
			}
		}
		crmtest.Answer(w, 200, object{"total": len(results), "results": results})
	case path[0] == "objects" && len(path) == 5 && path[3] == "associations":
		results := []any{}
		for _, id := range f.links[path[2]+"/"+path[4]] {
			results = append(results, object{"id": id, "type": "contact_to_" + path[4]})
		}
		crmtest.Answer(w, 200, object{"results": results})
	case path[0] == "objects" && len(path) == 2 && r.Method == http.MethodPost:
		f.create(w, path[1], body)
	case path[0] == "objects" && len(path) == 3 && r.Method == http.MethodPatch:
		f.patch(w, path[1], path[2], body["properties"].(map[string]any))
	default:
		fail(w, 404, "OBJECT_NOT_FOUND", "resource not found")
	}
}

// refused says what HubSpot says of properties that it does not take.
func (f *Fake) refused(w http.ResponseWriter, props map[string]any) bool {
	for name, v := range props {
		if _, ok := v.(string); !ok {
			fail(w, 400, "VALIDATION_ERROR", "Invalid input JSON")
			return true
		}
		if f.Missing[name] {
			fail(w, 400, "VALIDATION_ERROR", `Property values were not valid: [{"isValid":false,"message":"Property \"`+name+`\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"`+name+`"}]`)
			return true
		}
	}
	return false
}

func (f *Fake) put(kind string, props map[string]any) string {
	f.next++
	id := strconv.Itoa(f.next)
	f.Objects[kind][id] = props
	return id
}

func (f *Fake) upsert(w http.ResponseWriter, body map[string]any) {
	in := body["inputs"].([]any)[0].(map[string]any)
	props := in["properties"].(map[string]any)
	if f.refused(w, props) {
		return
	}
	if f.Empty != "" {
		crmtest.Answer(w, 200, object{"status": "COMPLETE", "results": []any{}})
		return
	}
	if f.Partial != "" {
		crmtest.Answer(w, 207, object{"status": "COMPLETE", "results": []any{}, "numErrors": 1, "errors": []any{object{
			"status": "error", "category": "VALIDATION_ERROR", "message": `Property values were not valid: [{"error":"` + f.Partial + `","name":"email"}]`,
			"context": object{"objectWriteTraceId": []string{in["objectWriteTraceId"].(string)}},
		}}})
		return
	}
	for id, o := range f.Objects["contacts"] {
		if o["email"] == in["id"] {
			for k, v := range props {
				o[k] = v
			}
			crmtest.Answer(w, 200, object{"status": "COMPLETE", "results": []any{object{"id": id, "properties": o, "new": false}}})
			return
		}
	}
	id := f.put("contacts", props)
	crmtest.Answer(w, 201, object{"status": "COMPLETE", "results": []any{object{"id": id, "properties": props, "new": true}}})
}

func (f *Fake) read(w http.ResponseWriter, kind string, body map[string]any) {
	by, _ := body["idProperty"].(string)
	results := []any{}
	for _, in := range body["inputs"].([]any) {
		want := in.(map[string]any)["id"].(string)
		for id, o := range f.Objects[kind] {
			if by == "" && id == want || by != "" && o[by] == want {
				results = append(results, object{"id": id, "properties": o})
			}
		}
	}
	status := 200
	if len(results) == 0 {
		status = 207
	}
	crmtest.Answer(w, status, object{"status": "COMPLETE", "results": results, "numErrors": 0})
}

func (f *Fake) create(w http.ResponseWriter, kind string, body map[string]any) {
	props := body["properties"].(map[string]any)
	if f.refused(w, props) {
		return
	}
	link := body["associations"].([]any)[0].(map[string]any)
	contact := link["to"].(map[string]any)["id"].(string)
	if f.Objects["contacts"][contact] == nil {
		fail(w, 400, "VALIDATION_ERROR", "the contact does not exist")
		return
	}
	want := map[string]float64{"leads": 578, "notes": 202, "tasks": 204}[kind]
	if link["types"].([]any)[0].(map[string]any)["associationTypeId"] != want {
		fail(w, 400, "VALIDATION_ERROR", "the association type is not valid")
		return
	}
	if kind == "leads" {
		for _, o := range f.Objects["leads"] {
			if o["baton_handoff_id"] == props["baton_handoff_id"] {
				fail(w, 409, "CONFLICT", "unique value taken")
				return
			}
		}
		if props["hs_lead_name"] == nil {
			fail(w, 400, "VALIDATION_ERROR", "hs_lead_name is required")
			return
		}
	}
	id := f.put(kind, props)
	f.links[contact+"/"+kind] = append(f.links[contact+"/"+kind], id)
	crmtest.Answer(w, 201, object{"id": id, "properties": props})
}

func (f *Fake) patch(w http.ResponseWriter, kind, id string, props map[string]any) {
	o := f.Objects[kind][id]
	if o == nil {
		fail(w, 404, "OBJECT_NOT_FOUND", "no such object")
		return
	}
	if f.refused(w, props) {
		return
	}
	for other, c := range f.Objects["contacts"] {
		if kind == "contacts" && other != id && props["email"] != nil && c["email"] == props["email"] {
			fail(w, 409, "CONFLICT", "Contact already exists. Existing ID: "+other)
			return
		}
	}
	for k, v := range props {
		o[k] = v
	}
	crmtest.Answer(w, 200, object{"id": id, "properties": o})
}

func (f *Fake) properties(w http.ResponseWriter, kind string) {
	names := map[string][]string{
		"contacts": {"firstname", "lastname", "jobtitle", "phone", "country", "company", "address", "city", "zip", "state", "lifecyclestage", "hs_lead_status"},
		"leads":    {"hs_lead_name", "hs_lead_label", "baton_handoff_id"},
	}[kind]
	results := []any{}
	for _, n := range names {
		if f.Missing[n] {
			continue
		}
		p := object{"name": n, "type": "string", "hasUniqueValue": n == "baton_handoff_id", "modificationMetadata": object{"readOnlyValue": n == "company"}}
		if n == "hs_lead_label" {
			p["type"], p["options"] = "enumeration", []any{object{"value": "HOT"}, object{"value": "WARM"}}
		}
		results = append(results, p)
	}
	crmtest.Answer(w, 200, object{"results": results})
}
