package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
)

// swallow is a journal that takes everything at once and keeps nothing.
type swallow struct{ fakejournal.Journal }

func (*swallow) Append(context.Context, ...*journalv1.Event) (uint64, error) { return 1, nil }

// BenchmarkHandler is all that ingest itself costs a request: signature, decoding, address, answer.
func BenchmarkHandler(b *testing.B) {
	s, err := New(testConfig(), Deps{Journal: &swallow{}})
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	event := func(id string) string {
		return `{"id":"` + id + `","type":"asset_downloaded","occurred_at":"2026-11-20T10:00:00Z","lead":{"email":"ana@initech.example","anonymous_id":"an-7"},` +
			`"traits":{"first_name":"Ana","last_name":"Lind","title":"VP Engineering","country":"SE"},"account":{"name":"Initech","domain":"initech.example","employees":420,"industry":"software"},` +
			`"properties":{"asset":"pricing-guide","channel":"email","campaign":"q4-launch","url":"https://www.initech.example/pricing?utm=1"}}`
	}
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d signed events", n), func(b *testing.B) {
			// Ids are of equal length, so that they can be replaced in place.
			var list []string
			for i := range n {
				list = append(list, event(fmt.Sprintf("e%08d%04d", 0, i)))
			}
			body := []byte(list[0])
			if n > 1 {
				body = []byte("[" + strings.Join(list, ",") + "]")
			}
			r := httptest.NewRequest(http.MethodPost, "/webhooks/app", nil)
			now := time.Now()
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				b.StopTimer()
				i++
				fresh := bytes.ReplaceAll(body, []byte("e00000000"), fmt.Appendf(nil, "e%08d", i))
				sign(b, r, "m", string(fresh), now, secret)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(fresh)), int64(len(fresh))
				w := httptest.NewRecorder()
				b.StartTimer()
				h.ServeHTTP(w, r)
				if w.Code != http.StatusAccepted {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
