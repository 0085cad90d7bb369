//go:build integration

package scoring

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal"
)

func TestServiceRealEngines(t *testing.T) {
	testService(t, func(t *testing.T) (*nats.Conn, string) {
		nc, err := nats.Connect(enginetest.StartNATS(t).URL(), journal.ConnectOptions("test")...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		return nc, enginetest.StartRedis(t).URL()
	})
}
