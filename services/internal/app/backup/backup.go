// Package backup takes the journal's stream out of a NATS server into a folder, and puts it back: every message with its
// sequence and time, so that whatever was ever said of a sequence still holds. Everything else Baton keeps is folded from
// the journal again, and needs no backup.
//
// It speaks JetStream's snapshot protocol itself. The library for it (jsm.go) would bring the whole server, an expression
// language and a second YAML parser into the build for these two exchanges.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
)

var (
	// ErrExists says that the server already has the stream; a restore never mixes two journals or overwrites one.
	ErrExists = errors.New("the journal already exists")
	// ErrNotEmpty says that the folder already holds a backup.
	ErrNotEmpty = errors.New("the folder already holds a backup")
	// ErrPartial says that a part of a restore that failed is still on the server, looking like a journal that ends early.
	ErrPartial = errors.New("a part of the backup is still on the server")
	// ErrDamaged says that a backup is not as it was written, or was never finished.
	ErrDamaged = errors.New("the backup is damaged or unfinished")
)

const (
	dataFile = "journal.snapshot"
	metaFile = "backup.json"
	// chunk of a transfer, in bytes; the server takes at most 1 MiB.
	chunk = 512 << 10
	// patience with a server that says nothing.
	patience = 30 * time.Second
	// checking is how long the server may take to verify every message before it begins.
	checking = 30 * time.Minute
)

// Meta describes a backup. It is written last: a folder without it holds none.
type Meta struct {
	Stream  string          `json:"stream"`
	Config  json.RawMessage `json:"config"`
	State   json.RawMessage `json:"state"`
	TakenAt time.Time       `json:"taken_at"`
	// Messages, and the sequences of the first and the last one.
	Messages uint64 `json:"messages"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
	// Bytes of the data file, and its SHA-256 in hex.
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// state is what is read of a stream's state; the server gets back the whole as it gave it.
type state struct {
	Messages uint64 `json:"messages"`
	FirstSeq uint64 `json:"first_seq"`
	LastSeq  uint64 `json:"last_seq"`
}

type apiError struct {
	Error *struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	} `json:"error"`
}

// Codes of the server: a restore of a stream that it has, and a stream that it has not.
const (
	errCodeExists   = 10130
	errCodeNotFound = 10059
)

var errNotFound = errors.New("the server has no such stream")

// request asks the JetStream API. A refusal is an error that gives the server's words.
func request(ctx context.Context, nc *nats.Conn, limit time.Duration, subject string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, text)
	if err != nil {
		return err
	}
	return answer(m, into)
}

func answer(m *nats.Msg, into any) error {
	var refused apiError
	if err := json.Unmarshal(m.Data, &refused); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if e := refused.Error; e != nil {
		switch e.ErrCode {
		case errCodeExists:
			return ErrExists
		case errCodeNotFound:
			return errNotFound
		}
		return fmt.Errorf("the server refuses: %s (%d)", e.Description, e.ErrCode)
	}
	return json.Unmarshal(m.Data, into)
}

// Progress is told after each chunk how many bytes have gone over.
type Progress func(bytes int64)

// Take writes a backup of a stream into folder dir, made if it is not there. The stream goes on taking messages
// meanwhile: the backup is of the moment at which it began, and holds every message acknowledged before. Each message's
// checksum is verified by the server. On an error the folder is left without a backup.
func Take(ctx context.Context, nc *nats.Conn, stream, dir string, progress Progress) (*Meta, error) {
	if _, err := os.Stat(filepath.Join(dir, metaFile)); err == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotEmpty, dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder: %w", err)
	}
	data := filepath.Join(dir, dataFile)
	f, err := os.OpenFile(data, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	meta, err := take(ctx, nc, stream, f, progress)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = writeMeta(dir, meta)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take the backup: %w", err), os.Remove(data))
	}
	return meta, nil
}

func take(ctx context.Context, nc *nats.Conn, stream string, to io.Writer, progress Progress) (*Meta, error) {
	inbox := nc.NewInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := sub.SetPendingLimits(-1, -1); err != nil { // the server's window bounds it
		return nil, err
	}
	var begun struct {
		Config json.RawMessage `json:"config"`
		State  json.RawMessage `json:"state"`
	}
	err = request(ctx, nc, checking, "$JS.API.STREAM.SNAPSHOT."+stream, map[string]any{
		"deliver_subject": inbox, "no_consumers": true, "jsck": true, "chunk_size": chunk,
	}, &begun)
	if err != nil {
		return nil, err
	}
	var st state
	if err := json.Unmarshal(begun.State, &st); err != nil {
		return nil, fmt.Errorf("read the stream's state: %w", err)
	}
	sum := sha256.New()
	out := io.MultiWriter(to, sum)
	meta := &Meta{
		Stream: stream, Config: begun.Config, State: begun.State, TakenAt: time.Now().UTC(),
		Messages: st.Messages, FirstSeq: st.FirstSeq, LastSeq: st.LastSeq,
	}
	for {
		m, err := next(ctx, sub)
		if err != nil {
			return nil, err
		}
		if len(m.Data) == 0 { // the end, with a status that tells a good one from a bad one
			if status := m.Header.Get("Status"); status != "" && status != "204" {
				return nil, fmt.Errorf("the server broke off: %s %s", status, m.Header.Get("Description"))
			}
			break
		}
		if _, err := out.Write(m.Data); err != nil {
			return nil, err
		}
		meta.Bytes += int64(len(m.Data))
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				return nil, err
			}
		}
		if progress != nil {
			progress(meta.Bytes)
		}
	}
	meta.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return meta, nil
}

func next(ctx context.Context, sub *nats.Subscription) (*nats.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := sub.NextMsgWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("wait for the server: %w", err)
	}
	return m, nil
}

// writeMeta puts the description in place in one step.
func writeMeta(dir string, meta *Meta) error {
	text, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, metaFile)
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
