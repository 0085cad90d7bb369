// Package zohotest is as much of Zoho in memory as Baton uses of it, for tests: of the destination and of the whole program.
package zohotest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Fake is an organisation at Zoho CRM: its records, and as much of its REST API as is used.
type Fake struct {
	Mu      sync.Mutex
	Modules map[string]map[string]map[string]any // module → id → fields
	next    int
	tokens  int
	// rule is asked before a record is written: a result with a code refuses it inside an answer of status 200.
	Rule   func(module string, record map[string]any) map[string]any
	Bodies []string
	grants []url.Values
}

const (
	leads, notes, tasks = "Leads", "Notes", "Tasks"

	AnaID = "500000000000001"
	BoID  = "500000000000002"
)

func New() *Fake {
	return &Fake{Modules: map[string]map[string]map[string]any{leads: {}, notes: {}, tasks: {}}}
}

func (o *Fake) Add(module string, fields map[string]any) string {
	o.next++
	id := fmt.Sprintf("4000000%08d", o.next)
	r := maps.Clone(fields)
	r["id"] = id
	o.Modules[module][id] = r
	return id
}

func (o *Fake) Counts() map[string]int {
	o.Mu.Lock()
	defer o.Mu.Unlock()
	n := map[string]int{}
	for m, all := range o.Modules {
		if len(all) > 0 {
			n[m] = len(all)
		}
	}
	return n
}

func (o *Fake) Only(module string) map[string]any {
	o.Mu.Lock()
	defer o.Mu.Unlock()
	if len(o.Modules[module]) != 1 {
		return nil
	}
	for _, r := range o.Modules[module] {
		return maps.Clone(r)
	}
	return nil
}

func Refusal(code string, details map[string]any) map[string]any {
	if details == nil {
		details = map[string]any{}
	}
	return map[string]any{"code": code, "details": details, "message": "about ana@initech.example", "status": "error"}
}

func success(id, action string) map[string]any {
	return map[string]any{"code": "SUCCESS", "duplicate_field": nil, "action": action, "details": map[string]any{"id": id}, "message": "record " + action, "status": "success"}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func Text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

func (o *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.Mu.Lock()
	defer o.Mu.Unlock()
	if r.URL.Path == "/oauth/v2/token" {
		if r.ParseForm() != nil || r.PostForm.Get("refresh_token") != "1000.refresh" {
			reply(w, 200, map[string]string{"error": "invalid_code"})
			return
		}
		o.grants = append(o.grants, r.PostForm)
		o.tokens++
		reply(w, 200, map[string]any{"access_token": fmt.Sprintf("1000.access%d", o.tokens), "api_domain": "http://" + r.Host, "token_type": "Bearer", "expires_in": 3600})
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Zoho-oauthtoken 1000.access") {
		reply(w, 401, Refusal("INVALID_TOKEN", nil))
		return
	}
	at := strings.Split(strings.TrimPrefix(r.URL.Path, "/crm/v6/"), "/")
	switch {
	case r.Method == http.MethodGet:
		o.get(w, at, r.URL.Query())
		return
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		reply(w, 400, Refusal("INVALID_REQUEST_METHOD", nil))
		return
	}
	raw, err := io.ReadAll(r.Body)
	var in struct {
		Data   []map[string]any `json:"data"`
		Check  []string         `json:"duplicate_check_fields"`
		Unique *[]string        `json:"trigger"`
	}
	if err != nil || json.Unmarshal(raw, &in) != nil || len(in.Data) != 1 {
		reply(w, 400, Refusal("INVALID_DATA", nil))
		return
	}
	o.Bodies = append(o.Bodies, string(raw))
	reply(w, 200, map[string]any{"data": []any{o.write(r.Method, at, in.Data[0], in.Check)}})
}

func (o *Fake) get(w http.ResponseWriter, at []string, q url.Values) {
	name, found := "data", []map[string]any{}
	switch {
	case at[0] == "users":
		name = "users"
		if q.Get("page") == "1" {
			reply(w, 200, map[string]any{"users": []map[string]any{{"id": AnaID, "email": "ana@us.example"}}, "info": map[string]any{"more_records": true}})
			return
		}
		found = []map[string]any{{"id": BoID, "email": "Bo@us.example"}}
	case at[0] == "settings":
		name, found = "fields", fieldsOf(q.Get("module"))
	case len(at) == 2 && at[1] == "search":
		for _, l := range o.Modules[leads] {
			if q.Get("email") != "" && l["Email"] == q.Get("email") || strings.HasSuffix(q.Get("criteria"), fmt.Sprintf(":equals:%v)", l["Handoff"])) {
				found = append(found, l)
			}
		}
	case len(at) == 3:
		for _, b := range o.Modules[at[2]] {
			if b["parent"] == at[1] {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		w.WriteHeader(204)
		return
	}
	reply(w, 200, map[string]any{name: found, "info": map[string]any{"more_records": false}})
}

func (o *Fake) write(method string, at []string, record map[string]any, check []string) map[string]any {
	module := at[0]
	if len(at) == 3 {
		module = at[2]
	}
	if o.Rule != nil {
		if r := o.Rule(module, record); r != nil {
			return r
		}
	}
	if owner, ok := record["Owner"].(map[string]any); ok && owner["id"] != AnaID && owner["id"] != BoID {
		return Refusal("INVALID_DATA", map[string]any{"api_name": "Owner", "json_path": "$.data[0].Owner"})
	}
	if method == http.MethodPut {
		r := o.Modules[module][at[1]]
		if r == nil {
			return Refusal("INVALID_DATA", map[string]any{"api_name": "id", "json_path": "$.data[0].id"})
		}
		maps.Copy(r, record)
		return success(at[1], "update")
	}
	switch {
	case len(at) == 2 && at[1] == "upsert":
		if name, _ := record["Last_Name"].(string); name == "" {
			return Refusal("MANDATORY_NOT_FOUND", map[string]any{"api_name": "Last_Name", "json_path": "$.data[0].Last_Name"})
		}
		for _, f := range check {
			for id, l := range o.Modules[leads] {
				if record[f] != nil && l[f] == record[f] {
					maps.Copy(l, record)
					return success(id, "update")
				}
			}
		}
	case len(at) == 3:
		record["parent"] = at[1]
	case module == tasks:
		record["parent"] = record["What_Id"].(map[string]any)["id"]
	}
	return success(o.Add(module, record), "insert")
}

func fieldsOf(module string) []map[string]any {
	var rows []map[string]any
	for _, n := range map[string][]string{
		leads: {"First_Name", "Last_Name", "Email", "Designation", "Phone", "Company", "Street", "City", "Zip_Code", "State"}, tasks: {"Subject", "Description", "Priority"},
	}[module] {
		rows = append(rows, map[string]any{"api_name": n, "read_only": false, "system_mandatory": n == "Last_Name"})
	}
	if module == leads {
		rows = append(rows, map[string]any{"api_name": "Created_Time", "read_only": true}, map[string]any{"api_name": "Handoff", "unique": map[string]any{}},
			map[string]any{"api_name": "Region", "system_mandatory": true},
			map[string]any{"api_name": "Lead_Status", "pick_list_values": []any{map[string]any{"actual_value": "Lost Lead", "display_value": "Lost"}}})
	}
	return rows
}
