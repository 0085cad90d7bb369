package app

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/telemetry"
)

func named(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, name)
	})
}

func TestFrontKnowsItsPaths(t *testing.T) {
	f := &front{ingest: named("ingest"), api: named("api")}
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"POST", "/webhooks/x", 200, "ingest"}, {"POST", "/v1/track", 200, "ingest"}, {"GET", "/api/v1/leads", 200, "api"},
		{"GET", "/", 200, "/webhooks/{source}"}, {"POST", "/", 405, "method"}, {"GET", "/favicon.ico", 404, "nothing"},
		{"POST", "/webhooks", 200, "ingest"}, {"POST", "/hooks/webhooks/x", 200, "ingest"}, {"GET", "/hooks/webhooks/x", 404, "nothing"}, {"GET", "/api/v2/leads", 404, "nothing"}, {"GET", "//", 404, "nothing"},
	} {
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, httptest.NewRequest(c.method, "http://x"+c.path, nil))
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.body) {
			t.Errorf("%s %s: %d %s", c.method, c.path, rec.Code, rec.Body)
		}
	}
	f.draining.Store(true)
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, httptest.NewRequest("POST", "/webhooks/x", nil))
	if rec.Code != 503 || rec.Header().Get("Retry-After") == "" || rec.Header().Get("Connection") != "close" {
		t.Errorf("draining: %d %v", rec.Code, rec.Header())
	}
}

func TestAdmin(t *testing.T) {
	ready := newReadiness("scoring")
	h := adminHandler(ready, telemetry.NewRegistry("v1"), &refusals{})
	get := func(path string) *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		return rec
	}
	if rec := get("/healthz"); rec.Code != 200 {
		t.Errorf("healthz %d: the process lives", rec.Code)
	}
	ready.set("scoring", func() error { return errors.New("rebuilding, 40 %") })
	rec := get("/readyz")
	var answer struct {
		Ready bool
		Parts map[string]struct {
			Ready  bool
			Reason string
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || rec.Code != 503 || answer.Ready || answer.Parts["scoring"].Reason != "rebuilding, 40 %" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, err)
	}
	ready.set("scoring", func() error { return nil })
	if rec := get("/readyz"); rec.Code != 200 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := get("/metrics"); !strings.Contains(rec.Body.String(), "baton_build_info") {
		t.Error("no metrics")
	}
	if rec := get("/debug"); rec.Code != 404 {
		t.Errorf("%d", rec.Code)
	}
}

// server starts the HTTP server as Run does.
func server(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newHTTPServer(h, func(string) {})
	go func() { _ = s.Serve(watchedListener{l}) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

func TestALengthStatedTwiceIsRefused(t *testing.T) {
	addr := server(t, named("taken"))
	const body = "5\r\nhello\r\n0\r\n\r\n"
	for _, c := range []struct {
		name    string
		raw     string
		answers []int
	}{
		{"length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", []int{200}},
		{"chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body, []int{200}},
		{"a body that speaks of it", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n\r\ncontent-length: 3\r\n\r\n0\r\n\r\n", []int{200}},
		{"both", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + body, []int{400}},
		{"both, the other way", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\ncontent-length : 5\r\n\r\n" + body, []int{400}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, got := range exchange(t, addr, []string{c.raw}) {
				if got != c.answers[i] {
					t.Errorf("answer %d: %d, want %d", i, got, c.answers[i])
				}
			}
		})
	}
	chunked := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
	both := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + body
	length := "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
	if got := exchange(t, addr, []string{length, chunked, length, chunked, both}); fmt.Sprint(got) != "[200 200 200 200 400]" {
		t.Errorf("one after the other on one connection: %v", got)
	}
}

// exchange sends requests on one connection, each after the answer to the one before.
func exchange(t *testing.T, addr string, requests []string) []int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	var out []int
	for _, r := range requests {
		if _, err := io.WriteString(c, r); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		out = append(out, resp.StatusCode)
	}
	return out
}

func TestATakenPortIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = listen(t.Context(), "http.addr", l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "BATON_HTTP_ADDR") || !strings.Contains(err.Error(), "another program") {
		t.Errorf("%v", err)
	}
}

func TestClientsThatTrickleAreCut(t *testing.T) {
	t.Parallel() // it takes as long as the limits
	addr := server(t, named("taken"))
	for name, start := range map[string]string{
		"header": "POST / HTTP/1.1\r\nHost: x\r\n",
		"body":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begin := time.Now()
			if _, err := io.WriteString(c, start); err != nil {
				t.Fatal(err)
			}
			closed := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, c); close(closed) }()
			tick := time.NewTicker(300 * time.Millisecond)
			defer tick.Stop()
			late := time.After(15 * time.Second)
			for {
				select {
				case <-tick.C:
					_, _ = io.WriteString(c, "x")
				case <-closed:
					if took := time.Since(begin); took > 10*time.Second {
						t.Errorf("cut after %v", took)
					}
					return
				case <-late:
					t.Fatal("not cut")
				}
			}
		})
	}
}
