//go:build integration

package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestChaosNegativeControl shows that TestChaos can fail: on a Baton built without fencing and without the identity of
// facts, it must, with at least one of a few seeds, and because facts are doubled or wrong.
func TestChaosNegativeControl(t *testing.T) {
	wrong := regexp.MustCompile(`stands in the journal twice|stands behind|: (missing|unexpected|differing): |context of .* differs`)
	for _, seed := range []string{"1", "2", "3", "5", "8"} {
		run := exec.Command(os.Args[0], "-test.run", "^TestChaos$")
		run.Env = append(os.Environ(), tagsVar+"=baton_unsafe", "BATON_CHAOS_SEED="+seed, "BATON_CHAOS_MINUTES=0")
		out, err := run.CombinedOutput()
		if err == nil {
			continue
		}
		if !wrong.Match(out) {
			t.Fatalf("it failed for another reason than doubled or wrong facts:\n%s", out)
		}
		return
	}
	t.Fatal("the chaos test passes without fencing: it tests nothing")
}
