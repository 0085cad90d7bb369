package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/internal/app"
)

// sourceTest has the flags of `baton source test`.
type sourceTest struct {
	body, unsigned *bool
	url, at        *string
	header         http.Header
}

func sourceTestFlags(flags *flag.FlagSet) *sourceTest {
	t := &sourceTest{header: http.Header{}}
	t.body = flags.Bool("body", false, "REQUEST is a body alone: test it with the headers of -H and the address of --url")
	t.url = flags.String("url", "", "`address` that the request was posted to, with its query")
	t.unsigned = flags.Bool("unsigned", false, "go on where the sender is not believed")
	t.at = flags.String("at", "", "`time` of the receipt, in RFC 3339 (default the request's own signed time or its Date, else now)")
	flags.Func("H", "`header` of the request, 'Name: value'; may be given several times", func(line string) error {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return errors.New("it is not 'Name: value'")
		}
		t.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		return nil
	})
	return t
}

// maxRequest is the largest file that is read: more than any source takes.
const maxRequest = 16 << 20

func (t *sourceTest) run(env *Env, config, source, file string, asJSON bool) error {
	opt := ingest.TryOptions{Unsigned: *t.unsigned}
	if *t.at != "" {
		at, err := time.Parse(time.RFC3339, *t.at)
		if err != nil {
			return usagef("--at: %q is not a time in RFC 3339, such as 2026-01-31T10:00:00Z", *t.at)
		}
		opt.At = at
	}
	c, err := app.LoadConfig(config, env.Environ)
	if err != nil {
		return err
	}
	raw, err := readRequestFile(env, file)
	if err != nil {
		return err
	}
	r, body, err := t.request(raw, source)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	trial, err := app.TrySource(&c, source, r, body, opt)
	if err != nil {
		return err
	}
	if asJSON {
		err = printTrialJSON(env.Stdout, trial)
	} else {
		err = printTrial(env.Stdout, trial, r, len(body))
	}
	if err == nil && !fine(trial) {
		err = errSilent
	}
	return err
}

// fine reports whether the sender would be believed and nothing refused.
func fine(t *ingest.Trial) bool {
	return t.Verified && t.Refused == "" && !slices.ContainsFunc(t.Events, func(e *ingest.TrialEvent) bool { return len(e.Errors) > 0 })
}

func readRequestFile(env *Env, file string) ([]byte, error) {
	in := env.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxRequest+1))
	if err == nil && len(raw) > maxRequest {
		err = fmt.Errorf("it is larger than %d bytes", maxRequest)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return raw, nil
}

// request reads a raw request, or makes one of a body. What flags say counts above what it says itself.
func (t *sourceTest) request(raw []byte, source string) (*http.Request, []byte, error) {
	var r *http.Request
	body := raw
	if *t.body {
		r = &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, URL: &url.URL{Path: "/webhooks/" + source}}
	} else {
		var err error
		if r, err = http.ReadRequest(bufio.NewReader(bytes.NewReader(raw))); err != nil {
			return nil, nil, fmt.Errorf("it is not an HTTP/1.1 request (give --body for a body alone): %w", err)
		}
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, nil, fmt.Errorf("its body is not whole: %w", err)
		}
	}
	for name, values := range t.header {
		if name == "Host" {
			r.Host = values[0]
			continue
		}
		r.Header[name] = values
	}
	if *t.url != "" {
		u, err := url.Parse(*t.url)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return nil, nil, usagef("--url: %q is not an address such as https://baton.example/webhooks/%s", *t.url, source)
		}
		if u.Host != "" {
			r.Host = u.Host
		}
		r.URL = &url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}
	}
	if r.URL.IsAbs() { // as a proxy would be asked
		r.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	}
	r.RequestURI = r.URL.RequestURI()
	return r, body, nil
}

// printTrial shows it to people.
func printTrial(w io.Writer, t *ingest.Trial, r *http.Request, size int) error {
	p := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-11s"+format+"\n", append([]any{name}, args...)...)
	}
	p("source", "%s (%s)", t.Source, t.Type)
	p("request", "%s %s, %d bytes", r.Method, r.URL.Path, size)
	p("at", "%s (%s)", t.At.UTC().Format(time.RFC3339), t.AtFrom)
	if t.Verified {
		p("verified", "yes")
	} else if t.Unverified != "" {
		p("verified", "no: %s", t.Unverified)
	}
	if t.DeliveryID != "" {
		p("delivery", "%s", t.DeliveryID)
	}
	if t.Refused != "" && t.Refused != t.Unverified {
		p("refused", "%s", t.Refused)
		printErrors(w, t.Errors)
	}
	for i, ev := range t.Events {
		fmt.Fprintf(w, "\n%d of %d  %s", i+1, len(t.Events), ev.Outcome)
		if ev.Ignored != "" {
			fmt.Fprintf(w, ": %s", ev.Ignored)
		}
		fmt.Fprintln(w)
		printErrors(w, ev.Errors)
		if ev.Event == nil {
			continue
		}
		flat, err := flattenEvent(ev)
		if err != nil {
			return err
		}
		for _, line := range flat {
			fmt.Fprintf(w, "  %-28s %s\n", line[0], line[1])
		}
	}
	fmt.Fprintln(w)
	p("answer", "%d %s", t.Status, strings.TrimSpace(t.Reply))
	return nil
}

func printErrors(w io.Writer, errs []ingest.TrialError) {
	for _, e := range errs {
		field := e.Field
		if field == "" {
			field = "the event"
		}
		fmt.Fprintf(w, "  %s: %s\n", field, e.Reason)
	}
}

// shownFirst are the parts of an event in the order in which one asks for them; all others follow by name.
func shownFirst() []string {
	return []string{"type", "name", "id", "occurred_at", "stated_at", "identity", "lead", "previous", "automated", "automated_because", "history", "touch", "account", "traits"}
}

// flattenEvent gives an event as lines of a path and a value, the properties last.
func flattenEvent(ev *ingest.TrialEvent) ([][2]string, error) {
	m, err := eventMap(ev)
	if err != nil {
		return nil, err
	}
	for _, known := range []string{"source", "received_at"} {
		delete(m, known)
	}
	if ev.Lead != "" {
		m["lead"] = ev.Lead
	}
	if ev.Previous != "" {
		m["previous"] = ev.Previous
	}
	var out [][2]string
	add := func(key string) {
		if v, ok := m[key]; ok {
			out = appendFlat(out, key, v)
			delete(m, key)
		}
	}
	for _, key := range shownFirst() {
		add(key)
	}
	properties, said := m["properties"]
	delete(m, "properties")
	rest := make([]string, 0, len(m))
	for key := range m {
		rest = append(rest, key)
	}
	slices.Sort(rest)
	for _, key := range rest {
		add(key)
	}
	if said {
		out = appendFlat(out, "properties", properties)
	}
	return out, nil
}

func appendFlat(out [][2]string, path string, v any) [][2]string {
	if m, ok := v.(map[string]any); ok && len(m) > 0 {
		keys := make([]string, 0, len(m))
		for key := range m {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			out = appendFlat(out, path+"."+key, m[key])
		}
		return out
	}
	text, ok := v.(string)
	if !ok || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		quoted, err := json.Marshal(v)
		if err != nil { // it came from JSON
			return out
		}
		text = string(quoted)
	}
	return append(out, [2]string{path, text})
}

// eventMap gives an event as its JSON has it.
func eventMap(ev *ingest.TrialEvent) (map[string]any, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(ev.Event)
	if err != nil {
		return nil, fmt.Errorf("show event %d: %w", ev.Index, err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("show event %d: %w", ev.Index, err)
	}
	return m, nil
}

// printTrialJSON prints it for programs: the events as the journal's JSON has them.
func printTrialJSON(w io.Writer, t *ingest.Trial) error {
	type event struct {
		*ingest.TrialEvent
		Event map[string]any `json:"event,omitempty"`
	}
	events := make([]event, 0, len(t.Events))
	for _, ev := range t.Events {
		out := event{TrialEvent: ev}
		if ev.Event != nil {
			var err error
			if out.Event, err = eventMap(ev); err != nil {
				return err
			}
		}
		events = append(events, out)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(struct {
		*ingest.Trial
		Events []event `json:"events"`
	}{t, events})
}
