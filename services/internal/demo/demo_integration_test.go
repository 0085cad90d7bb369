//go:build integration

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The whole demo, against the real binary, at full speed: what a newcomer runs first must work.
func TestDemo(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "baton")
	build := exec.Command("go", "build", "-o", binary, "../../cmd/baton")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build baton: %v\n%s", err, out)
	}
	data := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out strings.Builder
	if err := start(ctx, []string{"--binary", binary, "--data-dir", data, "--seed", "20", "--pace", "0s"}, &out, os.Stderr); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"Baton is up", "back with everything", "duplicates, nothing changed", "WHY NOW", "AT THE ACCOUNT", "bo: away", "Score",
		"Asked for a demo", "paid_search", "webinars", "ok: 420 leads", "from the request for a demonstration",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
	for line := range strings.Lines(out.String()) {
		if n := length(strings.TrimRight(line, "\n")); n > width {
			t.Errorf("%d characters: %s", n, line)
		}
	}
	if err := start(ctx, []string{"--binary", binary, "--data-dir", data}, &out, os.Stderr); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("the same folder again: %v", err)
	}
}
