package ingest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":0,`, i)
	}
	return b.String() + `"z":0`
}

// bomb is a small body that unpacks to n bytes.
func bomb(t testing.TB, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for ; n > 0; n -= len(zeros) {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Whatever an outsider posts is answered clearly, quickly and cheaply, and has no effect.
func TestBadInput(t *testing.T) {
	with := func(properties string) string {
		return `{"id": "x", "type": "page_viewed", "lead": {"anonymous_id": "a"}, "properties": {` + properties + `}}`
	}
	for _, tc := range []struct {
		name, path, body string
		header           []string
		status           int
		field, reason    string
	}{
		{"a 64 MB body", "", strings.Repeat(" ", 64<<20), nil, 413, "", "4194304 bytes"},
		{"a 5 MB body", "", with(`"x": "` + strings.Repeat("x", 5<<20) + `"`), nil, 413, "", "4194304 bytes"},
		{"a gzip bomb", "", string(bomb(t, 1<<30)), []string{"Content-Encoding", "gzip"}, 413, "", "4194304 bytes"},
		{"not gzip", "", goodEvent, []string{"Content-Encoding", "gzip"}, 400, "", "gzip"},
		{"half of a gzip", "", zip(t, goodEvent)[:40], []string{"Content-Encoding", "gzip"}, 400, "", "not whole"},
		{"an unknown encoding", "", goodEvent, []string{"Content-Encoding", "br"}, 415, "", "gzip"},
		{"two million levels", "", strings.Repeat("[", 2_000_000) + strings.Repeat("]", 2_000_000), nil, 0, "", ""},
		{"two million levels in an event", "", with(`"x": ` + strings.Repeat("[", 2_000_000) + strings.Repeat("]", 2_000_000)), nil, 400, "properties.x" + strings.Repeat("[0]", 30), "levels"},
		{"two million open levels", "", strings.Repeat("[", 2_000_000), nil, 400, "", "ends in the middle"},
		{"two million levels of objects", "", strings.Repeat(`{"a":`, 700_000), nil, 400, strings.TrimPrefix(strings.Repeat(".a", 32), "."), "levels"},
		{"200,000 keys", "", with(keys(200_000)), nil, 400, "properties", "10000 keys"},
		{"two million values", "", with(`"x": [` + strings.Repeat("0,", 1_900_000) + `0]`), nil, 400, "properties.x[19993]", "20000 values"},
		{"two million events", "", "[" + strings.Repeat("0,", 1_900_000) + "0]", nil, 400, "", "50000 events"},
		{"two million lines", "", strings.Repeat("0\n", 2_000_000), []string{"Content-Type", "application/x-ndjson"}, 400, "", "50000 events"},
		{"a 100,000-digit number", "", with(`"x": ` + strings.Repeat("9", 100_000)), nil, 400, "properties.x", "100000 characters"},
		{"invalid UTF-8", "", with("\"x\": \"\xc3\x28\""), nil, 400, "properties.x", "UTF-8"},
		{"a lone surrogate", "", with(`"x": "\udead"`), nil, 400, "properties.x", "surrogate"},
		{"an escaped NUL", "", with(`"x": "\u0000"`), nil, 400, "properties.x", "NUL"},
		{"a raw NUL", "", with("\"x\": \"\x00\""), nil, 400, "properties.x", "NUL"},
		{"1e400", "", with(`"x": 1e400`), nil, 400, "properties.x", "out of range"},
		{"a duplicate key", "", with(`"x": 1, "x": 2`), nil, 400, "properties.x", "twice"},
		{"trailing data", "", goodEvent + "x", nil, 400, "", "behind the end"},
		{"cut off", "", goodEvent[:35], nil, 400, "type", "ends in the middle"},
		{"empty", "", "", nil, 400, "", "empty"},
		{"not JSON", "", "id=1&type=page_viewed", nil, 400, "", "not a JSON value"},
		{"XML", "", "<event/>", nil, 400, "", "not a JSON value"},
		{"unknown source", "/webhooks/nobody", goodEvent, nil, 404, "", "no source"},
		{"a source's path with more behind it", "/webhooks/open/x", goodEvent, nil, 404, "", "no source"},
		{"a tracking source's name", "/webhooks/site", goodEvent, nil, 404, "", "no source"},
		{"an odd source", "/webhooks/%00%ff%2e%2e", goodEvent, nil, 404, "", "no source"},
		{"unknown call", "/v1/import", goodEvent, nil, 404, "", "no such call"},
		{"unknown type", "", `{"id": "x", "type": "page_view", "lead": {"anonymous_id": "a"}}`, nil, 400, "type", `nearest is "page_viewed"`},
		{"unknown field", "", `{"id": "x", "type": "page_viewed", "occured_at": "", "lead": {"anonymous_id": "a"}}`, nil, 400, "occured_at", "not a known field"},
		{"a future time", "", `{"id": "x", "type": "page_viewed", "occurred_at": "2999-01-01T00:00:00Z", "lead": {"anonymous_id": "a"}}`, nil, 400, "occurred_at", "future"},
		{"a time beyond all times", "", `{"id": "x", "type": "page_viewed", "occurred_at": "99999-01-01T00:00:00Z", "lead": {"anonymous_id": "a"}}`, nil, 400, "occurred_at", "RFC 3339"},
		{"an ancient time", "", `{"id": "x", "type": "page_viewed", "occurred_at": "0001-01-01T00:00:00Z", "lead": {"anonymous_id": "a"}}`, nil, 400, "occurred_at", "2000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			path := tc.path
			if path == "" {
				path = "/webhooks/open"
			}
			best, least, got := time.Hour, uint64(1<<62), reply{}
			for i := 0; i == 0 || i < 10 && (best > 50*time.Millisecond || least > 10<<20); i++ { // the machine may be busy with something else
				r := b.request(t, http.MethodPost, path, tc.body, tc.header...)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := cpuTime(t)
				got = b.do(t, r)
				best = min(best, cpuTime(t)-start)
				runtime.ReadMemStats(&after)
				least = min(least, after.TotalAlloc-before.TotalAlloc)
			}
			if tc.status == 0 { // an array of one thing that is refused
				if accepted, _, rejected, _, _ := got.result(t); accepted != 0 || rejected != 1 {
					t.Errorf("%.200s", got.body)
				}
			} else if got.status != tc.status {
				t.Fatalf("%d %.200s", got.status, got.body)
			} else {
				detail, errs := got.problem(t)
				if len(errs) > 0 {
					detail = errs[0].Reason
					if errs[0].Field != tc.field {
						t.Errorf("field %q, want %q", errs[0].Field, tc.field)
					}
				}
				if !strings.Contains(detail, tc.reason) || tc.field != "" && len(errs) == 0 {
					t.Errorf("%s, want …%s…", got.body, tc.reason)
				}
			}
			if len(got.body) > 4096 {
				t.Errorf("an answer of %d bytes", len(got.body))
			}
			b.nothing(t)
			// The client's own cost is in both figures.
			if limit := uint64(10 << 20); least > limit {
				t.Errorf("%d bytes allocated", least)
			}
			if best > 50*time.Millisecond && len(tc.body) < 8<<20 || best > 500*time.Millisecond {
				t.Errorf("took %v of the processor's time", best)
			}
		})
	}
}

// The same through a verified standard-webhooks source: kept, acknowledged, nothing else.
func TestBadInputAfterAValidSignature(t *testing.T) {
	for _, body := range []string{
		"", "{", "not JSON", strings.Repeat("[", 1_000_000), `{"a":1,"a":2}`, "\xff\x00", `{"type":"page_view","lead":{"anonymous_id":"a"}}`,
		`{"type":"page_viewed","timestamp":"2999-01-01T00:00:00Z","data":{"lead":{"anonymous_id":"a"}}}`, `{"type":"invoice.paid","timestamp":"2026-01-01T00:00:00Z","data":{"amount":1}}`,
	} {
		b := newBench(t)
		if _, _, _, quarantined, sequence := b.signed(t, "crm", "m1", body).result(t); quarantined != 1 || sequence != "1" {
			t.Errorf("%.40q: not quarantined", body)
		}
		all := b.journal.Events()
		if len(all) != 1 || all[0].Type != "quarantined" || all[0].Body.Id != "m1" {
			t.Fatalf("%.40q: %v", body, all)
		}
		q := all[0].Body.GetQuarantined()
		if string(q.Raw) != body || q.Reason == "" || q.Place != "ingest" || !strings.HasPrefix(q.QuarantineId, "qu_") {
			t.Errorf("%.40q: %v", body, q)
		}
		if _, duplicates, _, quarantined, _ := b.signed(t, "crm", "m1", body).result(t); duplicates != 1 || quarantined != 0 || len(b.journal.Events()) != 1 {
			t.Errorf("%.40q: a repeat is kept again", body)
		}
	}
}

// In a list, only what cannot be read is quarantined.
func TestQuarantineOfOneOfMany(t *testing.T) {
	b := newBench(t)
	if accepted, _, rejected, quarantined, _ := b.signed(t, "crm", "m1", "["+goodEvent+`, {"type": "nope"}, `+goodEvent+"]").result(t); accepted != 2 || quarantined != 1 || rejected != 0 {
		t.Errorf("%d accepted, %d quarantined", accepted, quarantined)
	}
	for _, ev := range b.journal.Events() {
		if q := ev.Body.GetQuarantined(); q != nil && (string(q.Raw) != `{"type": "nope"}` || ev.Body.Id != "m1#1") {
			t.Errorf("%v", ev.Body)
		}
	}
}

func TestOverloadAndOutage(t *testing.T) {
	b := newBench(t)
	for err, want := range map[error]struct {
		status int
		retry  string
	}{
		journal.ErrOverloaded:                       {429, "1"},
		fmt.Errorf("x: %w", journal.ErrUnavailable): {503, "2"},
		journal.ErrTooLarge:                         {400, ""},
		journal.ErrBadEvent:                         {400, ""},
		errors.New("secret internals at 10.0.0.7"):  {503, "2"},
	} {
		b.journal.Fail(func([]*journalv1.Event) error { return err })
		for _, r := range []reply{b.post(t, goodEvent), b.post(t, "["+goodEvent+"]"), b.track(t, "t", `{"event":"X","anonymousId":"a"}`), b.signed(t, "crm", "m", goodEvent)} {
			if r.status != want.status || r.header.Get("Retry-After") != want.retry {
				t.Errorf("%v: %d, Retry-After %q", err, r.status, r.header.Get("Retry-After"))
			}
			r.problem(t)
			if strings.Contains(r.body, "10.0.0.7") || strings.Contains(r.body, "journal:") {
				t.Errorf("internals: %s", r.body)
			}
		}
	}
	// What cannot be quarantined is not acknowledged either.
	b.journal.Fail(func([]*journalv1.Event) error { return journal.ErrUnavailable })
	if r := b.signed(t, "crm", "m9", "{"); r.status != 503 {
		t.Errorf("%d %s", r.status, r.body)
	}
	b.journal.Fail(nil)
	b.nothing(t)
	if accepted, _, _, _, _ := b.post(t, goodEvent).result(t); accepted != 1 {
		t.Error("not taken once the journal is back")
	}
	if n := b.counter(t, "baton_ingest_refused_total", "source", "open", "reason", "overloaded"); n != 2 {
		t.Errorf("%v refusals counted", n)
	}
}

func TestRate(t *testing.T) {
	b := newBench(t)
	event := func(n int) string {
		return fmt.Sprintf(`{"id": "r%d", "type": "page_viewed", "lead": {"anonymous_id": "a"}}`, n)
	}
	var list []string
	for i := range 25 {
		list = append(list, event(i))
	}
	// Five a second, two seconds saved up: one delivery may go beyond, the next one waits for it.
	if r := b.do(t, b.request(t, http.MethodPost, "/webhooks/slow", "["+strings.Join(list, ",")+"]")); r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	r := b.do(t, b.request(t, http.MethodPost, "/webhooks/slow", event(99)))
	if r.status != 429 || r.header.Get("Retry-After") < "2" {
		t.Errorf("%d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	r.problem(t)
	if n := len(b.journal.Events()); n != 25 {
		t.Errorf("%d events", n)
	}
	if r := b.post(t, event(100)); r.status != 202 {
		t.Errorf("another source waits too: %d", r.status)
	}
}

// Bodies that are announced cost nothing until they come, and all together no more than the limit.
func TestBytesInFlight(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxBody, c.InFlight = 1<<20, 2<<20 })
	hold, release := make(chan struct{}, 8), make(chan struct{})
	b.journal.Fail(func([]*journalv1.Event) error { hold <- struct{}{}; <-release; return nil })
	big := func(id string) string {
		return `[{"id": "` + id + `", "type": "page_viewed", "lead": {"anonymous_id": "a"}}` + strings.Repeat(" ", 900<<10) + "]"
	}
	done := make(chan reply, 8)
	for _, id := range []string{"1", "2"} {
		go func() { done <- b.post(t, big(id)) }()
		<-hold
	}
	refused := 0
	for i := range 3 {
		r := b.post(t, big(fmt.Sprint("x", i)))
		if r.status == 429 && r.header.Get("Retry-After") != "" {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("%d refused of 3 that are one too many", refused)
	}
	close(release)
	for range 2 {
		if r := <-done; r.status != 202 {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	b.journal.Fail(nil)
	if r := b.post(t, big("3")); r.status != 202 {
		t.Errorf("after that: %d %s", r.status, r.body)
	}
}

func TestDrain(t *testing.T) {
	b := newBench(t)
	hold, release := make(chan struct{}), make(chan struct{})
	b.journal.Fail(func([]*journalv1.Event) error { close(hold); <-release; return nil })
	done := make(chan reply, 1)
	go func() { done <- b.post(t, goodEvent) }()
	<-hold
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := b.service.Shutdown(short); err == nil {
		t.Error("drained with a request under way")
	}
	if r := b.post(t, goodEvent); r.status != 503 || r.header.Get("Retry-After") == "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	if err := b.service.Ready(); err == nil {
		t.Error("ready while stopping")
	}
	close(release)
	if r := <-done; r.status != 202 {
		t.Errorf("the request under way: %d %s", r.status, r.body)
	}
	if err := b.service.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// slowly opens a connection and sends the start of a request.
func slowly(t testing.TB, to net.Addr, start string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, start); err != nil {
		t.Fatal(err)
	}
	return c
}

// A body that trickles ends with the time that the server gives a whole request, and costs little meanwhile.
func TestSlowBodies(t *testing.T) {
	b := newBench(t)
	server := &http.Server{Handler: b.service.Handler(), ReadTimeout: time.Second}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	var conns []net.Conn
	for range 300 {
		conns = append(conns, slowly(t, l.Addr(), "POST /webhooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n{\"id\":"))
	}
	// Good requests go on meanwhile.
	resp, err := http.Post("http://"+l.Addr().String()+"/webhooks/open", "", strings.NewReader(goodEvent))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 202 {
		t.Errorf("status %d", resp.StatusCode)
	}
	for _, c := range conns {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusRequestTimeout || !resp.Close {
			t.Fatalf("status %d, close %v", resp.StatusCode, resp.Close)
		}
	}
	if n := len(b.journal.Events()); n != 1 {
		t.Errorf("%d events", n)
	}
}

// A client that goes away in the middle of its body leaves nothing behind.
func TestClientsThatGoAway(t *testing.T) {
	b := newBench(t)
	c := slowly(t, b.server.Listener.Addr(), "POST /webhooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"+goodEvent[:50])
	c.Close()
	if r := b.post(t, goodEvent); r.status != 202 {
		t.Fatal(r.body)
	}
	if n := len(b.journal.Events()); n != 1 {
		t.Errorf("%d events", n)
	}
}

// Clients that look for an answer only after they have sent all get it.
func TestAnswersReachClientsThatSendOn(t *testing.T) {
	b := newBench(t)
	c := slowly(t, b.server.Listener.Addr(), "POST /webhooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n")
	chunk := make([]byte, 1<<20)
	for range 16 {
		if _, err := c.Write(chunk); err != nil {
			t.Fatalf("the connection broke: %v", err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("%v %v", resp, err)
	}
}

func TestMethods(t *testing.T) {
	b := newBench(t)
	for path, allow := range map[string]string{"/webhooks/open": "POST", "/v1/track": "POST, OPTIONS"} {
		for _, method := range []string{"GET", "PUT", "DELETE", "PATCH"} {
			r := b.do(t, b.request(t, method, path, ""))
			if r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != allow {
				t.Errorf("%s %s: %d %v", method, path, r.status, r.header)
			}
			r.problem(t)
		}
	}
}

// A connection is kept after a refusal: closing it would cost the sender more than the refusal.
func TestRefusalsKeepTheConnection(t *testing.T) {
	b := newBench(t)
	big := `[{"id": "` + strings.Repeat("x", 300) + `", "type": "page_viewed", "lead": {"anonymous_id": "a"}}, ` + strings.Repeat(" ", 300<<10)
	for _, body := range []string{`{"id": 1}`, big} {
		if r := b.post(t, body); r.status != 400 || r.header.Get("Connection") == "close" {
			t.Errorf("%d %v", r.status, r.header)
		}
	}
}

// A client that asks before it sends is told at once.
func TestExpectContinue(t *testing.T) {
	b := newBench(t)
	start := time.Now()
	c := slowly(t, b.server.Listener.Addr(), "POST /webhooks/open HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 67108864\r\n\r\n")
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("%v %v", resp, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection is open: %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}
