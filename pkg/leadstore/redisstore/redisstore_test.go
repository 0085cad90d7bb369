package redisstore

import (
	"context"
	"log/slog"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/leadstore/storetest"
)

// open opens a store, closed with the test.
func open(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func startEmbedded(t testing.TB) string {
	t.Helper()
	r := enginetest.StartStandIn(t)
	return r.URL()
}

// subject gives an emptied store at url.
func subject(t *testing.T, url string) storetest.Subject {
	t.Helper()
	other := open(t, url) // a closed store must not close the way to empty it
	flush := func() {
		err := other.masters(context.Background(), func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() })
		if err != nil {
			t.Errorf("flush: %v", err)
		}
	}
	flush()
	return storetest.Subject{Store: open(t, url), Flush: flush}
}

func TestEmbedded(t *testing.T) {
	url := startEmbedded(t)
	storetest.Run(t, func(t *testing.T) storetest.Subject { return subject(t, url) })
}
