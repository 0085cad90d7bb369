package ingest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

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
