package cli

import (
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
