package poll_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// marketo speaks as Marketo's documentation has it: every answer of the API has status 200 and says by itself whether it is a
// success, a page is what of the next few activities of any type is of the types asked for, and tokens run out.
type marketo struct {
	mu sync.Mutex
	// log is all that has happened, in its order.
	log []activity
	// scanned is how many activities one page looks at.
	scanned int
	// oldest is the generation of paging tokens below which none is taken.
	oldest int
	// fail is asked before each call of the API but those for access: an error's code, a status below 0, or "".
	fail func(call int, path string) string

	calls   int
	granted int
	expires time.Time
	paths   []string
	wrong   []string
}

type activity struct {
	guid string
	lead int
	kind int
	at   time.Time
}

func (m *marketo) happened(kind int, leads ...int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, lead := range leads {
		m.log = append(m.log, activity{guid: fmt.Sprintf("guid-%d", len(m.log)+1), lead: lead, kind: kind, at: time.Now()})
	}
}

// RoundTrip answers.
func (m *marketo) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	m.paths = append(m.paths, r.URL.Path)
	q := r.URL.Query()
	if r.URL.Path == "/identity/oauth/token" {
		if q.Get("grant_type") != "client_credentials" || q.Get("client_id") != "id" || q.Get("client_secret") != "hush" {
			return reply(http.StatusUnauthorized, map[string]any{"error": "invalid_client"}), nil
		}
		m.granted++
		m.expires = time.Now().Add(time.Hour)
		return reply(200, map[string]any{"access_token": m.access(), "token_type": "bearer", "expires_in": 3599}), nil
	}
	m.calls++
	switch {
	case r.Header.Get("Authorization") != "Bearer "+m.access():
		return failed("601"), nil
	case time.Now().After(m.expires):
		return failed("602"), nil
	}
	if m.fail != nil {
		if code := m.fail(m.calls, r.URL.Path); strings.HasPrefix(code, "-") {
			status, _ := strconv.Atoi(code[1:])
			return reply(status, "<html>"), nil
		} else if code != "" {
			return failed(code), nil
		}
	}
	switch r.URL.Path {
	case "/rest/v1/activities/pagingtoken.json":
		since, err := time.Parse(time.RFC3339, q.Get("sinceDatetime"))
		if err != nil {
			return failed("1003"), nil
		}
		first := slices.IndexFunc(m.log, func(a activity) bool { return !a.at.Before(since) })
		if first < 0 {
			first = len(m.log)
		}
		return reply(200, map[string]any{"success": true, "nextPageToken": m.page(first)}), nil
	case "/rest/v1/activities.json":
		return m.activities(q.Get("nextPageToken"), strings.Split(q.Get("activityTypeIds"), ",")), nil
	case "/rest/v1/leads.json":
		return m.leads(q.Get("filterType"), strings.Split(q.Get("filterValues"), ",")), nil
	}
	return failed("610"), nil
}

func (m *marketo) access() string { return "A" + strconv.Itoa(m.granted) }

func (m *marketo) page(at int) string { return fmt.Sprintf("T%d-%d", m.oldest, at) }

func (m *marketo) activities(token string, types []string) *http.Response {
	var at, made int
	if _, err := fmt.Sscanf(token, "T%d-%d", &made, &at); err != nil || made < m.oldest || len(types) > 10 {
		return failed("1003")
	}
	end := min(at+m.scanned, len(m.log))
	var result []map[string]any
	for _, a := range m.log[at:end] {
		if slices.Contains(types, strconv.Itoa(a.kind)) {
			result = append(result, map[string]any{
				"id": 1, "marketoGUID": a.guid, "leadId": a.lead, "activityDate": a.at.UTC().Format("2006-01-02T15:04:05Z"), "activityTypeId": a.kind,
				"primaryAttributeValueId": 5, "primaryAttributeValue": "Q4.One", "attributes": []map[string]any{{"name": "Step ID", "value": 3}},
			})
		}
	}
	out := map[string]any{"requestId": "x", "success": true, "nextPageToken": m.page(end), "moreResult": end < len(m.log)}
	if result != nil {
		out["result"] = result
	}
	return reply(200, out)
}

func (m *marketo) leads(by string, ids []string) *http.Response {
	if by != "id" || len(ids) > 300 {
		m.wrong = append(m.wrong, "leads by "+by)
		return failed("1003")
	}
	result := []map[string]any{}
	for _, id := range ids {
		if n, _ := strconv.Atoi(id); n < 1000 { // above it they have been deleted
			result = append(result, map[string]any{"id": n, "email": "person" + id + "@initech.example", "firstName": "Person"})
		}
	}
	return reply(200, map[string]any{"success": true, "result": result})
}

func failed(code string) *http.Response {
	return reply(200, map[string]any{"requestId": "x", "success": false, "errors": []map[string]any{{"code": code, "message": "no"}}})
}

func reply(status int, body any) *http.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(text)))}
}
