package edge

import (
	"net/http"
	"slices"
)

// cors lets pages of configured origins send events from the browser. It protects nothing, events are written by whoever
// has the write key; it is what browsers ask for.
type cors struct {
	origins []string
	any     bool
}

func newCORS(origins []string) cors {
	return cors{origins: origins, any: slices.Contains(origins, "*")}
}

// allow sets the headers of an answer and reports whether the request's origin is one of the configured.
func (c cors) allow(h http.Header, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || !c.any && len(c.origins) == 0 {
		return false
	}
	h.Add("Vary", "Origin")
	if !c.any && !slices.Contains(c.origins, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	return true
}

// preflight answers a browser that asks whether it may send.
func (c cors) preflight(w http.ResponseWriter, r *http.Request) *refusal {
	h := w.Header()
	if !c.allow(h, r) {
		return refuse(http.StatusForbidden, "origin", "pages of this origin may not send events: see http.cors_origins")
	}
	h.Set("Access-Control-Allow-Methods", "POST")
	// SDKs send headers of their own; none of them matters here.
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" && len(asked) <= 1024 {
		h.Set("Access-Control-Allow-Headers", asked)
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
