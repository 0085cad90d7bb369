// Package espocrmtest is as much of Espocrm in memory as Baton uses of it, for tests: of the destination and of the whole program.
package espocrmtest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
)

type object = map[string]any

// Fake is an EspoCRM installation in memory.
type Fake struct {
	Mu   sync.Mutex
	next int
	All  map[string][]object
	// noField: leads have no cHandoffId. silent: and a search by it finds nothing. oldNotes: posts can no longer be changed.
	NoField, Silent, OldNotes bool
	skipped                   int
}

func New() *Fake {
	return &Fake{All: map[string][]object{"User": {
		{"id": "u-ana", "emailAddress": "ana@us.example", "isActive": true}, {"id": "u-bo", "emailAddress": "bo@us.example", "isActive": true},
		{"id": "u-cy", "emailAddress": "cy@us.example", "isActive": false},
	}}}
}

func (f *Fake) Records() map[string]int {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	return map[string]int{"leads": len(f.All["Lead"]), "notes": len(f.All["Note"]), "tasks": len(f.All["Task"])}
}

func (f *Fake) First(kind string) object {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if len(f.All[kind]) == 0 {
		return nil
	}
	return f.All[kind][0]
}

func fail(w http.ResponseWriter, status int, reason string, body any) {
	w.Header().Set("X-Status-Reason", reason)
	if body == nil {
		w.WriteHeader(status)
		return
	}
	crmtest.Answer(w, status, body)
}

func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if r.Header.Get("X-Api-Key") != "espo-secret" {
		fail(w, 401, "", nil)
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	kind := path[0]
	switch {
	case kind == "Metadata":
		fields := object{"status": object{"type": "enum", "options": []string{"New", "Assigned", "In Process", "Converted", "Recycled"}}, "assignedUser": object{"type": "link"}, "createdAt": object{"type": "datetime", "readOnly": true}}
		for _, n := range []string{"firstName", "lastName", "emailAddress", "phoneNumber", "title", "addressCountry", "addressStreet", "addressCity", "addressPostalCode", "addressState", "accountName"} {
			fields[n] = object{"type": "varchar"}
		}
		if !f.NoField {
			fields["cHandoffId"] = object{"type": "varchar"}
		}
		crmtest.Answer(w, 200, fields)
	case len(path) == 3 && path[2] == "stream":
		f.answer(w, f.pick("Note", func(o object) bool { return o["parentId"] == path[1] }))
	case r.Method == http.MethodGet:
		f.search(w, kind, r.URL.Query())
	case r.Method == http.MethodPost:
		f.post(w, kind, crmtest.Body(r), r.Header.Get("X-Skip-Duplicate-Check") == "true")
	case r.Method == http.MethodPut && len(path) == 2:
		f.put(w, kind, path[1], crmtest.Body(r))
	default:
		fail(w, 404, "", nil)
	}
}

func (f *Fake) pick(kind string, is func(object) bool) []object {
	out := []object{}
	for _, o := range f.All[kind] {
		if is(o) {
			out = append(out, o)
		}
	}
	return out
}

func (f *Fake) answer(w http.ResponseWriter, found []object) {
	crmtest.Answer(w, 200, object{"total": len(found), "list": found})
}

func (f *Fake) search(w http.ResponseWriter, kind string, q url.Values) {
	if f.NoField && !f.Silent && q.Get("where[0][attribute]") == "cHandoffId" {
		fail(w, 400, "Not existing attribute", nil)
		return
	}
	f.answer(w, f.pick(kind, func(o object) bool {
		for i := 0; ; i++ {
			at := "where[" + strconv.Itoa(i) + "]"
			attribute := q.Get(at + "[attribute]")
			switch q.Get(at + "[type]") {
			case "":
				return true
			case "equals":
				if o[attribute] != q.Get(at+"[value]") {
					return false
				}
			case "isTrue":
				if o[attribute] != true {
					return false
				}
			}
		}
	}))
}

func phone(w http.ResponseWriter, body object) bool {
	if p, ok := body["phoneNumber"].(string); ok && !strings.HasPrefix(p, "+") {
		fail(w, 400, "Field validation failure", object{"messageTranslation": object{"label": "validationFailure", "data": object{"field": "phoneNumber", "type": "valid"}}})
		return false
	}
	return true
}

func (f *Fake) post(w http.ResponseWriter, kind string, body object, skip bool) {
	if kind == "Lead" {
		if body["lastName"] == nil {
			fail(w, 400, "", object{"messageTranslation": object{"label": "validationFailure", "data": object{"field": "lastName", "type": "required"}}})
			return
		}
		if !phone(w, body) {
			return
		}
		same := f.pick("Lead", func(o object) bool {
			return body["emailAddress"] != nil && o["emailAddress"] == body["emailAddress"] || o["lastName"] == body["lastName"] && o["firstName"] == body["firstName"]
		})
		if len(same) > 0 && !skip {
			fail(w, 409, "Duplicate", same)
			return
		}
		if skip {
			f.skipped++
		}
		if f.NoField {
			delete(body, "cHandoffId")
		}
	}
	f.next++
	body["id"] = "e" + strconv.Itoa(f.next)
	f.All[kind] = append(f.All[kind], body)
	crmtest.Answer(w, 200, body)
}

func (f *Fake) put(w http.ResponseWriter, kind, id string, body object) {
	if kind == "Note" && f.OldNotes {
		fail(w, 403, "No access to edit", nil)
		return
	}
	for _, o := range f.All[kind] {
		if o["id"] == id {
			if !phone(w, body) {
				return
			}
			for k, v := range body {
				o[k] = v
			}
			crmtest.Answer(w, 200, o)
			return
		}
	}
	fail(w, 404, "", nil)
}
