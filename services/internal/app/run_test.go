package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/webhook"
	"github.com/batonhq/baton/services/ingest"
)

const smokeSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"

// logs collects what a process logs.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func anyPorts(dir string) Config {
	c := DefaultConfig()
	c.HTTP.Addr, c.GRPC.Addr, c.Admin.Addr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	c.DataDir = config.Path(dir)
	c.Log.Level = "debug"
	c.Sources = []ingest.Source{{Name: "app", Type: "baton", Secrets: []config.Secret{config.NewSecret(smokeSecret)}}}
	return c
}

// begin runs a target until the test ends or stop is called, which gives Run's error.
func begin(t *testing.T, target Target, c Config) (Addrs, *logs, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan Addrs, 1), make(chan error, 1)
	out := &logs{}
	go func() {
		done <- Run(ctx, Options{
			Target: target, Config: c, Version: "test", Log: out, Getenv: func(string) string { return "" },
			Started: func(a Addrs) { started <- a },
		})
	}()
	var once sync.Once
	var result error
	stop := func() error {
		once.Do(func() {
			cancel()
			select {
			case result = <-done:
			case <-time.After(stopWithin + 5*time.Second):
				result = fmt.Errorf("%s does not stop", target)
			}
		})
		return result
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(out.String())
		}
	})
	select {
	case a := <-started:
		return a, out, stop
	case err := <-done:
		done <- err
		t.Fatalf("%s does not start: %v", target, err)
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not start", target)
	}
	return Addrs{}, nil, nil
}

// ask gets a path and reads its JSON. While something is being rebuilt it asks again.
func ask(t *testing.T, addr, path string, header http.Header) (int, map[string]any) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); ; {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range header {
			req.Header[k] = v
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, body)
		}
		if resp.StatusCode == http.StatusServiceUnavailable && time.Now().Before(until) {
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-t.Context().Done():
			}
		}
		return resp.StatusCode, got
	}
}

// post sends one signed event and gives the journal's sequence.
func post(t *testing.T, addr, event string, header ...string) string {
	t.Helper()
	signer, err := webhook.NewSigner([]string{smokeSecret})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/webhooks/app", strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	signer.SetHeaders(req.Header, "msg_1", time.Now(), []byte(event))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Accepted int `json:"accepted"`
		Sequence any `json:"sequence"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusAccepted || answer.Accepted != 1 {
		t.Fatalf("%d %+v %v", resp.StatusCode, answer, err)
	}
	return fmt.Sprint(answer.Sequence)
}

const smokeEvent = `{"id":"evt-1","type":"form_submitted","occurred_at":"2026-11-20T10:00:00Z","lead":{"email":"Ana@Initech.example"},"traits":{"first_name":"Ana"}}`

func leadByEmail(t *testing.T, addr, after string) map[string]any {
	t.Helper()
	code, got := ask(t, addr, "/api/v1/leads?email=ana@initech.example&after="+after, nil)
	leads, _ := got["leads"].([]any)
	if code != http.StatusOK || len(leads) != 1 {
		t.Fatalf("%d %v", code, got)
	}
	return leads[0].(map[string]any)
}

func TestUpTakesAnEventAndKnowsTheLead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	addrs, out, stop := begin(t, Up, anyPorts(dir))

	after := post(t, addrs.HTTP, smokeEvent)
	lead := leadByEmail(t, addrs.HTTP, after)
	if lead["email"] != "ana@initech.example" || lead["stage"] != "inquiry" || lead["first_name"] != "Ana" {
		t.Errorf("%v", lead)
	}
	if code, got := ask(t, addrs.HTTP, "/api/v1/reconciliation?after="+after, nil); code != http.StatusOK || got["ok"] != true || got["acknowledged"] != 1.0 || got["leads"] != 1.0 {
		t.Errorf("%d %v", code, got)
	}
	if code, got := ask(t, addrs.HTTP, "/api/v1/metrics/funnel?after="+after, nil); code != http.StatusOK || got["leads"] != 1.0 {
		t.Errorf("%d %v", code, got)
	}
	if code, got := ask(t, addrs.HTTP, "/api/v1/handoffs", nil); code != http.StatusOK {
		t.Errorf("%d %v", code, got)
	}
	if code, got := ask(t, addrs.HTTP, "/api/v1/leads/ld_nobody", nil); code != http.StatusNotFound || got["title"] != "Not Found" {
		t.Errorf("%d %v", code, got)
	}
	if code, got := ask(t, addrs.Admin, "/readyz", nil); code != http.StatusOK || got["ready"] != true {
		t.Errorf("%d %v", code, got)
	}

	text, err := os.ReadFile(NATSURLPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(NATSURLPath(dir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: nobody else may read the token", info.Mode(), err)
	}
	nc, err := nats.Connect(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatalf("commands do not reach the journal: %v", err)
	}
	nc.Close()

	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(NATSURLPath(dir)); !os.IsNotExist(err) {
		t.Error("the address of a Baton that has stopped is still there")
	}
	if strings.Contains(out.String(), "initech") || strings.Contains(out.String(), "Ana") {
		t.Errorf("the log names people: %s", out)
	}

	again, _, _ := begin(t, Up, anyPorts(dir))
	if got := leadByEmail(t, again.HTTP, after); got["id"] != lead["id"] {
		t.Errorf("after a restart the lead is %v, was %v", got["id"], lead["id"])
	}
}

func TestFourProcessesAreOneBaton(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	engines := startEngines(t, dir)
	with := func() Config {
		c := anyPorts(dir)
		c.NATS.URL, c.Redis.URL = config.NewSecret(engines.nats), config.NewSecret(engines.redis)
		c.InternalToken = config.NewSecret("internal-token")
		c.Tokens = []TokenConfig{{Name: "wall", Token: config.NewSecret("view"), Roles: []string{roleViewer}}}
		return c
	}
	c := with()
	for _, peer := range []struct {
		target Target
		addr   *string
	}{{Scoring, &c.Peers.Scoring}, {Routing, &c.Peers.Routing}, {Feedback, &c.Peers.Feedback}} {
		a, _, _ := begin(t, peer.target, with())
		*peer.addr = a.GRPC
		if a.HTTP != "" {
			t.Errorf("%s serves HTTP", peer.target)
		}
	}
	front, _, _ := begin(t, Ingest, c)
	after := post(t, front.HTTP, smokeEvent)
	if code, _ := ask(t, front.HTTP, "/api/v1/leads?email=ana@initech.example&after="+after, nil); code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", code)
	}
	view := http.Header{"Authorization": {"Bearer view"}}
	code, got := ask(t, front.HTTP, "/api/v1/leads?email=ana@initech.example&after="+after, view)
	if leads, _ := got["leads"].([]any); code != http.StatusOK || len(leads) != 1 {
		t.Errorf("%d %v", code, got)
	}
	if code, got := ask(t, front.HTTP, "/api/v1/metrics/funnel?after="+after, view); code != http.StatusOK || got["leads"] != 1.0 {
		t.Errorf("%d %v", code, got)
	}
	if code, _ := ask(t, front.HTTP, "/api/v1/quarantine", view); code != http.StatusForbidden {
		t.Errorf("a viewer reads payloads: %d", code)
	}
}

func TestTakenPortsAndFoldersStopTheStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	addrs, _, _ := begin(t, Up, anyPorts(dir))
	for name, change := range map[string]func(*Config){
		"http.addr":  func(c *Config) { c.HTTP.Addr = addrs.HTTP },
		"grpc.addr":  func(c *Config) { c.GRPC.Addr = addrs.GRPC },
		"admin.addr": func(c *Config) { c.Admin.Addr = addrs.Admin },
		"data_dir":   func(*Config) {},
	} {
		c := anyPorts(dir)
		change(&c)
		err := Run(t.Context(), Options{Target: Up, Config: c, Version: "test", Log: io.Discard, Getenv: func(string) string { return "" }})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if code, _ := ask(t, addrs.Admin, "/readyz", nil); code != http.StatusOK {
		t.Errorf("the one that was there first suffers: %d", code)
	}
}
