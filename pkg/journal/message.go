package journal

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// Subjects of the stream. baton.j holds events, baton.c one checkpoint per service and partition, baton.t the schedules.
const (
	subjectEvents      = "baton.j."
	subjectGlobals     = "baton.j.g."
	subjectCheckpoints = "baton.c."
	subjectTimers      = "baton.t."
)

// Headers of an event. A schedule carries only the type and entity: the server copies headers into the firing, which must
// be an input.
const (
	headerType   = "Baton-Type"
	headerEntity = "Baton-Entity"
	// "<producer> <deciding partition> <deciding entity> <cause>.<n>"; absent on inputs.
	headerOrigin = "Baton-Origin"
	// A commit's own id, on its last event: by it a store recognises the log that it was folded from.
	headerCommit = "Baton-Commit"
	headerTrace  = "Traceparent"
)

// Headers of the server (nats-server 2.12 and later: ADR-50 atomic batches, ADR-51 schedules).
const (
	headerRollup           = "Nats-Rollup"
	headerExpectedLast     = "Nats-Expected-Last-Subject-Sequence"
	headerExpectedLastSubj = "Nats-Expected-Last-Subject-Sequence-Subject"
	headerSchedule         = "Nats-Schedule"
	headerScheduleTarget   = "Nats-Schedule-Target"
	headerBatchID          = "Nats-Batch-Id"
	headerBatchSequence    = "Nats-Batch-Sequence"
	headerBatchCommit      = "Nats-Batch-Commit"
)

func token(partition int) string {
	return string([]byte{'0' + byte(partition/10), '0' + byte(partition%10)})
}

// subjectOf gives the subject an entity's events stand on. Visitors known by an anonymous id alone share one per
// partition: a subject costs the server 190 bytes, and there are many of them.
func subjectOf(entity string) string {
	p := token(PartitionOf(entity))
	if identity.RankOf(entity) == identity.Anonymous {
		return subjectEvents + p + ".anon"
	}
	return subjectEvents + p + "." + entity
}

func subjectCheckpoint(service string, partition int) string {
	return subjectCheckpoints + service + "." + token(partition)
}

func subjectTimer(entity, timer string) string {
	return subjectTimers + token(PartitionOf(entity)) + "." + entity + "." + timer
}

// encode gives the message of an event; origin nil makes it an input.
func encode(entity string, body *journalv1.Event, origin *Origin, trace string) (*nats.Msg, error) {
	if !identity.Safe(entity) {
		return nil, fmt.Errorf("%w: entity %q is not of the form [A-Za-z0-9_-]{1,64}", ErrBadEvent, entity)
	}
	if !safeType(body.Type) {
		return nil, fmt.Errorf("%w: type %q is not of the form [a-z0-9_]{1,64}", ErrBadEvent, body.Type)
	}
	m := &nats.Msg{Subject: subjectOf(entity), Header: make(nats.Header, 6)}
	m.Header[headerType] = []string{body.Type}
	m.Header[headerEntity] = []string{entity}
	if origin != nil {
		m.Header[headerOrigin] = []string{origin.String()}
	}
	if trace != "" {
		m.Header[headerTrace] = []string{trace}
	}
	var err error
	if m.Data, err = marshal(body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadEvent, err)
	}
	return m, nil
}

// marshal is deterministic, so that a replay can compare what it decides with what is recorded.
func marshal(body *journalv1.Event) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(body)
}

func safeType(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// String gives the form that stands in the header.
func (o *Origin) String() string {
	b := make([]byte, 0, 64)
	b = append(b, o.Producer...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(o.Partition), 10)
	b = append(b, ' ')
	b = append(b, o.Entity...)
	b = append(b, ' ')
	b = strconv.AppendUint(b, o.Cause, 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(o.N), 10)
	return string(b)
}

func parseOrigin(s string) (*Origin, error) {
	bad := func() (*Origin, error) { return nil, fmt.Errorf("%w: origin %q", ErrBadEvent, s) }
	producer, rest, ok := strings.Cut(s, " ")
	p, rest, ok2 := strings.Cut(rest, " ")
	entity, rest, ok3 := strings.Cut(rest, " ")
	cause, n, ok4 := strings.Cut(rest, ".")
	if !(ok && ok2 && ok3 && ok4) {
		return bad()
	}
	partition, err := strconv.Atoi(p)
	if err != nil || partition < 0 || partition >= Partitions {
		return bad()
	}
	c, err := strconv.ParseUint(cause, 10, 64)
	if err != nil {
		return bad()
	}
	i, err := strconv.Atoi(n)
	if err != nil {
		return bad()
	}
	return &Origin{Producer: producer, Partition: partition, Entity: entity, Cause: c, N: i}, nil
}

// head reads a message's head from its subject and headers, without touching its body.
func head(subject string, h nats.Header, seq uint64, logged time.Time) (Head, error) {
	hd := Head{Seq: seq, Logged: logged, Type: first(h, headerType), Entity: first(h, headerEntity), Trace: first(h, headerTrace)}
	if kind, ok := strings.CutPrefix(subject, subjectGlobals); ok {
		hd.Partition, hd.Entity = Global, kind
		return hd, nil
	}
	rest, ok := strings.CutPrefix(subject, subjectEvents)
	if !ok || len(rest) < 4 || rest[2] != '.' {
		return hd, fmt.Errorf("%w: subject %q", ErrBadEvent, subject)
	}
	if hd.Entity == "" {
		hd.Entity = rest[3:]
	}
	hd.Partition = int(rest[0]-'0')*10 + int(rest[1]-'0')
	if hd.Partition < 0 || hd.Partition >= Partitions {
		return hd, fmt.Errorf("%w: subject %q", ErrBadEvent, subject)
	}
	if o := first(h, headerOrigin); o != "" {
		var err error
		if hd.Origin, err = parseOrigin(o); err != nil {
			return hd, err
		}
	}
	return hd, nil
}

func first(h nats.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// decode reads a whole message.
func decode(hd Head, data []byte) (*Event, error) {
	body := new(journalv1.Event)
	if err := proto.Unmarshal(data, body); err != nil {
		return nil, fmt.Errorf("%w: sequence %d: %w", ErrBadEvent, hd.Seq, err)
	}
	return &Event{Head: hd, Body: body}, nil
}

// encodeGlobal gives the message of a global fact that must follow the one at sequence last.
func encodeGlobal(kind string, body *journalv1.Event, last uint64) (*nats.Msg, error) {
	if !identity.Safe(kind) || !safeType(body.Type) {
		return nil, fmt.Errorf("%w: global kind %q, type %q", ErrBadEvent, kind, body.Type)
	}
	data, err := marshal(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadEvent, err)
	}
	m := &nats.Msg{Subject: subjectGlobals + kind, Data: data, Header: make(nats.Header, 2)}
	m.Header[headerType] = []string{body.Type}
	m.Header[headerExpectedLast] = []string{strconv.FormatUint(last, 10)}
	return m, nil
}
