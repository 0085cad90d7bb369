package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/leadstore"
)

// inFlight bounds how many partitions of one Write are on their way at once, each on a connection of its own.
const inFlight = 16

// Write implements leadstore.Store, with two round trips for a partition (see step) and up to sixteen partitions at once. A
// write with an empty Next, a score that is not a number, or two writes to one partition are refused before anything is
// written.
func (s *Store) Write(ctx context.Context, service string, writes []leadstore.PartitionWrite) error {
	if err := check(service, writes); err != nil {
		return err
	}
	if len(writes) == 1 {
		return s.write(ctx, service, &writes[0])
	}
	errs := make([]error, len(writes))
	var wg sync.WaitGroup
	for worker := range min(inFlight, len(writes)) {
		wg.Go(func() {
			for i := worker; i < len(writes); i += inFlight {
				errs[i] = s.write(ctx, service, &writes[i])
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// check finds what must not reach Redis: a command that fails inside a transaction does not stop the others.
func check(service string, writes []leadstore.PartitionWrite) error {
	for _, w := range writes {
		if _, err := keysOf(service, w.Partition); err != nil {
			return err
		}
	}
	if err := leadstore.Sensible(writes); err != nil {
		return fmt.Errorf("redisstore: write %s: %w", service, err)
	}
	return nil
}

func (s *Store) write(ctx context.Context, service string, w *leadstore.PartitionWrite) error {
	k, err := keysOf(service, w.Partition)
	if err != nil {
		return err
	}
	server, err := s.master(ctx, k.seq())
	if err != nil {
		return fmt.Errorf("redisstore: write %s, partition %d: %w", service, w.Partition, s.failed(err))
	}
	var moved *redis.BoolCmd
	err = s.step(ctx, server, k, is(w.Expect), func(p redis.Pipeliner) {
		queue(ctx, p, k, w.Mutation)
		moved = move(ctx, p, k, w)
	})
	if err == nil && !moved.Val() {
		err = fmt.Errorf("%w: it vanished just now", leadstore.ErrConflict)
	}
	if answer := redis.Error(nil); errors.As(err, &answer) {
		// A command that fails inside a transaction does not stop the others (on a key that somebody made into another
		// type, say). Without its watermark the partition is not trusted, and rebuilt. Where that fails, err says enough.
		_ = s.step(ctx, server, k, is(w.Next), func(p redis.Pipeliner) { p.Unlink(ctx, k.seq()) })
	}
	if err != nil {
		return fmt.Errorf("redisstore: write %s, partition %d: %w", service, w.Partition, err)
	}
	return nil
}

// move queues the watermark's change. A WATCH notices a FLUSHALL in between; XX holds on servers where it does not (the
// embedded one): the watermark stays away there, and with it the trust in what the transaction left behind.
func move(ctx context.Context, p redis.Pipeliner, k keys, w *leadstore.PartitionWrite) *redis.BoolCmd {
	if w.Expect == "" {
		return p.SetNX(ctx, k.seq(), w.Next, 0)
	}
	return p.SetXX(ctx, k.seq(), w.Next, 0)
}

func is(watermark string) func(string) bool {
	return func(found string) bool { return found == watermark }
}

// step runs what fill queues as one transaction if accept takes the watermark, in two round trips: WATCH and GET, then
// MULTI … EXEC. Any earlier watch of the connection is dropped first, which saves giving it up at the end.
//
// ErrConflict: the watermark was another, or changed in between; nothing took effect. ErrUnavailable: the outcome is not
// known.
func (s *Store) step(
	ctx context.Context, server *redis.Client, k keys, accept func(watermark string) bool, fill func(redis.Pipeliner),
) error {
	conn := server.Conn()
	defer conn.Close()

	var mark *redis.StringCmd
	_, err := conn.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Do(ctx, "unwatch")
		p.Do(ctx, "watch", k.seq())
		mark = p.Get(ctx, k.seq())
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return s.failed(err)
	}
	if !accept(mark.Val()) {
		return fmt.Errorf("%w: found %q", leadstore.ErrConflict, mark.Val())
	}

	_, err = conn.TxPipelined(ctx, func(p redis.Pipeliner) error {
		fill(p)
		return nil
	})
	if errors.Is(err, redis.TxFailedErr) {
		return fmt.Errorf("%w: it changed just now", leadstore.ErrConflict)
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}

// queue adds a mutation's commands, one of each kind for each key. Their order does not matter: a Mutation holds every
// key, member and field once.
func queue(ctx context.Context, p redis.Pipeliner, k keys, m *leadstore.Mutation) {
	if m == nil {
		return
	}
	if len(m.Sets) > 0 {
		pairs := make([]any, 0, 2*len(m.Sets))
		for key, value := range m.Sets {
			pairs = append(pairs, k.blob(key), value)
		}
		p.MSet(ctx, pairs...)
	}
	if len(m.Dels) > 0 {
		names := make([]string, 0, len(m.Dels))
		for key := range m.Dels {
			names = append(names, k.blob(key))
		}
		p.Unlink(ctx, names...)
	}
	for index, members := range m.ZAdds {
		if len(members) > 0 {
			scored := make([]redis.Z, 0, len(members))
			for member, score := range members {
				scored = append(scored, redis.Z{Member: member, Score: score})
			}
			p.ZAdd(ctx, k.index(index), scored...)
		}
	}
	for index, members := range m.ZRems {
		if len(members) > 0 {
			p.ZRem(ctx, k.index(index), list(members)...)
		}
	}
	for hash, fields := range m.HSets {
		if len(fields) > 0 {
			pairs := make([]any, 0, 2*len(fields))
			for field, value := range fields {
				pairs = append(pairs, field, value)
			}
			p.HSet(ctx, k.hash(hash), pairs...)
		}
	}
	for hash, fields := range m.HDels {
		if len(fields) > 0 {
			names := make([]string, 0, len(fields))
			for field := range fields {
				names = append(names, field)
			}
			p.HDel(ctx, k.hash(hash), names...)
		}
	}
}

func list(set map[string]struct{}) []any {
	out := make([]any, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	return out
}
