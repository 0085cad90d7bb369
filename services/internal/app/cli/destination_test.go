package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDestinations(t *testing.T) {
	var asked []string
	answers := map[string]string{
		"GET /api/v1/destinations": `{"destinations":[{"name":"crm","type":"webhook","state":"needs_operator","reason":"status 401","backlog":7,"alarm":true,` +
			`"check":{"problems":["a field is missing"]}},{"name":"old","state":"unknown","backlog":2}]}`,
		"POST /api/v1/destinations/crm/check":  `{"problems":["a field is missing"]}`,
		"POST /api/v1/destinations/well/check": `{}`,
		"POST /api/v1/destinations/crm/pause":  `{"sequence":"5"}`,
		"POST /api/v1/destinations/mail/test":  `{"sent":true}`,
		"POST /api/v1/destinations/post/test":  `{"reason":"log in: 535"}`,
		"POST /api/v1/destinations/crm/resume": `{"sequence":"6"}`,
	}
	pages := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		key := r.Method + " " + r.URL.Path
		asked = append(asked, key+" "+strings.ReplaceAll(string(body), " ", ""))
		if key == "POST /api/v1/deliveries/replay" {
			if pages++; pages == 1 {
				_, _ = io.WriteString(w, `{"replayed":3,"skipped":1,"next_page_token":"p2"}`)
				return
			}
			_, _ = io.WriteString(w, `{"replayed":2}`)
			return
		}
		if answers[key] == "" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, answers[key])
	}))
	defer s.Close()
	for _, tc := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"destination", "list"}, exitOK, []string{"crm", "needs_operator (backlog too old)", "status 401", "1 found by check", "old", "unknown"}},
		{[]string{"destination", "check", "crm"}, exitFail, []string{"- a field is missing"}},
		{[]string{"destination", "check", "well"}, exitOK, []string{"ok"}},
		{[]string{"destination", "pause", "crm", "--reason", "noon"}, exitOK, []string{"crm: paused"}},
		{[]string{"destination", "resume", "crm"}, exitOK, []string{"crm: resumed"}},
		{[]string{"destination", "test", "mail", "--to", "ana"}, exitOK, []string{"sent"}},
		{[]string{"destination", "test", "post"}, exitFail, []string{"not sent: log in: 535"}},
		{[]string{"destination", "mend", "crm"}, exitUsage, nil},
		{[]string{"destination", "pause"}, exitUsage, nil},
		{[]string{"deliveries", "replay", "--destination", "crm", "--from", "2026-11-20T10:00:00Z"}, exitOK, []string{"5 deliveries put back, 1 passed over"}},
		{[]string{"deliveries", "replay"}, exitUsage, nil},
		{[]string{"deliveries", "replay", "--destination", "crm", "--to", "noon"}, exitUsage, nil},
	} {
		code, out, errOut := run(t, "", nil, append(tc.args, "--url", s.URL)...)
		if code != tc.code {
			t.Errorf("%v: %d\n%s%s", tc.args, code, out, errOut)
		}
		for _, want := range tc.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in\n%s", tc.args, want, out)
			}
		}
	}
	all := strings.Join(asked, "\n")
	for _, want := range []string{`"reason":"noon"`, `"to":"ana"`, `"from":"2026-11-20T10:00:00Z"`, `"pageToken":"p2"`} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s in\n%s", want, all)
		}
	}
}
