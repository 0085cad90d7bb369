package app

import (
	"slices"
	"testing"
)

func TestParamsOfNumbers(t *testing.T) {
	for path, want := range map[string]struct{ takes, refuses string }{
		"/api/v1/metrics/velocity":     {"currency", "frm"},
		"/api/v1/metrics/cac":          {"where", "model"},
		"/api/v1/metrics/funnel":       {"source", "currency"},
		"/api/v1/metrics/attribution":  {"half_life", "where"},
		"/api/v1/metrics/summary.html": {"week", "by"},
	} {
		if list := params(path); !slices.Contains(list, want.takes) || slices.Contains(list, want.refuses) {
			t.Errorf("%s takes %v", path, list)
		}
	}
	if list := params("/api/v1/leads"); list != nil {
		t.Errorf("other paths take %v", list)
	}
}
