package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/batonhq/baton/pkg/webhook"
)

// player is the outside world: it posts a week's events as the website, marketing automation and the webinar platform
// would, each to its own address in its own format.
type player struct {
	baton    *client
	writeKey string
	nurture  *webhook.Signer
	webinars *webhook.Signer
	now      func() time.Time

	posted, requests atomic.Int64

	mu sync.Mutex
	// asked is when a lead's request for a demonstration was posted, by e-mail address.
	asked map[string]time.Time
}

// slice is how much of the week is played at once. Within it a lead's events keep their order, and leads do not wait for
// each other.
const slice = 2 * time.Hour

// breath lies at least between what is posted and a request for a demonstration, unless everything goes at full speed.
const breath = 150 * time.Millisecond

// siteBatch is how many calls an SDK collects before it posts them.
const siteBatch = 40

// play posts events, which are in order, a slice after the other, and takes at least pace for each.
func (p *player) play(ctx context.Context, events []*Event, pace time.Duration) error {
	for len(events) > 0 {
		end := events[0].At.Truncate(slice).Add(slice)
		n := 0
		for n < len(events) && events[n].At.Before(end) {
			n++
		}
		if err := p.slice(ctx, events[:n], pace); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// slice posts what happened in one slice. Requests for a demonstration come at its end, alone and at once: in life, minutes
// lie between the pages that somebody looks at and the form that they send.
func (p *player) slice(ctx context.Context, events []*Event, pace time.Duration) error {
	end := p.now().Add(pace)
	var demos []*Event
	for _, round := range rounds(events, func(e *Event) { demos = append(demos, e) }) {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return p.site(ctx, round[Site]) })
		group.Go(func() error { return p.nurtured(ctx, round[Nurture]) })
		group.Go(func() error { return p.attended(ctx, round[Webinars]) })
		if err := group.Wait(); err != nil {
			return err
		}
	}
	wait := end.Sub(p.now())
	if len(demos) > 0 && pace > 0 {
		wait = max(wait, breath)
	}
	if err := pause(ctx, wait); err != nil {
		return err
	}
	for _, e := range demos {
		p.mu.Lock()
		if _, again := p.asked[e.Lead.Email]; !again {
			p.asked[e.Lead.Email] = p.now()
		}
		p.mu.Unlock()
		if err := p.post(ctx, "/v1/track", siteCall(e), 1, p.key); err != nil {
			return err
		}
	}
	return nil
}

// rounds deals events out so that each lead's come in order although three senders post at once: a round holds what can be
// posted together, and a lead changes its sender only from one round to the next. Requests for a demonstration go to demo.
func rounds(events []*Event, demo func(*Event)) []map[Via][]*Event {
	var out []map[Via][]*Event
	type place struct {
		round int
		via   Via
	}
	at := map[*Lead]place{}
	for _, e := range events {
		if e.Type == "demo_requested" {
			demo(e)
			continue
		}
		now, seen := at[e.Lead]
		if seen && now.via != e.Via {
			now.round++
		}
		now.via = e.Via
		at[e.Lead] = now
		if now.round == len(out) {
			out = append(out, map[Via][]*Event{})
		}
		out[now.round][e.Via] = append(out[now.round][e.Via], e)
	}
	return out
}

// site posts what browsers collected, in batches.
func (p *player) site(ctx context.Context, events []*Event) error {
	for batch := range slices.Chunk(events, siteBatch) {
		calls := make([]object, len(batch))
		for i, e := range batch {
			calls[i] = siteCall(e)
		}
		if err := p.post(ctx, "/v1/batch", object{"batch": calls}, len(calls), p.key); err != nil {
			return err
		}
	}
	return nil
}

// key presents the website's write key, as the SDKs do: as the user of Basic authentication.
func (p *player) key(h http.Header, _ []byte) {
	r := http.Request{Header: h}
	r.SetBasicAuth(p.writeKey, "")
}

func (p *player) nurtured(ctx context.Context, events []*Event) error {
	if len(events) == 0 {
		return nil
	}
	list := make([]object, len(events))
	for i, e := range events {
		list[i] = own(e)
	}
	return p.post(ctx, "/webhooks/nurture", list, len(list), p.signed(p.nurture, "batch-"+events[0].ID))
}

func (p *player) attended(ctx context.Context, events []*Event) error {
	for _, e := range events {
		if err := p.post(ctx, "/webhooks/webinars", webinarCall(e), 1, p.signed(p.webinars, e.ID)); err != nil {
			return err
		}
	}
	return nil
}

// signed signs a request as Standard Webhooks has it, at the time of sending: the id stays the same when it is sent again.
func (p *player) signed(s *webhook.Signer, id string) func(http.Header, []byte) {
	return func(h http.Header, body []byte) { s.SetHeaders(h, id, p.now(), body) }
}

// post sends one request that holds n events.
func (p *player) post(ctx context.Context, path string, content any, n int, sign func(h http.Header, body []byte)) error {
	body, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode events for %s: %w", path, err)
	}
	answer, err := p.baton.send(ctx, http.MethodPost, path, body, func(h http.Header) { sign(h, body) })
	if err != nil {
		return err
	}
	var told struct {
		Rejected    []json.RawMessage `json:"rejected"`
		Quarantined int               `json:"quarantined"`
	}
	if err := json.Unmarshal(answer, &told); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	if len(told.Rejected) > 0 || told.Quarantined > 0 {
		return fmt.Errorf("%s refused %d and quarantined %d of %d events: %s", path, len(told.Rejected), told.Quarantined, n, answer)
	}
	p.posted.Add(int64(n))
	p.requests.Add(1)
	return nil
}
