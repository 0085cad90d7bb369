package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// tagsVar gives build tags for the binary under test: the negative control's.
const tagsVar = "BATON_E2E_TAGS"

// binary is the baton that all tests run, built once for each run of the tests.
var binary string

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		play(role)
	}
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "baton-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "baton")
	build := exec.Command("go", "build", "-tags", os.Getenv(tagsVar), "-o", binary, "../cmd/baton")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build baton: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
