package app

import (
	"log/slog"
	"net/url"
	"testing"

	"github.com/batonhq/baton/pkg/embedded"
	"github.com/batonhq/baton/pkg/embedded/enginetest"
)

type testEngines struct{ nats, redis string }

// startEngines starts a NATS server and a lead store that are reached over the network, as servers are.
func startEngines(t *testing.T, dir string) testEngines {
	t.Helper()
	n, err := embedded.StartNATS(embedded.Options{Dir: dir, Listen: "127.0.0.1:0", Token: "tok", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := enginetest.StartStandIn(t)
	u, err := url.Parse(n.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User("tok")
	t.Cleanup(func() { // behind those of the processes, which begin later
		r.Close()
		if err := n.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return testEngines{nats: u.String(), redis: r.URL()}
}
