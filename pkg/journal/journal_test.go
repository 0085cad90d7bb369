package journal_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
)

// opened gives engines with the lead store opened.
func opened(engines func(*testing.T) (*nats.Conn, string)) func(*testing.T) (*nats.Conn, leadstore.Store) {
	return func(t *testing.T) (*nats.Conn, leadstore.Store) {
		t.Helper()
		nc, url := engines(t)
		store, err := redisstore.Open(context.Background(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return nc, store
	}
}

// TestConformanceEmbedded runs the suite on the engines of `baton up`.
func TestConformanceEmbedded(t *testing.T) { journaltest.Conformance(t, opened(enginetest.InProcess)) }
