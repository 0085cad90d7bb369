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

// movedSlot is partition 1 of scoring with 100 blobs, on its way from one server to another.
type movedSlot struct {
	t        *testing.T
	store    *Store
	content  *leadstore.Mutation
	number   int
	from, to *redis.Client
}

const movedPrefix = "baton:{p01}:scoring:"

func startMovedSlot(t *testing.T) *movedSlot {
	url, nodes := startCluster(t, 2)
	m := &movedSlot{t: t, store: open(t, url), content: &leadstore.Mutation{}, from: nodes[0], to: nodes[1]}
	for i := range 100 {
		m.content.Set(fmt.Sprint("k", i), []byte("v"))
	}
	must(t, m.store.Write(t.Context(), "scoring", one(1, "", "w1", m.content)))
	m.number = int(nodes[0].ClusterKeySlot(t.Context(), movedPrefix).Val())
	if n, err := m.from.ClusterCountKeysInSlot(t.Context(), m.number).Result(); err != nil || n == 0 {
		m.from, m.to = m.to, m.from
	}
	return m
}

// begin moves half of the blobs, not the watermark.
func (m *movedSlot) begin() {
	setSlot(m.t, m.to, m.number, "importing", nodeID(m.t, m.from))
	setSlot(m.t, m.from, m.number, "migrating", nodeID(m.t, m.to))
	for i := range 50 {
		migrate(m.t, m.from, m.to, movedPrefix+fmt.Sprint("k", i))
	}
}

func (m *movedSlot) end() {
	for i := 50; i < 100; i++ {
		migrate(m.t, m.from, m.to, movedPrefix+fmt.Sprint("k", i))
	}
	migrate(m.t, m.from, m.to, movedPrefix+"seq")
	setSlot(m.t, m.to, m.number, "node", nodeID(m.t, m.to))
	setSlot(m.t, m.from, m.number, "node", nodeID(m.t, m.to))
}

// TestClusterMovesASlot: while a slot is on its way nothing is taken for whole, and afterwards the store finds it again.
func TestClusterMovesASlot(t *testing.T) {
	m := startMovedSlot(t)
	m.begin()
	for i, err := range []error{
		m.store.Write(t.Context(), "scoring", one(1, "w1", "w2", m.content)),
		m.store.Wipe(t.Context(), "scoring", 1, "s"),
	} {
		if !errors.Is(err, leadstore.ErrUnavailable) || errors.Is(err, leadstore.ErrConflict) {
			t.Fatalf("call %d while the slot moves: want ErrUnavailable, have %v", i, err)
		}
	}
	if mark := m.from.Get(t.Context(), movedPrefix+"seq").Val(); mark != "wiping s" {
		t.Fatalf("the unfinished wipe must stay known, have the watermark %q", mark)
	}
	m.end()
	eventually(t, func() error { return m.store.Wipe(t.Context(), "scoring", 1, "s2") })
	for _, c := range []*redis.Client{m.from, m.to} {
		if n := c.DBSize(t.Context()).Val(); n != 0 {
			t.Fatalf("%d keys are left on %v", n, c)
		}
	}
	must(t, m.store.Write(t.Context(), "scoring", one(1, "", "w2", m.content)))
}

// aroundScan runs something before and after the scan of a server.
type aroundScan struct {
	counter
	before, after func()
}

func (a *aroundScan) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "scan" {
			return next(ctx, cmd)
		}
		a.before()
		defer a.after()
		return next(ctx, cmd)
	}
}

// TestClusterMovesASlotDuringAWipe: keys that left the server before it was looked through must not be forgotten, even if
// the client knows by the end of the wipe where they are.
func TestClusterMovesASlotDuringAWipe(t *testing.T) {
	m := startMovedSlot(t)
	server, err := m.store.master(t.Context(), movedPrefix)
	must(t, err)
	server.AddHook(&aroundScan{before: m.begin, after: func() {
		m.end()
		eventually(t, func() error {
			m.store.refresh()
			if now, err := m.store.master(t.Context(), movedPrefix); err != nil || now == server {
				return fmt.Errorf("the client has not seen the move: %w", err)
			}
			return nil
		})
	}})
	if err := m.store.Wipe(t.Context(), "scoring", 1, "s"); !errors.Is(err, leadstore.ErrUnavailable) {
		t.Fatalf("want ErrUnavailable, have %v", err)
	}
	must(t, m.store.Wipe(t.Context(), "scoring", 1, "s"))
	if n := m.to.DBSize(t.Context()).Val(); n != 0 {
		t.Fatalf("%d keys are left", n)
	}
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
