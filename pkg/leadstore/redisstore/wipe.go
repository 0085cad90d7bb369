package redisstore

import (
	"context"
	"fmt"

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

// Wipe implements leadstore.Store. It finds the keys with SCAN, not in a register of its own: that costs nothing while
// leads flow, it finds whatever is there, and a wipe is rare. Each one looks at all keys of its server once.
//
// An interrupted wipe leaves its watermark behind; any session may wipe again, and takes over.
func (s *Store) Wipe(ctx context.Context, service string, partition int, session string) error {
	k, err := keysOf(service, partition)
	if err != nil {
		return err
	}
	if err := s.wipe(ctx, k, wiping+session); err != nil {
		return fmt.Errorf("redisstore: wipe %s, partition %d: %w", service, partition, err)
	}
	return nil
}

func (s *Store) wipe(ctx context.Context, k keys, mark string) error {
	anything := func(string) bool { return true }
	if err := s.step(ctx, k, anything, func(p redis.Pipeliner) { p.Set(ctx, k.seq(), mark, 0) }); err != nil {
		return err
	}
	remove := func(names []string) error {
		return s.step(ctx, k, is(mark), func(p redis.Pipeliner) { p.Unlink(ctx, names...) })
	}
	server, err := s.master(ctx, k.seq())
	if err != nil {
		return s.failed(err)
	}
	var found []string
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		// Neither a service's name nor the rest of the prefix has a character that means something in a pattern.
		var page []string
		page, cursor, err = server.Scan(ctx, cursor, k.prefix+"*", scanCount).Result()
		if err != nil {
			return s.failed(err)
		}
		for _, name := range page {
			if name != k.seq() {
				found = append(found, name)
			}
		}
		for len(found) >= wipeCount || len(found) > 0 && cursor == 0 {
			n := min(wipeCount, len(found))
			if err := remove(found[:n]); err != nil {
				return err
			}
			found = found[n:]
		}
	}
	// While a cluster moves the slot to another server, some keys are there already, unseen. To look for a key that does
	// not exist is refused then, and with it this last step: the wipe has to be tried again.
	return s.step(ctx, k, is(mark), func(p redis.Pipeliner) {
		p.Unlink(ctx, k.seq())
		p.Exists(ctx, k.prefix)
	})
}
