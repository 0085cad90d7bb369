package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	// wiping starts the watermark of a partition that is being removed.
	wiping = "wiping "
	// scanCount is how many keys Redis looks at in one call, about a millisecond of its time.
	scanCount = 5000
	// wipeCount is how many keys are gathered for one guarded removal.
	wipeCount = 1000
)

// Wipe implements leadstore.Store.
func (s *Store) Wipe(ctx context.Context, service string, partition int, session string) error {
	return s.WipeAll(ctx, service, []int{partition}, session)
}

// WipeAll implements leadstore.Store. It finds the keys with SCAN, not in a register of their own: that costs nothing while
// leads flow, it finds whatever is there, and wipes are rare. One look at all keys of a server does for all of its
// partitions; it takes Redis about a second for a million keys, in steps of a millisecond.
func (s *Store) WipeAll(ctx context.Context, service string, partitions []int, session string) error {
	todo := make(map[*redis.Client][]*wipe)
	for _, p := range slices.Compact(slices.Sorted(slices.Values(partitions))) {
		k, err := keysOf(service, p)
		if err != nil {
			return err
		}
		server, err := s.master(ctx, k.seq())
		if err != nil {
			return fmt.Errorf("redisstore: wipe %s, partition %d: %w", service, p, s.failed(err))
		}
		todo[server] = append(todo[server], &wipe{store: s, server: server, keys: k, partition: p, mark: wiping + session})
	}
	var errs []error
	for server, wipes := range todo {
		each(wipes, func(w *wipe) error { return w.begin(ctx) })
		if err := scan(ctx, server, service, wipes); err != nil {
			each(wipes, func(*wipe) error { return s.failed(err) })
		}
		each(wipes, func(w *wipe) error { return w.end(ctx) })
		for _, w := range wipes {
			if w.err != nil {
				errs = append(errs, fmt.Errorf("redisstore: wipe %s, partition %d: %w", service, w.partition, w.err))
			}
		}
	}
	return errors.Join(errs...)
}

// each does the next step of every wipe that has not failed.
func each(wipes []*wipe, step func(*wipe) error) {
	for _, w := range wipes {
		if w.err == nil {
			w.err = step(w)
		}
	}
}

// scan hands every key of the wipes' partitions on one server to its wipe. No character of the patterns but the last star
// means anything in a pattern: a service's name has none.
func scan(ctx context.Context, server *redis.Client, service string, wipes []*wipe) error {
	pattern := wipes[0].keys.prefix + "*"
	if len(wipes) > 1 {
		pattern = "baton:{p*}:" + service + ":*"
	}
	byPrefix := make(map[string]*wipe, len(wipes))
	for _, w := range wipes {
		byPrefix[w.keys.prefix] = w
	}
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		if !slices.ContainsFunc(wipes, func(w *wipe) bool { return w.err == nil }) {
			return nil
		}
		page, next, err := server.Scan(ctx, cursor, pattern, scanCount).Result()
		if err != nil {
			return err
		}
		cursor = next
		for _, name := range page {
			parts := strings.SplitN(name, ":", 4) // baton, {p07}, the service, the rest
			w := byPrefix[strings.TrimSuffix(name, parts[len(parts)-1])]
			if w != nil && w.err == nil && name != w.keys.seq() {
				w.err = w.remove(ctx, name)
			}
		}
	}
	return nil
}

// wipe is the removal of one partition. All its steps go to the server that is looked through: when a cluster gives the
// slot to another one, they are refused.
type wipe struct {
	store     *Store
	server    *redis.Client
	keys      keys
	partition int
	mark      string
	found     []string
	err       error
}

func (w *wipe) begin(ctx context.Context) error {
	anything := func(string) bool { return true }
	return w.store.step(ctx, w.server, w.keys, anything, func(p redis.Pipeliner) { p.Set(ctx, w.keys.seq(), w.mark, 0) })
}

// remove takes note of a key, and removes what has been gathered once that is worth a transaction.
func (w *wipe) remove(ctx context.Context, name string) error {
	w.found = append(w.found, name)
	if len(w.found) < wipeCount {
		return nil
	}
	names := w.found
	w.found = nil
	return w.store.step(ctx, w.server, w.keys, is(w.mark), func(p redis.Pipeliner) { p.Unlink(ctx, names...) })
}

// end removes the rest, and the watermark with it.
//
// While a cluster moves the slot to another server, some keys are there already, unseen. To ask for a key that does not
// exist is refused then, and with it this whole step: the wipe has to be tried again.
func (w *wipe) end(ctx context.Context) error {
	names := append(w.found, w.keys.seq())
	return w.store.step(ctx, w.server, w.keys, is(w.mark), func(p redis.Pipeliner) {
		p.Unlink(ctx, names...)
		p.Exists(ctx, w.keys.prefix)
	})
}
