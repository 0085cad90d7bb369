// Package redisstore keeps the lead store in Redis 6.2 or later, one server or a cluster.
//
// Every key is baton:{pNN}:<service>:…, NN being the partition: the braces make a partition one slot, so that what moves
// together lives together. Behind the prefix come `seq` (the watermark), blobs under their own key, `z:<index>` (sorted
// sets) and `h:<hash>`. Nothing has a time to live; a server that may evict keys is refused.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
)

// Store is a leadstore.Store in Redis. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	// master gives the client of the server that holds a key's slot; masters calls fn for each server of the store.
	master  func(ctx context.Context, key string) (*redis.Client, error)
	masters func(ctx context.Context, fn func(context.Context, *redis.Client) error) error
	// refresh asks a cluster for its layout again, in the background.
	refresh func()
}

var _ leadstore.Store = (*Store)(nil)

// keys builds the keys of one partition of one service.
type keys struct{ prefix string }

// keysOf refuses a service name that could reach into another's keys or act as a pattern.
func keysOf(service string, partition int) (keys, error) {
	if !identity.Safe(service) || partition < 0 {
		return keys{}, fmt.Errorf("redisstore: no such place: service %q, partition %d", service, partition)
	}
	return keys{fmt.Sprintf("baton:{p%02d}:%s:", partition, service)}, nil
}

func (k keys) seq() string              { return k.prefix + "seq" }
func (k keys) index(name string) string { return k.prefix + "z:" + name }
func (k keys) hash(name string) string  { return k.prefix + "h:" + name }

// blob gives a blob's key. The few that would meet a key of another kind get k: in front, and so do those that have it
// already, which keeps different keys different.
func (k keys) blob(key string) string {
	if key == "seq" || strings.HasPrefix(key, "z:") || strings.HasPrefix(key, "h:") || strings.HasPrefix(key, "k:") {
		return k.prefix + "k:" + key
	}
	return k.prefix + key
}

// Watermarks implements leadstore.Store.
func (s *Store) Watermarks(ctx context.Context, service string, partitions []int) ([]string, error) {
	reads := make([]leadstore.PartitionRead, len(partitions))
	for i, p := range partitions {
		reads[i].Partition = p
	}
	values, err := s.Read(ctx, service, reads)
	if err != nil {
		return nil, err
	}
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = v.Watermark
	}
	return marks, nil
}

// Range implements leadstore.Store.
func (s *Store) Range(ctx context.Context, service string, partition int, q leadstore.RangeQuery) ([]leadstore.Scored, error) {
	k, err := keysOf(service, partition)
	if err != nil {
		return nil, err
	}
	if nothing(q) {
		return nil, nil
	}
	found, err := s.client.ZRevRangeByScoreWithScores(ctx, k.index(q.Index), between(q)).Result()
	if err != nil {
		return nil, fmt.Errorf("redisstore: range over %s of %s, partition %d: %w", q.Index, service, partition, s.failed(err))
	}
	return scored(found), nil
}

// Hash implements leadstore.Store.
func (s *Store) Hash(ctx context.Context, service string, partition int, hash string) (map[string][]byte, error) {
	k, err := keysOf(service, partition)
	if err != nil {
		return nil, err
	}
	fields, err := s.client.HGetAll(ctx, k.hash(hash)).Result()
	if err != nil {
		return nil, fmt.Errorf("redisstore: read hash %s of %s, partition %d: %w", hash, service, partition, s.failed(err))
	}
	return copied(fields), nil
}

// Close implements leadstore.Store.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("redisstore: close: %w", err)
	}
	return nil
}

// exec sends a pipeline of reads in one round trip (in a cluster: one to each server). An empty one sends nothing.
func (s *Store) exec(ctx context.Context, pipe redis.Pipeliner) ([]redis.Cmder, error) {
	if pipe.Len() == 0 {
		return nil, nil
	}
	cmds, err := pipe.Exec(ctx)
	if err != nil {
		return nil, s.failed(err)
	}
	return cmds, nil
}

// failed makes what Redis or the network said an ErrUnavailable. The layout of a cluster may be why, so it is read again.
func (s *Store) failed(err error) error {
	s.refresh()
	return unavailable(err)
}

func unavailable(err error) error { return errors.Join(leadstore.ErrUnavailable, err) }

// blobs copies the values of an MGET or HMGET; nil where there is none.
func blobs(values []any) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		if text, ok := v.(string); ok {
			out[i] = []byte(text)
		}
	}
	return out
}
