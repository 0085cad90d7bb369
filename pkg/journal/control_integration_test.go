//go:build integration

package journal_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// TestCrashNegativeControl shows that TestCrash can fail: built without fencing and without the identity of facts, it
// must, with at least one of a few seeds.
func TestCrashNegativeControl(t *testing.T) {
	bin := unsafeBinary(t)
	for _, seed := range []string{"2", "3", "5", "7", "11", "13", "17", "19", "23", "29"} {
		run := exec.Command(bin, "-test.run", "^TestCrash$")
		run.Env = append(os.Environ(), "BATON_CRASH_SEED="+seed, "BATON_CRASH_EVENTS=5000")
		if out, err := run.CombinedOutput(); err != nil {
			if !bytes.Contains(out, []byte("stands in the log twice")) && !bytes.Contains(out, []byte("the store shows the reference's states")) {
				t.Fatalf("it failed for another reason than doubled facts or wrong states:\n%s", out)
			}
			return
		}
	}
	t.Fatal("the crash test passes without fencing: it tests nothing")
}
