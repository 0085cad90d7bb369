//go:build integration

package journal_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
)

// TestConformanceNetworked runs the suite on a nats-server and a redis-server of their own.
func TestConformanceNetworked(t *testing.T) {
	journaltest.Conformance(t, func(t *testing.T) (*nats.Conn, leadstore.Store) {
		server := enginetest.StartNATS(t)
		nc, err := nats.Connect(server.URL(), journal.ConnectOptions("test")...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		store, err := redisstore.Open(context.Background(), enginetest.StartRedis(t).URL(), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return nc, store
	})
}
