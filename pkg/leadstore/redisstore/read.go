package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/leadstore"
)

// Read implements leadstore.Store: one MGET for each partition, the watermark being its first key.
func (s *Store) Read(ctx context.Context, service string, reads []leadstore.PartitionRead) ([]leadstore.PartitionValues, error) {
	values, _, err := s.ReadBoth(ctx, service, reads, nil)
	return values, err
}

// Fields implements leadstore.Store: one HMGET for each hash.
func (s *Store) Fields(ctx context.Context, service string, reads []leadstore.PartitionFields) ([][][]byte, error) {
	_, fields, err := s.ReadBoth(ctx, service, nil, reads)
	return fields, err
}

// ReadBoth implements leadstore.Store.
func (s *Store) ReadBoth(
	ctx context.Context, service string, reads []leadstore.PartitionRead, fields []leadstore.PartitionFields,
) ([]leadstore.PartitionValues, [][][]byte, error) {
	pipe := s.client.Pipeline()
	values, found := make([]leadstore.PartitionValues, len(reads)), make([][][]byte, len(fields))
	var asked []int
	for i, r := range fields {
		k, err := keysOf(service, r.Partition)
		if err != nil {
			return nil, nil, err
		}
		if len(r.Fields) == 0 { // HMGET wants one at least
			found[i] = [][]byte{}
			continue
		}
		pipe.HMGet(ctx, k.hash(r.Hash), r.Fields...)
		asked = append(asked, i)
	}
	for _, r := range reads {
		if err := queueRead(ctx, pipe, service, r); err != nil {
			return nil, nil, err
		}
	}
	cmds, err := s.exec(ctx, pipe)
	if err != nil {
		return nil, nil, fmt.Errorf("redisstore: read %d partitions and fields of %d hashes of %s: %w", len(reads), len(fields), service, err)
	}
	for i := range reads {
		all := cmds[len(asked)+i].(*redis.SliceCmd).Val()
		values[i].Watermark, _ = all[0].(string)
		values[i].Values = blobs(all[1:])
	}
	for n, i := range asked {
		found[i] = blobs(cmds[n].(*redis.SliceCmd).Val())
	}
	return values, found, nil
}

func queueRead(ctx context.Context, pipe redis.Pipeliner, service string, r leadstore.PartitionRead) error {
	k, err := keysOf(service, r.Partition)
	if err != nil {
		return err
	}
	names := make([]string, 1, len(r.Keys)+1)
	names[0] = k.seq()
	for _, key := range r.Keys {
		names = append(names, k.blob(key))
	}
	pipe.MGet(ctx, names...)
	return nil
}
