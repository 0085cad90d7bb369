// Package odootest is as much of Odoo in memory as Baton uses of it, for tests: of the destination and of the whole program.
package odootest

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/batonhq/baton/services/routing/internal/destinations/crm/crmtest"
)

type object = map[string]any

// Fake is an Odoo database in memory, as its JSON-2 API shows it.
type Fake struct {
	Mu      sync.Mutex
	next    float64
	Models  map[string][]object
	Missing bool // leads have no x_baton_handoff_id
	Forget  bool // an activity that is done is deleted, not archived
}

func New() *Fake {
	return &Fake{next: 100, Models: map[string][]object{"res.users": {
		{"id": 2.0, "login": "ana@us.example", "email": "ana@us.example", "share": false, "active": true},
		{"id": 3.0, "login": "bo", "email": "Bo@us.example", "share": false, "active": true},
		{"id": 4.0, "login": "cy@us.example", "email": false, "share": true, "active": true},
	}}}
}

func (f *Fake) Records() map[string]int {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	return map[string]int{"leads": len(f.Models["crm.lead"]), "messages": len(f.Models["mail.message"]), "activities": len(f.Models["mail.activity"])}
}

func (f *Fake) First(model string) object {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if len(f.Models[model]) == 0 {
		return nil
	}
	return f.Models[model][0]
}

func fail(w http.ResponseWriter, status int, name, message string) {
	crmtest.Answer(w, status, object{"name": name, "message": message, "arguments": []any{message}, "context": object{}, "debug": "Traceback (most recent call last)"})
}

func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.Mu.Lock()
	defer f.Mu.Unlock()
	if r.Header.Get("Authorization") != "bearer odoo-secret" {
		fail(w, 401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
		return
	}
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/json/2/"), "/")
	if len(path) != 2 || r.Method != http.MethodPost || r.Header.Get("X-Odoo-Database") != "sales" {
		fail(w, 404, "werkzeug.exceptions.NotFound", "not found")
		return
	}
	body := crmtest.Body(r)
	model, method := path[0], path[1]
	ids, _ := body["ids"].([]any)
	switch method {
	case "search_read":
		f.search(w, model, body)
	case "create":
		vals := body["vals_list"].([]any)[0].(object)
		if f.unknown(w, vals) {
			return
		}
		vals["active"] = true
		crmtest.Answer(w, 200, []any{f.add(model, vals)})
	case "write":
		if vals := body["vals"].(object); !f.unknown(w, vals) {
			f.change(w, model, ids, vals)
		}
	case "message_post":
		if !f.has("crm.lead", ids) {
			fail(w, 404, "odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
			return
		}
		crmtest.Answer(w, 200, []any{f.add("mail.message", object{"model": "crm.lead", "res_id": ids[0], "body": body["body"], "html": body["body_is_html"], "subtype": body["subtype_xmlid"]})})
	case "activity_schedule":
		crmtest.Answer(w, 200, []any{f.add("mail.activity", object{
			"res_model": "crm.lead", "res_id": ids[0], "note": body["note"], "summary": body["summary"], "user_id": body["user_id"], "date_deadline": body["date_deadline"], "active": true,
		})})
	case "action_feedback":
		if f.Forget {
			f.Models[model] = slices.DeleteFunc(f.Models[model], func(o object) bool { return o["id"] == ids[0] })
			crmtest.Answer(w, 200, 7)
			return
		}
		f.change(w, model, ids, object{"active": false})
	case "fields_get":
		out := object{"create_date": object{"type": "datetime", "readonly": true}, "active": object{"type": "boolean"}, "priority": object{"type": "selection", "selection": [][]string{{"0", "Low"}, {"1", "Medium"}, {"2", "High"}}}}
		for _, n := range []string{"name", "contact_name", "email_from", "phone", "function", "partner_name", "street", "city", "zip"} {
			out[n] = object{"type": "char"}
		}
		if !f.Missing {
			out["x_baton_handoff_id"] = object{"type": "char"}
		}
		crmtest.Answer(w, 200, out)
	default:
		fail(w, 404, "werkzeug.exceptions.NotFound", "no such method")
	}
}

func (f *Fake) unknown(w http.ResponseWriter, vals object) bool {
	if _, ok := vals["x_baton_handoff_id"]; ok && f.Missing {
		fail(w, 500, "builtins.ValueError", "Invalid field 'x_baton_handoff_id' in 'crm.lead'")
		return true
	}
	return false
}

func (f *Fake) add(model string, vals object) float64 {
	f.next++
	vals["id"] = f.next
	f.Models[model] = append(f.Models[model], vals)
	return f.next
}

func (f *Fake) has(model string, ids []any) bool {
	return len(ids) == 1 && slices.ContainsFunc(f.Models[model], func(o object) bool { return o["id"] == ids[0] })
}

func (f *Fake) change(w http.ResponseWriter, model string, ids []any, vals object) {
	if !f.has(model, ids) {
		fail(w, 404, "odoo.exceptions.MissingError", "Record does not exist or has been deleted.")
		return
	}
	for _, o := range f.Models[model] {
		if o["id"] == ids[0] {
			for k, v := range vals {
				o[k] = v
			}
		}
	}
	crmtest.Answer(w, 200, true)
}

// search knows the operators that are used, in prefix notation with |.
func (f *Fake) search(w http.ResponseWriter, model string, body object) {
	domain := body["domain"].([]any)
	plain := strings.NewReplacer(`\_`, "_", `\%`, "%", `\\`, `\`)
	for _, term := range domain {
		if t, ok := term.([]any); ok && t[0] == "x_baton_handoff_id" && f.Missing {
			fail(w, 500, "builtins.ValueError", "Invalid field crm.lead.x_baton_handoff_id in condition ('x_baton_handoff_id', '=', 'ho_1')")
			return
		}
	}
	var eval func(o object) bool
	eval = func(o object) bool {
		term := domain[0]
		domain = domain[1:]
		if term == "|" {
			a, b := eval(o), eval(o)
			return a || b
		}
		t := term.([]any)
		have := o[t[0].(string)]
		text, _ := have.(string)
		switch t[1] {
		case "=ilike":
			return strings.EqualFold(text, plain.Replace(t[2].(string)))
		case "ilike":
			return strings.Contains(strings.ToLower(text), strings.ToLower(plain.Replace(t[2].(string))))
		}
		return have == t[2]
	}
	all := domain
	out := []object{}
	for _, o := range f.Models[model] {
		ok := true
		for domain = all; len(domain) > 0; {
			ok = eval(o) && ok
		}
		if ok {
			out = append(out, o)
		}
	}
	slices.Reverse(out)
	crmtest.Answer(w, 200, out)
}
