package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	// sorted are the keys of origins in their order, as of when it was last written.
	sorted []originKey
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
	b := make([]byte, 0, 256+32*len(w.origins))
	b = append(append(append(append(append(b, watermarkVersion...), ' '), mode...), ' '), w.journal...)
	b = strconv.AppendUint(append(b, ' '), w.position, 10)
	b = strconv.AppendUint(append(b, ' '), w.event, 10)
	b = strconv.AppendInt(append(b, ' '), w.eventTime.UnixNano(), 10)
	b = strconv.AppendUint(append(b, ' '), w.mark, 10)
	b = append(append(b, ' '), commit...)
	for _, n := range [...]uint64{w.applied, w.duplicates, w.quarantined, w.drift} {
		b = strconv.AppendUint(append(b, ' '), n, 10)
	}
	return string(w.appendOrigins(append(b, ' ')))
}

// appendOrigins writes the origins in their order. A partition hears from up to 64 of each producer, and its watermark is written with
// every commit that touches it: this is done without formats, and the order is kept. None of them ever goes.
func (w *watermark) appendOrigins(b []byte) []byte {
	if len(w.sorted) != len(w.origins) {
		w.sorted = slices.SortedFunc(maps.Keys(w.origins), func(x, y originKey) int {
			return cmp.Or(cmp.Compare(x.producer, y.producer), cmp.Compare(x.partition, y.partition))
		})
	}
	for i, k := range w.sorted {
		if i > 0 {
			b = append(b, ',')
		}
		m := w.origins[k]
		b = append(append(b, k.producer...), ':')
		b = append(strconv.AppendInt(b, int64(k.partition), 10), ':')
		b = append(strconv.AppendUint(b, m.cause, 10), '.')
		b = strconv.AppendInt(b, int64(m.n), 10)
	}
	return b
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

// watermarkHead is what a reader needs of a watermark: the part that leadstore.WatermarkHead has of the longest.
type watermarkHead struct {
	replaying bool
	journal   string
	position  uint64
}

// parseWatermarkHead reads the beginning of a watermark, however much of it there is behind the position.
func parseWatermarkHead(s string) (watermarkHead, error) {
	version, rest, _ := strings.Cut(s, " ")
	mode, rest, _ := strings.Cut(rest, " ")
	journal, rest, _ := strings.Cut(rest, " ")
	position, _, ok := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(position, 10, 64)
	if !ok || version != watermarkVersion || err != nil {
		return watermarkHead{}, errWatermark
	}
	return watermarkHead{replaying: mode == "replay", journal: journal, position: n}, nil
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
