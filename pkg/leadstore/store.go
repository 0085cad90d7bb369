// Package leadstore keeps what services fold out of the journal: context blobs, and indexes to find them by. Everything
// in it can be thrown away and rebuilt; what makes it trustworthy is the watermark that every write moves along.
package leadstore

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrConflict says that a partition's watermark is not the expected one: somebody else wrote, or the store was emptied.
// Nothing of the partition's write took effect. Drop all cached state and open the session again.
var ErrConflict = errors.New("leadstore: the watermark is not the expected one")

// ErrUnavailable says that the store did not answer; of a write, that its outcome is unknown.
var ErrUnavailable = errors.New("leadstore: not available")

// WatermarkHead is how many bytes of a watermark Ranges and Hashes give at most: a watermark may be many times longer, and they read that
// of every partition. What readers must know of it belongs at its beginning.
const WatermarkHead = 256

// Store holds the projections of all services, by service and partition. Keys, indexes, members and fields are free
// strings; the partition is the caller's to know. All of one partition of one service moves together, under its watermark.
type Store interface {
	// Watermarks reads the watermarks of partitions, "" where there is none: such a partition is empty, or what is in it is
	// not to be trusted. Wipe it before the first write.
	Watermarks(ctx context.Context, service string, partitions []int) ([]string, error)
	// Read reads keys of several partitions in one pipelined round trip, each partition's together with its watermark in
	// one atomic read: the values are exactly those of that watermark. A missing key gives nil.
	Read(ctx context.Context, service string, reads []PartitionRead) ([]PartitionValues, error)
	// ReadBoth is Read and Fields in one pipelined round trip. The fields are read right before the values: a wipe that took some
	// of them away shows in their partition's watermark.
	ReadBoth(ctx context.Context, service string, reads []PartitionRead, fields []PartitionFields) ([]PartitionValues, [][][]byte, error)
	// Write applies mutations, each partition's as one atomic step that also moves the watermark from Expect to Next.
	// Partitions are independent: on an error some may be written and others not (the error joins all of theirs).
	// ErrConflict where a watermark is not Expect: that partition is untouched. A write that makes no sense (an empty Next,
	// a score that is not a number, one partition twice, a service's name that is not [A-Za-z0-9_-]) is refused whole, with
	// neither of the two errors.
	Write(ctx context.Context, service string, writes []PartitionWrite) error
	// Wipe removes everything of a partition of a service. The watermark is set to "wiping <session>" first and each
	// removal is guarded by it; afterwards there is no watermark. ErrConflict where another session interferes. A wipe that
	// was interrupted leaves that watermark behind: any session wipes again and takes over.
	Wipe(ctx context.Context, service string, partition int, session string) error
	// WipeAll is Wipe for several partitions, for hardly more than the price of one: a wipe may have to look at every key
	// of the store. Partitions are independent: where one fails the others go on (the error joins all of theirs).
	WipeAll(ctx context.Context, service string, partitions []int, session string) error

	// Range reads a sorted index of a partition: members with Min <= score <= Max, highest score first, ties by member
	// descending, at most Limit (none where that is not positive).
	Range(ctx context.Context, service string, partition int, q RangeQuery) ([]Scored, error)
	// Hash reads all fields of a hash of a partition.
	Hash(ctx context.Context, service string, partition int, hash string) (map[string][]byte, error)
	// Ranges is Range for several partitions in one pipelined round trip. Each one's watermark, its first WatermarkHead bytes, is
	// read right after its members: a wipe that took some of them away shows in it.
	Ranges(ctx context.Context, service string, partitions []int, q RangeQuery) ([]PartitionRange, error)
	// Hashes is Hash for several partitions in one pipelined round trip, with the watermarks as Ranges has them.
	Hashes(ctx context.Context, service string, partitions []int, hash string) ([]PartitionHash, error)
	// Fields reads some fields of hashes over several partitions in one pipelined round trip; nil where absent.
	Fields(ctx context.Context, service string, reads []PartitionFields) ([][][]byte, error)

	// Close gives the connections back.
	Close() error
}

// PartitionRead names keys of one partition.
type PartitionRead struct {
	Partition int
	Keys      []string
}

// PartitionValues answers one PartitionRead.
type PartitionValues struct {
	Watermark string
	Values    [][]byte
}

// PartitionFields names fields of one hash of one partition.
type PartitionFields struct {
	Partition int
	Hash      string
	Fields    []string
}

// PartitionRange is what Ranges found in one partition; of the watermark it has the first WatermarkHead bytes.
type PartitionRange struct {
	Watermark string
	Members   []Scored
}

// PartitionHash is what Hashes found in one partition; of the watermark it has the first WatermarkHead bytes.
type PartitionHash struct {
	Watermark string
	Fields    map[string][]byte
}

// PartitionWrite is the change of one partition in one commit.
type PartitionWrite struct {
	Partition    int
	Expect, Next string
	Mutation     *Mutation
}

// Sensible finds what no store may take, so that nothing of a Write is done that makes no sense: an empty Next, a score that is not a
// number, one partition twice.
func Sensible(writes []PartitionWrite) error {
	seen := make(map[int]struct{}, len(writes))
	for _, w := range writes {
		if _, twice := seen[w.Partition]; twice {
			return fmt.Errorf("partition %d is there twice", w.Partition)
		}
		seen[w.Partition] = struct{}{}
		if w.Next == "" {
			return fmt.Errorf("partition %d: the next watermark is empty", w.Partition)
		}
		if w.Mutation == nil {
			continue
		}
		for index, members := range w.Mutation.ZAdds {
			for _, score := range members {
				if math.IsNaN(score) {
					return fmt.Errorf("partition %d: a score in index %s is not a number", w.Partition, index)
				}
			}
		}
	}
	return nil
}

// Scored is a member of a sorted index.
type Scored struct {
	Member string
	Score  float64
}

// RangeQuery selects from a sorted index.
type RangeQuery struct {
	Index    string
	Min, Max float64
	Limit    int
}

// Mutation collects changes to one partition. Later calls win over earlier ones for the same key, member or field.
type Mutation struct {
	Sets   map[string][]byte
	Dels   map[string]struct{}
	ZAdds  map[string]map[string]float64
	ZRems  map[string]map[string]struct{}
	HSets  map[string]map[string][]byte
	HDels  map[string]map[string]struct{}
	number int
}

// Set stores a blob under a key.
func (m *Mutation) Set(key string, value []byte) {
	if m.Sets == nil {
		m.Sets = make(map[string][]byte)
	}
	delete(m.Dels, key)
	m.Sets[key] = value
	m.number++
}

// Delete removes a key.
func (m *Mutation) Delete(key string) {
	if m.Dels == nil {
		m.Dels = make(map[string]struct{})
	}
	delete(m.Sets, key)
	m.Dels[key] = struct{}{}
	m.number++
}

// IndexAdd puts a member into a sorted index, or moves it.
func (m *Mutation) IndexAdd(index, member string, score float64) {
	delete(m.ZRems[index], member)
	put(&m.ZAdds, index, member, score)
	m.number++
}

// IndexRemove takes a member out of a sorted index.
func (m *Mutation) IndexRemove(index, member string) {
	delete(m.ZAdds[index], member)
	put(&m.ZRems, index, member, struct{}{})
	m.number++
}

// FieldSet stores a field of a hash.
func (m *Mutation) FieldSet(hash, field string, value []byte) {
	delete(m.HDels[hash], field)
	put(&m.HSets, hash, field, value)
	m.number++
}

// FieldDelete removes a field of a hash.
func (m *Mutation) FieldDelete(hash, field string) {
	delete(m.HSets[hash], field)
	put(&m.HDels, hash, field, struct{}{})
	m.number++
}

// Empty reports whether nothing was collected.
func (m *Mutation) Empty() bool { return m == nil || m.number == 0 }

func put[V any](outer *map[string]map[string]V, key, inner string, value V) {
	if *outer == nil {
		*outer = make(map[string]map[string]V)
	}
	if (*outer)[key] == nil {
		(*outer)[key] = make(map[string]V)
	}
	(*outer)[key][inner] = value
}
