package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/batonhq/baton/pkg/config"
)

type token struct {
	Name  string        `yaml:"name"`
	Token config.Secret `yaml:"token"`
	Roles []string      `yaml:"roles"`
}

type settings struct {
	HTTP struct {
		Addr string   `yaml:"addr"`
		CORS []string `yaml:"cors_origins"`
	} `yaml:"http"`
	DataDir config.Path              `yaml:"data_dir"`
	URL     config.Secret            `yaml:"url"`
	Tokens  []token                  `yaml:"tokens"`
	Every   time.Duration            `yaml:"every"`
	Count   int                      `yaml:"count"`
	Map     map[string]string        `yaml:"map"`
	Keys    map[string]config.Secret `yaml:"keys"`
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFileEnvironmentAndSecrets(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "key.txt", "from-file\n")
	path := write(t, dir, "baton.yaml", `
# a comment
http: { addr: 127.0.0.1:1, cors_origins: [https://a.example] }
data_dir: ./data
url: redis://:${PW}@h:6379/0
every: 1m30s
tokens:
  - { name: ana, token: "${ANA}", roles: [sales] }
  - { name: bo, token: "file:key.txt", roles: [] }
  - { name: cy, token: '0123', roles: [] }
  - { name: di, token: 'a$${b}', roles: [] }
keys: { one: "${ANA}" }
`)
	var got settings
	got.Count = 7
	err := config.Load(path, &got, []string{"PW=p@ss", "ANA=s3cret", "BATON_HTTP_ADDR=0.0.0.0:2", "BATON_MAP={a: b}",
		"BATON_COUNT=", "BATON_HTTP_CORS_ORIGINS=[x, y]", "BATON_EVERY=5s"})
	if err != nil {
		t.Fatal(err)
	}
	if got.HTTP.Addr != "0.0.0.0:2" || !reflect.DeepEqual(got.HTTP.CORS, []string{"x", "y"}) {
		t.Errorf("http = %+v: the environment must win", got.HTTP)
	}
	if want := filepath.Join(dir, "data"); got.DataDir.String() != want {
		t.Errorf("data_dir = %q, want %q: relative to the file", got.DataDir, want)
	}
	if got.Every != 5*time.Second || got.Count != 7 || got.Map["a"] != "b" {
		t.Errorf("every=%v count=%d map=%v", got.Every, got.Count, got.Map)
	}
	if got.URL.Reveal() != "redis://:p@ss@h:6379/0" {
		t.Errorf("url = %q", got.URL.Reveal())
	}
	for i, want := range []string{"s3cret", "from-file", "0123", "a${b}"} {
		if have := got.Tokens[i].Token.Reveal(); have != want {
			t.Errorf("token %d = %q, want %q", i, have, want)
		}
	}
	if got.Keys["one"].Reveal() != "s3cret" {
		t.Errorf("a secret in a map is %q", got.Keys["one"].Reveal())
	}
}

func TestPathsOfTheEnvironmentStayAsTheyAre(t *testing.T) {
	path := write(t, t.TempDir(), "baton.yaml", "count: 1\n")
	got := settings{DataDir: "./default"}
	if err := config.Load(path, &got, nil); err != nil || got.DataDir != "./default" {
		t.Errorf("%v %q: a default starts from the working folder", err, got.DataDir)
	}
	if err := config.Load(path, &got, []string{"BATON_DATA_DIR=./here"}); err != nil || got.DataDir != "./here" {
		t.Errorf("%v %q", err, got.DataDir)
	}
	if err := config.Load("", &got, nil); err != nil {
		t.Errorf("no file: %v", err)
	}
}

func TestWhatIsNotStatedKeepsItsDefault(t *testing.T) {
	for _, text := range []string{"", "# a comment\n", "---\n", "http:\n", "http: ~\n", "http: {cors_origins: [x]}\n", "count:\n", "url:\n", "data_dir:\n"} {
		got := settings{Count: 7, URL: config.NewSecret("u"), DataDir: "here"}
		got.HTTP.Addr = "a"
		if err := config.Parse([]byte(text), &got, "/base", nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got.HTTP.Addr != "a" || got.Count != 7 || !got.URL.Is("u") || got.DataDir != "here" {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		env        []string
		want       []string
	}{
		{"unknown key", "count: 1\nhttp:\n  adr: x\n", nil, []string{"[3:3]", "adr"}},
		{"unknown key in a list", "tokens:\n  - name: a\n    tokn: hush-hush\n", nil, []string{"[3:5]", "tokn"}},
		{"twice", "count: 1\ncount: 2\n", nil, []string{"[2:1]", "count"}},
		{"wrong kind", "count: many\n", nil, []string{"[1:8]"}},
		{"secret that is a map", "url: {a: hush-hush}\n", nil, []string{"url: a secret is text"}},
		{"secret that is a number", "tokens: [{token: 12345678}]\n", nil, []string{"tokens[0].token: a secret is text"}},
		{"two documents", "count: 1\n---\ncount: 2\n", nil, []string{"[3:1]", "more than one document"}},
		{"too deep", "map: " + strings.Repeat("[", 1000), nil, []string{"[1:69] is nested too deeply"}},
		{"not YAML", "http: [\n", nil, []string{"[1:"}},
		{"variable not set", "tokens: [{name: a, token: '${NOPE}'}]\n", nil, []string{"tokens[0].token", "NOPE is not set"}},
		{"no brace", "url: 'hush-hush${'\n", nil, []string{"url:", "without"}},
		{"no file", "url: file:nowhere\n", nil, []string{"url:", "nowhere"}},
		{"variable of the wrong kind", "", []string{"BATON_COUNT=many", "BATON_TOKENS=[{nme: hush-hush}]"}, []string{"BATON_COUNT (count)", "BATON_TOKENS (tokens)", "nme"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, t.TempDir(), "baton.yaml", c.yaml)
			var got settings
			err := config.Load(path, &got, c.env)
			if err == nil {
				t.Fatalf("taken: %+v", got)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "hush-hush") {
				t.Errorf("%q shows a value", err)
			}
		})
	}
	if err := config.Load(filepath.Join(t.TempDir(), "no.yaml"), &settings{}, nil); err == nil {
		t.Error("a file that is not there was taken")
	}
	if err := config.Load("", settings{}, nil); err == nil {
		t.Error("a struct that cannot be filled was taken")
	}
}

func TestASecretNeverShows(t *testing.T) {
	s := config.NewSecret("hush-hush")
	type hidden struct {
		inner config.Secret
		Outer config.Secret
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("x", "s", s, "h", hidden{s, s}, "list", []config.Secret{s})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s, "h", hidden{s, s}, "list", []config.Secret{s})
	j, _ := json.Marshal(map[string]any{"s": s, "h": hidden{s, s}})
	y, _ := yaml.Marshal(hidden{s, s})
	shown := log.String() + string(j) + string(y)
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%d", "%t", "%T"} {
		shown += fmt.Sprintf(verb, s) + fmt.Sprintf(verb, &s) + fmt.Sprintf(verb, hidden{s, s}) + fmt.Sprintf(verb, []config.Secret{s})
	}
	if strings.Contains(shown, "hush") || strings.Contains(shown, fmt.Sprintf("%x", "hush")) {
		t.Errorf("shown: %s", shown)
	}
	if !strings.Contains(string(j), config.Redacted) {
		t.Errorf("JSON %s does not say that there is a secret", j)
	}
	if !s.Is("hush-hush") || s.Is("hush") || (config.Secret{}).Is("") {
		t.Error("Is")
	}
}

func TestUnknownVariablesAreNamed(t *testing.T) {
	got := config.Unknown(&settings{}, []string{"BATON_HTTP_ADDR=x", "BATON_HTP_ADDR=x", "BATON_TOKEN=x", "HOME=/"}, "BATON_TOKEN")
	if !reflect.DeepEqual(got, []string{"BATON_HTP_ADDR"}) {
		t.Errorf("%v", got)
	}
	seen := map[string]bool{}
	for _, v := range config.Variables(&settings{}) {
		if seen[v] {
			t.Errorf("%s twice", v)
		}
		seen[v] = true
	}
	if !seen["BATON_DATA_DIR"] || !seen["BATON_HTTP_CORS_ORIGINS"] || len(seen) != 9 {
		t.Errorf("%v", seen)
	}
}

func TestAnOperatorMayUseAnchors(t *testing.T) {
	var got settings
	err := config.Parse([]byte("map: &shared {a: b}\nhttp:\n  addr: !!str 8080\ntokens:\n  - &ana {name: ana}\n  - {<<: *ana, roles: [sales]}\n"), &got, "/base", nil)
	if err != nil || got.HTTP.Addr != "8080" || len(got.Tokens) != 2 || got.Tokens[1].Name != "ana" || len(got.Tokens[1].Roles) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What fuzzing must never see: a panic, or a setting taken that the struct does not have.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "count: 1", "http: {addr: x, cors_origins: [a]}", "tokens:\n- {name: a, token: '${X}'}", "a: &a [*a]",
		"url: !!binary x", "--- |\n  x\n---\n", "{", "\x00", "count: 1e400", "? x\n: y", "<<: *x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got settings
		if err := config.Parse([]byte(text), &got, "/base", nil); err != nil && len(err.Error()) == 0 {
			t.Error("an error without a word")
		}
		if p := got.DataDir.String(); p != "" && !filepath.IsAbs(p) {
			t.Errorf("path %q stayed relative", p)
		}
	})
}
