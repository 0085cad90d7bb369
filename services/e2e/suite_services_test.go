//go:build integration

package e2e

import (
	"testing"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
)

// suiteSplit: the suite runs against four processes and real engines.
const suiteSplit = true

// startStore gives the lead store of four processes: a real Redis.
func startStore(t testing.TB) *store {
	t.Helper()
	r := enginetest.StartRedis(t)
	return &store{url: r.URL(), process: r.Process}
}
