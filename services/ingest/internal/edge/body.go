package edge

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Why a body was not read whole.
var (
	errTooLarge = errors.New("body too large")
	errBusy     = errors.New("too many bytes in flight")
	errEncoding = errors.New("content encoding not supported")
	errGzip     = errors.New("not gzip")
	errSlow     = errors.New("body too slow")
	errGone     = errors.New("the client went away")
)

const (
	// Buffers start small: what is claimed of a body's length costs next to nothing until it has come. Those of the two
	// sizes are kept for the next request.
	smallBuffer = 4 << 10
	largeBuffer = 64 << 10
)

// bodies reads request bodies into memory, of which all requests together hold no more than a limit.
type bodies struct {
	limit        int64
	held         atomic.Int64
	small, large sync.Pool
	unzips       sync.Pool
}

// body is one request's body. Release gives its memory back.
type body struct {
	data []byte
	from *bodies
}

func (bs *bodies) buffer(length int64) []byte {
	pool, size := &bs.small, smallBuffer
	if length >= smallBuffer {
		pool, size = &bs.large, largeBuffer
	}
	if p, ok := pool.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, size)
}

func (b *body) release() {
	b.from.held.Add(-int64(cap(b.data)))
	data := b.data[:0]
	switch cap(data) {
	case smallBuffer:
		b.from.small.Put(&data)
	case largeBuffer:
		b.from.large.Put(&data)
	}
	b.data = nil
}

// read reads a body of at most limit bytes, before and after decompression. Its buffer grows with what arrives, never with
// what is announced, and every byte of it counts towards the limit of all bodies.
func (bs *bodies) read(r *http.Request, limit int64) (*body, error) {
	if r.ContentLength > limit {
		return nil, errTooLarge
	}
	in := &limited{r: r.Body, left: limit}
	var from io.Reader = in
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := bs.unzip(in)
		if err != nil {
			return nil, readError(err, true)
		}
		defer bs.unzips.Put(z)
		from = z
	default:
		return nil, errEncoding
	}
	b := &body{from: bs, data: bs.buffer(r.ContentLength)}
	if held := bs.held.Add(int64(cap(b.data))); held > bs.limit {
		b.release()
		return nil, errBusy
	}
	if err := b.fill(from, limit); err != nil {
		b.release()
		return nil, readError(err, from != io.Reader(in))
	}
	return b, nil
}

func (b *body) fill(from io.Reader, limit int64) error {
	for {
		if len(b.data) == cap(b.data) {
			if int64(len(b.data)) > limit {
				return errTooLarge
			}
			grown := min(4*cap(b.data), int(limit)+1)
			if held := b.from.held.Add(int64(grown - cap(b.data))); held > b.from.limit {
				b.from.held.Add(-int64(grown - cap(b.data)))
				return errBusy
			}
			data := make([]byte, len(b.data), grown)
			copy(data, b.data)
			b.data = data
		}
		n, err := from.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		switch {
		case int64(len(b.data)) > limit:
			return errTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (bs *bodies) unzip(from io.Reader) (*gzip.Reader, error) {
	if z, ok := bs.unzips.Get().(*gzip.Reader); ok {
		if err := z.Reset(from); err != nil {
			bs.unzips.Put(z)
			return nil, err
		}
		return z, nil
	}
	return gzip.NewReader(from)
}

// limited gives at most left bytes and errTooLarge behind them.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

func readError(err error, zipped bool) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errBusy):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return errSlow
	case zipped && (errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return errGzip
	default:
		return errGone
	}
}

const (
	// A refused body is read on and thrown away for a while: many clients look at the answer only once they have sent all,
	// and would see a broken connection instead of it. net/http itself does so for small ones.
	lingerBytes = 128 << 20
	lingerTime  = 2 * time.Second
	// lingerEnd, counted from when the handler was called, keeps a request that trickles from living longer for it.
	lingerEnd = 4 * time.Second
	// selfDiscarded is what net/http reads on by itself before it answers.
	selfDiscarded = 256 << 10
)

// linger throws away what is left of a request's body. The answer must have been flushed.
func linger(rc *http.ResponseController, r *http.Request, start, now time.Time) {
	until := now.Add(lingerTime)
	if end := start.Add(lingerEnd); end.Before(until) {
		until = end
	}
	if !until.After(now) || rc.SetReadDeadline(time.Now().Add(until.Sub(now))) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, r.Body, lingerBytes) // whatever it ends with, nobody waits for it
}

// bodyTime is how long a whole request may take where the server sets no time of its own.
const bodyTime = 9 * time.Second

// boundTime sees to it that a body cannot be sent for ever. A server that bounds the whole request is left alone: its time
// started with the header.
func boundTime(w http.ResponseWriter, r *http.Request) {
	if server, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && server.ReadTimeout == 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // not supported: no network behind it
	}
}
