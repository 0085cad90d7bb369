//go:build integration

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/leadstore"
	"github.com/batonhq/baton/pkg/leadstore/storetest"
)

const slots = 16384

func adminClient(t testing.TB, url string) *redis.Client {
	t.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opt)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// startCluster starts servers that share the slots, and gives a client of each.
func startCluster(t *testing.T, size int) (url string, nodes []*redis.Client) {
	t.Helper()
	var first *enginetest.Redis
	for i := range size {
		bus := strconv.Itoa(enginetest.FreePort(t))
		r := enginetest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
		c := adminClient(t, r.URL())
		nodes = append(nodes, c)
		must(t, c.ClusterAddSlotsRange(t.Context(), i*slots/size, (i+1)*slots/size-1).Err())
		if first == nil {
			first = r
			continue
		}
		host, port, err := net.SplitHostPort(r.Addr())
		must(t, err)
		must(t, nodes[0].Do(t.Context(), "cluster", "meet", host, port, bus).Err())
	}
	for _, c := range nodes {
		eventually(t, func() error {
			info, err := c.ClusterInfo(t.Context()).Result()
			if err == nil && (infoField(info, "cluster_state") != "ok" || infoField(info, "cluster_slots_ok") != strconv.Itoa(slots)) {
				err = fmt.Errorf("the cluster is not complete: %s", info)
			}
			return err
		})
	}
	return first.URL(), nodes
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually tries for ten seconds.
func eventually(t testing.TB, try func() error) {
	t.Helper()
	err := try()
	for begin := time.Now(); err != nil && time.Since(begin) < 10*time.Second; err = try() {
		time.Sleep(20 * time.Millisecond)
	}
	must(t, err)
}

func TestCluster(t *testing.T) {
	url, _ := startCluster(t, 3)
	storetest.Run(t, func(t *testing.T) storetest.Subject { return subject(t, url) })
}

// TestClusterMovesASlot: while a slot is on its way nothing is taken for whole, and afterwards the store finds it again.
func TestClusterMovesASlot(t *testing.T) {
	url, nodes := startCluster(t, 2)
	s := open(t, url)
	m := &leadstore.Mutation{}
	for i := range 100 {
		m.Set(fmt.Sprint("k", i), []byte("v"))
	}
	must(t, s.Write(t.Context(), "scoring", one(1, "", "w1", m)))

	// Half of the keys are moved, the watermark is not.
	const prefix = "baton:{p01}:scoring:"
	slot := int(nodes[0].ClusterKeySlot(t.Context(), prefix).Val())
	from, to := nodes[0], nodes[1]
	if n, err := from.ClusterCountKeysInSlot(t.Context(), slot).Result(); err != nil || n == 0 {
		from, to = to, from
	}
	setSlot(t, to, slot, "importing", nodeID(t, from))
	setSlot(t, from, slot, "migrating", nodeID(t, to))
	for i := range 50 {
		migrate(t, from, to, prefix+fmt.Sprint("k", i))
	}
	for name, call := range map[string]func() error{
		"write": func() error { return s.Write(t.Context(), "scoring", one(1, "w1", "w2", m)) },
		"wipe":  func() error { return s.Wipe(t.Context(), "scoring", 1, "s") },
	} {
		if err := call(); !errors.Is(err, leadstore.ErrUnavailable) || errors.Is(err, leadstore.ErrConflict) {
			t.Fatalf("%s while the slot moves: want ErrUnavailable, have %v", name, err)
		}
	}
	if mark := from.Get(t.Context(), prefix+"seq").Val(); mark != "wiping s" {
		t.Fatalf("the unfinished wipe must stay known, have the watermark %q", mark)
	}

	// The rest follows.
	for i := 50; i < 100; i++ {
		migrate(t, from, to, prefix+fmt.Sprint("k", i))
	}
	migrate(t, from, to, prefix+"seq")
	setSlot(t, to, slot, "node", nodeID(t, to))
	setSlot(t, from, slot, "node", nodeID(t, to))
	eventually(t, func() error { return s.Wipe(t.Context(), "scoring", 1, "s2") })
	for _, c := range nodes {
		if n := c.DBSize(t.Context()).Val(); n != 0 {
			t.Fatalf("%d keys are left on %v", n, c)
		}
	}
	must(t, s.Write(t.Context(), "scoring", one(1, "", "w2", m)))
}

func nodeID(t *testing.T, c *redis.Client) string {
	t.Helper()
	id, err := c.Do(t.Context(), "cluster", "myid").Text()
	must(t, err)
	return id
}

func setSlot(t *testing.T, c *redis.Client, slot int, state, node string) {
	t.Helper()
	must(t, c.Do(t.Context(), "cluster", "setslot", slot, state, node).Err())
}

func migrate(t *testing.T, from, to *redis.Client, key string) {
	t.Helper()
	host, port, err := net.SplitHostPort(to.Options().Addr)
	must(t, err)
	answer, err := from.Migrate(context.WithoutCancel(t.Context()), host, port, key, 0, 5*time.Second).Result()
	must(t, err)
	if !strings.HasPrefix(answer, "OK") && answer != "NOKEY" {
		t.Fatal(answer)
	}
}
