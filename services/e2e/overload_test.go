package e2e

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestOverload offers ingest four times the events that it takes, for a short while.
func TestOverload(t *testing.T) { overload(t, 5*time.Second) }

// BenchmarkOverload does so for a minute, on a machine that does nothing else: then what is taken is taken in time, too.
func BenchmarkOverload(b *testing.B) {
	if p99 := overload(b, time.Duration(envInt("BATON_BENCH_SECONDS", 60))*time.Second); p99 > time.Second {
		b.Errorf("p99 of what was taken is %v, at most a second is wanted", p99)
	}
}

const (
	// overSenders each have a connection, on which one request follows the other.
	overSenders = 4000
	// overMemory is how much ingest may grow by: the bodies' 64 MB, what its connections need, and garbage as much again.
	overMemory = 256 << 20
)

// overload finds out what ingest takes, offers four times of it, and sees to it that whatever was acknowledged is in the
// journal, all else was told to come again, and memory stayed within bounds. It gives how long what was taken took.
func overload(t testing.TB, lasting time.Duration) (p99 time.Duration) {
	c := Start(t, Setup{Split: true})
	for _, s := range []string{"scoring", "routing", "feedback"} {
		c.Kill(s) // theirs is not what is measured
	}
	takes := offer(t, c, 256, 0, min(lasting, 2*time.Second), "calm")
	rate := float64(len(takes.taken)) / takes.lasted.Seconds()
	calm := quantile(slices.Collect(maps.Values(takes.taken)), 0.99)
	before := c.process("ingest").rss()
	var peak atomic.Int64
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				peak.Store(max(peak.Load(), c.process("ingest").rss()))
			}
		}
	}()
	got := offer(t, c, overSenders, 4*rate, lasting, "storm")
	close(stop)
	<-watched
	for id := range takes.taken {
		got.taken[id] = 0
	}
	there := map[string]bool{}
	for _, ev := range c.Log() {
		there[ev.Body.GetId()] = true
	}
	missing := 0
	var took []time.Duration
	for id, d := range got.taken {
		if !there[id] {
			missing++
		}
		if d > 0 {
			took = append(took, d)
		}
	}
	p99 = quantile(took, 0.99)
	share := float64(got.sent) / lasting.Seconds() / rate
	t.Logf("it takes %.0f events/s; offered %.1f times that, it took %.0f/s and told %v; p50 %v, p99 %v of what was taken (%v in the calm); memory from %d to %d MB",
		rate, share, float64(len(took))/got.lasted.Seconds(), got.refused, quantile(took, 0.5), p99, calm, before>>20, peak.Load()>>20)
	if missing > 0 {
		t.Errorf("%d events that were acknowledged are not in the journal", missing)
	}
	for status, n := range got.refused {
		if status != 429 && status != 503 {
			t.Errorf("%d answers of %d: neither taken nor told to come again", n, status)
		}
	}
	if len(took) == 0 {
		t.Error("nothing was taken")
	}
	if grown := peak.Load() - before; grown > overMemory {
		t.Errorf("memory grew by %d MB, at most %d are wanted", grown>>20, overMemory>>20)
	}
	// And it is itself again when the storm is over.
	if after := offer(t, c, 16, 0, time.Second, "after"); len(after.refused) > 0 || len(after.taken) == 0 {
		t.Errorf("after the storm it takes %d and tells %v", len(after.taken), after.refused)
	}
	return p99
}

// offered is what became of what was offered.
type offered struct {
	sent    int
	lasted  time.Duration
	taken   map[string]time.Duration // by event id, how long it took
	refused map[int]int              // by status; 0: the connection ended
}

// offer posts single signed events over a number of connections, together at a rate (0: as soon as one is answered), for a
// time. A sender that is late does not catch up: its connection is busy.
func offer(t testing.TB, c *Cluster, senders int, perSecond float64, lasting time.Duration, name string) offered {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(appSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	out := offered{taken: map[string]time.Duration{}, refused: map[int]int{}}
	var wg sync.WaitGroup
	begin := time.Now()
	for s := range senders {
		wg.Go(func() {
			mine := offered{taken: map[string]time.Duration{}, refused: map[int]int{}}
			defer func() {
				mu.Lock()
				defer mu.Unlock()
				out.sent += mine.sent
				for id, d := range mine.taken {
					out.taken[id] = d
				}
				for status, n := range mine.refused {
					out.refused[status] += n
				}
			}()
			every := time.Duration(0)
			if perSecond > 0 {
				every = time.Duration(float64(senders) / perSecond * float64(time.Second))
			}
			next := begin.Add(time.Duration(s) * every / time.Duration(senders))
			var w *wire
			defer func() {
				if w != nil {
					_ = w.conn.Close()
				}
			}()
			for i := 0; ; i++ {
				if wait := time.Until(next); wait > 0 {
					time.Sleep(wait) // the clock of the load, nothing waits for it
				}
				if next = next.Add(every); next.Before(time.Now()) {
					next = time.Now()
				}
				if time.Since(begin) > lasting {
					return
				}
				id := fmt.Sprintf("%s-%d-%d", name, s, i)
				request := signedOne(key, id, fmt.Sprintf("p%d@%s.example", i%1000, name))
				status := 0
				if w == nil {
					if conn, err := net.Dial("tcp", c.addr()); err == nil {
						w = &wire{conn, bufio.NewReaderSize(conn, 1024)}
					}
				}
				began := time.Now()
				if w != nil {
					var err error
					if status, err = w.do(request); err != nil {
						_ = w.conn.Close()
						w, status = nil, 0
					}
				}
				mine.sent++
				if status == 202 {
					mine.taken[id] = time.Since(began)
				} else {
					mine.refused[status]++
				}
			}
		})
	}
	wg.Wait()
	out.lasted = time.Since(begin)
	return out
}

// signedOne makes a request of one event, as cheaply as can be.
func signedOne(key []byte, id, who string) []byte {
	body := `{"id":"` + id + `","type":"page_viewed","lead":{"email":"` + who + `"},"properties":{"url":"https://www.example/docs"}}`
	seconds := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("msg_" + id + "." + seconds + "." + body))
	var r bytes.Buffer
	r.WriteString("POST /webhooks/app HTTP/1.1\r\nHost: baton.example\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) +
		"\r\nWebhook-Id: msg_" + id + "\r\nWebhook-Timestamp: " + seconds + "\r\nWebhook-Signature: v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)) + "\r\n\r\n" + body)
	return r.Bytes()
}
