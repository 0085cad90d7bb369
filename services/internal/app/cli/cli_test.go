package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/webhook"
)

func run(t *testing.T, stdin string, environ []string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	env := &Env{Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr, Environ: environ, Version: "v1.2.3"}
	code = Run(t.Context(), env, args)
	return code, stdout.String(), stderr.String()
}

func TestEveryCommandHelps(t *testing.T) {
	_, all, _ := run(t, "", nil, "help")
	seen := map[string]bool{}
	for _, c := range commands() {
		if seen[c.name] {
			t.Errorf("%s twice", c.name)
		}
		seen[c.name] = true
		if !strings.Contains(all, "  "+c.name+" ") {
			t.Errorf("the overview does not list %s", c.name)
		}
		code, out, _ := run(t, "", nil, c.name, "--help")
		if code != exitOK || !strings.Contains(out, "Example:  baton "+c.name) || !strings.Contains(out, c.does) {
			t.Errorf("%s --help: %d\n%s", c.name, code, out)
		}
		if code, again, _ := run(t, "", nil, "help", c.name); code != exitOK || again != out {
			t.Errorf("help %s differs", c.name)
		}
	}
	for _, want := range []string{"up", "ingest", "scoring", "routing", "feedback", "send", "lead", "handoffs", "verify", "rebuild", "backup", "restore", "agreement", "directory", "version"} {
		if !seen[want] {
			t.Errorf("no command %s", want)
		}
	}
}

func TestCalledWrongly(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, ""}, {[]string{"frobnicate"}, `no command "frobnicate"`}, {[]string{"lead"}, "is needed"}, {[]string{"lead", "a", "b"}, "not 2"},
		{[]string{"verify", "x"}, `unexpected argument "x"`}, {[]string{"verify", "--nope"}, "nope"}, {[]string{"send", "-"}, "--source"},
		{[]string{"up", "x"}, "unexpected"}, {[]string{"directory", "mend", "x"}, "check apply"}, {[]string{"verify", "--url", "ftp://x"}, "--url"},
		{[]string{"rebuild", "--service", "ingest"}, "scoring, routing, feedback"},
		{[]string{"agreement"}, "missing"}, {[]string{"agreement", "mend"}, `"mend"`}, {[]string{"agreement", "show"}, "missing"},
		{[]string{"agreement", "list", "x"}, `"x"`}, {[]string{"agreement", "diff", "0"}, "not a version"},
		{[]string{"agreement", "sign", "1"}, "--role"}, {[]string{"agreement", "sign", "1", "--role", "sales", "--hash", "x", "--file", "y"}, "either"},
		{[]string{"agreement", "activate", "1", "--from", "soon"}, "--from"}, {[]string{"agreement", "backtest", "1", "--since", "soon"}, "--since"},
	} {
		code, _, errOut := run(t, "", nil, c.args...)
		if code != exitUsage || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: %d %s", c.args, code, errOut)
		}
	}
	if _, out, _ := run(t, "", nil, "--version"); out != "baton v1.2.3\n" {
		t.Errorf("%q", out)
	}
}

// receiver is a source that verifies signatures and answers as it is told.
type receiver struct {
	mu      sync.Mutex
	bodies  [][]json.RawMessage
	answers []func(w http.ResponseWriter, n int)
	signed  *webhook.Verifier
	t       *testing.T
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	if req.URL.Path != "/webhooks/app" || len(body) > maxBatchBytes {
		r.t.Errorf("%s, %d bytes", req.URL.Path, len(body))
	}
	if r.signed != nil {
		if err := r.signed.Verify(req.Header, body, time.Now()); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	var events []json.RawMessage
	if err := json.Unmarshal(body, &events); err != nil {
		r.t.Errorf("%v: %.80s", err, body)
	}
	r.bodies = append(r.bodies, events)
	if len(r.answers) > 0 {
		answer := r.answers[0]
		r.answers = r.answers[1:]
		answer(w, len(events))
		return
	}
	accept(w, len(events))
}

func accept(w http.ResponseWriter, n int) {
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"accepted":%d,"duplicates":0,"rejected":[],"sequence":"%d"}`, n, n)
}

func events(n, size int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"e%d","pad":"%s"}`+"\n", i, strings.Repeat("x", size))
	}
	return b.String()
}

func TestSendForms(t *testing.T) {
	for name, c := range map[string]struct {
		in      string
		batches []int
	}{
		"one object":      {"{\n \"id\": \"a\"\n}", []int{1}},
		"objects":         {"\xef\xbb\xbf" + `{"id":"a"}{"id":"b"}` + "\n\n" + `{"id":"c"}`, []int{3}},
		"an array":        {` [ {"id":"a"}, {"id":"b"} ] `, []int{2}},
		"lines":           {events(1200, 10), []int{500, 500, 200}},
		"large ones":      {events(5, 1<<20), []int{3, 2}},
		"an array of 501": {"[" + strings.ReplaceAll(strings.TrimSpace(events(501, 1)), "\n", ",") + "]", []int{500, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &receiver{t: t}
			s := httptest.NewServer(r)
			defer s.Close()
			code, out, errOut := run(t, c.in, []string{"BATON_URL=" + s.URL}, "send", "--source", "app", "-")
			var got []int
			for _, b := range r.bodies {
				got = append(got, len(b))
			}
			if code != exitOK || fmt.Sprint(got) != fmt.Sprint(c.batches) {
				t.Errorf("%d, batches %v, want %v: %s%s", code, got, c.batches, out, errOut)
			}
		})
	}
	for name, in := range map[string]string{"nothing": " \n", "not JSON": `{"id":"a"} hello`, "cut off": `[{"id":"a"},`, "open": `{"id":`} {
		r := &receiver{t: t}
		s := httptest.NewServer(r)
		code, _, errOut := run(t, in, nil, "send", "--url", s.URL, "--source", "app", "-")
		s.Close()
		if code != exitFail || errOut == "" {
			t.Errorf("%s: %d %q", name, code, errOut)
		}
	}
}

func TestSendRetriesAndSigns(t *testing.T) {
	const secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	v, err := webhook.NewVerifier([]string{secret}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var first time.Time
	r := &receiver{t: t, signed: v, answers: []func(http.ResponseWriter, int){
		func(w http.ResponseWriter, _ int) {
			first = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		},
		func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusServiceUnavailable) },
	}}
	s := httptest.NewServer(r)
	defer s.Close()
	env := []string{"BATON_URL=" + s.URL, "BATON_SOURCE_SECRET=" + secret}
	file := filepath.Join(t.TempDir(), "events.json")
	if err := os.WriteFile(file, []byte(`[{"id":"a"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := run(t, "", env, "send", "--source", "app", file)
	if code != exitOK || out != "accepted 1, duplicates 0, rejected 0, sequence 1\n" || len(r.bodies) != 3 {
		t.Errorf("%d %q %q after %d requests", code, out, errOut, len(r.bodies))
	}
	if time.Since(first) < time.Second {
		t.Error("it did not wait as long as it was asked to")
	}
	if code, _, errOut := run(t, "{}", []string{"BATON_URL=" + s.URL}, "send", "--source", "app", "-"); code != exitFail || !strings.Contains(errOut, "has a secret") {
		t.Errorf("without the secret: %d %q", code, errOut)
	}
	if code, _, errOut := run(t, "{}", []string{"BATON_URL=" + s.URL, "BATON_SOURCE_SECRET=whsec_!"}, "send", "--source", "app", "-"); code != exitFail || strings.Contains(errOut, "whsec_!") {
		t.Errorf("a secret that is none: %d %q", code, errOut)
	}
}

func TestSendTellsWhatWasRejected(t *testing.T) {
	r := &receiver{t: t, answers: []func(http.ResponseWriter, int){
		func(w http.ResponseWriter, _ int) {
			fmt.Fprint(w, `{"accepted":498,"duplicates":1,"rejected":[{"index":3,"errors":[{"field":"lead.email","reason":"is no address"}]}],"sequence":7}`)
		},
		func(w http.ResponseWriter, _ int) {
			fmt.Fprint(w, `{"accepted":0,"duplicates":0,"rejected":[{"index":0,"errors":[{"field":"id","reason":"is needed"}]}],"sequence":null}`)
		},
	}}
	s := httptest.NewServer(r)
	defer s.Close()
	code, out, _ := run(t, events(501, 1), nil, "send", "--url", s.URL, "--source", "app", "-")
	want := "accepted 498, duplicates 1, rejected 2, sequence 7\n  event 4: lead.email is no address\n  event 501: id is needed\n"
	if code != exitFail || out != want {
		t.Errorf("%d %q, want %q", code, out, want)
	}
	s.Close()
	if code, _, errOut := run(t, "{}", nil, "send", "--url", s.URL, "--source", "app", "--patience", "300ms", "-"); code != exitFail || !strings.Contains(errOut, "events 1 to 1, given up") {
		t.Errorf("nobody there: %d %q", code, errOut)
	}
}

func FuzzReadBatches(f *testing.F) {
	for _, s := range []string{"{}", "[]", "[{},{}]", "{}\n{}", "", "[", "[1,", "1 2 3", "\xef\xbb\xbf{}", "nul", `{"a":"\ud800"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		total := 0
		err := readBatches(strings.NewReader(in), func(b batch) error {
			var got []json.RawMessage
			if err := json.Unmarshal(b.body, &got); err != nil {
				t.Fatalf("a batch that is not JSON: %v", err)
			}
			if len(got) != b.events || b.first != total {
				t.Fatalf("batch %+v of %d events behind %d", b, len(got), total)
			}
			total += len(got)
			return nil
		})
		if err == nil && total == 0 && !strings.Contains(in, "[") {
			t.Error("nothing read and nothing said")
		}
	})
}

func TestStoppedWhileSending(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer s.Close()
	var errOut bytes.Buffer
	env := &Env{Stdin: strings.NewReader("{}"), Stdout: io.Discard, Stderr: &errOut}
	if code := Run(ctx, env, []string{"send", "--url", s.URL, "--source", "app", "-"}); code != exitFail || !strings.Contains(errOut.String(), "stopped") {
		t.Errorf("%d %q", code, errOut.String())
	}
}
