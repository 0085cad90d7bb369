package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// StreamName is the one stream that is the truth.
const StreamName = "BATON_JOURNAL"

// Options of a journal. The zero value is a single server's.
type Options struct {
	// Replicas of the stream, 1, 3 or 5; used when it is created.
	Replicas int
	// Log gets what an operator should know; nil discards.
	Log *slog.Logger
	// Propagator puts trace context into events and takes it out; nil writes none.
	Propagator propagation.TextMapPropagator
	// MaxWaiting bounds the events waiting to be written; beyond it Append answers ErrOverloaded, and before it where they would
	// wait for longer than half a second. 0 means 20,000.
	MaxWaiting int
}

// Journal is an open journal: it appends, reads, and is what workers work on. Run must be running for Append to work.
type Journal struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	opt    Options
	id     string
	key    identity.Key

	appends chan *appendCall
	// Lone events in flight, and whether groups are being written meanwhile.
	direct   atomic.Int32
	grouping atomic.Bool
	// waiting is how many events Append has queued and Run not yet written, and groupTook how long a group took of late, in
	// nanoseconds.
	waiting, groupTook atomic.Int64
	counts             counter
}

// Open opens the journal of the connected server, creating the stream and the journal's identity where there is none. It
// starts nothing. ErrMisconfigured where the stream could lose events; ErrUnavailable where the server does not answer.
func Open(ctx context.Context, nc *nats.Conn, opt Options) (*Journal, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.MaxWaiting == 0 {
		opt.MaxWaiting = 20_000
	}
	if opt.Replicas == 0 {
		opt.Replicas = 1
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	stream, err := openStream(ctx, js, opt.Replicas)
	if err != nil {
		return nil, err
	}
	j := &Journal{
		nc: nc, js: js, stream: stream, opt: opt,
		appends: make(chan *appendCall, opt.MaxWaiting),
	}
	if err := j.identify(ctx); err != nil {
		return nil, err
	}
	return j, nil
}

// ConnectOptions gives the options of a connection that a journal lives on: it comes back after any break, and does not
// hold back what is published meanwhile (a late publish would be refused, or be a second one).
func ConnectOptions(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(100 * time.Millisecond), nats.ReconnectJitter(50*time.Millisecond, 50*time.Millisecond),
		nats.ReconnectBufSize(-1), nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), nats.RetryOnFailedConnect(true),
	}
}

// ID is made with the journal: two journals never share one.
func (j *Journal) ID() string { return j.id }

// Key gives the key that lead ids are made with. It lives in the journal and nowhere else.
func (j *Journal) Key() identity.Key { return j.key }

// Head gives the sequence of the log's last message.
func (j *Journal) Head(ctx context.Context) (uint64, error) {
	info, err := j.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return info.State.LastSeq, nil
}

func streamConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "Baton: every fact about every lead. Never purge; no limits of age, size or count.",
		Subjects:    []string{subjectEvents + ">", subjectCheckpoints + ">", subjectTimers + ">"},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Replicas:    replicas,
		MaxAge:      0, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1,
		AllowRollup: true, AllowAtomicPublish: true, AllowMsgSchedules: true, AllowDirect: true,
		// Recognising duplicates is the fold's; the server's own window must not refuse a batch for one.
		Duplicates: 100 * time.Millisecond,
	}
}

func openStream(ctx context.Context, js jetstream.JetStream, replicas int) (jetstream.Stream, error) {
	stream, err := js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, streamConfig(replicas))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			stream, err = js.Stream(ctx, StreamName)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: open stream %s: %w (is it a nats-server 2.14 or later with JetStream?)", ErrUnavailable, StreamName, err)
	}
	c := stream.CachedInfo().Config
	for _, check := range []struct {
		bad  bool
		text string
	}{
		{c.MaxAge > 0, "has a max age: it would forget events; remove it"},
		{c.MaxMsgs > 0, "has a message limit: it would drop or refuse events; remove it"},
		{c.MaxBytes > 0, "has a size limit: it would drop or refuse events; remove it"},
		{c.MaxMsgsPerSubject > 0, "has a limit per subject: it would drop a lead's events; remove it"},
		{c.Storage != jetstream.FileStorage, "is not on file storage"},
		{c.Retention != jetstream.LimitsPolicy, "must have the limits retention policy"},
		{!c.AllowAtomicPublish, "does not allow atomic publish"},
		{!c.AllowRollup, "does not allow roll-ups"},
		{!c.AllowMsgSchedules, "does not allow message schedules"},
	} {
		if check.bad {
			return nil, fmt.Errorf("%w: %s %s", ErrMisconfigured, StreamName, check.text)
		}
	}
	return stream, nil
}

// identify reads the journal's id and key from its first global fact, or writes it. Two that start at once agree: the
// fact is written only if there is none.
func (j *Journal) identify(ctx context.Context) error {
	for {
		ev, err := j.LastGlobal(ctx, globalJournal)
		if err != nil {
			return err
		}
		if ev != nil {
			created := ev.Body.GetJournalCreated()
			if created == nil || len(created.IdentityKey) < 32 {
				return fmt.Errorf("%w: %s has no readable identity", ErrMisconfigured, StreamName)
			}
			j.id, j.key = created.JournalId, identity.Key(created.IdentityKey)
			return nil
		}
		key := make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return fmt.Errorf("make the identity key: %w", err)
		}
		now := timestamppb.Now()
		_, err = j.AppendGlobal(ctx, globalJournal, &journalv1.Event{
			Id: "journal", Type: "journal_created", Source: "journal", OccurredAt: now, ReceivedAt: now,
			Payload: &journalv1.Event_JournalCreated{JournalCreated: &journalv1.JournalCreated{JournalId: nuid.Next(), IdentityKey: key}},
		}, 0)
		if err != nil && !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

const globalJournal = "journal"
