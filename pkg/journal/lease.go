package journal

import (
	"context"
	"errors"
	"hash/fnv"
	"log/slog"
	"os"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

const (
	leaseBucket = "BATON_WORKERS"
	leaseTTL    = 4 * time.Second
	leaseBeat   = time.Second
)

// lease says which partitions this worker should work on: those it wins by rendezvous hashing among the workers of its
// service that are alive (a key each in a KV bucket, renewed every second, forgotten after four). It is a matter of
// liveness only: two workers that both think they own a partition cost work and corrupt nothing, the log fences one.
type lease struct {
	j       *Journal
	service string
	log     *slog.Logger
	fixed   bool

	mu      sync.Mutex
	name    string
	members []string
	parts   []int
	lost    chan struct{}
}

func newLease(j *Journal, service string, opt WorkerOptions) *lease {
	if opt.Instance == "" {
		opt.Instance, _ = os.Hostname()
	}
	return &lease{
		j: j, service: service, name: leaseName(opt.Instance), log: opt.Log,
		fixed: opt.Own != nil, parts: opt.Own, lost: make(chan struct{}),
	}
}

func leaseName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, "i"+s)
}

// owned gives the partitions to work on now; the channel is closed when that changes.
func (l *lease) owned() ([]int, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.parts, l.lost
}

func (l *lease) run(ctx context.Context) {
	if l.fixed {
		return
	}
	var kv jetstream.KeyValue
	var revision uint64
	tick := time.NewTicker(leaseBeat)
	defer tick.Stop()
	for {
		var err error
		if kv == nil {
			kv, err = l.j.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
				Bucket: leaseBucket, Description: "Baton: which workers are alive", TTL: leaseTTL, Storage: jetstream.MemoryStorage,
			})
			if err != nil {
				kv = nil
			}
		}
		if kv != nil {
			revision, err = l.renew(ctx, kv, revision)
		}
		if err != nil && ctx.Err() == nil {
			// Nobody can be told from nobody else: go on with what we own. The log still fences.
			l.log.Warn("worker lease not renewed", "error", err)
			kv = nil
			if l.members == nil {
				l.set([]string{l.name})
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if kv != nil { // let others take over at once
				bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), 500*time.Millisecond)
				_ = kv.Delete(bye, l.key(), jetstream.LastRevision(revision))
				cancel()
			}
			return
		}
	}
}

func (l *lease) key() string { return l.service + "." + l.name }

// renew says that this worker is alive, and sees who else is. Someone else renewing the same name (two processes on one
// host) makes the older one take a name of its own.
func (l *lease) renew(ctx context.Context, kv jetstream.KeyValue, revision uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTTL/2)
	defer cancel()
	var err error
	if revision > 0 {
		revision, err = kv.Update(ctx, l.key(), nil, revision)
		if errors.Is(err, jetstream.ErrKeyExists) {
			if e, getErr := kv.Get(ctx, l.key()); getErr == nil && e.Operation() == jetstream.KeyValuePut {
				l.log.Info("another worker has this one's name; taking another", "name", l.name)
				l.name += "-" + nuid.Next()[16:]
			}
			revision, err = 0, nil
		}
		if err != nil {
			return 0, err
		}
	}
	if revision == 0 {
		if revision, err = kv.Put(ctx, l.key(), nil); err != nil {
			return 0, err
		}
	}
	lister, err := kv.ListKeysFiltered(ctx, l.service+".*")
	if err != nil {
		return revision, err
	}
	var members []string
	for k := range lister.Keys() {
		members = append(members, strings.TrimPrefix(k, l.service+"."))
	}
	l.set(members)
	return revision, nil
}

// set works out this worker's partitions among the members.
func (l *lease) set(members []string) {
	sort.Strings(members)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.members = members
	var parts []int
	for p := range Partitions {
		if winner(members, p) == l.name {
			parts = append(parts, p)
		}
	}
	if equal(parts, l.parts) {
		return
	}
	l.parts = parts
	close(l.lost)
	l.lost = make(chan struct{})
	l.log.Info("partitions", "own", len(parts), "of", Partitions, "workers", len(members))
}

// winner is rendezvous hashing: a member that comes or goes moves only its own share.
func winner(members []string, p int) string {
	var best string
	var bestHash uint64
	for _, m := range members {
		h := fnv.New64a()
		_, _ = h.Write([]byte(m))
		_, _ = h.Write([]byte{0, byte(p)})
		// fnv's last byte hardly reaches its high bits: mix.
		v := h.Sum64()
		v ^= v >> 33
		v *= 0xff51afd7ed558ccd
		v ^= v >> 33
		if best == "" || v > bestHash {
			best, bestHash = m, v
		}
	}
	return best
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
