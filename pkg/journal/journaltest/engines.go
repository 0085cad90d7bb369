package journaltest

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/memstore"
)

// InProcess gives engines as `baton up` has them: a connection to a journal's server in this process, and a lead store in its memory.
// There is nothing to install.
func InProcess(t *testing.T) (*nats.Conn, leadstore.Store) {
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
	store := memstore.New()
	t.Cleanup(func() { _ = store.Close() })
	return nc, store
}
