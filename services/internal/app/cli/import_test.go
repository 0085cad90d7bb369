package cli

import (
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
)

const dealMap = `
source: app
id: "{id}"
events:
  - { type: form_submitted, when: { email: present }, occurred_at: "{created}", lead: { email: "{email}" } }
  - { type: deal_won, when: { status: [won] }, occurred_at: "{closed}", lead: { email: "{email}" }, properties: { deal_id: "{id}" } }
`

// books is a source that recognises events by their ids, as Baton does.
type books struct {
	mu       sync.Mutex
	known    map[string]json.RawMessage
	repeated int
	requests int
	// breaks, which may be nil, says before a request is taken whether it is answered with an error, and with which.
	breaks func(request int, events []json.RawMessage) (status int)
	t      *testing.T
}

func (b *books) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // an import that gives up leaves what it was sending: nothing of it has arrived
	}
	var events []json.RawMessage
	if err = json.Unmarshal(body, &events); err != nil || len(events) > maxBatchEvents || len(body) > maxBatchBytes || req.URL.Path != "/webhooks/app" {
		b.t.Errorf("%s: %d events in %d bytes, %v", req.URL.Path, len(events), len(body), err)
	}
	b.requests++
	if b.breaks != nil {
		if status := b.breaks(b.requests, events); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	a := sendAnswer{Rejected: []rejection{}}
	for i, raw := range events {
		var e struct {
			ID      string
			History bool
			Lead    struct{ Email string }
		}
		if err := json.Unmarshal(raw, &e); err != nil || !e.History {
			b.t.Errorf("%s: %v", raw, err)
		}
		switch {
		case strings.HasPrefix(e.Lead.Email, "bad"):
			r := rejection{Index: i}
			if err := json.Unmarshal([]byte(`[{"field":"lead.email","reason":"is not an e-mail address"}]`), &r.Errors); err != nil {
				b.t.Error(err)
			}
			a.Rejected = append(a.Rejected, r)
		case b.known[e.ID] != nil:
			a.Duplicates++
			b.repeated++
		default:
			b.known[e.ID] = raw
			a.Accepted++
		}
	}
	w.WriteHeader(http.StatusAccepted)
	if err := json.NewEncoder(w).Encode(a); err != nil {
		b.t.Error(err)
	}
}

// importRig is a source, a map and a file of rows.
type importRig struct {
	*books
	dir, file, mapFile string
	env                []string
}

func newImportRig(t *testing.T, rows string) *importRig {
	t.Helper()
	b := &books{known: map[string]json.RawMessage{}, t: t}
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	r := &importRig{books: b, dir: t.TempDir(), env: []string{"BATON_URL=" + s.URL}}
	r.file, r.mapFile = filepath.Join(r.dir, "deals.csv"), filepath.Join(r.dir, "map.yaml")
	for name, text := range map[string]string{r.file: rows, r.mapFile: dealMap} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// dealRows gives n rows, of which every tenth has a bad time, every eleventh is nobody's, and every thirteenth's address is refused.
func dealRows(n int) (rows string, events, errors, skipped, rejected int) {
	var b strings.Builder
	b.WriteString("id,email,status,created,closed\n")
	for i := range n {
		email, created := fmt.Sprintf("p%d@x.example", i), "2024-01-31"
		switch {
		case i%10 == 1:
			created = "soon"
			errors++
		case i%11 == 2:
			email = ""
			skipped++
		case i%13 == 3:
			email = "bad" + email
			rejected++
		default:
			events++
		}
		fmt.Fprintf(&b, "d%d,%s,open,%s,\n", i, email, created)
	}
	return b.String(), events, errors, skipped, rejected
}

func (r *importRig) faults(t *testing.T) (out []rowFault) {
	t.Helper()
	text, err := os.ReadFile(r.file + ".errors.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var f rowFault
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		out = append(out, f)
	}
	return out
}

func TestImport(t *testing.T) {
	rows, events, wrong, skipped, rejected := dealRows(3000)
	r := newImportRig(t, rows)
	code, out, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file)
	want := fmt.Sprintf("rows 3000, events %d, accepted %d, duplicates 0, rejected %d, skipped %d, errors %d\n", events+rejected, events, rejected, skipped, wrong)
	if code != exitFail || !strings.HasPrefix(out, want) || len(r.known) != events {
		t.Errorf("%d %q %q, %d known; want %q", code, out, errOut, len(r.known), want)
	}
	faults := r.faults(t)
	if len(faults) != wrong+rejected {
		t.Errorf("%d faults, want %d", len(faults), wrong+rejected)
	}
	if f := faults[0]; f != (rowFault{Row: 2, Line: 3, Field: "events[0].occurred_at", Reason: "is not a time as rfc3339, 2006-01-02 15:04:05, 2006-01-02", Raw: "d1,p1@x.example,open,soon,"}) {
		t.Errorf("%+v", f)
	}
	if f := faults[1]; f.Row != 4 || f.Field != "lead.email" || !strings.Contains(f.Reason, "event d3/form_submitted was refused: is not an e-mail") {
		t.Errorf("%+v", f)
	}
	if _, err := os.Stat(r.file + ".progress"); !os.IsNotExist(err) {
		t.Errorf("the progress is left behind: %v", err)
	}
	// Loaded again, nothing is new, and the faults are told anew, once.
	if _, out, _ := run(t, "", r.env, "import", "--map", r.mapFile, r.file); !strings.Contains(out, fmt.Sprintf("accepted 0, duplicates %d,", events)) || len(r.faults(t)) != len(faults) {
		t.Errorf("again: %q, %d faults", out, len(r.faults(t)))
	}
	if code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, "--max-errors", "5", "--in-flight", "1", r.file); code != exitFail || !strings.Contains(errOut, "stopped: ") {
		t.Errorf("%d %q", code, errOut)
	}
	// The limit is each run's own: the same command gets on.
	if code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, "--max-errors", "5000", r.file); code != exitFail || strings.Contains(errOut, "stopped: ") || len(r.faults(t)) != len(faults) {
		t.Errorf("%d %q, %d faults", code, errOut, len(r.faults(t)))
	}
}

// An import that ends anywhere goes on where it was: nothing is lost, nothing is told twice.
func TestImportGoesOnWhereItEnded(t *testing.T) {
	rows, events, wrong, skipped, rejected := dealRows(6000)
	r := newImportRig(t, rows)
	runs := 0
	r.breaks = func(request int, _ []json.RawMessage) int {
		if request%4 == 0 {
			return http.StatusBadRequest
		}
		return 0
	}
	for {
		runs++
		code, out, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file)
		if runs > 1 && !strings.Contains(errOut, "going on behind row") {
			t.Errorf("run %d: %q", runs, errOut)
		}
		if _, err := os.Stat(r.file + ".progress"); err != nil {
			want := fmt.Sprintf("rows 6000, events %d, accepted ", events+rejected)
			if code != exitFail || !strings.HasPrefix(out, want) || !strings.Contains(out, fmt.Sprintf("rejected %d, skipped %d, errors %d\n", rejected, skipped, wrong)) {
				t.Errorf("%d %q %q, want %q", code, out, errOut, want)
			}
			break
		}
		if code != exitFail || !strings.Contains(errOut, "the same command goes on behind row") {
			t.Fatalf("run %d: %d %q %q", runs, code, out, errOut)
		}
		if runs > 20 {
			t.Fatal("it does not get on")
		}
		// What a killed process wrote last and did not count.
		if err := appendTo(r.file+".errors.ndjson", `{"row":1,"half`); err != nil {
			t.Fatal(err)
		}
	}
	if runs < 3 || len(r.known) != events || len(r.faults(t)) != wrong+rejected {
		t.Errorf("%d runs, %d events known of %d, %d faults of %d", runs, len(r.known), events, len(r.faults(t)), wrong+rejected)
	}
	if whole := 6000 / 500 * maxBatchEvents; r.repeated >= whole {
		t.Errorf("%d events were sent again", r.repeated)
	}
}

func appendTo(file, text string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	return f.Close()
}

// A stopped import leaves word of where it was; another map or another file does not go on with it.
func TestImportOfAnotherMapOrFile(t *testing.T) {
	rows, _, _, _, _ := dealRows(2000)
	r := newImportRig(t, rows)
	ctx, stop := context.WithCancel(t.Context())
	r.breaks = func(request int, _ []json.RawMessage) int {
		if request == 3 {
			stop()
			return http.StatusServiceUnavailable
		}
		return 0
	}
	var out, errOut strings.Builder
	env := &Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errOut, Environ: r.env}
	if code := Run(ctx, env, []string{"import", "--map", r.mapFile, "--in-flight", "1", r.file}); code != exitFail || !strings.Contains(errOut.String(), "stopped") {
		t.Fatalf("%d %s", code, &errOut)
	}
	if err := os.WriteFile(r.mapFile, []byte(dealMap+"zone: Europe/Paris\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file); code != exitFail || !strings.Contains(errOut, "of another map") {
		t.Errorf("%d %q", code, errOut)
	}
	if err := os.WriteFile(r.mapFile, []byte(dealMap), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := appendTo(r.file, "d,x@x.example,open,2024-01-31,\n"); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file); code != exitFail || !strings.Contains(errOut, "of another map or another state") {
		t.Errorf("%d %q", code, errOut)
	}
	if err := os.WriteFile(r.file+".progress", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, r.file); code != exitFail || !strings.Contains(errOut, "remove it") {
		t.Errorf("%d %q", code, errOut)
	}
}

func TestImportCheckSendsNothing(t *testing.T) {
	r := newImportRig(t, "id,email,status,created,closed\n1,a@x.example,won,2024-01-31,2024-02-29\n2,,lost,,\n3,b@x.example,open,soon,\n")
	code, out, _ := run(t, "", r.env, "import", "--check", "--map", r.mapFile, r.file)
	for _, want := range []string{"rows 3, events 2, skipped 1, errors 1", "deal_won             1", `"id": "1/form_submitted"`, "row 3 (line 4): events[0].occurred_at is not a time"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	if left, err := os.ReadDir(r.dir); code != exitFail || r.requests != 0 || err != nil || len(left) != 2 {
		t.Errorf("%d, %d requests, %v, %v", code, r.requests, left, err)
	}
	// Standard input: what comes in a pipe is loaded, too.
	const piped = "source: app\nformat: ndjson\nevents: [{type: identified, occurred_at: '{t}', lead: {email: '{e}'}}]\n"
	if err := os.WriteFile(r.mapFile, []byte(piped), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := run(t, `{"t":"2024-01-31","e":"a@x.example"}`, r.env, "import", "--errors", filepath.Join(r.dir, "e"), "--map", r.mapFile, "-")
	if code != exitOK || !strings.Contains(out, "accepted 1") || len(r.known) != 1 {
		t.Errorf("%d %q %q", code, out, errOut)
	}
}

func TestImportCalledWrongly(t *testing.T) {
	r := newImportRig(t, "id,mail\n")
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "--map is needed"},
		{[]string{"--map", r.mapFile}, exitUsage, "file of rows"},
		{[]string{"--release", r.file}, exitUsage, "--release goes by itself"},
		{[]string{"--dry-run", "--map", r.mapFile, r.file}, exitUsage, "--dry-run belongs"},
		{[]string{"--map", r.mapFile, "--in-flight", "99", r.file}, exitUsage, "--in-flight"},
		{[]string{"--map", r.file, r.file}, exitFail, "deals.csv"},
		{[]string{"--map", r.mapFile, r.file}, exitFail, `map.yaml: line 5: events[0].when.email: the file has no column "email"`},
		{[]string{"--map", r.mapFile, r.file + "x"}, exitFail, "no such file"},
	} {
		if code, _, errOut := run(t, "", r.env, append([]string{"import"}, tc.args...)...); code != tc.code || !strings.Contains(errOut, tc.want) {
			t.Errorf("%v: %d %q, want %d %q", tc.args, code, errOut, tc.code, tc.want)
		}
	}
}

func TestRelease(t *testing.T) {
	s := answers(t, "", map[string]string{"/api/v1/history/release": `{"result":{"held":500,"released":500,"qualifying":2}}` + "\n" +
		`{"result":{"held":700,"released":700,"qualifying":3,"done":true,"sequence":"99"}}`})
	if code, out, errOut := run(t, "", []string{"BATON_URL=" + s.URL}, "import", "--release"); code != exitOK || out != "held 700, released 700, of whom 3 qualify today, sequence 99\n" {
		t.Errorf("%d %q %q", code, out, errOut)
	}
	s = answers(t, "", map[string]string{"/api/v1/history/release": `{"result":{"held":700,"qualifying":3}}` + "\n" + `{"error":{"message":"the journal does not answer"}}`})
	if code, _, errOut := run(t, "", []string{"BATON_URL=" + s.URL}, "import", "--release", "--dry-run"); code != exitFail || !strings.Contains(errOut, "may be repeated") {
		t.Errorf("%d %q", code, errOut)
	}
}

// Batches under way together must not overtake each other where they are about the same lead: what comes first is what they came by.
func TestImportKeepsTheOrderOfALead(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,email,status,created,closed\n")
	const rows, leads = 6000, 700 // each lead in every second batch or so
	for i := range rows {
		fmt.Fprintf(&b, "d%d,p%d@x.example,open,%s,\n", i, i%leads, time.Date(2024, 1, 1, 0, i, 0, 0, time.UTC).Format(time.RFC3339))
	}
	r := newImportRig(t, b.String())
	last, together := map[string]string{}, 0
	r.breaks = func(request int, events []json.RawMessage) int {
		if request%3 == 1 { // those behind it go on meanwhile, if they may
			together++
			return http.StatusServiceUnavailable
		}
		for _, raw := range events {
			var e struct {
				Lead struct{ Email string }
				At   string `json:"occurred_at"`
			}
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Error(err)
			}
			if e.At < last[e.Lead.Email] {
				t.Errorf("%s of %s came after %s", e.At, e.Lead.Email, last[e.Lead.Email])
			}
			last[e.Lead.Email] = max(last[e.Lead.Email], e.At)
		}
		return 0
	}
	if code, _, errOut := run(t, "", r.env, "import", "--map", r.mapFile, "--in-flight", "8", r.file); code != exitOK {
		t.Fatalf("%d: %s", code, errOut)
	}
	if len(last) != leads || len(r.known) != rows || together == 0 {
		t.Errorf("%d leads, %d events, %d refused", len(last), len(r.known), together)
	}
}
