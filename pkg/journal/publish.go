package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// maxBatch is how many messages one atomic batch may hold here; the server's own limit is 1,000.
const maxBatch = 990

// publishTimeout bounds one write. Past it the outcome is unknown.
const publishTimeout = 3 * time.Second

// pubAck is the server's answer to a publish; Error is set when it refused.
type pubAck struct {
	Seq   uint64    `json:"seq"`
	Count int       `json:"count"`
	Error *apiError `json:"error"`
}

type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// publish writes one message and waits for its acknowledgement.
func publish(ctx context.Context, nc *nats.Conn, m *nats.Msg) (uint64, error) {
	ack, err := request(ctx, nc, m)
	if err != nil {
		return 0, err
	}
	return ack.Seq, nil
}

// publishAtomic writes messages as one ADR-50 atomic batch: all of them, in order and with consecutive sequences, or none.
// It returns the sequence of the last.
func publishAtomic(ctx context.Context, nc *nats.Conn, msgs []*nats.Msg) (uint64, error) {
	id := nuid.Next()
	for i, m := range msgs {
		m.Header[headerBatchID] = []string{id}
		m.Header[headerBatchSequence] = []string{strconv.Itoa(i + 1)}
		if i == len(msgs)-1 {
			break
		}
		if err := nc.PublishMsg(m); err != nil {
			return 0, classify(err)
		}
	}
	last := msgs[len(msgs)-1]
	last.Header[headerBatchCommit] = []string{"1"}
	ack, err := request(ctx, nc, last)
	if err != nil {
		return 0, err
	}
	if ack.Count != len(msgs) {
		return 0, fmt.Errorf("%w: a batch of %d was acknowledged as %d", ErrUnavailable, len(msgs), ack.Count)
	}
	return ack.Seq, nil
}

func request(ctx context.Context, nc *nats.Conn, m *nats.Msg) (*pubAck, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	r, err := nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return nil, classify(err)
	}
	return parseAck(r.Data)
}

// plainAck is how the server acknowledges a single message, up to its sequence.
const plainAck = `{"stream":"` + StreamName + `","seq":`

func parseAck(data []byte) (*pubAck, error) {
	if rest, ok := bytes.CutPrefix(data, []byte(plainAck)); ok { // nearly all are: spare them the general way
		if digits, ok := bytes.CutSuffix(rest, []byte("}")); ok {
			if seq, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 10, 64); err == nil {
				return &pubAck{Seq: seq}, nil
			}
		}
	}
	var ack pubAck
	if err := json.Unmarshal(data, &ack); err != nil {
		return nil, fmt.Errorf("%w: unreadable acknowledgement", ErrUnavailable)
	}
	if ack.Error != nil {
		return nil, classify(ack.Error)
	}
	return &ack, nil
}

// classify is the one place where an answer of the log becomes fenced, content or unavailable. Codes are the server's
// (jetstream_errors_generated.go, 2.15).
func classify(err error) error {
	var api *apiError
	if errors.As(err, &api) {
		switch api.ErrCode {
		case 10071, 10164: // wrong last sequence
			return fmt.Errorf("%w: %w", errFenced, err)
		case 10054, // message too large
			10097,                      // headers too large
			10199,                      // batch too large
			10177,                      // header not allowed in a batch
			10189, 10190, 10191, 10192, // schedule's pattern, target, TTL, roll-up
			10203, 10212, 10223: // schedule's source, scheduler, time zone
			return fmt.Errorf("%w: %w", errContent, err)
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, nats.ErrBadSubject) {
		return fmt.Errorf("%w: %w", errContent, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
