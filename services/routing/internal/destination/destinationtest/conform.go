package destinationtest

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Case is one kind of destination under test.
type Case struct {
	// Vendor makes a fresh fake. Records gives how many records of each kind (contact, lead, task, note, …) it holds: what a person
	// at the CRM would see.
	Vendor func(t *testing.T) (handler http.Handler, records func() map[string]int)
	// New makes the destination as the configuration would, for a server at url, and with the deps given.
	New func(t *testing.T, url string, deps destination.Deps) destination.Destination
	// Secrets must appear in no reason.
	Secrets []string
	// TokenPath is the path of the vendor's token endpoint, "" where there is none: faults of the API leave it alone.
	TokenPath string
	// AtLeastOnce names kinds of records that the vendor offers no way to find again, so that one whose answer was lost
	// may be there twice. Say why in the type's documentation.
	AtLeastOnce map[string]bool
	// Limited is how the vendor says that the limit is reached; nil for 429 with Retry-After: 7.
	Limited *Fault
	// Without names parts of the suite that do not apply, each with the reason.
	Without map[string]string
	// Unauthorized is how it says that a token is not accepted; nil for 401.
	Unauthorized *Fault
}

// Deps gives what a destination works with in tests.
func Deps(s *Server) destination.Deps {
	return destination.Deps{
		Client: s.Client(), Now: time.Now,
		Text:    func(p *routingv1.Payload) string { return "Brief of " + p.GetHandoffId() },
		HTML:    func(p *routingv1.Payload) string { return "<p>Brief of " + p.GetHandoffId() + "</p>" },
		Subject: func(p *routingv1.Payload) string { return "Handoff " + p.GetHandoffId() },
	}
}

type rig struct {
	Case
	server  *Server
	dest    destination.Destination
	records func() map[string]int
	refs    map[string]string
}

func (c Case) rig(t *testing.T) *rig {
	t.Helper()
	handler, records := c.Vendor(t)
	s := NewServer(t, handler)
	return &rig{Case: c, server: s, dest: c.New(t, s.URL, Deps(s)), records: records, refs: map[string]string{}}
}

// deliver makes one attempt and keeps its refs, as the sender does.
func (r *rig) deliver(t *testing.T, job *destination.Job) destination.Outcome {
	t.Helper()
	job.Refs = maps.Clone(r.refs)
	job.Attempt++
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	o := r.dest.Deliver(ctx, job)
	if (o.Verdict == destination.Done) != (o.Reason == "") {
		t.Errorf("%v with the reason %q", o.Verdict, o.Reason)
	}
	for _, s := range r.Secrets {
		if strings.Contains(o.Reason, s) {
			t.Errorf("the reason tells a secret: %s", o.Reason)
		}
	}
	if strings.Contains(o.Reason, "initech.example") {
		t.Errorf("the reason tells of a person: %s", o.Reason)
	}
	if o.Verdict == destination.Done {
		maps.Copy(r.refs, o.Refs)
	}
	return o
}

func (r *rig) faults(f func(n int, req *Request) *Fault) {
	n := 0
	r.server.Faults(func(_ int, req *Request) *Fault {
		if r.TokenPath != "" && req.Path == r.TokenPath || f == nil {
			return nil
		}
		n++
		return f(n-1, req)
	})
}

// Conform runs the suite.
func Conform(t *testing.T, c Case) {
	for _, part := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"a delivery that comes again makes nothing twice", c.again},
		{"a fault at any request leaves nothing doubled or missing", c.faultAnywhere},
		{"verdicts", c.verdicts},
		{"a token that ended is replaced", c.token},
		{"answers out of measure", c.measure},
		{"the context's end", c.cancelled},
		{"a life of a handoff", c.life},
	} {
		if why, without := c.Without[part.name]; without {
			t.Logf("without %q: %s", part.name, why)
			continue
		}
		t.Run(part.name, part.run)
	}
}

// again delivers the same thing three times, once having forgotten what it left.
func (c Case) again(t *testing.T) {
	r := c.rig(t)
	job := Routed("ho_1", "ana@initech.example")
	if o := r.deliver(t, job); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	want := r.records()
	if len(want) == 0 {
		t.Fatal("nothing was made")
	}
	if o := r.deliver(t, job); o.Verdict != destination.Done || !maps.Equal(r.records(), want) {
		t.Errorf("again: %+v; %v became %v", o, want, r.records())
	}
	clear(r.refs)
	fresh := c.New(t, r.server.URL, Deps(r.server)) // another process
	r.dest = fresh
	if o := r.deliver(t, job); o.Verdict != destination.Done || !maps.Equal(r.records(), want) {
		t.Errorf("from another process: %+v; %v became %v", o, want, r.records())
	}
}

// faultAnywhere lets each request of a delivery fail in turn, before and after the vendor did its part.
func (c Case) faultAnywhere(t *testing.T) {
	clean := c.rig(t)
	if o := clean.deliver(t, Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	steps := 0
	for _, req := range clean.server.Requests() {
		if c.TokenPath == "" || req.Path != c.TokenPath {
			steps++
		}
	}
	for step := range steps {
		for name, fault := range map[string]Fault{
			"not connected": {}, "answer lost": {After: true}, "failed": {Status: 500}, "failed after all": {Status: 502, After: true},
		} {
			r := c.rig(t)
			r.faults(func(n int, _ *Request) *Fault {
				if n == step {
					return &fault
				}
				return nil
			})
			job := Routed("ho_1", "ana@initech.example")
			first := r.deliver(t, job)
			r.faults(nil)
			if first.Verdict != destination.Again && first.Verdict != destination.Done {
				t.Errorf("request %d %s: %+v", step, name, first)
			}
			if o := r.deliver(t, job); o.Verdict != destination.Done {
				t.Errorf("request %d %s, then: %+v", step, name, o)
			}
			for kind, n := range clean.records() {
				got := r.records()[kind]
				if got != n && !(fault.After && c.AtLeastOnce[kind] && got == n+1) {
					t.Errorf("request %d %s: %d of %s, want %d", step, name, got, kind, n)
				}
			}
		}
	}
}

func (c Case) verdicts(t *testing.T) {
	limited := Fault{Status: 429, Header: map[string]string{"Retry-After": "7"}}
	least := 7 * time.Second
	if c.Limited != nil {
		limited, least = *c.Limited, 0
	}
	for name, tc := range map[string]struct {
		fault Fault
		want  destination.Verdict
		sick  bool
		after time.Duration
	}{
		"500":             {fault: Fault{Status: 500}, want: destination.Again, sick: true},
		"502 with a page": {fault: Fault{Status: 502, Body: "<html>Bad gateway</html>"}, want: destination.Again, sick: true},
		"broken off":      {fault: Fault{}, want: destination.Again, sick: true},
		"limited":         {fault: limited, want: destination.Later, after: least},
	} {
		r := c.rig(t)
		if o := r.deliver(t, Routed("ho_0", "bo@initech.example")); o.Verdict != destination.Done { // it has its token, and what it looks up once
			t.Fatalf("%+v", o)
		}
		r.faults(func(int, *Request) *Fault { return &tc.fault })
		clear(r.refs)
		o := r.deliver(t, Routed("ho_1", "ana@initech.example"))
		if o.Verdict != tc.want || o.Sick != tc.sick || o.After < tc.after {
			t.Errorf("%s: %+v, want %v", name, o, tc.want)
		}
	}
}

func (c Case) token(t *testing.T) {
	refused := Fault{Status: 401}
	if c.Unauthorized != nil {
		refused = *c.Unauthorized
	}
	r := c.rig(t)
	if o := r.deliver(t, Routed("ho_0", "bo@initech.example")); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	clear(r.refs)
	if c.TokenPath != "" {
		r.faults(func(n int, _ *Request) *Fault {
			if n == 0 {
				return &refused
			}
			return nil
		})
		if o := r.deliver(t, Routed("ho_1", "ana@initech.example")); o.Verdict != destination.Done {
			t.Errorf("a token that ended: %+v", o)
		}
	}
	r.faults(func(int, *Request) *Fault { return &refused })
	clear(r.refs)
	if o := r.deliver(t, Routed("ho_2", "cy@initech.example")); o.Verdict != destination.Operator {
		t.Errorf("credentials that are not accepted: %+v", o)
	}
	r.faults(nil)
	if o := r.deliver(t, Routed("ho_2", "cy@initech.example")); o.Verdict != destination.Done {
		t.Errorf("once they are accepted: %+v", o)
	}
}

// measure answers with what no vendor answers with.
func (c Case) measure(t *testing.T) {
	for name, fault := range map[string]Fault{
		"too long":        {Status: 200, Body: strings.Repeat("[", 3<<20)},
		"a redirect":      {Status: 302, Header: map[string]string{"Location": "http://127.0.0.1:1/"}},
		"a body, garbled": {Status: 500, Body: `{"error": {"message": [`},
	} {
		r := c.rig(t)
		if o := r.deliver(t, Routed("ho_0", "bo@initech.example")); o.Verdict != destination.Done {
			t.Fatalf("%+v", o)
		}
		clear(r.refs)
		r.faults(func(int, *Request) *Fault { return &fault })
		if o := r.deliver(t, Routed("ho_1", "ana@initech.example")); o.Verdict == destination.Done {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func (c Case) cancelled(t *testing.T) {
	r := c.rig(t)
	r.faults(func(int, *Request) *Fault { return &Fault{Hang: true, Status: 500} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := r.dest.Deliver(ctx, Routed("ho_1", "ana@initech.example")); o.Verdict == destination.Done {
		t.Errorf("%+v", o)
	}
}

// life tells everything that can be told of a handoff, in order: the destination has a word for each, and makes no second
// person of it.
func (c Case) life(t *testing.T) {
	r := c.rig(t)
	for _, job := range Life("ho_1", "ana@initech.example") {
		if o := r.deliver(t, job); o.Verdict != destination.Done {
			t.Errorf("%s: %+v", job.Event, o)
		}
	}
	first := r.records()
	clear(r.refs) // those of the first lead
	if o := r.deliver(t, Routed("ho_2", "bo@initech.example")); o.Verdict != destination.Done {
		t.Errorf("another lead: %+v", o)
	}
	second := r.records()
	more := false
	for kind, n := range second {
		more = more || n > first[kind]
	}
	if !more {
		t.Errorf("another lead made nothing: %v, %v", first, second)
	}
}
