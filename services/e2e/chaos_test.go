package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
)

// TestChaos kills, freezes and empties whatever there is at random moments, while senders send, reps answer and CRMs are
// moody, and then looks at every message and every context that is left. BATON_CHAOS_MINUTES makes it longer,
// BATON_CHAOS_SEED other.
func TestChaos(t *testing.T) {
	seed, minutes := uint64(envInt("BATON_CHAOS_SEED", 1)), envInt("BATON_CHAOS_MINUTES", 0)
	lasts := time.Duration(minutes) * time.Minute
	if minutes == 0 {
		lasts = 20 * time.Second
	}
	well, moody := NewCRM(t, "well", "handoff.routed", "lead.stage_changed"), NewCRM(t, "moody", "handoff.routed")
	moody.Misbehave(moods(seed))
	c := Start(t, Setup{Split: true, CRMs: []*CRM{well, moody}})
	for _, s := range []string{"scoring", "routing"} {
		c.Second(s)
	}
	c.Ready()
	defer func() { // where it does not come to the end, the journal may tell why
		if t.Failed() {
			for _, problem := range audit(c.Log()) {
				t.Error(problem)
			}
		}
	}()

	w := &world{c: c, until: time.Now().Add(lasts), acknowledged: map[string]bool{}, answered: map[string]bool{}, asked: map[string]bool{}, outcomes: map[int]int{}}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() { w.send(t, newStream(seed, fmt.Sprint("chaos", i), 80)) })
	}
	for i := range 3 {
		wg.Go(func() { w.answer(t, fmt.Sprint("rep", i), rand.New(rand.NewPCG(seed, uint64(100+i)))) })
	}
	faults := wreck(c, rand.New(rand.NewPCG(seed, 0)), w.until)
	wg.Wait()
	moody.Misbehave(nil)
	for _, second := range []string{"scoring-2", "routing-2"} { // in the end one must be enough
		c.Kill(second)
		delete(c.procs, second)
	}
	c.Ready()
	settled(c)

	log := c.Log()
	for _, problem := range append(append(audit(log, well, moody), w.lost(log)...), reference(c, log)...) {
		t.Error(problem)
	}
	before := contexts(c, log)
	c.Flush()
	c.Reconciled()
	for _, problem := range differences(before, contexts(c, c.Log())) {
		t.Error(problem)
	}
	if len(c.Log()) != len(log) {
		t.Errorf("rebuilding the contexts wrote %d messages", len(c.Log())-len(log))
	}
	t.Logf("seed %d: %d events, answers to reps %v, %d messages, %d contexts, %d deliveries; faults %v",
		seed, len(w.acknowledged), w.outcomes, len(log), len(before), len(well.Records())+len(moody.Records()), faults)
	if len(w.acknowledged) < 200 || len(well.ByHandoff("handoff.routed")) < 10 || len(w.answered) == 0 {
		t.Error("too little has happened: the test does not test")
	}
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// moods lets every fifth call fail, in one way or another.
func moods(seed uint64) func(Call) Answer {
	rnd := rand.New(rand.NewPCG(seed, 9))
	return func(Call) Answer { // called with the CRM's lock held
		switch rnd.IntN(20) {
		case 0:
			return Answer{Status: 500}
		case 1:
			return Answer{Status: 429, RetryAfter: 1}
		case 2:
			return Answer{Status: 503}
		case 3:
			return Answer{Hang: rnd.IntN(4) == 0}
		}
		return Answer{}
	}
}

// world is what happens from outside, and what of it was acknowledged.
type world struct {
	c     *Cluster
	until time.Time

	mu           sync.Mutex
	acknowledged map[string]bool // event ids
	answered     map[string]bool // request ids answered with 200
	asked        map[string]bool // request ids answered with 202
	outcomes     map[int]int     // answers to reps, by status
}

// send sends a stream as patient senders do: each batch again until it is acknowledged, some of it once more later.
func (w *world) send(t *testing.T, s *stream) {
	var sent []Event
	for time.Now().Before(w.until) {
		var batch []Event
		for range 1 + s.rnd.IntN(8) {
			batch = append(batch, s.next())
		}
		if len(sent) > 20 && s.rnd.IntN(5) == 0 {
			batch = append(batch, sent[s.rnd.IntN(len(sent))]) // a retry of what was taken long ago
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		err := w.c.SendUntil(ctx, batch...)
		cancel()
		if err != nil {
			t.Error(err)
			return
		}
		w.mu.Lock()
		for _, e := range batch {
			w.acknowledged[e.ID] = true
		}
		w.mu.Unlock()
		sent = append(sent, batch...)
	}
}

// heard reports whether an answer of a rep took effect.
func (w *world) heard() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.answered) > 0
}

// answer plays the reps: it answers what is in their inboxes, and does not mind being refused.
func (w *world) answer(t *testing.T, name string, rnd *rand.Rand) {
	steps := [][2]string{{"accept", ""}, {"accept", ""}, {"contact", ""}, {"qualify", ""}, {"reject", "bad-data"}, {"reject", "no-fit"}, {"recycle", "unreachable"}}
	// On until one has got through: when the faults are over, it must.
	for n := 0; time.Now().Before(w.until) || !w.heard() && time.Now().Before(w.until.Add(time.Minute)); n++ {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		r, err := w.c.do(ctx, http.MethodGet, "/api/v1/handoffs?page_size=50&stage="+[]string{"routed", "accepted"}[n%2], nil, nil)
		var inbox Handoffs
		if err == nil && r.Status == 200 && json.Unmarshal(r.Body, &inbox) == nil && len(inbox.Handoffs) > 0 {
			h := inbox.Handoffs[rnd.IntN(len(inbox.Handoffs))]
			step := steps[rnd.IntN(len(steps))]
			id := fmt.Sprint(name, "-", n)
			body, _ := json.Marshal(map[string]any{"rep": h.Owner.ID, "reason": step[1], "request_id": id})
			r, err = w.c.do(ctx, http.MethodPost, "/api/v1/handoffs/"+h.ID+"/"+step[0], http.Header{"Content-Type": {"application/json"}}, body)
			w.mu.Lock()
			w.outcomes[r.Status]++ // 0: no answer
			switch {
			case err == nil && r.Status == 200:
				w.answered[id] = true
			case err == nil && r.Status == 202:
				w.asked[id] = true
			}
			w.mu.Unlock()
		}
		cancel()
		wait := time.NewTimer(time.Duration(20+rnd.IntN(150)) * time.Millisecond)
		select {
		case <-wait.C:
		case <-t.Context().Done():
			return
		}
	}
}

// lost names what was acknowledged and is not in the journal.
func (w *world) lost(log []*journal.Event) (problems []string) {
	inputs, answers := map[string]bool{}, map[string]bool{}
	for _, ev := range log {
		if ev.Input() {
			inputs[ev.Body.Id] = true
		}
		if a := ev.Body.GetAnswered(); a != nil && a.Ok {
			answers[a.RequestId] = true
		}
	}
	for what, ids := range map[string][2]map[string]bool{
		"event": {w.acknowledged, inputs}, "answer that took effect": {w.answered, answers}, "pending answer": {w.asked, inputs},
	} {
		for _, id := range slices.Sorted(maps.Keys(ids[0])) {
			if !ids[1][id] {
				problems = append(problems, fmt.Sprintf("the %s %s is not in the journal", what, id))
			}
		}
	}
	return problems
}

// wreck does one harm after the other until it is time, and leaves everything running. It tells how often what was done.
func wreck(c *Cluster, rnd *rand.Rand, until time.Time) map[string]int {
	type harm struct {
		name   string
		weight int
		do     func()
	}
	pause := func(atMost time.Duration) { time.Sleep(time.Duration(rnd.Int64N(int64(atMost)))) } // how long it is gone; nothing waits for it
	var harms []harm
	for _, name := range c.Processes() {
		harms = append(harms, harm{"kill " + name, 3, func() { c.Kill(name); pause(time.Second); c.Restart(name) }})
		// Longer than a lease lasts, now and then: others take over, and then there are two.
		harms = append(harms, harm{"freeze " + name, 1, func() { c.Stop(name); pause(6 * time.Second); c.Cont(name) }})
	}
	harms = append(harms,
		harm{"kill nats", 3, func() { c.nats.Kill(); pause(time.Second); c.nats.Restart() }},
		harm{"freeze nats", 1, func() { c.nats.Stop(); pause(3 * time.Second); c.nats.Cont() }},
		harm{"empty the lead store", 4, c.Flush},
	)
	if r := c.store.process; r != nil {
		harms = append(harms,
			harm{"kill redis", 3, func() { r.Kill(); pause(time.Second); r.Restart() }},
			harm{"freeze redis", 1, func() { r.Stop(); pause(3 * time.Second); r.Cont() }})
	}
	total := 0
	for _, h := range harms {
		total += h.weight
	}
	done := map[string]int{}
	for {
		pause(1500 * time.Millisecond)
		if !time.Now().Before(until) {
			return done
		}
		k := rnd.IntN(total)
		for _, h := range harms {
			if k -= h.weight; k < 0 {
				h.do()
				done[h.name]++
				break
			}
		}
	}
}

// contexts reads every state that every service keeps of every entity in the journal.
func contexts(c *Cluster, log []*journal.Event) map[string][]byte {
	c.t.Helper()
	j := c.Journal()
	s, err := redisstore.Open(c.t.Context(), c.store.url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	entities := map[string]bool{}
	for _, ev := range log {
		if ev.Partition != journal.Global {
			entities[ev.Entity] = true
		}
	}
	out := map[string][]byte{}
	for _, service := range []string{"scoring", "routing", "feedback"} {
		reader := journal.NewReader(j, s, service)
		for part := range slices.Chunk(sorted(entities), 200) {
			var blobs [][]byte
			eventually(c.t, "the contexts of "+service, func() (err error) {
				blobs, err = reader.Blobs(c.t.Context(), part...)
				return err
			})
			for i, b := range blobs {
				out[service+" "+part[i]] = b
			}
		}
	}
	return out
}

// differences names the contexts that are not the same bytes.
func differences(before, after map[string][]byte) (problems []string) {
	for _, k := range slices.Sorted(maps.Keys(before)) {
		if !bytes.Equal(before[k], after[k]) && len(problems) < 20 {
			problems = append(problems, fmt.Sprintf("the context %s, rebuilt, is\n%q\nand was\n%q", k, after[k], before[k]))
		}
	}
	if len(before) != len(after) {
		problems = append(problems, fmt.Sprintf("%d contexts, rebuilt %d", len(before), len(after)))
	}
	return problems
}
