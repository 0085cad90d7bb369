package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// CRM is a destination as a CRM that honours Standard Webhooks: it verifies the signature (by code of its own), knows each
// webhook-id's effect once, and can be told to misbehave.
type CRM struct {
	Name, Secret string
	Events       []string

	t      testing.TB
	server *httptest.Server
	gone   chan struct{} // closed when the test ends: hanging requests end with it

	mu       sync.Mutex
	answer   func(Call) Answer
	calls    []Call
	attempts map[string]int
	records  map[string]Record // by webhook-id
	order    []string
	problems []string
}

// Call is one request that came in.
type Call struct {
	ID      string
	At      time.Time
	Body    []byte
	Attempt int // counted from 1 for each webhook-id
}

// Record is what the CRM made of a webhook-id that it answered with 200: its one effect.
type Record struct {
	ID   string
	At   time.Time
	Body []byte
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// Answer is how a call is answered; the zero value is 200.
type Answer struct {
	Status     int
	RetryAfter int
	// Hang keeps the caller waiting until it gives up.
	Hang bool
}

// NewCRM runs a CRM that takes everything until it is told otherwise. Without events it is told of handoff.routed.
func NewCRM(t testing.TB, name string, events ...string) *CRM {
	if len(events) == 0 {
		events = []string{"handoff.routed"}
	}
	c := &CRM{Name: name, Secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("secret-of-the-crm-"+name)), Events: events, t: t,
		gone: make(chan struct{}), records: map[string]Record{}, attempts: map[string]int{}}
	c.server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(func() {
		close(c.gone)
		c.server.Close()
		for _, p := range c.problems {
			t.Errorf("CRM %s: %s", c.Name, p)
		}
	})
	return c
}

// URL of its hook.
func (c *CRM) URL() string { return c.server.URL + "/hook" }

// Misbehave makes it answer each call as f says; nil makes it well again.
func (c *CRM) Misbehave(f func(Call) Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

func (c *CRM) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever called was killed
	}
	call := Call{ID: r.Header.Get("webhook-id"), At: time.Now(), Body: body}
	if problem := c.verify(r, body); problem != "" {
		c.mu.Lock()
		c.problems = append(c.problems, problem)
		c.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	a := c.note(call)
	if a.Hang {
		select {
		case <-r.Context().Done():
		case <-c.gone:
		}
		return
	}
	if a.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	w.WriteHeader(a.Status)
}

// note records a call and says how it is answered.
func (c *CRM) note(call Call) Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts[call.ID]++
	call.Attempt = c.attempts[call.ID]
	c.calls = append(c.calls, call)
	var a Answer
	if c.answer != nil {
		a = c.answer(call)
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if a.Hang || a.Status >= 300 {
		return a
	}
	rec := Record{ID: call.ID, At: call.At, Body: call.Body}
	if err := json.Unmarshal(call.Body, &rec); err != nil {
		c.problems = append(c.problems, fmt.Sprintf("%s is no JSON: %v", call.ID, err))
	}
	if first, ok := c.records[call.ID]; ok {
		if first.Type != rec.Type || first.Handoff() != rec.Handoff() {
			c.problems = append(c.problems, fmt.Sprintf("%s was %s of %s and is now %s of %s", call.ID, first.Type, first.Handoff(), rec.Type, rec.Handoff()))
		}
		return a // recognised: no second effect
	}
	c.records[call.ID] = rec
	c.order = append(c.order, call.ID)
	return a
}

// verify checks a request as the Standard Webhooks specification says, and gives what is wrong with it.
func (c *CRM) verify(r *http.Request, body []byte) string {
	id, at := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" || r.Method != http.MethodPost {
		return fmt.Sprintf("%s with webhook-id %q and webhook-timestamp %q", r.Method, id, at)
	}
	if age := time.Since(time.Unix(seconds, 0)); age > 5*time.Minute || age < -5*time.Minute {
		return fmt.Sprintf("%s is %v old", id, age)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(c.Secret, "whsec_"))
	if err != nil {
		return err.Error()
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !slices.Contains(strings.Fields(r.Header.Get("webhook-signature")), want) {
		return fmt.Sprintf("%s has a wrong signature", id)
	}
	if t := r.Header.Get("Content-Type"); !strings.HasPrefix(t, "application/json") {
		return fmt.Sprintf("%s has the content type %q", id, t)
	}
	return ""
}

// Records gives the effects, in the order in which they came.
func (c *CRM) Records() []Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Record, len(c.order))
	for i, id := range c.order {
		out[i] = c.records[id]
	}
	return out
}

// ByHandoff gives the effects of a type by their handoff; a second one for a handoff is a failure.
func (c *CRM) ByHandoff(eventType string) map[string]Record {
	out := map[string]Record{}
	for _, r := range c.Records() {
		if r.Type != eventType {
			continue
		}
		if first, twice := out[r.Handoff()]; twice {
			c.t.Errorf("CRM %s: %s of %s came as %s and as %s", c.Name, eventType, r.Handoff(), first.ID, r.ID)
		}
		out[r.Handoff()] = r
	}
	return out
}

// Calls gives every request, the latest last.
func (c *CRM) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Seen gives the webhook-ids that had their effect.
func (c *CRM) Seen() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]bool{}
	for id := range maps.Keys(c.records) {
		out[id] = true
	}
	return out
}

// Await waits until the CRM knows of a handoff by an event of a type.
func (c *CRM) Await(eventType, handoff string) Record {
	c.t.Helper()
	var found Record
	eventually(c.t, fmt.Sprintf("CRM %s is told %s of %s", c.Name, eventType, handoff), func() error {
		for _, r := range c.Records() {
			if r.Type == eventType && r.Handoff() == handoff {
				found = r
				return nil
			}
		}
		return fmt.Errorf("%d calls so far", len(c.Calls()))
	})
	return found
}

// Handoff gives the handoff that it is about.
func (r Record) Handoff() string {
	var data struct {
		HandoffID string `json:"handoff_id"`
	}
	_ = json.Unmarshal(r.Data, &data) // its shape is the tests' to check
	return data.HandoffID
}
