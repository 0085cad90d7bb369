package typeform

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func mac(secret string, body []byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return m.Sum(nil)
}

const response = `{"event_id":"01EVENT","event_type":"form_response","form_response":{"form_id":"F1","token":"tok","landed_at":"2026-11-20T09:58:00Z","submitted_at":"2026-11-20T10:00:00Z",
	"hidden":{"utm_campaign":"q4","utm_medium":"cpc","utm_source":"search","user_id":"u-7","email":"other@initech.example","gclid":"g1","company":"Initech"},
	"calculated":{"score":9},"variables":[{"key":"score","type":"number","number":9}],
	"definition":{"id":"F1","title":"Ask for prices","fields":[
		{"id":"f1","ref":"r1","title":"How do we reach you?","type":"contact_info","properties":{"fields":[
			{"id":"f2","ref":"r2","title":"First name","type":"short_text","subfield_key":"first_name"},
			{"id":"f3","ref":"r3","title":"Mail","type":"email","subfield_key":"email"},
			{"id":"f4","ref":"r4","title":"Phone","type":"phone_number","subfield_key":"phone_number"}]}},
		{"id":"f5","ref":"r5","title":"What do you need?","type":"multiple_choice"},
		{"id":"f6","ref":"r6","title":"How many seats?","type":"number"},
		{"id":"f7","ref":"r7","title":"How many seats?","type":"number"}]},
	"answers":[
		{"type":"text","text":"Ana","field":{"id":"f2","type":"short_text","ref":"r2"}},
		{"type":"email","email":"Ana@initech.example","field":{"id":"f3","type":"email","ref":"r3"}},
		{"type":"phone_number","phone_number":"+4681","field":{"id":"f4","type":"phone_number","ref":"r4"}},
		{"type":"choices","choices":{"ids":["c1"],"labels":["Prices","A demo"]},"field":{"id":"f5","type":"multiple_choice","ref":"r5"}},
		{"type":"number","number":12,"field":{"id":"f6","type":"number","ref":"r6"}},
		{"type":"number","number":13,"field":{"id":"f7","type":"number","ref":"r7"}},
		{"type":"boolean","boolean":true,"field":{"id":"gone","type":"yes_no","ref":"r8"}}]}}`

const want = "form_submitted ana@initech.example u-7 at 2026-11-20T10:00:00Z by cpc/q4"

func vendor() sendertest.Vendor {
	v := sendertest.Vendor{
		Type: Types()[0], Secret: "a secret", OldSecret: "an older one", Covers: true, ContentType: "application/json", Body: []byte(response), Want: []string{want},
		Sign: func(r *sender.Request, secret string) {
			r.Header.Set("Typeform-Signature", "sha256="+base64.StdEncoding.EncodeToString(mac(secret, r.Body)))
		},
		Alike:   [][]byte{[]byte(strings.Replace(response, "01EVENT", "02EVENT", 1))},
		Unknown: [][]byte{[]byte(strings.Replace(response, "form_response", "form_pondered", 1)), []byte(`{"event_id":"1","event_type":"form_viewed"}`)},
	}
	return v
}

func stack() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Types()[1], Secret: "a secret", OldSecret: "an older one", Covers: true, ContentType: "application/json",
		Body: []byte(`{"FormID":"77","UniqueID":"9001","HandshakeKey":"hush","Name":{"first":"Ana","last":"Lind"},"Email":"ana@initech.example","Company name":"Initech","utm_campaign":"q4"}`),
		Want: []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z by /q4"},
		Sign: func(r *sender.Request, secret string) {
			r.Header.Set("X-FS-Signature", "sha256="+hex.EncodeToString(mac(secret, r.Body)))
		},
		Alike: [][]byte{[]byte(`{"FormID":"77","UniqueID":"9002","Email":"ana@initech.example"}`), []byte(`{"FormID":"7","UniqueID":"79001","Email":"ana@initech.example"}`)},
	}
}

func TestConforms(t *testing.T)          { sendertest.Conform(t, vendor()) }
func TestFormstackConforms(t *testing.T) { sendertest.Conform(t, stack()) }

func decode(t *testing.T, v sendertest.Vendor, contentType, body string) (facts []fact.Fact, refused, ignored string) {
	t.Helper()
	d := &sender.Delivery{ContentType: contentType, Body: []byte(body), Received: fact.At(sendertest.Now())}
	err := v.New(t, "k").Decode(d, func(item sender.Item) error {
		switch {
		case item.Errors != nil:
			refused = item.Errors.Error()
		case item.Ignored != "":
			ignored = item.Ignored
		default:
			facts = append(facts, item.Fact)
		}
		return nil
	})
	if err != nil {
		refused = err.Error()
	}
	return facts, refused, ignored
}

func TestResponse(t *testing.T) {
	facts, refused, _ := decode(t, vendor(), "", response)
	if len(facts) != 1 {
		t.Fatal(refused)
	}
	ev := facts[0].Event
	if tr := ev.Traits; tr.GetFirstName() != "Ana" || tr.GetPhone() != "+4681" || tr.GetCompany() != "Initech" || ev.Account.GetName() != "Initech" {
		t.Errorf("%v %v", tr, ev.Account)
	}
	if form := ev.GetFormSubmitted().GetForm(); form != "Ask for prices" {
		t.Errorf("form %q", form)
	}
	p := ev.Properties.AsMap()
	if got, want := p["responses"], map[string]any{
		"First name": "Ana", "Mail": "Ana@initech.example", "Phone": "+4681", "What do you need?": []any{"Prices", "A demo"}, "How many seats?": 12.0, "How many seats? (r7)": 13.0, "r8": true,
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("responses %v", got)
	}
	for _, name := range []string{"hidden", "calculated", "variables", "definition", "answers", "token", "landed_at"} {
		if p[name] == nil {
			t.Errorf("%s is lost", name)
		}
	}
}

func TestKinds(t *testing.T) {
	short := func(kind, hidden, answers string) string {
		return `{"event_id":"1","event_type":"` + kind + `","form_response":{"form_id":"F1","submitted_at":"2026-11-20T10:00:00Z","hidden":` + hidden + `,"answers":[` + answers + `]}}`
	}
	text := func(ref, text string) string {
		return `{"type":"text","text":"` + text + `","field":{"id":"x` + ref + `","ref":"` + ref + `","type":"short_text"}}`
	}
	const at = " at 2026-11-20T10:00:00Z"
	for name, tc := range map[string]struct {
		body, want string
		config     map[string]string
	}{
		"an address as text":       {short("form_response", "{}", text("a", "ana@initech.example")), "form_submitted ana@initech.example" + at, nil},
		"two addresses as text":    {short("form_response", "{}", text("a", "ana@initech.example")+","+text("b", "bo@initech.example")), "refused", nil},
		"a hidden address":         {short("form_response", `{"email":"ana@initech.example"}`, text("a", "hello")), "form_submitted ana@initech.example" + at, nil},
		"a hidden id":              {short("form_response", `{"user_id":"u-7","anonymous_id":"an-1"}`, ""), "form_submitted u-7 an-1" + at, nil},
		"a template left unfilled": {short("form_response", `{"user_id":"undefined"}`, ""), "refused", nil},
		"nobody":                   {short("form_response", "null", ""), "refused", nil},
		"partial":                  {short("form_response_partial", `{"email":"ana@initech.example"}`, ""), `custom "typeform: form_response_partial" ana@initech.example` + at, nil},
		"partial, of nobody":       {short("form_response_partial", "{}", ""), "ignored", nil},
		"mapped by form":           {short("form_response", `{"email":"ana@initech.example"}`, ""), "demo_requested ana@initech.example" + at, map[string]string{"F1": "demo_requested"}},
		"no id":                    {strings.Replace(short("form_response", `{"user_id":"u"}`, ""), `"1"`, `""`, 1), "refused", nil},
	} {
		v := vendor()
		v.Config.Map = tc.config
		facts, refused, ignored := decode(t, v, "", tc.body)
		got := ""
		switch {
		case len(facts) == 1:
			got = sendertest.Tell(facts[0])
		case refused != "":
			got = "refused"
		case ignored != "":
			got = "ignored"
		}
		if got != tc.want {
			t.Errorf("%s: %s (%s%s), want %s", name, got, refused, ignored, tc.want)
		}
	}
}

func TestSignatureHeader(t *testing.T) {
	v := vendor()
	s := v.New(t, "k")
	body := []byte("{}")
	for header, want := range map[string]bool{
		"sha256=" + base64.StdEncoding.EncodeToString(mac("k", body)): true,
		base64.StdEncoding.EncodeToString(mac("k", body)):             false,
		"sha256=" + hex.EncodeToString(mac("k", body)):                false,
		"sha256=": false, "": false,
	} {
		r := v.Request(body, "k", sendertest.Now())
		r.Header.Set("Typeform-Signature", header)
		if _, err := s.Verify(r); (err == nil) != want {
			t.Errorf("%q: %v", header, err)
		}
	}
}

func TestFormstack(t *testing.T) {
	v := stack()
	form := url.Values{"FormID": {"77"}, "UniqueID": {"9001"}, "HandshakeKey": {"hush"}, "Your E-mail": {"x", "ana@initech.example"}, "Last Name": {"Lind"}}.Encode()
	facts, refused, _ := decode(t, v, "application/x-www-form-urlencoded; charset=utf-8", form)
	if len(facts) != 1 || sendertest.Tell(facts[0]) != "form_submitted ana@initech.example at 2026-11-20T12:00:00Z" || facts[0].Event.Traits.GetLastName() != "Lind" || facts[0].Event.Id != "77:9001" {
		t.Fatalf("%v %s", facts, refused)
	}
	facts, _, _ = decode(t, v, "application/json", `{"FormID":77,"UniqueID":9001,"a":{"value":"ana@initech.example","field_type":"email"},"b":{"value":{"first":"Ana","last":"Lind"},"field_type":"name"},"HandshakeKey":"hush"}`)
	if len(facts) != 1 || facts[0].Event.GetIdentity().GetEmail() != "ana@initech.example" || facts[0].Event.Traits.GetFirstName() != "Ana" || facts[0].Event.Id != "77:9001" {
		t.Errorf("%v", facts)
	} else if _, kept := facts[0].Event.Properties.AsMap()["HandshakeKey"]; kept {
		t.Error("the handshake key is kept")
	}
	for _, body := range []string{"FormID=1&UniqueID=2", "UniqueID=2&Email=a%40b.example", "a=%zz", "a=%ff", strings.Repeat("a&", 2000)} {
		if facts, refused, _ := decode(t, v, "application/x-www-form-urlencoded", body); refused == "" {
			t.Errorf("%.20s: %v", body, facts)
		}
	}
}

func TestNew(t *testing.T) {
	for _, row := range Types() {
		for _, cfg := range []sender.Config{{}, {Secrets: []string{"a"}, WriteKey: "wk"}, {Secrets: []string{"a"}, Map: map[string]string{"a": "b"}}} {
			if _, err := row.New(cfg); err == nil {
				t.Errorf("%s: %+v is taken", row.Name, cfg)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := vendor()
	s := v.New(f, "k")
	f.Add([]byte(response))
	f.Add([]byte(`{"event_id":"1","event_type":"form_response","form_response":{"answers":[{"type":"text","text":7},{}],"definition":{"fields":[{"id":"","properties":{"fields":[1]}}]}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}

func FuzzFormstack(f *testing.F) {
	v := stack()
	s := v.New(f, "k")
	f.Add(v.Body, "application/json")
	f.Add([]byte("FormID=1&UniqueID=2&email=a%40b.example&FormID=3"), "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, ContentType: contentType, Received: fact.At(sendertest.Now())})
	})
}

// Hidden fields stand in the form's address: whoever fills it in says them.
func TestHiddenIDsAreUnproven(t *testing.T) {
	for body, want := range map[string]bool{
		response: true,
		`{"event_id":"1","event_type":"form_response","form_response":{"hidden":{"anonymous_id":"a"},"answers":[{"type":"email","email":"ana@initech.example"}]}}`: true,
		`{"event_id":"1","event_type":"form_response","form_response":{"answers":[{"type":"email","email":"ana@initech.example"}]}}`:                               false,
	} {
		facts, refused, _ := decode(t, vendor(), "application/json", body)
		if len(facts) != 1 || facts[0].Unproven != want {
			t.Errorf("%s: %+v %s", body, facts, refused)
		}
	}
}
