package edge

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
	"github.com/batonhq/baton/services/ingest/internal/intake"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders"
)

const event = `{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}}`

// newEdge has one source named s, of the baton type with other rules.
func newEdge(t testing.TB, j *fakejournal.Journal, log io.Writer, hold time.Duration, rules func(*sender.Rules)) *Edge {
	t.Helper()
	var row sender.Type
	for _, r := range senders.Table() {
		if r.Name == "baton" {
			row = r
		}
	}
	rules(&row.Rules)
	config := sender.Config{Name: "s", MaxEvent: 1 << 20, MaxEvents: 100}
	made, err := row.New(config)
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Options{
		Sources: []*Source{{Config: config, Type: row, Sender: made, MaxBody: 1 << 20}}, Tracking: senders.Tracking(),
		Intake: intake.New(j, intake.Options{Now: time.Now}), InFlight: 4 << 20, Hold: hold, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A sender that takes any answer for a success waits while the journal is down, and then gets none.
func TestSendersThatMustNotBeAnswered(t *testing.T) {
	j := &fakejournal.Journal{}
	e := newEdge(t, j, io.Discard, 300*time.Millisecond, func(r *sender.Rules) { r.Unavailable = sender.Hold })
	server := httptest.NewServer(e)
	defer server.Close()
	post := func() (*http.Response, error) {
		return http.Post(server.URL+"/webhooks/s", "application/json", strings.NewReader(event))
	}
	j.Fail(func([]*journalv1.Event) error { return journal.ErrUnavailable })
	if resp, err := post(); err == nil {
		t.Errorf("answered %d", resp.StatusCode)
	}
	tries := 0
	j.Fail(func([]*journalv1.Event) error {
		if tries++; tries == 1 {
			return journal.ErrUnavailable
		}
		return nil
	})
	resp, err := post()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted || len(j.Events()) != 1 {
		t.Errorf("status %d, %d events", resp.StatusCode, len(j.Events()))
	}
	// Overload is not answered either: a 429 would mean delivered, too.
	j.Fail(func([]*journalv1.Event) error { return journal.ErrOverloaded })
	if resp, err = http.Post(server.URL+"/webhooks/s", "", strings.NewReader(strings.Replace(event, `"1"`, `"2"`, 1))); err == nil {
		resp.Body.Close()
		t.Errorf("overloaded: answered %d", resp.StatusCode)
	}
}

// The log hears of an outage once, and of its end.
func TestOutagesAreLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	j := &fakejournal.Journal{}
	e := newEdge(t, j, &log, 0, func(*sender.Rules) {})
	post := func() {
		r := httptest.NewRequest(http.MethodPost, "/webhooks/s", strings.NewReader(event))
		r.RemoteAddr = "127.0.0.1:1"
		e.ServeHTTP(httptest.NewRecorder(), r)
	}
	j.Fail(func([]*journalv1.Event) error { return journal.ErrUnavailable })
	post()
	post()
	j.Fail(nil)
	post()
	post()
	if down, up := strings.Count(log.String(), "does not take"), strings.Count(log.String(), "takes events again"); down != 1 || up != 1 {
		t.Errorf("%s", log.String())
	}
	if strings.Contains(log.String(), "a@b.example") {
		t.Error("personal data in the log")
	}
}

// deadlines is a ResponseWriter whose connection can be told deadlines.
type deadlines struct {
	*httptest.ResponseRecorder
	read []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read = append(d.read, t)
	return nil
}

// A server that bounds no request's time gets that for bodies; one that does is left alone.
func TestBodiesAreBoundedInTime(t *testing.T) {
	e := newEdge(t, &fakejournal.Journal{}, io.Discard, 0, func(*sender.Rules) {})
	for readTimeout, want := range map[time.Duration]int{0: 1, time.Second: 0} {
		r := httptest.NewRequest(http.MethodPost, "/webhooks/s", strings.NewReader(event))
		r = r.WithContext(context.WithValue(r.Context(), http.ServerContextKey, &http.Server{ReadTimeout: readTimeout}))
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		e.ServeHTTP(w, r)
		if len(w.read) != want {
			t.Errorf("read time-out %v: deadlines %v", readTimeout, w.read)
		}
		for _, at := range w.read {
			if in := time.Until(at); in > bodyTime || in < bodyTime-time.Second {
				t.Errorf("a deadline in %v", in)
			}
		}
	}
}

func request(body io.Reader, length int64, encoding string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.ContentLength = length
	r.Header.Set("Content-Encoding", encoding)
	return r
}

func TestReadBody(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(bytes.Repeat([]byte("x"), 5000))
	_ = z.Close()
	twice := append(bytes.Clone(zipped.Bytes()), zipped.Bytes()...)
	spoilt := bytes.Clone(zipped.Bytes())
	spoilt[len(spoilt)-6] ^= 1 // its checksum
	for _, tc := range []struct {
		name, encoding string
		body           []byte
		length         int64
		limit          int64
		want           int
		err            error
	}{
		{"empty", "", nil, 0, 100, 0, nil},
		{"whole", "", make([]byte, 100), 100, 100, 100, nil},
		{"whole, of unknown length", "", make([]byte, 100), -1, 100, 100, nil},
		{"grown", "identity", make([]byte, 300_000), -1, 300_000, 300_000, nil},
		{"announced too large", "", nil, 101, 100, 0, errTooLarge},
		{"too large", "", make([]byte, 101), -1, 100, 0, errTooLarge},
		{"gzip", "gzip", zipped.Bytes(), int64(zipped.Len()), 5000, 5000, nil},
		{"gzip in two parts", "GZIP", twice, int64(len(twice)), 10_000, 10_000, nil},
		{"gzip too large unpacked", "gzip", zipped.Bytes(), int64(zipped.Len()), 4999, 0, errTooLarge},
		{"gzip of nothing", "gzip", nil, 0, 100, 0, errGzip},
		{"half a gzip", "gzip", zipped.Bytes()[:20], 20, 100, 0, errGzip},
		{"a spoilt gzip", "gzip", spoilt, int64(len(spoilt)), 5000, 0, errGzip},
		{"not gzip", "gzip", []byte("plain text"), 10, 100, 0, errGzip},
		{"another encoding", "zstd", []byte("x"), 1, 100, 0, errEncoding},
		{"more than all may hold", "", make([]byte, 600_000), -1, 1 << 20, 0, errBusy},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bs := &bodies{limit: 512 << 10}
			if tc.want > 256<<10 {
				bs.limit = 1 << 20
			}
			b, err := bs.read(request(bytes.NewReader(tc.body), tc.length, tc.encoding), tc.limit)
			if !errors.Is(err, tc.err) {
				t.Fatalf("%v, want %v", err, tc.err)
			}
			if err == nil {
				if len(b.data) != tc.want || bs.held.Load() < int64(tc.want) {
					t.Errorf("%d bytes, want %d; %d held", len(b.data), tc.want, bs.held.Load())
				}
				b.release()
			}
			if n := bs.held.Load(); n != 0 {
				t.Errorf("%d bytes held for ever", n)
			}
		})
	}
}

func FuzzReadBody(f *testing.F) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(event))
	_ = z.Close()
	f.Add(zipped.Bytes(), "gzip", int64(1000))
	f.Add(zipped.Bytes(), "gzip", int64(10))
	f.Add([]byte(event), "", int64(1000))
	f.Add([]byte("\x1f\x8b\x08\x00"), "x-gzip", int64(1))
	f.Add([]byte{}, "br", int64(0))
	bs := &bodies{limit: 1 << 20}
	f.Fuzz(func(t *testing.T, body []byte, encoding string, limit int64) {
		limit = limit & 0xffff
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.ContentLength = -1
		r.Header["Content-Encoding"] = []string{encoding}
		b, err := bs.read(r, limit)
		if err == nil {
			if int64(len(b.data)) > limit {
				t.Fatalf("%d bytes, at most %d", len(b.data), limit)
			}
			if encoding == "" && !bytes.Equal(b.data, body) {
				t.Fatal("not the body")
			}
			b.release()
		} else if no := unreadBody(err, limit); no.status < 400 || no.status >= 500 {
			t.Fatalf("%v: %d", err, no.status)
		}
		if n := bs.held.Load(); n != 0 {
			t.Fatalf("%d bytes held", n)
		}
	})
}
