package main

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/batonhq/baton/pkg/webhook"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// crm is a very small one. It takes handoffs as any CRM should: the signature first, then whether it has seen this
// webhook-id before, and 200 once it holds the record.
type crm struct {
	verifier *webhook.Verifier
	now      func() time.Time
	// arrived is told each new record. It must not block.
	arrived func(*record)

	mu       sync.Mutex
	seen     map[string]bool
	records  map[string]*record // by handoff
	repeated int
	refused  int
}

// record is what the CRM holds of a handoff.
type record struct {
	at      time.Time
	payload *routingv1.Payload
}

func newCRM(secret string, now func() time.Time, arrived func(*record)) (*crm, error) {
	v, err := webhook.NewVerifier([]string{secret}, webhook.Tolerance)
	if err != nil {
		return nil, err
	}
	return &crm{verifier: v, now: now, arrived: arrived, seen: map[string]bool{}, records: map[string]*record{}}, nil
}

// maxHook bounds a webhook's body.
const maxHook = 1 << 20

func (c *crm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := c.now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHook))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	if err := c.verifier.Verify(r.Header, body, at); err != nil {
		c.mu.Lock()
		c.refused++
		c.mu.Unlock()
		http.Error(w, "the signature is not right", http.StatusUnauthorized)
		return
	}
	var hook struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	payload := &routingv1.Payload{}
	if json.Unmarshal(body, &hook) != nil || (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(hook.Data, payload) != nil {
		http.Error(w, "this is no webhook of Baton's", http.StatusBadRequest)
		return
	}
	if rec := c.keep(r.Header.Get(webhook.HeaderID), hook.Type, &record{at: at, payload: payload}); rec != nil {
		c.arrived(rec)
	}
	w.WriteHeader(http.StatusOK)
}

// keep stores a handoff and gives it back if it is new.
func (c *crm) keep(id, kind string, rec *record) *record {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[id] {
		c.repeated++
		return nil
	}
	c.seen[id] = true
	if kind != "handoff.routed" {
		return nil
	}
	c.records[rec.payload.HandoffId] = rec
	return rec
}

// count gives how many handoffs it holds, and how many webhooks came that it had seen before.
func (c *crm) count() (records, repeated, refused int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.records), c.repeated, c.refused
}

// all gives the records in the order in which they arrived.
func (c *crm) all() []*record {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*record, 0, len(c.records))
	for _, r := range c.records {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *record) int { return a.at.Compare(b.at) })
	return out
}

// latencies gives how long it took from a request for a demonstration to its record here, ascending, for leads that were
// not handed over before they asked.
func (c *crm) latencies(asked map[string]time.Time) []time.Duration {
	var out []time.Duration
	for _, r := range c.all() {
		if at, ok := asked[r.payload.GetLead().GetEmail()]; ok && r.at.After(at) {
			out = append(out, r.at.Sub(at))
		}
	}
	slices.Sort(out)
	return out
}
