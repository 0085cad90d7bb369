//go:build unix

package journaltest

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
)

// Networked gives the same of a nats-server and a redis-server of their own.
func Networked(t *testing.T) (*nats.Conn, leadstore.Store) {
	t.Helper()
	nc, err := nats.Connect(enginetest.StartNATS(t).URL(), journal.ConnectOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	store, err := redisstore.Open(t.Context(), enginetest.StartRedis(t).URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return nc, store
}
