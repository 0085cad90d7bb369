//go:build integration

package journal_test

import (
	"testing"

	"github.com/batonhq/baton/pkg/journal/journaltest"
)

// TestConformanceNetworked runs the suite on a nats-server and a redis-server of their own.
func TestConformanceNetworked(t *testing.T) { journaltest.Conformance(t, journaltest.Networked) }
