package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkDeliveries lets handoffs pile up at a paused destination, resumes it, and measures how fast they go out, each rendered from
// the store, signed, and its outcome on disk. Beside it, a bare client posts the same bodies to the same receiver, as many at once.
func BenchmarkDeliveries(b *testing.B) {
	n := envInt("BATON_BENCH_DELIVERIES", 4000)
	const inFlight = 16
	crm := NewCRM(b, "crm")
	c := Start(b, Setup{CRMs: []*CRM{crm}})
	if r := c.Call(http.MethodPost, "/api/v1/destinations/crm/pause", map[string]any{"reason": "a bench"}); r.Status != 200 {
		b.Fatal(r)
	}
	var known, asked []Event
	for i := range n {
		known = append(known, buyer(fmt.Sprint("out-who-", i), latent(i), employer(i)))
		asked = append(asked, demo(fmt.Sprint("out-", i), latent(i)))
	}
	for _, events := range [][]Event{known, asked} {
		for part := range slices.Chunk(events, 500) {
			c.Send(part...)
		}
		c.Reconciled()
	}
	eventually(b, "everything is due", func() error {
		if got := destinationOf(c, "crm"); got.Backlog != n || got.State != "paused" {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	resting(c)
	spent := c.process("routing").cpu()
	begin := time.Now()
	if r := c.Call(http.MethodPost, "/api/v1/destinations/crm/resume", map[string]any{}); r.Status != 200 {
		b.Fatal(r)
	}
	eventually(b, "everything is delivered", func() error {
		if got := destinationOf(c, "crm"); got.Backlog != 0 {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	calls := crm.Calls()
	ours := calls[len(calls)-1].At.Sub(begin)
	spent = c.process("routing").cpu() - spent
	if len(calls) != n {
		b.Errorf("%d calls for %d deliveries", len(calls), n)
	}

	// A receiver that has not seen the ids, at the same work.
	sink := NewCRM(b, "crm")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}}
	at := time.Now()
	headers := make([]http.Header, n)
	for i, call := range calls[:n] {
		headers[i] = sign(sink.Secret, call.ID, at, call.Body)
	}
	work := make(chan int)
	var wg sync.WaitGroup
	begin = time.Now()
	for range inFlight {
		wg.Go(func() {
			for i := range work {
				req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, sink.URL(), bytes.NewReader(calls[i].Body))
				if err != nil {
					b.Error(err)
					continue
				}
				req.Header = headers[i]
				res, err := client.Do(req)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	bare := time.Since(begin)
	perSecond := func(d time.Duration) float64 { return float64(n) / d.Seconds() }
	b.Logf("%d deliveries of %d bytes: %.0f/s; a bare client %.0f/s; ratio %.2f (0.30 or more)", n, len(calls[0].Body), perSecond(ours), perSecond(bare), bare.Seconds()/ours.Seconds())
	b.Logf("%.2f ms of CPU for each, of everything that the process does", spent.Seconds()*1000/float64(n))
	b.ReportMetric(perSecond(ours), "deliveries/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-bare")
}

// resting waits until nothing more follows from what was sent: the journal has not grown for a second.
func resting(c *Cluster) {
	c.t.Helper()
	j, last, since := c.Journal(), uint64(0), time.Now()
	eventually(c.t, "rest", func() error {
		if head := c.lastEvent(j); head != last {
			last, since = head, time.Now()
		}
		if time.Since(since) < time.Second {
			return fmt.Errorf("the journal still grows, to %d", last)
		}
		return nil
	})
}

// destinationStatus is what the API says of how a destination does.
type destinationStatus struct {
	Name, State string
	Backlog     int
}

// destinationOf asks how a destination does; the zero status while it cannot be told.
func destinationOf(c *Cluster, name string) destinationStatus {
	list, err := tryGet[struct{ Destinations []destinationStatus }](c, "destinations")
	if err != nil {
		return destinationStatus{Backlog: -1}
	}
	for _, d := range list.Destinations {
		if d.Name == name {
			return d
		}
	}
	return destinationStatus{Backlog: -1}
}
