package crm

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// A token that is refused is replaced by another, once for each request.
func TestRefused(t *testing.T) {
	accepted, fetched := "Bearer t2", 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != accepted {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	s := &API{Client: server.Client(), Base: server.URL, Scheme: "Bearer", Tokens: &destination.Tokens{Now: time.Now, Fetch: func(context.Context) (destination.Token, destination.Outcome) {
		fetched++
		return destination.Token{Value: "t" + strconv.Itoa(fetched)}, destination.Outcome{Verdict: destination.Done}
	}}}
	if _, why, ok := s.Ask(t.Context(), http.MethodGet, "/", nil, nil); !ok || fetched != 2 {
		t.Errorf("%+v after %d tokens", why, fetched)
	}
	accepted = "none"
	if _, why, ok := s.Ask(t.Context(), http.MethodGet, "/", nil, nil); ok || why.Verdict != destination.Operator || fetched != 3 {
		t.Errorf("%+v after %d tokens", why, fetched)
	}
}
