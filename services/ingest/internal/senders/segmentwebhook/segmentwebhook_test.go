package segmentwebhook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Segment signs with
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	secret    = "a shared secret"
	oldSecret = "an older one"
)

func sign(secret string, b []byte) string {
	m := hmac.New(sha1.New, []byte(secret))
	m.Write(b)
	return hex.EncodeToString(m.Sum(nil))
}

const track = `{"messageId":"m-2","type":"track","event":"Demo Requested","userId":"u-1","timestamp":"2026-11-20T10:00:01.000Z","sentAt":"2026-11-20T09:00:00.000Z",` +
	`"properties":{"url":"https://initech.example/?utm_medium=email&utm_campaign=q4"},"context":{"traits":{"email":"Åna@initech.example"}}}`

const identify = `{"messageId":"m-1","type":"identify","userId":"u-1","traits":{"email":"ana@initech.example","company":"Acme/Co <x>"},"timestamp":"2026-11-20T10:00:00.000Z"}`

// vendor posts one event a request.
func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: secret, OldSecret: oldSecret, Covers: true, ContentType: "application/json",
		Body:    []byte(track),
		Sign:    func(r *sender.Request, secret string) { r.Header.Set("X-Signature", sign(secret, r.Body)) },
		Want:    []string{"demo_requested \"Demo Requested\" åna@initech.example u-1 at 2026-11-20T10:00:01Z by email/q4"},
		Again:   [][]byte{[]byte(`[` + track + `]`)},
		Alike:   [][]byte{[]byte(identify)},
		Unknown: [][]byte{[]byte(`{"messageId":"m-3","type":"track","event":"Nobody Knows","userId":"u-1"}`)},
	}
}

// batches posts lists, signed as Segment signs them: the first event alone.
func batches() sendertest.Vendor {
	v := vendor()
	v.Covers = false
	v.Body = []byte(`[` + identify + `,` + track + `]`)
	v.Sign = func(r *sender.Request, secret string) {
		first := r.Body
		if list, ok, err := batch(r.Body); ok && err == nil {
			if b, found := firstOf(r.Body, list); found {
				first = b
			}
		}
		r.Header.Set("X-Signature", sign(secret, first))
		r.Token = secret
	}
	v.Want = []string{"identified ana@initech.example u-1 at 2026-11-20T10:00:00Z", vendor().Want[0]}
	v.Again = [][]byte{[]byte(`[` + track + `,` + identify + `]`), []byte(`{"batch":[` + identify + `,` + track + `]}`)}
	v.Alike, v.Unknown = nil, nil
	return v
}

func TestConforms(t *testing.T)        { sendertest.Conform(t, vendor()) }
func TestConformsBatches(t *testing.T) { sendertest.Conform(t, batches()) }

func TestABatchNeedsTheToken(t *testing.T) {
	v := batches()
	s := v.New(t, secret)
	request := func(body, signed, token string) *sender.Request {
		return &sender.Request{Method: http.MethodPost, Header: http.Header{"X-Signature": {sign(secret, []byte(signed))}}, Body: []byte(body), Token: token, Now: sendertest.Now()}
	}
	for _, tc := range []struct {
		name string
		r    *sender.Request
		want error
	}{
		{"token and first event", request("["+identify+","+track+"]", identify, secret), nil},
		{"blanks around it", request(" [ "+identify+" , "+track+" ] ", identify, secret), nil},
		{"an object with a batch", request(`{"batch":[`+identify+`]}`, identify, secret), nil},
		{"no token", request("["+identify+","+track+"]", identify, ""), ErrBatch},
		{"another token", request("["+identify+","+track+"]", identify, "guess"), sender.ErrToken},
		{"the whole is signed", request("["+identify+","+track+"]", "["+identify+","+track+"]", ""), nil},
		{"the second event is signed", request("["+identify+","+track+"]", track, secret), sender.ErrForged},
		{"two batches", request(`{"batch":[`+identify+`],"batch":[`+track+`]}`, identify, secret), sender.ErrForged},
		{"an empty list", request(`[]`, "", secret), sender.ErrForged},
		{"a signed event within another", request(`{"type":"track","properties":`+identify+`}`, identify, secret), sender.ErrForged},
		{"one event and a wrong token", request(identify, identify, "guess"), sender.ErrToken},
	} {
		if _, err := s.Verify(tc.r); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	v.Config.VerifyToken = "for the address alone"
	s = v.New(t, secret)
	if _, err := s.Verify(request("["+identify+"]", identify, secret)); err == nil {
		t.Error("where there is a verify_token, a secret is no token")
	}
	if _, err := s.Verify(request("["+identify+"]", identify, "for the address alone")); err != nil {
		t.Error(err)
	}
}

// TestClocksAreNotCorrectedTwice: Segment's servers have done it, and may pass a call on hours later.
func TestClocksAreNotCorrectedTwice(t *testing.T) {
	v := vendor()
	s := v.New(t, secret)
	got := sendertest.Check(t, s, &sender.Delivery{Body: []byte(track), Received: fact.At(sendertest.Now())})
	if at := got[0].Event.OccurredAt.AsTime(); at.Hour() != 10 || got[0].Event.StatedAt != nil {
		t.Errorf("%v, stated %v", at, got[0].Event.StatedAt)
	}
}

func TestWithoutMessageID(t *testing.T) {
	v := vendor()
	s := v.New(t, secret)
	var ids []string
	for _, body := range []string{`{"type":"page","anonymousId":"a"}`, `{"type":"page","anonymousId":"a"}`, `{"type":"page","anonymousId":"b"}`} {
		ids = append(ids, sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})[0].Event.Id)
	}
	if ids[0] != ids[1] || ids[0] == ids[2] {
		t.Error(ids)
	}
}

func TestNew(t *testing.T) {
	for _, cfg := range []sender.Config{{}, {Secrets: []string{"a"}, WriteKey: "wk"}, {Secrets: []string{"a"}, Map: map[string]string{"a": "b"}}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := batches()
	for _, body := range slices.Concat([][]byte{v.Body, []byte(track)}, v.Again) {
		f.Add(body)
	}
	s := v.New(f, secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}

// FuzzVerify tries to have a body believed whose first event, or which as a whole, was never signed.
func FuzzVerify(f *testing.F) {
	v := batches()
	f.Add([]byte(identify), []byte(track), true)
	f.Add(v.Body, []byte(identify), true)
	f.Add([]byte(`{"batch":[`+identify+`]}`), []byte(identify), false)
	s := v.New(f, secret)
	f.Fuzz(func(t *testing.T, body, signed []byte, token bool) {
		r := &sender.Request{Header: http.Header{"X-Signature": {sign(secret, signed)}}, Body: body, Now: sendertest.Now()}
		if token {
			r.Token = secret
		}
		if _, err := s.Verify(r); err != nil || slices.Equal(body, signed) {
			return
		}
		list, ok, err := batch(body)
		first, found := firstOf(body, list)
		if !token || !ok || err != nil || !found || !slices.Equal(first, signed) {
			t.Fatalf("%q is believed, signed was %q", body, signed)
		}
	})
}
