package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// What reads the whole journal, or looks at every lead, is not cut off like a call that reads one of them.
func TestCallsThatMayTakeLong(t *testing.T) {
	for _, tc := range []struct {
		method, path string
		want         time.Duration
	}{
		{http.MethodPost, "/api/v1/agreements/4/backtest", time.Hour},
		{http.MethodPost, "/api/v1/proposals/pr_1/backtest", time.Hour},
		{http.MethodPost, "/api/v1/proposals/pr_1/propose", 0},
		{http.MethodGet, "/api/v1/agreements/4/shadow", time.Hour},
		{http.MethodPost, "/api/v1/agreements/4/shadow", 0},
		{http.MethodDelete, "/api/v1/agreements/4/shadow", 0},
		{http.MethodPost, "/api/v1/history/release", time.Hour},
		{http.MethodPost, "/api/v1/directory/simulate", time.Hour},
		{http.MethodPost, "/api/v1/directory/try", 0},
		{http.MethodGet, "/api/v1/history/release", 0},
		{http.MethodGet, "/api/v1/inbox/watch", time.Hour},
		{http.MethodGet, "/api/v1/inbox", 0},
		{http.MethodGet, "/api/v1/export/leads", time.Hour},
		{http.MethodGet, "/api/v1/leads/ld_x/score", 0},
		{http.MethodPost, "/webhooks/backtest", 0},
	} {
		if got := longCall(httptest.NewRequest(tc.method, tc.path, nil)); got != tc.want {
			t.Errorf("%s %s: %v, want %v", tc.method, tc.path, got, tc.want)
		}
	}
}
