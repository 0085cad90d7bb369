package redisstore

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/leadstore"
)

// Ranges implements leadstore.Store: for each partition one ZREVRANGEBYSCORE, and a GETRANGE of the watermark's head behind it. In a cluster each
// partition's two go to one server, in this order.
func (s *Store) Ranges(ctx context.Context, service string, partitions []int, q leadstore.RangeQuery) ([]leadstore.PartitionRange, error) {
	by, none := between(q), nothing(q)
	out := make([]leadstore.PartitionRange, len(partitions))
	err := s.many(ctx, service, partitions, func(pipe redis.Pipeliner, k keys) func(at int, watermark string) {
		if none {
			return func(at int, watermark string) { out[at].Watermark = watermark }
		}
		found := pipe.ZRevRangeByScoreWithScores(ctx, k.index(q.Index), by)
		return func(at int, watermark string) {
			out[at] = leadstore.PartitionRange{Watermark: watermark, Members: scored(found.Val())}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("redisstore: range over %s of %s, %d partitions: %w", q.Index, service, len(partitions), err)
	}
	return out, nil
}

// Hashes implements leadstore.Store, as Ranges with HGETALL.
func (s *Store) Hashes(ctx context.Context, service string, partitions []int, hash string) ([]leadstore.PartitionHash, error) {
	out := make([]leadstore.PartitionHash, len(partitions))
	err := s.many(ctx, service, partitions, func(pipe redis.Pipeliner, k keys) func(at int, watermark string) {
		fields := pipe.HGetAll(ctx, k.hash(hash))
		return func(at int, watermark string) {
			out[at] = leadstore.PartitionHash{Watermark: watermark, Fields: copied(fields.Val())}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("redisstore: read hash %s of %s, %d partitions: %w", hash, service, len(partitions), err)
	}
	return out, nil
}

// many sends, for each partition, what ask queues and then the read of its watermark's head, all in one pipeline; what ask gave is
// called with the partition's place and that head once everything has been answered.
func (s *Store) many(
	ctx context.Context, service string, partitions []int, ask func(redis.Pipeliner, keys) func(at int, watermark string),
) error {
	pipe := s.client.Pipeline()
	takes, marks := make([]func(int, string), len(partitions)), make([]*redis.StringCmd, len(partitions))
	for i, p := range partitions {
		k, err := keysOf(service, p)
		if err != nil {
			return err
		}
		takes[i] = ask(pipe, k)
		marks[i] = pipe.GetRange(ctx, k.seq(), 0, leadstore.WatermarkHead-1) // "" where there is none
	}
	if _, err := s.exec(ctx, pipe); err != nil {
		return err
	}
	for i, take := range takes {
		take(i, marks[i].Val())
	}
	return nil
}

// nothing reports a query that nothing can meet.
func nothing(q leadstore.RangeQuery) bool {
	return q.Limit <= 0 || math.IsNaN(q.Min) || math.IsNaN(q.Max)
}

func between(q leadstore.RangeQuery) *redis.ZRangeBy {
	return &redis.ZRangeBy{Min: formatScore(q.Min), Max: formatScore(q.Max), Count: int64(q.Limit)}
}

func formatScore(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func scored(found []redis.Z) []leadstore.Scored {
	if len(found) == 0 {
		return nil
	}
	out := make([]leadstore.Scored, len(found))
	for i, z := range found {
		member, _ := z.Member.(string)
		out[i] = leadstore.Scored{Member: member, Score: z.Score}
	}
	return out
}

func copied(fields map[string]string) map[string][]byte {
	out := make(map[string][]byte, len(fields))
	for name, value := range fields {
		out[name] = []byte(value)
	}
	return out
}
