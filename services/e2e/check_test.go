package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckConfig: --check-config tells everything that is wrong with the configuration and with what it names, and a
// Baton with a wrong one does not start.
func TestCheckConfig(t *testing.T) {
	for _, tc := range []struct {
		name, config, agreement, directory string
		target                             string
		says                               []string // nothing: it is right
	}{
		{name: "right"},
		{name: "unknown key", config: "htpp: { addr: 127.0.0.1:1 }", says: []string{"htpp"}},
		{name: "unknown key below", config: "http: { adr: 127.0.0.1:1 }", says: []string{"adr"}},
		{name: "key twice", config: "data_dir: a\ndata_dir: b", says: []string{"data_dir"}},
		{name: "two documents", config: "data_dir: a\n---\ndata_dir: b", says: []string{"document"}},
		{name: "several things", config: "http: { addr: nowhere }\njournal: { sync: sometimes }\nsources: [ {name: \"a b\", type: carrier-pigeon} ]",
			says: []string{"http.addr", "journal.sync", "sources[0]", "carrier-pigeon"}},
		{name: "a destination nobody should call", config: "destinations: [ {name: crm, type: webhook, url: \"ftp://x.example\", secrets: [\"whsec_c2VjcmV0LXNlY3JldA==\"], events: [handoff.routed]} ]", says: []string{"destinations[0]", "url"}},
		{name: "an event that does not exist", config: "destinations: [ {name: crm, type: webhook, url: \"https://x.example\", secrets: [\"whsec_c2VjcmV0LXNlY3JldA==\"], events: [handoff.dropped]} ]", says: []string{"destinations[0]", "handoff.dropped"}},
		{name: "a token without roles", config: "tokens: [ {name: x, token: y, roles: []}, {name: s, token: z, roles: [sales]} ]", says: []string{"tokens[0]", "tokens[1]", "rep"}},
		{name: "open to the world", config: "http: { addr: 0.0.0.0:8080 }", says: []string{"http.addr", "tokens"}},
		{name: "an unset secret", config: "tokens: [ {name: x, token: \"${NOT_SET_ANYWHERE}\", roles: [admin]} ]", says: []string{"tokens[0]", "NOT_SET_ANYWHERE"}},
		{name: "a service without engines", target: "scoring", says: []string{"nats.url", "redis.url"}},
		{name: "a wrong rule", agreement: strings.Replace(testAgreement, `engagement >= 25.0`, `engagment >= 25.0`, 1), says: []string{"agreement", "qualify[0].when", "engagment"}},
		{name: "a wrong type", agreement: strings.Replace(testAgreement, `account.employees >= 200`, `account.employees + 200`, 1), says: []string{"agreement", "fit[1].when"}},
		{name: "an unknown event", agreement: strings.Replace(testAgreement, `on: event_attended`, `on: event_slept_through`, 1), says: []string{"agreement", "event_slept_through"}},
		{name: "no default route", directory: strings.Replace(testDirectory, `  - { id: default, to: {pool: everybody} }`, "", 1), says: []string{"directory", "route"}},
		{name: "a rep nobody knows", directory: strings.Replace(testDirectory, `reps: [ana, bo]`, `reps: [ana, nobody]`, 1), says: []string{"directory", "nobody"}},
		{name: "a zone on the moon", directory: strings.Replace(testDirectory, `time_zone: UTC`, `time_zone: Moon/Tranquility`, 1), says: []string{"directory", "reps[0].time_zone"}},
		{name: "no such file", config: "agreement: missing.yaml", says: []string{"missing.yaml"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			config := tc.config
			if !strings.Contains(config, "agreement:") {
				config += "\nagreement: agreement.yaml"
			}
			config += "\ndirectory: directory.yaml\n"
			if tc.agreement == "" {
				tc.agreement = testAgreement
			}
			if tc.directory == "" {
				tc.directory = testDirectory
			}
			for name, text := range map[string]string{"baton.yaml": config, "agreement.yaml": tc.agreement, "directory.yaml": tc.directory} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tc.target == "" {
				tc.target = "up"
			}
			cmd := exec.CommandContext(t.Context(), binary, tc.target, "--config", filepath.Join(dir, "baton.yaml"), "--data-dir", filepath.Join(dir, "data"), "--check-config")
			cmd.Env = cleanEnv()
			out, err := cmd.CombinedOutput()
			if (err == nil) != (len(tc.says) == 0) {
				t.Errorf("it ends with %v\n%s", err, out)
			}
			for _, word := range tc.says {
				if !strings.Contains(string(out), word) {
					t.Errorf("it does not say %q:\n%s", word, out)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
				t.Error("a check has made a data directory")
			}
			if strings.Contains(string(out), "goroutine") {
				t.Errorf("it panics:\n%s", out)
			}
		})
	}
}
