package ingest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/services/ingest/internal/edge"
)

// RefusalsHandler shows the last requests that were refused, the newest first, so that an operator can see why a sender's posts
// fail: at most 50 of each source and 50 of requests whose source was not known, kept in memory. `?source=NAME` gives one
// source's, `?source=` those of no known source. JSON, or lines of text where text/plain is asked for. It belongs on a port
// that operators alone reach.
func (s *Service) RefusalsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, one := r.URL.Query().Get("source"), r.URL.Query().Has("source")
		if one && name != "" && s.edge.Sources().Get(name) == nil {
			grpcx.WriteProblem(w, http.StatusNotFound, "no source of this name is configured", grpcx.FieldError{
				Field: "source", Reason: "there are " + strings.Join(slices.Sorted(slices.Values(s.edge.Sources().Names())), ", "),
			})
			return
		}
		list := s.edge.Refusals(name, !one)
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if strings.Contains(r.Header.Get("Accept"), "text/plain") {
			h.Set("Content-Type", "text/plain; charset=utf-8")
			writeRefusals(w, list)
			return
		}
		h.Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct {
			Refusals []edge.Refusal `json:"refusals"`
		}{list})
	})
}

func writeRefusals(w io.Writer, list []edge.Refusal) {
	for _, n := range list {
		source := n.Source
		if source == "" {
			source = "-"
		}
		fmt.Fprintf(w, "%s  %s  %d  %s  %s %s  %s", n.Time.UTC().Format(time.RFC3339), source, n.Status, n.Reason, n.Method, n.Path, n.Detail)
		if n.Times > 1 {
			fmt.Fprintf(w, "  (%d times)", n.Times)
		}
		fmt.Fprintln(w)
		for _, e := range n.Errors {
			fmt.Fprintf(w, "    %s: %s\n", e.Field, e.Reason)
		}
	}
}
