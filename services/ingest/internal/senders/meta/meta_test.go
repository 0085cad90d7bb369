package meta

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func signature(secret, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

const (
	one = `{"field":"leadgen","value":{"leadgen_id":"7001","form_id":"88","page_id":"42","ad_id":"5","adgroup_id":"6","created_time":1795168800}}`
	two = `{"field":"leadgen","value":{"leadgen_id":7002,"form_id":"88","page_id":"42","created_time":"2026-11-20T10:00:01+0000","campaign_name":"Q4","campaign_id":"9","field_data":[` +
		`{"name":"full_name","values":["Åna Lind"]},{"name":"email","values":["ana@home.example"]},{"name":"work_email","values":["Ana@initech.example"]},{"name":"what_do_you_need?","values":["prices","a demo"]}]}}`
	body    = `{"object":"page","entry":[{"id":"42","time":1795168802,"changes":[` + one + `]},{"id":"42","time":1795168802,"changes":[{"field":"feed","value":{"item":"like"}},` + two + `]}]}`
	wantOne = "form_submitted meta:7001 at 2026-11-20T10:00:00Z by paid_social/"
	wantTwo = "form_submitted ana@initech.example meta:7002 at 2026-11-20T10:00:01Z by paid_social/Q4"
)

func page(changes string) []byte {
	return []byte(`{"object":"page","entry":[{"id":"42","time":1795168999,"changes":[` + changes + `]}]}`)
}

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "app secret", OldSecret: "an older one", Covers: true, ContentType: "application/json", Config: sender.Config{VerifyToken: "verify me"},
		Body: []byte(body), Want: []string{wantOne, wantTwo},
		Sign: func(r *sender.Request, secret string) {
			r.Header.Set("X-Hub-Signature-256", signature(secret, string(r.Body)))
		},
		Again:   [][]byte{page(two + "," + one)},
		Alike:   [][]byte{page(strings.Replace(one, "7001", "7003", 1))},
		Unknown: [][]byte{page(`{"field":"ratings","value":{"rating":5}}`), []byte(`{"object":"page","entry":[{"id":"42","messaging":[]}]}`)},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func decode(t *testing.T, cfg sender.Config, body string) (facts []fact.Fact, refused, ignored []string) {
	t.Helper()
	v := vendor()
	v.Config = cfg
	err := v.New(t, "k").Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
		switch {
		case item.Errors != nil:
			refused = append(refused, item.Errors.Error())
		case item.Ignored != "":
			ignored = append(ignored, item.Ignored)
		default:
			facts = append(facts, item.Fact)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts, refused, ignored
}

func TestLead(t *testing.T) {
	facts, _, ignored := decode(t, sender.Config{}, body)
	if len(facts) != 2 || len(ignored) != 1 {
		t.Fatalf("%v %v", facts, ignored)
	}
	ev := facts[1].Event
	if ev.Traits.GetFirstName() != "Åna" || ev.Traits.GetLastName() != "Lind" || ev.GetFormSubmitted().GetForm() != "88" {
		t.Errorf("%v", ev)
	}
	if said, _ := ev.Properties.AsMap()["responses"].(map[string]any); said["what_do_you_need?"] != "prices, a demo" || said["email"] != "ana@home.example" {
		t.Errorf("%v", said)
	}
	for name, tc := range map[string]struct {
		cfg        sender.Config
		body, want string
	}{
		"a change by itself":  {sender.Config{}, one, wantOne},
		"an entry by itself":  {sender.Config{}, `{"id":"42","changes":[` + one + `]}`, wantOne},
		"mapped":              {sender.Config{Map: map[string]string{"88": "demo_requested"}}, one, strings.Replace(wantOne, "form_submitted", "demo_requested", 1)},
		"listed":              {sender.Config{Accounts: []string{"42"}}, string(page(one)), wantOne},
		"for nothing":         {sender.Config{}, strings.Replace(one, `"ad_id":"5","adgroup_id":"6"`, `"is_organic":true,"ad_id":"5"`, 1), strings.Replace(wantOne, "paid_", "", 1)},
		"an odd time":         {sender.Config{}, strings.Replace(one, "1795168800", `"soon"`, 1), strings.Replace(wantOne, "10:00", "12:00", 1)},
		"a time in no second": {sender.Config{}, strings.Replace(one, "1795168800", "0", 1), strings.Replace(wantOne, "10:00", "12:00", 1)},
	} {
		facts, refused, _ := decode(t, tc.cfg, tc.body)
		if len(facts) != 1 || sendertest.Tell(facts[0]) != tc.want {
			t.Errorf("%s: %v %v, want %s", name, facts, refused, tc.want)
		}
	}
	if facts, _, ignored := decode(t, sender.Config{Accounts: []string{"43"}}, string(page(one))); len(ignored) != 1 {
		t.Errorf("not listed: %v", facts)
	}
	for _, body := range []string{string(page(`{"field":"leadgen","value":{"form_id":"88"}}`)), string(page("7")), `{"object":"page","entry":[7]}`, `{"object":"page"}`} {
		if facts, refused, _ := decode(t, sender.Config{}, body); len(refused) != 1 {
			t.Errorf("%s: %v", body, facts)
		}
	}
	// One entry that cannot be read spoils no other.
	facts, refused, _ := decode(t, sender.Config{}, `{"entry":[{"a":1,"a":2},{"id":"42","changes":[`+one+`]}]}`)
	if len(facts) != 1 || len(refused) != 1 {
		t.Errorf("%v %v", facts, refused)
	}
}

// TestEscapedWhenSigned: what Meta signed has everything beyond ASCII escaped; a proxy may have written it out.
func TestEscapedWhenSigned(t *testing.T) {
	v := vendor()
	s := v.New(t, "k")
	for plain, escaped := range map[string]string{
		`{"a":"äöå"}`: `{"a":"\u00e4\u00f6\u00e5"}`, `{"a":"日本 😀"}`: `{"a":"\u65e5\u672c \ud83d\ude00"}`, `{"a":"\u00e4ö"}`: `{"a":"\u00e4\u00f6"}`,
	} {
		r := &sender.Request{Header: http.Header{"X-Hub-Signature-256": {signature("k", escaped)}}, Body: []byte(plain)}
		if _, err := s.Verify(r); err != nil {
			t.Errorf("%s: %v", plain, err)
		}
		r.Body = []byte(strings.Replace(plain, "a", "b", 1))
		if _, err := s.Verify(r); err == nil {
			t.Errorf("%s is believed", r.Body)
		}
	}
	r := &sender.Request{Header: http.Header{"X-Hub-Signature-256": {signature("k", `{"a":"\ufffd"}`)}}, Body: []byte("{\"a\":\"\xff\"}")}
	if _, err := s.Verify(r); err == nil {
		t.Error("bytes that are no text are taken for the sign that stands for them")
	}
	for _, header := range []string{"", "sha256=", strings.TrimPrefix(signature("k", "{}"), "sha256="), "sha1=" + signature("k", "{}")[7:]} {
		if _, err := s.Verify(&sender.Request{Header: http.Header{"X-Hub-Signature-256": {header}}, Body: []byte("{}")}); err == nil {
			t.Errorf("%s is believed", header)
		}
	}
}

func TestVerification(t *testing.T) {
	v := vendor()
	greet := func(token, method, mode, shown, challenge string) (sender.Greeting, error) {
		v.Config.VerifyToken = token
		g, ok := v.New(t, "k").(sender.Greeter)
		if !ok {
			t.Fatal("it answers nothing")
		}
		return g.Greet(&sender.Request{Method: method, Query: url.Values{"hub.mode": {mode}, "hub.verify_token": {shown}, "hub.challenge": {challenge}}})
	}
	if g, err := greet("verify me", http.MethodGet, "subscribe", "verify me", "1158201444"); err != nil || g.Status != 200 || string(g.Body) != "1158201444" || !strings.HasPrefix(g.Header["Content-Type"], "text/plain") {
		t.Errorf("%+v %v", g, err)
	}
	for _, a := range [][5]string{
		{"verify me", "GET", "subscribe", "guess", "1"}, {"verify me", "GET", "subscribe", "", "1"}, {"verify me", "GET", "unsubscribe", "verify me", "1"},
		{"", "GET", "subscribe", "", "1"}, {"verify me", "GET", "subscribe", "verify me", ""}, {"verify me", "GET", "subscribe", "verify me", strings.Repeat("1", 300)},
	} {
		if g, err := greet(a[0], a[1], a[2], a[3], a[4]); !errors.Is(err, sender.ErrForbidden) || strings.Contains(err.Error(), "verify me") {
			t.Errorf("%v: %+v %v", a, g, err)
		}
	}
	if g, err := greet("verify me", http.MethodHead, "subscribe", "verify me", "1"); err != nil || g.Status != 405 {
		t.Errorf("%+v %v", g, err)
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
	v := vendor()
	s := v.New(f, "k")
	f.Add([]byte(body))
	f.Add([]byte(one))
	f.Add([]byte(`{"entry":[{"id":"1","changes":[{"field":"leadgen","value":{"leadgen_id":"1","field_data":[{"name":"email","values":[7,null]}]}},{}]},1]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}

// FuzzVerify tries to have a body believed that says anything else than the one that was signed.
func FuzzVerify(f *testing.F) {
	v := vendor()
	s := v.New(f, "k")
	f.Add([]byte(`{"a":"ä"}`), []byte(`{"a":"\u00e4"}`))
	f.Add([]byte("{}"), []byte("[]"))
	f.Fuzz(func(t *testing.T, body, signed []byte) {
		r := &sender.Request{Header: http.Header{"X-Hub-Signature-256": {signature("k", string(signed))}}, Body: body}
		if _, err := s.Verify(r); err != nil || string(body) == string(signed) {
			return
		}
		if plain, different := escaped(body); !different || string(plain) != string(signed) {
			t.Fatalf("%q is believed, signed was %q", body, signed)
		}
	})
}
