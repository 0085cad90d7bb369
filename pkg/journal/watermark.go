package journal

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// watermark says how far a partition's projection in the store is, and of which log. It moves in the same atomic step as
// the projection itself.
type watermark struct {
	// replaying: the projection is being rebuilt and must not be read.
	replaying bool
	// journal's id and the logic's version.
	journal string
	// position: everything up to here is folded.
	position uint64
	// The last event that was folded, and when the log took it.
	event     uint64
	eventTime time.Time
	// The last message that the partition's commits wrote, and that commit's id. 0 and "" if there was none.
	mark   uint64
	commit string
	counters
	origins origins
}

// counters count what became of the inputs of a partition.
type counters struct {
	applied, duplicates, quarantined, drift uint64
}

// origins holds the last (cause, n) folded per producer and deciding partition: what is not beyond it is a repeat.
type origins map[originKey]originMark

type originKey struct {
	producer  string
	partition int
}

type originMark struct {
	cause uint64
	n     int
}

// advance takes note of a fact; it answers false for one that was folded before.
func (o origins) advance(origin *Origin) bool {
	k := originKey{origin.Producer, origin.Partition}
	last, ok := o[k]
	if ok && (origin.Cause < last.cause || origin.Cause == last.cause && origin.N <= last.n) {
		return false
	}
	o[k] = originMark{origin.Cause, origin.N}
	return true
}

const watermarkVersion = "w1"

func (w *watermark) String() string {
	mode, commit := "live", w.commit
	if w.replaying {
		mode = "replay"
	}
	if commit == "" {
		commit = "-"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %d %d %d %d %s %d %d %d %d ", watermarkVersion, mode, w.journal, w.position,
		w.event, w.eventTime.UnixNano(), w.mark, commit, w.applied, w.duplicates, w.quarantined, w.drift)
	keys := make([]originKey, 0, len(w.origins))
	for k := range w.origins {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		return keys[i].producer < keys[j].producer || keys[i].producer == keys[j].producer && keys[i].partition < keys[j].partition
	})
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%d:%d.%d", k.producer, k.partition, w.origins[k].cause, w.origins[k].n)
	}
	return b.String()
}

var errWatermark = errors.New("unreadable watermark")

func parseWatermark(s string) (*watermark, error) {
	f := strings.Split(s, " ")
	if len(f) != 13 || f[0] != watermarkVersion {
		return nil, errWatermark
	}
	var nums [9]uint64
	for i, at := range []int{3, 4, 6, 8, 9, 10, 11} {
		n, err := strconv.ParseUint(f[at], 10, 64)
		if err != nil {
			return nil, errWatermark
		}
		nums[i] = n
	}
	nano, err := strconv.ParseInt(f[5], 10, 64)
	if err != nil {
		return nil, errWatermark
	}
	w := &watermark{
		replaying: f[1] == "replay", journal: f[2], position: nums[0], event: nums[1], eventTime: time.Unix(0, nano), mark: nums[2],
		counters: counters{applied: nums[3], duplicates: nums[4], quarantined: nums[5], drift: nums[6]}, origins: origins{},
	}
	if f[7] != "-" {
		w.commit = f[7]
	}
	if f[12] != "" {
		for _, o := range strings.Split(f[12], ",") {
			part := strings.Split(o, ":")
			if len(part) != 3 {
				return nil, errWatermark
			}
			p, err1 := strconv.Atoi(part[1])
			cause, n, ok := strings.Cut(part[2], ".")
			c, err2 := strconv.ParseUint(cause, 10, 64)
			i, err3 := strconv.Atoi(n)
			if !ok || errors.Join(err1, err2, err3) != nil {
				return nil, errWatermark
			}
			w.origins[originKey{part[0], p}] = originMark{c, i}
		}
	}
	return w, nil
}

// belongs reports whether a watermark was folded from this log as it stands: what it names is in the log, or was erased
// from it. A store that is ahead (the log lost its end, or was restored from before) must be wiped.
func (j *Journal) belongs(ctx context.Context, w *watermark, lineage string, head uint64) (bool, error) {
	if w.journal != lineage || w.position > head || w.event > head || w.mark > head {
		return false, nil
	}
	if w.event > 0 {
		m, err := j.message(ctx, w.event)
		if err != nil {
			return false, err
		}
		if m != nil && !m.Time.Equal(w.eventTime) {
			return false, nil
		}
	}
	if w.mark > 0 {
		m, err := j.message(ctx, w.mark)
		if err != nil {
			return false, err
		}
		if m != nil && first(m.Header, headerCommit) != w.commit {
			return false, nil
		}
	}
	return true, nil
}

// message gives the message at a sequence, nil where there is none any more.
func (j *Journal) message(ctx context.Context, seq uint64) (*jetstream.RawStreamMsg, error) {
	m, err := j.stream.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: message %d: %w", ErrUnavailable, seq, err)
	}
	return m, nil
}
