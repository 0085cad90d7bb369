package redisstore

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/leadstore"
)

func one(partition int, from, to string, m *leadstore.Mutation) []leadstore.PartitionWrite {
	return []leadstore.PartitionWrite{{Partition: partition, Expect: from, Next: to, Mutation: m}}
}

// TestKeys: operators and other tools find the keys where the documents say.
func TestKeys(t *testing.T) {
	s := open(t, startEmbedded(t))
	m := &leadstore.Mutation{}
	m.Set("lead:ld_ex", []byte("v"))
	m.Set("seq", []byte("v"))
	m.IndexAdd("score", "ld_ex", 1)
	m.FieldSet("stages", "ld_ex", []byte("mql"))
	if err := s.Write(t.Context(), "scoring", one(7, "", "w1", m)); err != nil {
		t.Fatal(err)
	}
	got, err := s.client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{
		"baton:{p07}:scoring:h:stages", "baton:{p07}:scoring:k:seq", "baton:{p07}:scoring:lead:ld_ex", "baton:{p07}:scoring:seq",
		"baton:{p07}:scoring:z:score",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("have %q", got)
	}
	if mark := s.client.Get(t.Context(), "baton:{p07}:scoring:seq").Val(); mark != "w1" {
		t.Fatalf("watermark is %q", mark)
	}
}

// TestHalfApplied: Redis goes on after a command that fails inside a transaction. Such a partition must not pass for whole.
func TestHalfApplied(t *testing.T) {
	s := open(t, startEmbedded(t))
	if err := s.Write(t.Context(), "scoring", one(1, "", "w1", nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.client.Set(t.Context(), "baton:{p01}:scoring:z:score", "not an index", 0).Err(); err != nil {
		t.Fatal(err)
	}
	m := &leadstore.Mutation{}
	m.Set("k", []byte("v"))
	m.IndexAdd("score", "a", 1)
	err := s.Write(t.Context(), "scoring", one(1, "w1", "w2", m))
	if !errors.Is(err, leadstore.ErrUnavailable) || errors.Is(err, leadstore.ErrConflict) {
		t.Fatalf("want ErrUnavailable, have %v", err)
	}
	if marks, err := s.Watermarks(t.Context(), "scoring", []int{1}); err != nil || marks[0] != "" {
		t.Fatalf("watermark %q, %v", marks, err)
	}
	if err := s.Wipe(t.Context(), "scoring", 1, "s"); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), "scoring", one(1, "", "w2", m)); err != nil {
		t.Fatalf("after the wipe: %v", err)
	}
}

// counter counts round trips.
type counter struct{ trips atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmds)
	}
}

func TestRoundTrips(t *testing.T) {
	s := open(t, startEmbedded(t))
	if err := s.Write(t.Context(), "scoring", one(1, "", "w1", nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Watermarks(t.Context(), "scoring", []int{1}); err != nil { // both pools are connected now
		t.Fatal(err)
	}
	c := &counter{}
	s.client.AddHook(c)
	m := &leadstore.Mutation{}
	m.Set("k", []byte("v"))
	m.IndexAdd("i", "k", 1)
	for name, tc := range map[string]struct {
		want int64
		call func() error
	}{
		"Write":    {2, func() error { return s.Write(t.Context(), "scoring", one(1, "w1", "w1", m)) }},
		"conflict": {1, func() error { _ = s.Write(t.Context(), "scoring", one(1, "w0", "w1", m)); return nil }},
		"Read": {1, func() error {
			_, err := s.Read(t.Context(), "scoring", []leadstore.PartitionRead{{Partition: 1, Keys: []string{"k"}}, {Partition: 2}})
			return err
		}},
		"Fields": {1, func() error {
			f := []leadstore.PartitionFields{{Partition: 1, Hash: "h", Fields: []string{"a"}}, {Partition: 2, Hash: "h", Fields: []string{"a"}}}
			_, err := s.Fields(t.Context(), "scoring", f)
			return err
		}},
	} {
		before := c.trips.Load()
		if err := tc.call(); err != nil {
			t.Fatal(err)
		}
		if got := c.trips.Load() - before; got != tc.want {
			t.Errorf("%s takes %d round trips, want %d", name, got, tc.want)
		}
	}
}

// TestWatchIsDropped: a refused write must not leave a watch on its connection that spoils the next one's transaction.
func TestWatchIsDropped(t *testing.T) {
	s := open(t, startEmbedded(t)+"?pool_size=1")
	if err := s.Write(t.Context(), "scoring", one(1, "", "w1", nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), "scoring", one(1, "w0", "w1", nil)); !errors.Is(err, leadstore.ErrConflict) {
		t.Fatal(err)
	}
	if err := s.client.Set(t.Context(), "baton:{p01}:scoring:seq", "w2", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), "scoring", one(2, "", "w1", nil)); err != nil {
		t.Fatalf("another partition: %v", err)
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	good, err := url.Parse(startEmbedded(t))
	if err != nil {
		t.Fatal(err)
	}
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	for name, tc := range map[string]struct {
		url         string
		unavailable bool
	}{
		"nobody there":      {"redis://u:hunter2@" + dead.Addr().String(), true},
		"no cluster there":  {"redis://u:hunter2@" + dead.Addr().String() + "?addr=" + dead.Addr().String(), true},
		"wrong password":    {"redis://default:hunter2@" + good.Host, false},
		"no URL":            {"localhost", false},
		"another protocol":  {"https://u:hunter2@localhost", false},
		"unescaped":         {"redis://u:hunter2/x@localhost", false},
		"unknown parameter": {"redis://u:hunter2@localhost?hunter=1", false},
		"database":          {"redis://u:hunter2@localhost/x", false},
	} {
		s, err := Open(t.Context(), tc.url, quiet)
		if err == nil {
			_ = s.Close()
		}
		if err == nil || errors.Is(err, leadstore.ErrUnavailable) != tc.unavailable || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: have %v", name, err)
		}
	}
}

// TestOptions: whatever the URL says, nothing is sent twice and nothing is read from a replica.
func TestOptions(t *testing.T) {
	const u = "redis://localhost?max_retries=5&protocol=3&read_timeout=7s"
	single, err := singleOptions(u)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := clusterOptions(u + "&read_only=true&route_by_latency=true&route_randomly=true&addr=other:1")
	if err != nil {
		t.Fatal(err)
	}
	if single.MaxRetries != -1 || cluster.MaxRetries != -1 || cluster.ReadOnly || cluster.RouteByLatency || cluster.RouteRandomly {
		t.Errorf("single %+v, cluster %+v", single, cluster)
	}
	if single.ReadTimeout.Seconds() != 7 || cluster.ReadTimeout.Seconds() != 7 || single.DialTimeout != dialTimeout {
		t.Errorf("time-outs: single %v, cluster %v, dial %v", single.ReadTimeout, cluster.ReadTimeout, single.DialTimeout)
	}
}

func TestLostServer(t *testing.T) {
	r := enginetest.StartStandIn(t)
	s := open(t, r.URL())
	if err := s.Write(t.Context(), "scoring", one(1, "", "w1", nil)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := s.Write(t.Context(), "scoring", one(1, "w1", "w2", nil)); !errors.Is(err, leadstore.ErrUnavailable) {
		t.Fatalf("write: %v", err)
	}
	if _, err := s.Read(t.Context(), "scoring", []leadstore.PartitionRead{{Partition: 1}}); !errors.Is(err, leadstore.ErrUnavailable) {
		t.Fatalf("read: %v", err)
	}
}

func TestEmbeddedNeedsNoWarning(t *testing.T) {
	var log bytes.Buffer
	s, err := Open(t.Context(), startEmbedded(t), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	if log.Len() > 0 {
		t.Fatal(log.String())
	}
}
