package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBacktest: progress goes to the terminal, pieces of a report come together, and one that ends too early leaves what
// there was.
func TestBacktest(t *testing.T) {
	const whole = `{"result":{"read":50,"total":100}}` + "\n" + `{"result":{"text":"Back"}}` + "\n" + `{"result":{"text":"test","done":true}}` + "\n"
	s := answers(t, "", map[string]string{
		"/api/v1/agreements/2/backtest": whole,
		"/api/v1/agreements/3/backtest": whole[:strings.LastIndex(whole, `{"result"`)],
		"/api/v1/agreements/4/backtest": `{"result":{"read":1,"total":2}}` + "\n" + `{"error":{"code":14,"message":"the journal does not answer"}}`,
		"/api/v1/agreements/5/backtest": `{"result":{"report":{"qualified":3},"done":true}}`,
	})
	env := []string{"BATON_URL=" + s.URL}
	if code, out, errOut := run(t, "", env, "agreement", "backtest", "2"); code != exitOK || out != "Backtest" {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	if code, out, _ := run(t, "", env, "agreement", "backtest", "5", "--json"); code != exitOK || !strings.Contains(out, `"qualified": 3`) {
		t.Errorf("%d %q", code, out)
	}
	file := filepath.Join(t.TempDir(), "report.txt")
	if code, out, _ := run(t, "", env, "agreement", "backtest", "2", "--out", file); code != exitOK || !strings.Contains(out, file) {
		t.Errorf("%d %q", code, out)
	}
	for version, want := range map[string]string{"3": "ended before the report", "4": "does not answer", "9": "nothing at this path"} {
		if code, _, errOut := run(t, "", env, "agreement", "backtest", version, "--out", file); code != exitFail || !strings.Contains(errOut, want) {
			t.Errorf("%s: %d %q", version, code, errOut)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "Backtest" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestShadow: a run is begun, ended and reported on, each by its own method, and every version says where it stands.
func TestShadow(t *testing.T) {
	asked := ""
	const version = `"version":2,"state":"proposed","shadow_since":"2026-12-01T08:00:00Z"`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RequestURI()
		switch {
		case r.URL.Path == "/api/v1/agreements":
			fmt.Fprint(w, `{"agreements":[{`+version+`}]}`)
		case r.URL.Path == "/api/v1/agreements/2":
			fmt.Fprint(w, `{`+version+`,"shadow_until":"2026-12-02T08:00:00Z"}`)
		case r.Method == http.MethodGet:
			fmt.Fprint(w, `{"result":{"text":"Shadow run","done":true}}`)
		default:
			fmt.Fprint(w, `{"sequence":"9","agreement":{`+version+`}}`)
		}
	}))
	t.Cleanup(s.Close)
	env := []string{"BATON_URL=" + s.URL}
	for _, c := range []struct {
		args         []string
		asks, answer string
	}{
		{[]string{"shadow", "2"}, "POST /api/v1/agreements/2/shadow", "version 2 is proposed, in the shadow since"},
		{[]string{"shadow", "2", "--stop"}, "DELETE /api/v1/agreements/2/shadow", "version 2 is proposed"},
		{[]string{"shadow", "2", "--report"}, "GET /api/v1/agreements/2/shadow?format=text", "Shadow run"},
		{[]string{"shadow", "2", "--report", "--format", "csv"}, "GET /api/v1/agreements/2/shadow?format=csv", "Shadow run"},
		{[]string{"list"}, "GET /api/v1/agreements", "proposed, in the shadow"},
		{[]string{"show", "2"}, "GET /api/v1/agreements/2", "was in the shadow from"},
	} {
		code, out, errOut := run(t, "", env, append([]string{"agreement"}, c.args...)...)
		if code != exitOK || asked != c.asks || !strings.Contains(out, c.answer) {
			t.Errorf("%v: %d %q %q, asked %s", c.args, code, out, errOut, asked)
		}
	}
	for _, args := range [][]string{{"shadow"}, {"shadow", "x"}, {"shadow", "2", "3"}, {"shadow", "2", "--stop", "--report"}} {
		if code, _, _ := run(t, "", env, append([]string{"agreement"}, args...)...); code == exitOK {
			t.Errorf("%v was taken", args)
		}
	}
}
