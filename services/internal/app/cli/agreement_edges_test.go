package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each mistake of an agreement has a line of its own.
func TestMistakesAreToldOneALine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(file, []byte("agreement: x\nscores: 5\nmatrix: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := run(t, "", nil, "agreement", "check", file)
	if code != exitFail || !strings.Contains(errOut, "\n  line 2: scores: must be a list\n") || !strings.Contains(errOut, "\n  line 3: matrix: is not known here") {
		t.Errorf("%d %q", code, errOut)
	}
}

// Stopping what never ran says so, instead of that it was stopped before.
func TestStoppingWhatNeverRanInTheShadow(t *testing.T) {
	s := answers(t, "", map[string]string{"/api/v1/agreements/1/shadow": `{"agreement":{"version":1,"state":"active"}}`})
	code, out, errOut := run(t, "", []string{"BATON_URL=" + s.URL}, "agreement", "shadow", "1", "--stop")
	if code != exitOK || out != "version 1 is active; it never ran in the shadow, so nothing was stopped\n" {
		t.Errorf("%d %q %q", code, out, errOut)
	}
}

// A flag that a verb does not know is not passed over: asking for a report's form must not start a run, which would end another.
func TestFlagsOfAnotherVerb(t *testing.T) {
	for _, args := range [][]string{
		{"shadow", "4", "--out", "x.html"}, {"shadow", "4", "--format", "html"}, {"shadow", "4", "--stop", "--format", "csv"},
		{"backtest", "4", "--report"}, {"list", "--stop"},
	} {
		code, _, errOut := run(t, "", []string{"BATON_URL=http://127.0.0.1:1"}, append([]string{"agreement"}, args...)...)
		if code != exitUsage || !strings.Contains(errOut, "belong to") {
			t.Errorf("%v: %d %q", args, code, errOut)
		}
	}
}
