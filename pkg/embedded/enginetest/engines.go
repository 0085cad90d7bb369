package enginetest

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded"
)

// InProcess gives engines as `baton up` has them: a connection to a journal's server in this process, and the address of
// a lead store. There is nothing to install.
func InProcess(t *testing.T) (*nats.Conn, string) {
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
	return nc, redis.URL()
}
