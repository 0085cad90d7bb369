package cli

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportIsWholeOrNotThere: a file has its name when all of it came, and what was there before stays until then.
func TestExportIsWholeOrNotThere(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer tok" {
			t.Error("no token")
		}
		switch r.URL.RequestURI() {
		case "/api/v1/export/leads?format=parquet&from=2026-01-01T00%3A00%3A00Z&where=source%3Asite&where=source%3Aads":
			_, _ = w.Write([]byte("PAR1\n\x00PAR1"))
		case "/api/v1/export/credits?by=channel&model=u&sales=true":
			_, _ = w.Write([]byte("deal,credit\n"))
		case "/api/v1/export/deals":
			_, _ = w.Write([]byte("deal\ncrm/1\n"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			t.Error(r.URL.RequestURI())
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	dir := t.TempDir()
	run := func(args ...string) (code int, out, errs string) {
		var stdout, stderr bytes.Buffer
		code = Run(context.Background(), &Env{Stdout: &stdout, Stderr: &stderr, Environ: []string{"BATON_URL=" + s.URL, "BATON_TOKEN=tok"}}, append([]string{"export"}, args...))
		return code, stdout.String(), stderr.String()
	}
	file := filepath.Join(dir, "leads.parquet")
	if code, out, errs := run("leads", "--out", file, "--from", "2026-01-01", "--where", "source:site", "--where", "source:ads"); code != exitOK || out != "" || !strings.Contains(errs, "10 bytes") {
		t.Error(code, out, errs)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "PAR1\n\x00PAR1" {
		t.Errorf("%q %v", got, err)
	}
	if code, out, errs := run("credits", "--model", "u", "--by", "channel", "--sales"); code != exitOK || out != "deal,credit\n" || errs != "" {
		t.Error(code, out, errs)
	}
	old := filepath.Join(dir, "deals.csv")
	if err := os.WriteFile(old, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"deals", "--out", old}, {"deals"}} {
		if code, _, errs := run(args...); code != exitFail || !strings.Contains(errs, "not whole") {
			t.Error(args, code, errs)
		}
	}
	if got, err := os.ReadFile(old); err != nil || string(got) != "before" {
		t.Errorf("%q %v", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Error(left, err)
	}
	for _, wrong := range [][]string{{}, {"people"}, {"leads", "deals"}, {"leads", "--from", "monday"}} {
		if code, _, _ := run(wrong...); code != exitUsage {
			t.Error(wrong, code)
		}
	}
	if code, _, errs := run("leads", "--out", filepath.Join(dir, "nowhere", "x.parquet"), "--from", "2026-01-01", "--where", "source:site", "--where", "source:ads"); code != exitFail || !strings.Contains(errs, "begin the file") {
		t.Error(code, errs)
	}
}
