package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/config"
)

func load(t *testing.T, yaml string, env ...string) (Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "baton.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return LoadConfig(file, env)
}

const exampleYAML = `
http:  { addr: 127.0.0.1:8080, public_url: "", cors_origins: [] }
grpc:  { addr: 127.0.0.1:9090 }
admin: { addr: 127.0.0.1:9464 }
data_dir: ./data
nats:  { url: "" }
redis: { url: "" }
journal: { sync: always }
tokens: [ { name: ana-phone, token: "${ANA_TOKEN}", roles: [sales], rep: ana } ]
sources:
  - { name: site,   type: segment, write_key: wk_1, map: {"Signed Up": trial_started} }
  - { name: app,    type: baton,   secrets: ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"] }
destinations:
  - { name: crm, type: webhook, url: "https://crm.example/hook", secrets: ["whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"], events: [handoff.routed], allow_private: false }
`

func TestTheDocumentedConfigurationLoads(t *testing.T) {
	c, err := load(t, exampleYAML, "ANA_TOKEN=tok", "BATON_NATS_URL=nats://x:4222", "BATON_REDIS_URL=redis://x:6379")
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range Targets() {
		if err := c.Validate(target); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
	if len(c.Sources) != 2 || len(c.Destinations) != 1 || c.Tokens[0].Token.Reveal() != "tok" || c.NATS.URL.Reveal() != "nats://x:4222" {
		t.Errorf("%+v", c)
	}
	if secret, ok := c.SourceSecret("app"); !ok || !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the source's secret: %v %v", ok, secret != "")
	}
	if shown := fmt.Sprintf("%+v", c); strings.Contains(shown, "tok\"") || strings.Contains(shown, "MDEyMz") || strings.Contains(shown, "wk_1") {
		t.Errorf("secrets are shown: %s", shown)
	}
	d := DefaultConfig()
	if err := d.Validate(Up); err != nil {
		t.Errorf("the defaults: %v", err)
	}
}

func TestEveryKeyIsAVariableOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range config.Variables(DefaultConfig()) {
		if seen[v] {
			t.Errorf("two keys are %s", v)
		}
		seen[v] = true
	}
	for _, want := range []string{"BATON_HTTP_ADDR", "BATON_GRPC_ADDR", "BATON_ADMIN_ADDR", "BATON_DATA_DIR", "BATON_NATS_URL", "BATON_REDIS_URL",
		"BATON_JOURNAL_SYNC", "BATON_AGREEMENT", "BATON_DIRECTORY", "BATON_TOKENS", "BATON_SOURCES", "BATON_DESTINATIONS",
		"BATON_INTERNAL_TOKEN", "BATON_PEERS_SCORING", "BATON_TELEMETRY_OTLP_ENDPOINT", "BATON_LOG_LEVEL"} {
		if !seen[want] {
			t.Errorf("no %s", want)
		}
	}
	// Commands that ask a running Baton have variables of these names.
	for _, taken := range []string{"BATON_URL", "BATON_TOKEN", "BATON_CONFIG", "BATON_SOURCE_SECRET"} {
		if seen[taken] {
			t.Errorf("%s is a setting, too", taken)
		}
	}
}

func TestRefusedConfigurations(t *testing.T) {
	const token = "tokens: [ { name: ana, token: tok, roles: [viewer] } ]\n"
	for _, c := range []struct {
		name   string
		target Target
		yaml   string
		want   string
	}{
		{"unknown key", Up, "htp: { addr: x }", "[1:1]"},
		{"an address without a port", Up, "http: { addr: localhost }", "http.addr"},
		{"sync", Up, "journal: { sync: never }", "journal.sync"},
		{"a peer without a port", Ingest, "peers: { scoring: scoring }", "peers.scoring"},
		{"public URL", Up, "http: { public_url: baton.example }", "http.public_url"},
		{"replicas", Up, "journal: { replicas: 2 }", "journal.replicas"},
		{"alone without NATS", Ingest, "", "nats.url"},
		{"alone without Redis", Scoring, "nats: { url: nats://x }", "redis.url"},
		{"no data_dir", Up, `data_dir: ""`, "data_dir"},
		{"level", Up, "log: { level: chatty }", "log.level"},
		{"ratio", Up, "telemetry: { sample_ratio: 3 }", "telemetry.sample_ratio"},
		{"a role there is not", Up, "tokens: [ { name: a, token: t, roles: [king] } ]", "king"},
		{"sales without a rep", Up, "tokens: [ { name: a, token: t, roles: [sales] } ]", "rep"},
		{"no roles", Up, "tokens: [ { name: a, token: t } ]", "roles"},
		{"no token", Up, "tokens: [ { name: a, roles: [viewer] } ]", "token: is needed"},
		{"a name twice", Up, "tokens: [ {name: a, token: t, roles: [viewer]}, {name: a, token: u, roles: [viewer]} ]", "another token's"},
		{"a token twice", Up, "tokens: [ {name: a, token: t, roles: [viewer]}, {name: b, token: t, roles: [viewer]} ]", "another's"},
		{"a token with a space", Up, `tokens: [ {name: a, token: "t t", roles: [viewer]} ]`, "header"},
		{"HTTP for all, no tokens", Up, "http: { addr: ':8080' }", "http.addr"},
		{"HTTP for all, an open source", Up, "http: { addr: ':8080' }\nsources: [ { name: app, type: baton } ]", "app"},
		{"gRPC for all, no tokens", Up, "grpc: { addr: '0.0.0.0:9090' }", "grpc.addr"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := load(t, c.yaml)
			if err == nil {
				err = cfg.Validate(c.target)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	for name, yaml := range map[string]string{
		"tokens":           token + "http: { addr: ':8080' }\ngrpc: { addr: ':9090' }",
		"signed sources":   "http: { addr: ':8080' }\nsources: [ { name: app, type: baton, secrets: [whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz] } ]",
		"internal token":   "grpc: { addr: ':9090' }\ninternal_token: long-and-random",
		"loopback by name": "http: { addr: 'localhost:8080' }\ngrpc: { addr: '[::1]:9090' }",
	} {
		cfg, err := load(t, yaml)
		if err == nil {
			err = cfg.Validate(Up)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckReadsWhatIsNamed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.yaml": "agreement: a\nengagement: [ { id: e, on: form_submitted, points: 5 } ]\n",
		"bad.yaml":  "agreement: a\nengagement: [ { id: e, on: form_submitted, points: 5, wen: true } ]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := DefaultConfig()
	c.Agreement = config.Path(filepath.Join(dir, "bad.yaml"))
	if err := Check(&c, Up); err == nil || !strings.Contains(err.Error(), "agreement: ") || !strings.Contains(err.Error(), "wen") {
		t.Errorf("%v", err)
	}
	c.Agreement = config.Path(filepath.Join(dir, "gone.yaml"))
	if err := Check(&c, Up); err == nil || !strings.Contains(err.Error(), "gone.yaml") {
		t.Errorf("%v", err)
	}
}
