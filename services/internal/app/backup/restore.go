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

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// Read gives the description of the backup in a folder, once the whole of its data has been found to be what was written.
func Read(dir string) (*Meta, error) {
	text, err := os.ReadFile(filepath.Join(dir, metaFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no %s", ErrDamaged, dir, metaFile)
	}
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	var meta Meta
	if err := json.Unmarshal(text, &meta); err != nil || meta.Stream == "" {
		return nil, fmt.Errorf("%w: %s cannot be read", ErrDamaged, metaFile)
	}
	f, err := os.Open(filepath.Join(dir, dataFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	if n != meta.Bytes || hex.EncodeToString(sum.Sum(nil)) != meta.SHA256 {
		return nil, fmt.Errorf("%w: %s is not what was written (its size or checksum differs)", ErrDamaged, dataFile)
	}
	return &meta, nil
}

// restoreBlock is how much is handed over at once, in bytes before compression. The server writes the messages of a block
// one by one, each to disk where it syncs always, and gives up on a transfer that does not move on within 5 s. It made
// blocks of 1 MiB, some thousand messages; 32 KiB are a hundred or two, and time enough for a disk that takes 20 ms each.
const restoreBlock = 32 << 10

// Restore puts the backup of folder dir into a server that does not have the stream: ErrExists where it does, nothing is
// changed then. On another error, or when ctx ends, what had been taken is deleted again: the server itself would keep it
// as a journal that ends early. Only if this process is killed, or the server lost, a part stays behind; ErrPartial says so
// where it is known.
func Restore(ctx context.Context, nc *nats.Conn, dir string, progress Progress) (*Meta, error) {
	meta, err := Read(dir)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(dir, dataFile))
	if err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	defer f.Close()
	var begun struct {
		Deliver string `json:"deliver_subject"`
	}
	err = request(ctx, nc, patience, "$JS.API.STREAM.RESTORE."+meta.Stream, map[string]any{"config": meta.Config, "state": meta.State}, &begun)
	if err != nil {
		return nil, fmt.Errorf("restore %s: %w", meta.Stream, err)
	}
	if err := restore(ctx, nc, begun.Deliver, meta, f, progress); err != nil {
		return nil, errors.Join(fmt.Errorf("restore %s: %w", meta.Stream, err), undo(ctx, nc, begun.Deliver, meta.Stream))
	}
	return meta, nil
}

func restore(ctx context.Context, nc *nats.Conn, deliver string, meta *Meta, from io.Reader, progress Progress) error {
	var sent int64
	err := reblock(from, func(chunk []byte) error {
		if err := send(ctx, nc, deliver, chunk); err != nil {
			return err
		}
		if sent += int64(len(chunk)); progress != nil {
			progress(sent)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The empty chunk ends the transfer; it is answered with the stream, once the server has it.
	m, err := nc.RequestWithContext(ctx, deliver, nil)
	if err != nil {
		return err
	}
	var done struct {
		State state `json:"state"`
	}
	if err := answer(m, &done); err != nil {
		return err
	}
	if got := done.State; got.Messages != meta.Messages || got.FirstSeq != meta.FirstSeq || got.LastSeq != meta.LastSeq {
		return fmt.Errorf("the server has %d messages, sequences %d to %d; the backup %d, %d to %d",
			got.Messages, got.FirstSeq, got.LastSeq, meta.Messages, meta.FirstSeq, meta.LastSeq)
	}
	return nil
}

// reblock gives a snapshot (an S2 stream) in other blocks: each call of give holds at most one, whole or in part.
func reblock(from io.Reader, give func(chunk []byte) error) error {
	out := s2.NewWriter(giveWriter(give), s2.WriterBlockSize(restoreBlock), s2.WriterConcurrency(1))
	buf := make([]byte, restoreBlock) // as large as a block, so that each Write makes one
	_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{s2.NewReader(from)}, buf)
	return errors.Join(err, out.Close())
}

type giveWriter func(chunk []byte) error

func (g giveWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // an empty chunk would end the transfer
	}
	if err := g(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// send hands over one chunk and waits until the server has taken it.
func send(ctx context.Context, nc *nats.Conn, subject string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return err
	}
	if len(m.Data) == 0 {
		return nil
	}
	return answer(m, &struct{}{})
}

// undo deletes what a restore that failed has left. The stream is the restore's own: the server had none when it began.
func undo(ctx context.Context, nc *nats.Conn, deliver, stream string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_, _ = nc.RequestWithContext(ctx, deliver, nil) // ends the transfer if it is still open, so that nothing is added any more
	m, err := nc.RequestWithContext(ctx, "$JS.API.STREAM.DELETE."+stream, nil)
	if err == nil {
		err = answer(m, &struct{}{})
	}
	if err != nil && !errors.Is(err, errNotFound) {
		return fmt.Errorf("%w: delete the stream %s before anything else: %w", ErrPartial, stream, err)
	}
	return nil
}
