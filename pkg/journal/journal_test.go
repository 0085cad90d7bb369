package journal_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
)

// embeddedEngines are the ones of `baton up`: nothing to install.
func embeddedEngines(t *testing.T) (*nats.Conn, leadstore.Store) {
	t.Helper()
	server, err := embedded.StartNATS(embedded.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Shutdown() })
	nc, err := server.Conn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	redis, err := embedded.StartRedis()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	store, err := redisstore.Open(context.Background(), redis.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return nc, store
}

func TestConformanceEmbedded(t *testing.T) {
	journaltest.Conformance(t, embeddedEngines)
}
