package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/links"
	"github.com/batonhq/baton/pkg/telemetry"
)

// front is what the HTTP port serves: ingest's paths, the JSON API, and a page that names them.
type front struct {
	ingest, api http.Handler
	// links are one-click links out of mails and chat messages.
	links http.Handler
	// draining: new requests are refused, so that those under way can end.
	draining atomic.Bool
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.draining.Load() {
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "2")
		grpcx.WriteProblem(w, http.StatusServiceUnavailable, "Baton is stopping: send it again")
		return
	}
	switch route(r) {
	case "/v1", "/webhooks":
		f.ingest.ServeHTTP(w, r)
	case "/api/v1":
		f.api.ServeHTTP(w, r)
	case links.Path:
		f.links.ServeHTTP(w, r)
	case "/":
		frontPage(w, r)
	default:
		if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "webhook") {
			f.ingest.ServeHTTP(w, r) // refuses it, and keeps that for those who look why a vendor's posts fail
			return
		}
		grpcx.NotFound(w)
	}
}

// route gives the part of the front that a request is for: a name of its own, which says nothing of anybody.
func route(r *http.Request) string {
	switch p := r.URL.Path; {
	case strings.HasPrefix(p, "/webhooks/"):
		return "/webhooks"
	case strings.HasPrefix(p, "/v1/"):
		return "/v1"
	case strings.HasPrefix(p, "/api/v1/"):
		return "/api/v1"
	case strings.HasPrefix(p, links.Path):
		return links.Path
	case p == "/":
		return "/"
	}
	return "none"
}

const frontText = `Baton hands leads from marketing to sales.

  POST /webhooks/{source}        events of a source of the configuration
  POST /v1/{identify,track,…}    events as Segment's and RudderStack's SDKs send them
  GET  /api/v1/leads?email=      leads; /leads/{id}, /leads/{id}/score, /context, /journal
  GET  /api/v1/inbox             what a rep has to do next; /inbox/watch streams it
  GET  /api/v1/handoffs          handoffs; /handoffs/{id}, /brief, and POST …/accept, /reject, …
  GET  /api/v1/metrics/funnel    the funnel
  GET  /api/v1/reconciliation    proof that nothing is lost
`

func frontPage(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		grpcx.WriteProblem(w, http.StatusMethodNotAllowed, "this path does not take that method")
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = fmt.Fprint(w, frontText)
}

// refusals shows the last requests that ingest refused, once there is an ingest.
type refusals struct{ handler atomic.Pointer[http.Handler] }

func (f *refusals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := f.handler.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	grpcx.WriteProblem(w, http.StatusNotFound, "ingest does not run in this process, or not yet")
}

// adminHandler serves /healthz (the process lives), /readyz (each part and why not), /metrics and /refusals.
func adminHandler(ready *readiness, metrics *prometheus.Registry, refused http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		states, all := ready.state()
		type state struct {
			Ready  bool   `json:"ready"`
			Reason string `json:"reason,omitempty"`
		}
		answer := struct {
			Ready bool             `json:"ready"`
			Parts map[string]state `json:"parts"`
		}{Ready: all, Parts: map[string]state{}}
		for name, why := range states {
			answer.Parts[name] = state{Ready: why == "", Reason: why}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !all {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(answer)
	})
	mux.Handle("GET /refusals", refused)
	mux.Handle("GET /metrics", telemetry.MetricsHandler(metrics))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { grpcx.NotFound(w) })
	return mux
}

// lineLog gives net/http a log that passes each line on.
func lineLog(f func(string)) *log.Logger { return log.New(lineWriter(f), "", 0) }

type lineWriter func(string)

func (w lineWriter) Write(p []byte) (int, error) {
	w(string(bytes.TrimSpace(p)))
	return len(p), nil
}
