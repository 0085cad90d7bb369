package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest"
)

// startWith runs Baton with a configuration that load gives when reload is told.
func startWith(t *testing.T, c Config, load func() (Config, error)) (Addrs, *logs, chan<- struct{}) {
	t.Helper()
	reload := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	started, done := make(chan Addrs, 1), make(chan error, 1)
	out := &logs{}
	go func() {
		done <- Run(ctx, Options{
			Target: Up, Config: c, Version: "test", Log: out, Getenv: func(string) string { return "" },
			Started: func(a Addrs) { started <- a }, Reload: reload, Load: load,
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case a := <-started:
		return a, out, reload
	case <-time.After(30 * time.Second):
		t.Fatal("it does not start")
	}
	return Addrs{}, nil, nil
}

// Asked to, Baton reads its sources again; what is wrong anywhere in the file refuses it whole, and the log says all of it.
func TestSourcesAreReadAgain(t *testing.T) {
	c := anyPorts(t.TempDir())
	next := atomic.Pointer[func() (Config, error)]{}
	addrs, log, reload := startWith(t, c, func() (Config, error) { return (*next.Load())() })
	post := func(source string) int {
		resp, err := http.Post("http://"+addrs.HTTP+"/webhooks/"+source, "application/json", strings.NewReader(smokeEvent))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	// again asks, and asks once more: the second is taken when the first has been dealt with.
	again := func(f func() (Config, error)) {
		next.Store(&f)
		reload <- struct{}{}
		reload <- struct{}{}
	}
	again(func() (Config, error) {
		other := c
		other.Sources = append([]ingest.Source{{Name: "late", Type: "baton"}}, c.Sources...)
		return other, nil
	})
	if got := post("late"); got != http.StatusAccepted {
		t.Errorf("the new source: %d", got)
	}
	for _, wrong := range []struct {
		name, want string
		load       func() (Config, error)
	}{
		{"a file that cannot be read", "no such file", func() (Config, error) { return Config{}, errors.New("no such file") }},
		{"two sources and a port", "grpc.addr", func() (Config, error) {
			bad := c
			bad.GRPC.Addr = "nowhere"
			bad.Sources = []ingest.Source{{Name: "other", Type: "baton"}, {Name: "Other", Type: "baton"}}
			return bad, nil
		}},
	} {
		again(wrong.load)
		if got := post("late"); got != http.StatusAccepted {
			t.Errorf("%s: the source from before is answered %d", wrong.name, got)
		}
		if got := post("other"); got != http.StatusNotFound {
			t.Errorf("%s: one of its sources is answered %d", wrong.name, got)
		}
		if !strings.Contains(log.String(), wrong.want) {
			t.Errorf("%s: the log does not say why: %s", wrong.name, log.String())
		}
	}
	if !strings.Contains(log.String(), "sources[1].name") {
		t.Errorf("the log does not name the source: %s", log.String())
	}
	resp, err := http.Get("http://" + addrs.Admin + "/refusals?source=")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); !strings.Contains(string(text), `"path":"/webhooks/other"`) {
		t.Errorf("the admin port shows %d %s", resp.StatusCode, text)
	}
}

// A connection ends in order after so many requests, and not before.
func TestRequestsOfAConnectionAreBounded(t *testing.T) {
	addr := server(t, named("taken"))
	answers, last := 0, false
	for _, h := range manyOn(t, addr, maxRequests) {
		answers++
		if last {
			t.Fatal("answers behind the last")
		}
		last = h
	}
	if answers != maxRequests || !last {
		t.Errorf("%d answers, the last says close: %v", answers, last)
	}
}

// manyOn sends n requests over one connection, and tells of each answer whether it says that the connection ends.
func manyOn(t *testing.T, addr string, n int) []bool {
	t.Helper()
	transport := &http.Transport{MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	out := make([]bool, 0, n)
	for i := range n {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/%d", addr, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		out = append(out, resp.Close)
	}
	return out
}

// A header beyond 32 KB (and net/http's own room of 4 KB) is refused before any handler sees it.
func TestHeaderBytesAreBounded(t *testing.T) {
	addr := server(t, named("taken"))
	for _, c := range []struct{ size, want int }{{20 << 10, http.StatusOK}, {40 << 10, http.StatusRequestHeaderFieldsTooLarge}} {
		raw := "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", c.size) + "\r\n\r\n"
		if got := exchange(t, addr, []string{raw}); len(got) != 1 || got[0] != c.want {
			t.Errorf("%d bytes: %v, want %d", c.size, got, c.want)
		}
	}
}
