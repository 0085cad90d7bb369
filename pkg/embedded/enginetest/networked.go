//go:build unix

package enginetest

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/journal"
)

// Networked gives the same of a nats-server and a redis-server of their own.
func Networked(t *testing.T) (*nats.Conn, string) {
	t.Helper()
	nc, err := nats.Connect(StartNATS(t).URL(), journal.ConnectOptions("test")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc, StartRedis(t).URL()
}
