package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedDestinations checks that every destination in the documentation is one that Baton takes, as a user copies it.
func TestDocumentedDestinations(t *testing.T) {
	text, err := os.ReadFile("../routing/DESTINATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 9 {
		t.Fatalf("%d samples", len(blocks))
	}
	variable := regexp.MustCompile(`\$\{(\w+)\}`)
	for _, b := range blocks {
		sample := strings.TrimPrefix(b[1], "destinations:\n")
		kind := regexp.MustCompile(`type: (\w+)`).FindStringSubmatch(sample)
		if kind == nil {
			t.Errorf("a sample of no type:\n%s", sample)
			continue
		}
		t.Run(kind[1], func(t *testing.T) {
			dir := t.TempDir()
			env := cleanEnv()
			for _, v := range variable.FindAllStringSubmatch(sample, -1) {
				value := "value-of-" + v[1]
				if strings.Contains(v[1], "WEBHOOK") {
					value = "https://hooks.example/services/T1/B1/x"
				}
				env = append(env, v[1]+"="+value)
			}
			for name, content := range map[string]string{
				"baton.yaml":     "agreement: agreement.yaml\ndirectory: directory.yaml\nhttp: { public_url: \"https://leads.example.com\" }\ntokens: [ {name: ops, token: long-enough-token, roles: [admin]} ]\ndestinations:\n" + sample,
				"agreement.yaml": testAgreement, "directory.yaml": testDirectory, "smtp.password": "secret", "crm.secret": "secret",
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), binary, "up", "--config", filepath.Join(dir, "baton.yaml"), "--data-dir", filepath.Join(dir, "data"), "--check-config")
			cmd.Env, cmd.Dir = env, dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, sample)
			}
		})
	}
}
