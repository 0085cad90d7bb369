//go:build !integration

package e2e

import (
	"testing"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
)

// suiteSplit: the suite runs against `baton up`.
const suiteSplit = false

// startStore gives the lead store of four processes: here the embedded one, held by the test.
func startStore(t testing.TB) *store {
	t.Helper()
	r := enginetest.StartStandIn(t)
	return &store{url: r.URL()}
}
