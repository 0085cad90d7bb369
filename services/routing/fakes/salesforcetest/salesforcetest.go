// Package salesforcetest is as much of Salesforce in memory as Baton uses of it, for tests: of the destination and of the whole program.
package salesforcetest

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

// Fake is an organisation at Salesforce: its records, and as much of its REST API as is used.
type Fake struct {
	Mu      sync.Mutex
	Records map[string]map[string]any // id → fields, with "type"
	next    int
	tokens  int
	Usage   string
	// rule is asked of every write of a record before it is done: an error's status and body stand for a refusal.
	Rule func(method, object string, fields map[string]any) (status int, body string)
	// sent are the headers of the last call, and the composite requests.
	Header     http.Header
	Composites []map[string]any
	Grants     []url.Values
}

func New() *Fake {
	o := &Fake{Records: map[string]map[string]any{}, Usage: "18/5000"}
	o.Add("User", map[string]any{"Email": "ana@us.example", "IsActive": true})
	o.Add("User", map[string]any{"Email": "bo@us.example", "IsActive": true})
	return o
}

// prefixes of ids by object.
func prefix(object string) string {
	return map[string]string{"User": "005", "Lead": "00Q", "Contact": "003", "Task": "00T"}[object]
}

func (o *Fake) Add(object string, fields map[string]any) string {
	o.next++
	id := fmt.Sprintf("%s%015d", prefix(object), o.next)
	r := maps.Clone(fields)
	r["type"], r["Id"] = object, id
	o.Records[id] = r
	return id
}

func (o *Fake) Counts() map[string]int {
	o.Mu.Lock()
	defer o.Mu.Unlock()
	n := map[string]int{}
	for _, r := range o.Records {
		if k := r["type"].(string); k != "User" {
			n[k]++
		}
	}
	return n
}

// Only gives the one record of an object.
func (o *Fake) Only(object string) map[string]any {
	o.Mu.Lock()
	defer o.Mu.Unlock()
	var found map[string]any
	for _, r := range o.Records {
		if r["type"] == object {
			if found != nil {
				return nil
			}
			found = maps.Clone(r)
		}
	}
	return found
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	if s, ok := body.(string); ok {
		_, _ = io.WriteString(w, s)
	} else if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func Failure(code, message string, fields ...string) string {
	raw, err := json.Marshal([]map[string]any{{"message": message, "errorCode": code, "fields": fields}})
	if err != nil {
		return "[]"
	}
	return string(raw)
}

func (o *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.Mu.Lock()
	defer o.Mu.Unlock()
	if r.URL.Path == "/services/oauth2/token" {
		if r.ParseForm() != nil || r.PostForm.Get("client_secret") == "wrong" {
			reply(w, 400, `{"error":"invalid_client","error_description":"invalid client credentials"}`)
			return
		}
		o.Grants = append(o.Grants, r.PostForm)
		o.tokens++
		reply(w, 200, map[string]string{"access_token": fmt.Sprintf("00Dtoken!%d", o.tokens), "instance_url": "http://" + r.Host, "token_type": "Bearer", "issued_at": "1"})
		return
	}
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer 00Dtoken!") {
		reply(w, 401, Failure("INVALID_SESSION_ID", "Session expired or invalid"))
		return
	}
	o.Header = r.Header.Clone()
	w.Header().Set("Sforce-Limit-Info", "api-usage="+o.Usage)
	path, ok := strings.CutPrefix(r.URL.Path, "/services/data/v66.0")
	switch {
	case !ok:
		reply(w, 404, Failure("NOT_FOUND", "The requested resource does not exist"))
	case path == "/query":
		o.query(w, r.URL.Query().Get("q"))
	case path == "/composite":
		o.composite(w, r)
	case strings.HasSuffix(path, "/describe"):
		reply(w, 200, describeOf(strings.Split(path, "/")[2]))
	default:
		reply(w, 404, Failure("NOT_FOUND", "The requested resource does not exist"))
	}
}

var (
	ofUser   = regexp.MustCompile(`^SELECT Id FROM User WHERE Email = '((?:[^'\\]|\\.)*)' AND IsActive = true ORDER BY Id LIMIT 2$`)
	ofPerson = regexp.MustCompile(`^SELECT Id, (\w+)(?:, IsConverted, ConvertedContactId)? FROM (Lead|Contact) WHERE (\w+) = '([\w-]+)'(?: OR \(?Email = '((?:[^'\\]|\\.)*)'(?: AND IsConverted = false\))?)? ORDER BY CreatedDate DESC LIMIT 10$`)
	ofTask   = regexp.MustCompile(`^SELECT Id FROM Task WHERE WhoId = '(\w+)' AND Subject LIKE '%((?:[^'\\]|\\.)*)%' ORDER BY CreatedDate LIMIT 1$`)
	ofLead   = regexp.MustCompile(`^SELECT Id, IsConverted, ConvertedContactId FROM Lead WHERE Id = '(\w+)' LIMIT 1$`)
	escaped  = regexp.MustCompile(`\\(.)`)
)

// query answers the queries that are asked, and no others.
func (o *Fake) query(w http.ResponseWriter, soql string) {
	var match func(r map[string]any) bool
	if m := ofUser.FindStringSubmatch(soql); m != nil {
		match = func(r map[string]any) bool {
			return r["type"] == "User" && r["Email"] == escaped.ReplaceAllString(m[1], "$1") && r["IsActive"] == true
		}
	} else if m := ofPerson.FindStringSubmatch(soql); m != nil {
		email := escaped.ReplaceAllString(m[5], "$1")
		match = func(r map[string]any) bool {
			return r["type"] == m[2] && r["deleted"] == nil && (r[m[3]] == m[4] || email != "" && r["Email"] == email && r["IsConverted"] != true)
		}
	} else if m := ofTask.FindStringSubmatch(soql); m != nil {
		match = func(r map[string]any) bool {
			s, _ := r["Subject"].(string)
			return r["type"] == "Task" && r["deleted"] == nil && r["WhoId"] == m[1] && strings.Contains(s, escaped.ReplaceAllString(m[2], "$1"))
		}
	} else if m := ofLead.FindStringSubmatch(soql); m != nil {
		match = func(r map[string]any) bool { return r["Id"] == m[1] }
	} else {
		reply(w, 400, Failure("MALFORMED_QUERY", "unexpected token"))
		return
	}
	found := []map[string]any{}
	for _, r := range o.Records {
		if match(r) {
			found = append(found, r)
		}
	}
	reply(w, 200, map[string]any{"totalSize": len(found), "done": true, "records": found})
}

// composite does all parts or none.
func (o *Fake) composite(w http.ResponseWriter, r *http.Request) {
	var in struct {
		AllOrNone bool `json:"allOrNone"`
		Requests  []struct {
			Method, URL, ReferenceID string
			Body                     map[string]any
		} `json:"compositeRequest"`
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(raw, &in) != nil || !in.AllOrNone || len(in.Requests) == 0 {
		reply(w, 400, Failure("JSON_PARSER_ERROR", "unexpected"))
		return
	}
	var asSent map[string]any
	_ = json.Unmarshal(raw, &asSent)
	o.Composites = append(o.Composites, asSent)
	before := map[string]map[string]any{}
	for id, rec := range o.Records {
		before[id] = maps.Clone(rec)
	}
	made := map[string]string{}
	var out []map[string]any
	failed := -1
	for i, q := range in.Requests {
		for k, v := range q.Body {
			if s, ok := v.(string); ok {
				for ref, id := range made {
					s = strings.ReplaceAll(s, "@{"+ref+".id}", id)
				}
				q.Body[k] = s
			}
		}
		status, body, id := o.write(q.Method, strings.TrimPrefix(q.URL, "/services/data/v66.0/sobjects/"), q.Body)
		made[q.ReferenceID] = id
		out = append(out, map[string]any{"body": json.RawMessage(body), "httpHeaders": map[string]string{}, "httpStatusCode": status, "referenceId": q.ReferenceID})
		if status >= 300 {
			failed = i
			break
		}
	}
	if failed >= 0 {
		o.Records = before
		halt := json.RawMessage(Failure("PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed."))
		for i, q := range in.Requests {
			if i < failed {
				out[i]["body"], out[i]["httpStatusCode"] = halt, 400
			} else if i > failed {
				out = append(out, map[string]any{"body": halt, "httpHeaders": map[string]string{}, "httpStatusCode": 400, "referenceId": q.ReferenceID})
			}
		}
	}
	reply(w, 200, map[string]any{"compositeResponse": out})
}

// write does one part: POST object, PATCH object/id, PATCH object/field/key.
func (o *Fake) write(method, path string, fields map[string]any) (status int, body, id string) {
	at := strings.Split(path, "/")
	object := at[0]
	if o.Rule != nil {
		if status, body := o.Rule(method, object, fields); status != 0 {
			return status, body, ""
		}
	}
	if owner, ok := fields["OwnerId"].(string); ok && o.Records[owner] == nil {
		return 400, Failure("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"), ""
	}
	if method == http.MethodPatch && len(at) == 3 {
		for rid, r := range o.Records {
			if r["type"] == object && r[at[1]] == at[2] && r["deleted"] == nil {
				maps.Copy(r, fields)
				return 200, `{"id":"` + rid + `","success":true,"errors":[],"created":false}`, rid
			}
		}
		if _, ok := fields[at[1]]; ok {
			return 400, Failure("INVALID_FIELD", "the key is in the body", at[1]), ""
		}
		fields[at[1]] = at[2]
	}
	if method == http.MethodPatch && len(at) == 2 {
		r := o.Records[at[1]]
		switch {
		case r == nil:
			return 404, Failure("NOT_FOUND", "The requested resource does not exist"), ""
		case r["deleted"] != nil:
			return 404, Failure("ENTITY_IS_DELETED", "entity is deleted"), ""
		case r["IsConverted"] == true:
			return 400, Failure("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"), ""
		}
		maps.Copy(r, fields)
		return 204, "null", at[1]
	}
	if object == "Lead" {
		for _, name := range []string{"LastName", "Company"} {
			if s, _ := fields[name].(string); s == "" {
				return 400, Failure("REQUIRED_FIELD_MISSING", "Required fields are missing: ["+name+"]", name), ""
			}
		}
	}
	id = o.Add(object, fields)
	return 201, `{"id":"` + id + `","success":true,"errors":[],"created":true}`, id
}

func describeOf(object string) map[string]any {
	field := func(name, kind string, length int, writable bool, more map[string]any) map[string]any {
		f := map[string]any{"name": name, "type": kind, "length": length, "createable": writable, "updateable": writable, "nillable": true}
		maps.Copy(f, more)
		return f
	}
	list := []map[string]any{
		field("OwnerId", "reference", 18, true, nil),
		field("Status", "picklist", 255, true, map[string]any{"picklistValues": []map[string]any{
			{"value": "Not Started", "active": true}, {"value": "Completed", "active": true}, {"value": "Recycled", "active": true},
		}}),
	}
	if object == "Task" {
		list = append(list, field("Subject", "combobox", 255, true, nil), field("Description", "textarea", 32000, true, nil),
			field("Priority", "picklist", 255, true, nil), field("WhoId", "reference", 18, true, nil))
		return map[string]any{"fields": list}
	}
	for _, name := range []string{"FirstName", "LastName", "Email", "Title", "Phone", "Company", "Street", "City", "PostalCode"} {
		list = append(list, field(name, "string", 80, true, nil))
	}
	list = append(list, field("Title", "string", 10, true, nil), field("Score__c", "double", 0, false, nil), field("Region__c", "picklist", 255, true, map[string]any{"nillable": false}),
		field("Baton_Handoff_Id__c", "string", 64, true, map[string]any{"externalId": true, "unique": true}),
		field("Old_Id__c", "string", 18, true, nil))
	return map[string]any{"fields": list}
}
