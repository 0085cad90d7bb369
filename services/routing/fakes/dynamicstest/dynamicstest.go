// Package dynamicstest is as much of Dynamics in memory as Baton uses of it, for tests: of the destination and of the whole program.
package dynamicstest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// Fake is an environment of Dataverse: its rows, and as much of the Web API as is used.
type Fake struct {
	Mu     sync.Mutex
	Tables map[string]map[string]map[string]any // table → id → columns
	next   int
	tokens int
	// rule is asked before a row is written: a status that is not 0 refuses with its body.
	Rule func(table string, columns map[string]any) (status int, body string)
	// keyed lets OData-EntityId name the alternate key, as updates by one do.
	Keyed  bool
	header http.Header
	Bodies []string
	Grants []url.Values
}

const (
	AnaID = "10000000-0000-0000-0000-000000000001"
	BoID  = "10000000-0000-0000-0000-000000000002"
)

func New() *Fake {
	e := &Fake{Tables: map[string]map[string]map[string]any{"leads": {}, "tasks": {}, "systemusers": {
		AnaID: {"systemuserid": AnaID, "internalemailaddress": "ana@us.example", "isdisabled": false},
		BoID:  {"systemuserid": BoID, "internalemailaddress": "bo@us.example", "isdisabled": false},
	}}}
	return e
}

func (e *Fake) Lead(columns map[string]any) string {
	e.next++
	id := fmt.Sprintf("20000000-0000-0000-0000-%012d", e.next)
	columns["leadid"] = id
	if _, ok := columns["statecode"]; !ok {
		columns["statecode"] = 0.0
	}
	e.Tables["leads"][id] = columns
	return id
}

func (e *Fake) Counts() map[string]int {
	e.Mu.Lock()
	defer e.Mu.Unlock()
	n := map[string]int{}
	for _, t := range []string{"leads", "tasks"} {
		if len(e.Tables[t]) > 0 {
			n[t] = len(e.Tables[t])
		}
	}
	return n
}

func (e *Fake) Only(table string) map[string]any {
	e.Mu.Lock()
	defer e.Mu.Unlock()
	if len(e.Tables[table]) != 1 {
		return nil
	}
	for _, r := range e.Tables[table] {
		return maps.Clone(r)
	}
	return nil
}

func Failure(code, message string) string {
	raw, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	if err != nil {
		return "{}"
	}
	return string(raw)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("OData-Version", "4.0")
	w.WriteHeader(status)
	if s, ok := body.(string); ok {
		_, _ = io.WriteString(w, s)
	} else if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

var (
	rowPath  = regexp.MustCompile(`^/(leads|tasks)\(([0-9a-f-]{36})\)$`)
	keyPath  = regexp.MustCompile(`^/leads\((\w+)='([\w-]+)'\)$`)
	ofUser   = regexp.MustCompile(`^internalemailaddress eq '((?:[^']|'')*)' and isdisabled eq false$`)
	ofLead   = regexp.MustCompile(`^(\w+) eq '([\w-]+)'(?: or \(emailaddress1 eq '((?:[^']|'')*)' and statecode eq 0\))?$`)
	ofMeta   = regexp.MustCompile(`^/EntityDefinitions\(LogicalName='(\w+)'\)/(Attributes|Keys)(/Microsoft\.Dynamics\.CRM\.\w+)?$`)
	binding  = regexp.MustCompile(`^/(leads|systemusers)\(([0-9a-f-]{36})\)$`)
	unquoted = strings.NewReplacer("''", "'")
)

func (e *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.Mu.Lock()
	defer e.Mu.Unlock()
	if r.URL.Path == "/token" {
		if r.ParseForm() != nil {
			reply(w, 400, `{"error":"invalid_request"}`)
			return
		}
		e.Grants = append(e.Grants, r.PostForm)
		e.tokens++
		reply(w, 200, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": fmt.Sprintf("eyJtoken%d", e.tokens)})
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer eyJtoken") {
		reply(w, 401, "")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/data/v9.2")
	if !ok || r.Header.Get("OData-Version") != "4.0" {
		reply(w, 404, Failure("0x80060888", "Resource not found for the segment"))
		return
	}
	switch m := ofMeta.FindStringSubmatch(path); {
	case m != nil:
		reply(w, 200, map[string]any{"value": Metadata(m[1], m[2]+m[3])})
	case r.Method == http.MethodGet:
		e.list(w, path, r.URL.Query())
	case r.Method == http.MethodPatch:
		e.header = r.Header.Clone()
		e.patch(w, r, path)
	default:
		reply(w, 404, Failure("0x80060888", "Resource not found for the segment"))
	}
}

func (e *Fake) list(w http.ResponseWriter, path string, q url.Values) {
	found := []map[string]any{}
	if m := ofUser.FindStringSubmatch(q.Get("$filter")); m != nil && path == "/systemusers" {
		for _, u := range e.Tables["systemusers"] {
			if u["internalemailaddress"] == unquoted.Replace(m[1]) && u["isdisabled"] == false {
				found = append(found, u)
			}
		}
	} else if m := ofLead.FindStringSubmatch(q.Get("$filter")); m != nil && path == "/leads" {
		for _, l := range e.Tables["leads"] {
			if l[m[1]] == m[2] || m[3] != "" && l["emailaddress1"] == unquoted.Replace(m[3]) && l["statecode"] == 0.0 {
				found = append(found, l)
			}
		}
	} else {
		reply(w, 400, Failure("0x80060888", "The query is not valid"))
		return
	}
	reply(w, 200, map[string]any{"@odata.context": "c", "value": found})
}

func (e *Fake) patch(w http.ResponseWriter, r *http.Request, path string) {
	raw, err := io.ReadAll(r.Body)
	var columns map[string]any
	if err != nil || json.Unmarshal(raw, &columns) != nil {
		reply(w, 400, Failure("0x80048d19", "stream not readable"))
		return
	}
	e.Bodies = append(e.Bodies, string(raw))
	table, id, key := "leads", "", ""
	if m := rowPath.FindStringSubmatch(path); m != nil {
		table, id = m[1], m[2]
	} else if m := keyPath.FindStringSubmatch(path); m != nil {
		key = m[1] + "='" + m[2] + "'"
		for lid, l := range e.Tables["leads"] {
			if l[m[1]] == m[2] {
				id = lid
			}
		}
		columns[m[1]] = m[2]
	} else {
		reply(w, 404, Failure("0x80060888", "Resource not found for the segment"))
		return
	}
	for name, v := range columns {
		if !strings.HasSuffix(name, "@odata.bind") {
			continue
		}
		m := binding.FindStringSubmatch(v.(string))
		if m == nil || e.Tables[m[1]][m[2]] == nil {
			reply(w, 404, Failure("0x80040217", "Does Not Exist"))
			return
		}
	}
	if e.Rule != nil {
		if status, body := e.Rule(table, columns); status != 0 {
			reply(w, status, body)
			return
		}
	}
	row := e.Tables[table][id]
	switch {
	case row == nil && r.Header.Get("If-Match") != "":
		reply(w, 404, Failure("0x80040217", "Does Not Exist"))
		return
	case row != nil && r.Header.Get("If-None-Match") != "":
		reply(w, 412, Failure("0x80060882", "A record with matching key values already exists."))
		return
	case row == nil && table == "leads" && id == "":
		id = e.Lead(columns)
	case row == nil:
		columns[strings.TrimSuffix(table, "s")+"id"] = id
		e.Tables[table][id] = columns
	default:
		maps.Copy(row, columns)
	}
	at := id
	if key != "" && e.Keyed {
		at = key
	}
	w.Header().Set("OData-EntityId", "http://"+r.Host+"/api/data/v9.2/"+table+"("+at+")")
	reply(w, 204, nil)
}

func Metadata(table, what string) []map[string]any {
	if what == "Keys" {
		return []map[string]any{{"LogicalName": "baton_key", "KeyAttributes": []string{"baton_handoffid"}, "EntityKeyIndexStatus": "Active"}}
	}
	names := map[string][]string{
		"lead": {"subject", "firstname", "lastname", "emailaddress1", "jobtitle", "telephone1", "companyname", "address1_line1", "address1_city", "address1_postalcode", "baton_handoffid", "baton_other"},
		"task": {"subject", "description", "prioritycode"},
	}[table]
	rows := []map[string]any{{"LogicalName": "createdon", "IsValidForCreate": false, "IsValidForUpdate": false}}
	for _, n := range names {
		rows = append(rows, map[string]any{"LogicalName": n, "IsValidForCreate": true, "IsValidForUpdate": true, "MaxLength": map[bool]int{true: 10, false: 100}[n == "jobtitle"]})
	}
	return rows
}
