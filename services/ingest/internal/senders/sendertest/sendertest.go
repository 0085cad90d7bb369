// Package sendertest is what every kind of sender must hold, as tests: that it believes its own vendor and nobody else, that a
// repeat is the same event and a look-alike is not, and that nothing that comes in does harm.
package sendertest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Now is when the tests' requests come in.
func Now() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// Vendor stands for the platform whose requests a type takes.
type Vendor struct {
	Type sender.Type
	// Config of the source, but for its name, limits and secrets.
	Config sender.Config
	// Secret and OldSecret are two that the type takes; Old is empty where a source has no more than one.
	Secret, OldSecret string
	// Body, a genuine one, and its Content-Type; URL is what it is posted to, by default https://baton.example/webhooks/s.
	Body        []byte
	ContentType string
	URL         string
	// Sign completes a request as the vendor does: headers, the time it is sent at (r.Now), the token.
	Sign func(r *sender.Request, secret string)
	// Want are the facts that Body gives, as Tell tells them.
	Want []string
	// Covers says that the signature is of the whole body, so that no byte of it can be changed.
	Covers bool
	// Stale is how old a signed request is still believed; 0: no time is signed.
	Stale time.Duration
	// Keep tells which headers the source keeps beside those of its type; nil is none.
	Keep func(name string) bool
	// Again has bodies of the vendor's retry of the same events (another envelope, another order): the events are the same.
	Again [][]byte
	// Alike has bodies with other events that look much like Body's: none of their ids is one of Body's.
	Alike [][]byte
	// Unknown has bodies with events of kinds that nobody has heard of: each is custom, or ignored, or quarantined.
	Unknown [][]byte
}

// New makes the source with the secrets given, newest first.
func (v *Vendor) New(t testing.TB, secrets ...string) sender.Sender {
	t.Helper()
	c := v.Config
	c.Name, c.Secrets = "s", secrets
	if c.MaxEvent == 0 {
		c.MaxEvent = 64 << 10
	}
	if c.MaxEvents == 0 {
		c.MaxEvents = 500
	}
	s, err := v.Type.New(c)
	if err != nil {
		t.Fatalf("new %s: %v", v.Type.Name, err)
	}
	return s
}

// Request makes the vendor's request of a body, signed by a secret at a time.
func (v *Vendor) Request(body []byte, secret string, at time.Time) *sender.Request {
	r := &sender.Request{Method: http.MethodPost, URL: v.URL, Header: http.Header{}, Body: slices.Clone(body), Now: at}
	if r.URL == "" {
		r.URL = "https://baton.example/webhooks/s"
	}
	if u, err := url.Parse(r.URL); err == nil {
		r.Query = u.Query()
	}
	if v.ContentType != "" {
		r.Header.Set("Content-Type", v.ContentType)
	}
	v.Sign(r, secret)
	r.Now = Now()
	return r
}

// Delivery gives what Decode is given of a request that was verified.
func (v *Vendor) Delivery(r *sender.Request, id string) *sender.Delivery {
	d := &sender.Delivery{ID: id, ContentType: r.Header.Get("Content-Type"), Body: r.Body, Received: fact.At(Now())}
	for name := range r.Header {
		if lower := strings.ToLower(name); v.Type.Keep != nil && v.Type.Keep(lower) || v.Keep != nil && v.Keep(lower) {
			if d.Header == nil {
				d.Header = map[string]string{}
			}
			d.Header[lower] = r.Header.Get(name)
		}
	}
	return d
}

// Conform runs the suite.
func Conform(t *testing.T, v Vendor) {
	secrets := []string{v.Secret}
	if v.Secret == "" {
		secrets = nil
	}
	s := v.New(t, secrets...)
	facts := func(t *testing.T, body []byte) []fact.Fact {
		t.Helper()
		r := v.Request(body, v.Secret, Now())
		id, err := s.Verify(r)
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return Check(t, s, v.Delivery(r, id))
	}
	t.Run("genuine", func(t *testing.T) {
		var got []string
		for _, f := range facts(t, v.Body) {
			got = append(got, Tell(f))
		}
		if !slices.Equal(got, v.Want) {
			t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(v.Want, "\n\t"))
		}
	})
	t.Run("proof", func(t *testing.T) { v.proof(t, s) })
	t.Run("rotation", func(t *testing.T) {
		if v.OldSecret == "" {
			t.Skip("a source of this type has one secret at most")
		}
		both := v.New(t, v.Secret, v.OldSecret)
		for _, secret := range []string{v.Secret, v.OldSecret} {
			if _, err := both.Verify(v.Request(v.Body, secret, Now())); err != nil {
				t.Errorf("refused: %v", err)
			}
		}
		if _, err := s.Verify(v.Request(v.Body, v.OldSecret, Now())); err == nil {
			t.Error("a secret that is gone is still believed")
		}
	})
	t.Run("repeats", func(t *testing.T) {
		ids := idsOf(facts(t, v.Body))
		for i, body := range append([][]byte{v.Body}, v.Again...) {
			// Sent again, signed again: some vendors rewrite the time.
			r := v.Request(body, v.Secret, Now().Add(3*time.Second))
			id, err := s.Verify(r)
			if err != nil {
				t.Fatal(err)
			}
			d := v.Delivery(r, id)
			d.Received = fact.At(Now().Add(time.Minute))
			if again := idsOf(Check(t, s, d)); !maps.Equal(ids, again) {
				t.Errorf("repeat %d: got %v, want %v", i, again, ids)
			}
		}
		for i, body := range v.Alike {
			for id := range idsOf(facts(t, body)) {
				if ids[id] {
					t.Errorf("look-alike %d has the id %s, too", i, id)
				}
			}
		}
	})
	t.Run("recorded", func(t *testing.T) { v.recorded(t, s, idsOf(facts(t, v.Body))) })
	t.Run("unknown", func(t *testing.T) {
		for i, body := range v.Unknown {
			for _, f := range facts(t, body) {
				if f.Event.Type != core.Custom || f.Event.Name == "" {
					t.Errorf("unknown %d became %s", i, Tell(f))
				}
			}
		}
	})
	t.Run("quarantine", func(t *testing.T) {
		if v.Type.Rules.Refused != sender.Quarantine {
			t.Skip("what cannot be read is answered")
		}
		for _, body := range slices.Concat([][]byte{v.Body}, v.Again, v.Alike, v.Unknown) {
			v.replays(t, s, body)
		}
	})
	t.Run("broken", func(t *testing.T) { v.broken(t, s) })
}

// proof tries what does not come from the vendor.
func (v *Vendor) proof(t *testing.T, s sender.Sender) {
	if v.Secret == "" {
		t.Skip("nothing proves who sends")
	}
	refused := func(what string, r *sender.Request) {
		t.Helper()
		if _, err := s.Verify(r); err == nil {
			t.Errorf("%s: believed", what)
		} else if strings.Contains(err.Error(), v.Secret) {
			t.Errorf("%s: the secret is shown", what)
		}
	}
	refused("another's secret", v.Request(v.Body, v.Secret+"x", Now()))
	bare := v.Request(v.Body, v.Secret, Now())
	bare.Header, bare.Token, bare.Query = http.Header{"Content-Type": bare.Header["Content-Type"]}, "", nil
	bare.URL, _, _ = strings.Cut(bare.URL, "?")
	refused("no signature", bare)
	for name := range v.Request(v.Body, v.Secret, Now()).Header {
		if name == "Content-Type" {
			continue
		}
		for _, value := range []string{"", "v1,", "=", "\xff", strings.Repeat("A", 5000)} {
			r := v.Request(v.Body, v.Secret, Now())
			before, err := s.Verify(r)
			r.Header.Set(name, value)
			if after, againErr := s.Verify(r); err == nil && againErr == nil && before != after && v.Covers {
				t.Errorf("%s: %q is believed as another delivery", name, value)
			}
		}
	}
	if v.Stale > 0 {
		refused("too old", v.Request(v.Body, v.Secret, Now().Add(-v.Stale-time.Second)))
		refused("from the future", v.Request(v.Body, v.Secret, Now().Add(v.Stale+time.Second)))
		if _, err := s.Verify(v.Request(v.Body, v.Secret, Now().Add(-v.Stale+time.Second))); err != nil {
			t.Errorf("hardly old: %v", err)
		}
	}
	if !v.Covers {
		return
	}
	for i := 0; i < len(v.Body); i += 1 + len(v.Body)/100 {
		r := v.Request(v.Body, v.Secret, Now())
		r.Body[i] ^= 1
		refused(fmt.Sprintf("byte %d changed", i), r)
	}
	r := v.Request(v.Body, v.Secret, Now())
	r.Body = append(r.Body, '\n')
	refused("something added", r)
	r = v.Request(v.Body, v.Secret, Now())
	r.Body = r.Body[:len(r.Body)-1]
	refused("something cut off", r)
}

// recorded sends a genuine request again with another content type, and with more behind its address, neither of which the
// vendor signs as a rule: who has one recorded must not make other events of it.
func (v *Vendor) recorded(t *testing.T, s sender.Sender, ids map[string]bool) {
	if !v.Covers {
		t.Skip("there is no signature of the whole body")
	}
	for _, contentType := range []string{"", "application/json", "application/x-ndjson", "application/x-www-form-urlencoded", "text/plain"} {
		for _, event := range []string{"", "Opportunity.create", "Lead.delete", "x"} {
			r := v.Request(v.Body, v.Secret, Now())
			r.Header.Set("Content-Type", contentType)
			if event != "" {
				r.Query = url.Values{"event": {event}, "type": {event}, "token": {v.Secret}}
			}
			id, err := s.Verify(r)
			if err != nil {
				continue
			}
			for other := range idsOf(Check(t, s, v.Delivery(r, id))) {
				if !ids[other] {
					t.Errorf("as %q, with %q in the address, it has another event %s", contentType, event, other)
				}
			}
		}
	}
}

// broken decodes bodies that are verified and make little sense or none.
func (v *Vendor) broken(t *testing.T, s sender.Sender) {
	decode := func(body []byte) {
		r := v.Request(body, v.Secret, Now())
		Check(t, s, v.Delivery(r, "d"))
	}
	for i := range len(v.Body) {
		if i < 200 || i%(1+len(v.Body)/200) == 0 {
			decode(v.Body[:i])
		}
	}
	deep, huge := strings.Repeat("[", 100_000), strings.Repeat("9", 100_000)
	for _, body := range []string{
		"", " ", "null", "[]", "{}", "[[]]", "[null]", `""`, "7", "\x00", "\xff\xfe", "%", "a=%zz", "<", "<a>", "a=b&a=b", "\xef\xbb\xbf{}", deep, huge, "{\"a\":" + huge + "}",
		`{"data":null}`, `[{}]`, `[{},{}]`, strings.Repeat("a[b]=c&", 20_000), strings.Repeat("<a>", 50_000), `{"a":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		decode([]byte(body))
	}
}

// Check decodes a delivery and gives its facts. It holds what every sender promises: an event, what is wrong with it, or why it
// is ignored, never two of them; unreadable only before the first; events that can be written; the same when decoded again; and
// memory in proportion to the body.
func Check(t testing.TB, s sender.Sender, d *sender.Delivery) []fact.Fact {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	first := decode(t, s, d)
	runtime.ReadMemStats(&after)
	if used, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+400*len(d.Body)); used > most {
		t.Fatalf("%d bytes of memory for a body of %d", used, len(d.Body))
	}
	again := decode(t, s, d)
	if len(first) != len(again) {
		t.Fatalf("%d facts, and %d when decoded again", len(first), len(again))
	}
	for i := range first {
		if strings.HasPrefix(first[i].Event.Id, "rand-") { // each call without an id, and without a time, is its own
			again[i].Event.Id = first[i].Event.Id
		}
		if !proto.Equal(first[i].Event, again[i].Event) {
			t.Fatalf("decoded again, %v is %v", first[i].Event, again[i].Event)
		}
	}
	return first
}

func decode(t testing.TB, s sender.Sender, d *sender.Delivery) (facts []fact.Fact) {
	t.Helper()
	n := 0
	err := s.Decode(d, func(item sender.Item) error {
		n++
		given := 0
		for _, is := range []bool{item.Fact.Event != nil, item.Errors != nil, item.Ignored != ""} {
			if is {
				given++
			}
		}
		if given != 1 {
			t.Fatalf("an event, errors, or why it is ignored: %+v", item)
		}
		if item.Fact.Event == nil {
			return nil
		}
		ev := item.Fact.Event
		if core.ClassOf(ev.Type) == core.Unknown && ev.Type != fact.TypeLinked || ev.Id == "" || ev.Source != "s" || ev.OccurredAt.CheckValid() != nil {
			t.Fatalf("%v", ev)
		}
		if at := ev.OccurredAt.AsTime(); at.After(d.Received.Time) || at.Before(core.Earliest()) {
			t.Fatalf("occurred at %v", at)
		}
		if item.Fact.Lead == "" && ev.Identity == nil {
			t.Fatalf("about nobody: %v", ev)
		}
		raw, err := proto.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, item.Fact)
		return proto.Unmarshal(raw, &journalv1.Event{})
	})
	var unreadable *sender.Unreadable
	if errors.As(err, &unreadable) && (n > 0 || len(unreadable.Errors) == 0) {
		t.Fatalf("unreadable after %d events: %v", n, err)
	}
	if err != nil && unreadable == nil {
		t.Fatal(err)
	}
	return facts
}

func idsOf(facts []fact.Fact) map[string]bool {
	ids := map[string]bool{}
	for _, f := range facts {
		ids[f.Event.Id] = true
	}
	return ids
}

// Tell tells a fact in one line: its type (and name), whom it is about, when it happened, how it came about, and what is not
// usual about it:
//
//	form_submitted ana@initech.example hubspot:12 at 2026-11-20T10:00:00Z by email/q4-launch asset=pricing-guide
func Tell(f fact.Fact) string {
	ev := f.Event
	var b strings.Builder
	b.WriteString(ev.Type)
	if ev.Name != "" {
		fmt.Fprintf(&b, " %q", ev.Name)
	}
	who := ev.GetIdentity()
	for _, id := range []string{f.Lead, who.GetEmail(), who.GetUserId(), who.GetAnonymousId()} {
		if id != "" {
			b.WriteString(" " + id)
		}
	}
	for _, system := range slices.Sorted(maps.Keys(who.GetExternalIds())) {
		b.WriteString(" " + system + ":" + who.ExternalIds[system])
	}
	b.WriteString(" at " + ev.OccurredAt.AsTime().Format(time.RFC3339Nano))
	touch := ev.GetTouch()
	if touch.GetChannel() != "" || touch.GetCampaign() != "" {
		b.WriteString(" by " + touch.Channel + "/" + touch.Campaign)
	}
	if touch.GetAsset() != "" {
		b.WriteString(" asset=" + touch.Asset)
	}
	if ev.Automated {
		b.WriteString(" automated")
	}
	return b.String()
}
