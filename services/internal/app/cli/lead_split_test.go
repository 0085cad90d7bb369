package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLeadSplit(t *testing.T) {
	answer, asked := "", ""
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method + " " + r.URL.RequestURI() {
		case "GET /api/v1/leads?email=ana%40initech.example":
			fmt.Fprint(w, `{"leads":[`+leadJSON+`]}`)
		case "POST /api/v1/leads/ld_e1/split":
			b, _ := io.ReadAll(r.Body)
			asked = string(b)
			if strings.HasPrefix(answer, `{"title"`) {
				w.WriteHeader(http.StatusBadRequest)
			}
			fmt.Fprint(w, answer)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	for _, c := range []struct {
		answer, want string
		code         int
	}{
		{`{"origin":"ld_x2","sequence":"9","done":true}`, "ld_x2 has left ld_e1, and is a lead of its own", exitOK},
		{`{"origin":"ld_x2","sequence":"9"}`, "written down as 9", exitOK},
		{`{"origin":"ld_x2","done":true}`, "had left ld_e1 before", exitOK},
		{`{"title":"Bad Request","status":400,"detail":"ld_x2 was never merged into another lead: there is nothing to undo"}`, "nothing to undo", exitFail},
	} {
		answer = c.answer
		code, out, errOut := run(t, "", nil, "lead", "split", "ana@initech.example", "hubspot:123", "--because", "two people", "--url", s.URL)
		if code != c.code || !strings.Contains(out+errOut, c.want) {
			t.Errorf("%d, %q, %q", code, out, errOut)
		}
		var body map[string]string
		if err := json.Unmarshal([]byte(asked), &body); err != nil || body["origin"] != "hubspot:123" || body["because"] != "two people" {
			t.Errorf("asked for %s", asked)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{{[]string{"split", "ld_e1"}, "not 1 arguments"}, {[]string{"ld_e1", "--because", "x"}, "belongs to split"}} {
		if code, _, errOut := run(t, "", nil, append([]string{"lead", "--url", s.URL}, c.args...)...); code != exitUsage || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: %d %q", c.args, code, errOut)
		}
	}
}

func TestLeadShowsItsOrigins(t *testing.T) {
	s := answers(t, "", map[string]string{
		"/api/v1/leads/ld_e1": leadJSON,
		"/api/v1/leads/ld_e1/origins": `{"lead_id":"ld_e1","origins":[
			{"id":"ld_a7","kind":"anonymous_id","joined_at":"2026-11-02T10:00:00Z","by_event":"evt-1","by_source":"site"},
			{"id":"ld_x2","kind":"external_id","system":"hubspot","value":"123","joined_at":"2026-11-03T10:00:00Z","by_event":"evt-2","by_source":"crm",
			 "split_at":"2026-11-04T10:00:00Z","split_by":"kim","split_because":"two\u001b people"}]}`,
	})
	code, out, _ := run(t, "", nil, "lead", "ld_e1", "--url", s.URL)
	for _, want := range []string{"ld_a7  anonymous id", "by evt-1 of site", "external id hubspot:123", "split off ", "by kim (two· people)"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("%d, no %q in\n%s", code, want, out)
		}
	}
	_, out, _ = run(t, "", nil, "lead", "ld_e1", "--json", "--url", s.URL)
	var got map[string]map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || got["origins"]["lead_id"] != "ld_e1" {
		t.Errorf("%v %s", err, out)
	}
}
