package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"

	"github.com/batonhq/baton/services/internal/app"
)

// answers serves fixed JSON by path and query.
func answers(t *testing.T, token string, byPath map[string]string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token != "" && r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"title":"Unauthorized","status":401,"detail":"a token is needed"}`)
			return
		}
		body, ok := byPath[r.URL.RequestURI()]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"title":"Not Found","status":404,"detail":"there is nothing at this path"}`)
			return
		}
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

const leadJSON = `{"id":"ld_e1","email":"ana@initech.example","first_name":"Ana","last_name":"Li\u001b[31mnd","title":"VP","stage":"recycled",
 "highest_stage":"accepted","epoch":2,
  "epochs":[{"epoch":1,"stages":[{"stage":"inquiry","entered_at":"2026-11-01T10:00:00Z","left_at":"2026-11-04T12:00:00Z","reason":""},
    {"stage":"recycled","entered_at":"2026-11-04T12:00:00Z","left_at":"2026-11-04T15:00:00Z","reason":"timing"}]},
    {"epoch":2,"stages":[{"stage":"inquiry","entered_at":"2026-11-04T15:00:00Z","left_at":"2026-11-07T16:00:00Z","reason":"woke"},
    {"stage":"recycled","entered_at":"2026-11-07T16:00:00Z","reason":"timing"}]}],
  "owner":"marketing","account":{"name":"Initech","domain":"initech.example","employees":420},
 "handoff_id":"ho_e1_1","consent":{"email":"granted"},"newer_member":1}`

func leadAPI(t *testing.T) *httptest.Server {
	return answers(t, "tok", map[string]string{
		"/api/v1/leads?email=ana%40initech.example": `{"leads":[` + leadJSON + `]}`,
		"/api/v1/leads?email=no%40initech.example":  `{"leads":[]}`,
		"/api/v1/leads/ld_e1":                       leadJSON,
		"/api/v1/leads/ld_e1/score": `{"fit":80,"grade":"a","engagement":9.7,"agreement_version":3,"account":{"id":"ac_x","engagement":45.25,"people":3,"at":"2026-11-20T10:00:00Z"},
		  "missing_to_qualify":[{"qualify_rule":"matrix","text":"1 more pricing event (page_viewed, 8 points)"},{"qualify_rule":"matrix","text":"grade b instead of c"}],
		  "changes":{"engagement_before":60,"decayed":-3.14,"added":[{"points":8,"events":["x"]},{"points":1,"events":["x"]},{"points":9,"events":["y"]}]},
		  "contributions":[
		  {"side":"engagement","rule":"ebook","points":9.7,"raw_points":10,"decay":0.97,"because":"asked for something of worth","at":"2026-11-20T10:00:00Z"},
		  {"side":"fit","rule":"senior","points":40,"raw_points":40,"decay":1}]}`,
		"/api/v1/leads/ld_e1/context": `{"snapshot":{"timeline":[{"type":"asset_downloaded","at":"2026-11-20T10:00:00Z","asset":"pricing-guide","channel":"email","campaign":"q4"}]}}`,
		"/api/v1/handoffs/ho_e1_1":    `{"id":"ho_e1_1","stage":"routed","owner":{"id":"bo","name":"Bo","chosen":{"route":"named"}},"sla":{"accept_by":"2026-11-20T14:00:00Z"},"deliveries":[{"event":"handoff.routed","destination":"crm","state":"failing","attempts":3,"last_error":"503"}]}`,
	})
}

func TestLead(t *testing.T) {
	s := leadAPI(t)
	env := []string{"BATON_URL=" + s.URL, "BATON_TOKEN=tok"}
	code, out, errOut := run(t, "", env, "lead", "ana@initech.example")
	for _, want := range []string{"Ana Li·[31mnd", "Initech (initech.example), 420 people", "recycled (was accepted), epoch 2", "grade A", "+9.70", "ebook",
		"10 points decayed to 97 %", "with Bo by route named", "crm: failing after 3 attempts (503)", "pricing-guide", "email / q4", "consent",
		"inquiry   3 days                epoch 1\n", "recycled  3 hours     (timing)", "inquiry   3 days      (woke)    epoch 2\n", "recycled  since then  (timing)",
		"the account: engagement 45.2, 3 people, as of 2026-11-20",
		"would qualify with: 1 more pricing event (page_viewed, 8 points)\n", "or: grade b instead of c\n", "since the handoff: +18.0 by 2 events, -3.1 by decay\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != exitOK || strings.Contains(out, "\x1b") {
		t.Errorf("%d %q: control characters of senders must not reach a terminal", code, errOut)
	}
	code, out, _ = run(t, "", env, "lead", "ld_e1", "--json")
	var got map[string]map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK || got["lead"]["id"] != "ld_e1" || got["score"]["fit"] != 80.0 || got["handoff"]["stage"] != "routed" {
		t.Errorf("%v %s", err, out)
	}
	for _, c := range []struct {
		who, want string
		env       []string
	}{{"no@initech.example", "nobody is known", env}, {"ld_e2", "no lead", env}, {"ld_e1", "a token is needed\npresent one with --token or BATON_TOKEN", env[:1]}} {
		if code, _, errOut := run(t, "", c.env, "lead", c.who); code != exitFail || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: %d %q", c.who, code, errOut)
		}
	}
	s.Close()
	if code, _, errOut := run(t, "", env, "lead", "ld_e1"); code != exitFail || !strings.Contains(errOut, "is it running") {
		t.Errorf("%d %q", code, errOut)
	}
}

func TestChanged(t *testing.T) {
	one := &journalv1.Contribution{Points: 8, Events: []string{"x"}}
	for want, c := range map[string]*leadv1.ScoreChanges{
		"no new events, -0.5 by decay":     {Decayed: -0.5},
		"+8.0 by 1 event, +0.0 by decay":   {Added: []*journalv1.Contribution{one}},
		"-17.0 by 2 events, +0.3 by decay": {Added: []*journalv1.Contribution{one, {Points: -25, Events: []string{"y"}}}, Decayed: 0.3},
	} {
		if got := changed(c); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestHandoffs(t *testing.T) {
	s := answers(t, "", map[string]string{
		"/api/v1/handoffs?owner=bo&page_size=3":               `{"handoffs":[{"id":"ho_1","stage":"routed","owner":{"name":"Bo"},"email":"a@x.example","sla":{"accept_by":"2026-11-20T14:00:00Z"}}],"next_page_token":"p2"}`,
		"/api/v1/handoffs?owner=bo&page_size=2&page_token=p2": `{"handoffs":[{"id":"ho_2","stage":"waiting","lead_id":"ld_2"}],"next_page_token":""}`,
		"/api/v1/handoffs?page_size=100&stage=sql":            `{"handoffs":[]}`,
	})
	code, out, _ := run(t, "", nil, "handoffs", "--url", s.URL, "--owner", "bo", "--limit", "3")
	if code != exitOK || !strings.Contains(out, "ho_1") || !strings.Contains(out, "ho_2") || !strings.Contains(out, "nobody can take it") || !strings.Contains(out, "ago") {
		t.Errorf("%d\n%s", code, out)
	}
	if _, out, _ := run(t, "", nil, "handoffs", "--url", s.URL, "--stage", "sql"); out != "no handoffs\n" {
		t.Errorf("%q", out)
	}
}

func TestVerifyExitsWithWhatItFinds(t *testing.T) {
	for body, want := range map[string]int{
		`{"ok":true,"acknowledged":10,"applied":10,"leads":3,"leads_by_stage":{"inquiry":3}}`:                   exitOK,
		`{"ok":false,"acknowledged":10,"applied":9,"problems":["1 input is missing"],"orphans":["ld_e1"]}`:      exitFail,
		`{"ok":false,"acknowledged":10,"applied":9,"pending":1,"problems":["scoring has not read to the end"]}`: exitFail,
	} {
		s := answers(t, "", map[string]string{"/api/v1/reconciliation": body})
		code, out, _ := run(t, "", nil, "verify", "--url", s.URL)
		if code != want || !strings.Contains(out, "acknowledged  10") || (want == exitFail) != strings.Contains(out, "NOT OK") {
			t.Errorf("%d\n%s", code, out)
		}
		if code, out, _ := run(t, "", nil, "verify", "--json", "--url", s.URL); code != want || !json.Valid([]byte(out)) {
			t.Errorf("%d\n%s", code, out)
		}
	}
}

// What is printed for each type can be put into a file and started with, once a secret that the platform gives out is in its own file.
func TestSourcePrintsWhatLoads(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range app.SourceTypes() {
		code, out, _ := run(t, "", nil, "source", "app", "--type", kind)
		dir := t.TempDir()
		file := filepath.Join(dir, "baton.yaml")
		text, _, _ := strings.Cut(out, "\n\n")
		issued := map[string]string{"sendgrid": base64.StdEncoding.EncodeToString(der), "espocrm": "65f0c1:key"}[kind]
		if issued == "" {
			issued = "what the console shows"
		}
		for path, text := range map[string]string{file: text, filepath.Join(dir, "app.secret"): issued} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if code != exitOK {
			t.Errorf("%s: %d", kind, code)
		}
		if code, out, errOut := run(t, "", nil, "up", "--config", file, "--check-config"); code != exitOK {
			t.Errorf("%s: %s%s\n%s", kind, out, errOut, text)
		}
		secret, err := sourceSecret(file, "app", nil)
		if err != nil || (kind == "segment" || kind == "rudderstack") != (secret == "") {
			t.Errorf("%s: %v, secret %v", kind, err, secret != "")
		}
	}
	for _, args := range [][]string{{"source", "a b"}, {"source", "app", "--type", "x"}, {"source"}} {
		if code, _, _ := run(t, "", nil, args...); code != exitUsage {
			t.Errorf("%v: %d", args, code)
		}
	}
}

// Whoever follows what is printed reaches the source: a sender that carries a token is given it in its address, and one whose
// platform gives out the secret is not given another.
func TestSourceSaysWhatTheSenderNeeds(t *testing.T) {
	config := filepath.Join(t.TempDir(), "baton.yaml")
	if err := os.WriteFile(config, []byte("http: { public_url: \"https://leads.example/\" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const address = `posts to https://leads\.example/webhooks/crm`
	for kind, want := range map[string]string{
		"hubspot": address + `\n.*http\.public_url`, "mailchimp": address + `/[A-Z2-7]{26}\n`, "salesforce": address + `/[A-Z2-7]{26}\n`,
		"activecampaign": address + `/[A-Z2-7]{26}\n`, "segment-webhook": address + `/[A-Z2-7]{26}\n.*shared secret`,
		"pipedrive": address + `\n.*HTTP Auth password`, "meta": `(?s)app secret of the Meta app.*` + address + `\n.*verify_token`,
		"dynamics": address + `\n.*HttpHeader`, "marketo": "X-Baton-Token", "sendgrid": `crm\.secret, beside .* holds the verification key`,
		"rudderstack": `write_key: "(?s:.*)https://leads\.example as their data plane`,
	} {
		code, out, errOut := run(t, "", nil, "source", "crm", "--type", kind, "--config", config)
		if code != exitOK || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: %d, no %s in\n%s%s", kind, code, want, out, errOut)
		}
		if strings.Contains(out, "whsec_") {
			t.Errorf("%s has no secrets of Standard Webhooks:\n%s", kind, out)
		}
	}
}

func TestCheckConfigTellsEverything(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "baton.yaml")
	text := "http: { addr: nowhere }\njournal: { sync: sometimes }\nagreement: gone.yaml\ntokens: [ { name: ana, token: t, roles: [sales] } ]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := run(t, "", nil, "up", "--config", file, "--check-config")
	for _, want := range []string{"http.addr", "journal.sync", "agreement", "gone.yaml", "tokens[0]: rep"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("no %q in %q", want, errOut)
		}
	}
	if code != exitFail || out != "" {
		t.Errorf("%d %q", code, out)
	}
	if code, _, errOut := run(t, "", nil, "scoring", "--check-config"); code != exitFail || !strings.Contains(errOut, "nats.url") || !strings.Contains(errOut, "redis.url") {
		t.Errorf("a service alone: %d %q", code, errOut)
	}
	if code, out, errOut := run(t, "", []string{"BATON_HTP_ADDR=x"}, "up", "--check-config"); code != exitOK || !strings.Contains(out, "ok") || !strings.Contains(errOut, "BATON_HTP_ADDR") {
		t.Errorf("the defaults: %d %q %q", code, out, errOut)
	}
}
