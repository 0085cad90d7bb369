//go:build !integration

package e2e

import (
	"testing"

	"github.com/batonhq/baton/pkg/embedded"
)

// suiteSplit: the suite runs against `baton up`.
const suiteSplit = false

// startStore gives the lead store of four processes: here the embedded one, held by the test.
func startStore(t testing.TB) *store {
	t.Helper()
	r, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return &store{url: r.URL()}
}
