package calendly

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

func sign(r *sender.Request, secret string) {
	t := strconv.FormatInt(r.Now.Unix(), 10)
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(t + "." + string(r.Body)))
	r.Header.Set("Calendly-Webhook-Signature", "t="+t+",v1="+hex.EncodeToString(m.Sum(nil)))
}

const created = `{"event":"invitee.created","created_at":"2026-11-20T09:00:00.000000Z","created_by":"https://calendly.example/users/U1","payload":{
	"uri":"https://calendly.example/events/E1/invitees/I1","email":"Ana@initech.example","name":"Ana Lind","first_name":null,"last_name":null,"timezone":"Europe/Stockholm",
	"rescheduled":false,"old_invitee":null,"text_reminder_number":"+46 8 1","created_at":"2026-11-20T08:59:59Z",
	"questions_and_answers":[{"question":"Company","answer":"Initech","position":0},{"question":"What shall we speak of?","answer":"Prices","position":1}],
	"tracking":{"utm_campaign":"q4-launch","utm_source":"news","utm_medium":"email","utm_content":null,"utm_term":null,"salesforce_uuid":null},
	"scheduled_event":{"uri":"https://calendly.example/events/E1","name":"Product demo","start_time":"2026-11-25T13:00:00.000000Z","end_time":"2026-11-25T13:30:00.000000Z"}}}`

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "signing key", OldSecret: "older key", Covers: true, Stale: Tolerance, ContentType: "application/json",
		Body: []byte(created), Sign: sign,
		Want: []string{"meeting_booked ana@initech.example at 2026-11-20T09:00:00Z by email/q4-launch"},
		Again: [][]byte{
			[]byte(strings.Replace(created, "2026-11-20T09:00:00.000000Z", "2026-11-20T09:05:00.000000Z", 1)),
		},
		Alike: [][]byte{
			[]byte(strings.Replace(created, "invitee.created", "invitee.canceled", 1)),
			[]byte(strings.Replace(created, "invitees/I1", "invitees/I2", 1)),
		},
		Unknown: [][]byte{[]byte(strings.Replace(created, "invitee.created", "invitee.pondered", 1)), []byte(`{"event":"user.updated","payload":{}}`)},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func decode(t *testing.T, cfg sender.Config, body string) (facts []fact.Fact, errs fact.Errors) {
	t.Helper()
	v := vendor()
	v.Config = cfg
	err := v.New(t, "k").Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
		if item.Errors != nil {
			errs = item.Errors
		} else {
			facts = append(facts, item.Fact)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts, errs
}

func TestMeeting(t *testing.T) {
	facts, _ := decode(t, sender.Config{}, created)
	ev := facts[0].Event
	if got := ev.GetMeetingBooked().GetStartsAt().AsTime().Format("2006-01-02T15:04"); got != "2026-11-25T13:00" {
		t.Errorf("starts at %s", got)
	}
	tr := ev.Traits
	if tr.GetFirstName() != "Ana" || tr.GetLastName() != "Lind" || tr.GetCompany() != "Initech" || tr.GetPhone() != "+46 8 1" || ev.Account.GetName() != "Initech" {
		t.Errorf("%v %v", tr, ev.Account)
	}
	p := ev.Properties.AsMap()
	if answers, _ := p["answers"].(map[string]any); answers["What shall we speak of?"] != "Prices" {
		t.Errorf("answers: %v", p["answers"])
	}
	if p["meeting"] != "Product demo" || p["timezone"] != "Europe/Stockholm" || p["rescheduled"] != false || p["scheduled_event"] == nil {
		t.Errorf("%v", p)
	}
}

func TestKinds(t *testing.T) {
	with := func(old, new string) string {
		if !strings.Contains(created, old) {
			t.Fatalf("no %s", old)
		}
		return strings.Replace(created, old, new, 1)
	}
	canceled := strings.Replace(with(`"rescheduled":false`, `"rescheduled":false,"cancellation":{"canceled_by":"Ana Lind","reason":"on leave","canceler_type":"invitee"}`), "invitee.created", "invitee.canceled", 1)
	moved := strings.Replace(with(`"rescheduled":false`, `"rescheduled":true`), "invitee.created", "invitee.canceled", 1)
	routing := `{"event":"routing_form_submission.created","created_at":"2026-11-20T09:00:00Z","payload":{"uri":"https://calendly.example/routing_form_submissions/R1",
		"routing_form":"https://calendly.example/routing_forms/F1","submitter":null,"tracking":{"utm_campaign":"q4","utm_medium":"cpc"},
		"questions_and_answers":[{"question_uuid":"q1","question":"Work e-mail","answer":"bo@initech.example"},{"question":"Last name","answer":"Ek"}]}}`
	for name, tc := range map[string]struct {
		body, want string
		cfg        sender.Config
		check      func(f fact.Fact) bool
	}{
		"canceled": {canceled, "meeting_canceled ana@initech.example at 2026-11-20T09:00:00Z by email/q4-launch", sender.Config{},
			func(f fact.Fact) bool { return f.Event.GetMeetingCanceled().GetReason() == "on leave" }},
		"moved away": {moved, "meeting_canceled ana@initech.example at 2026-11-20T09:00:00Z by email/q4-launch", sender.Config{},
			func(f fact.Fact) bool {
				return f.Event.GetMeetingCanceled().GetReason() == "rescheduled" && f.Event.Properties.AsMap()["rescheduled"] == true
			}},
		"moved to": {with(`"old_invitee":null`, `"old_invitee":"https://calendly.example/events/E0/invitees/I0"`), vendor().Want[0], sender.Config{},
			func(f fact.Fact) bool { return f.Event.Properties.AsMap()["rescheduled"] == true }},
		"routing form": {routing, "form_submitted bo@initech.example at 2026-11-20T09:00:00Z by cpc/q4", sender.Config{},
			func(f fact.Fact) bool {
				return f.Event.GetFormSubmitted().GetForm() == "https://calendly.example/routing_forms/F1" && f.Event.Traits.GetLastName() == "Ek"
			}},
		"no-show":               {with("invitee.created", "invitee_no_show.created"), `custom "calendly: invitee_no_show.created" ana@initech.example at 2026-11-20T09:00:00Z by email/q4-launch`, sender.Config{}, nil},
		"mapped by the meeting": {created, "demo_requested ana@initech.example at 2026-11-20T09:00:00Z by email/q4-launch", sender.Config{Map: map[string]string{"Product demo": "demo_requested"}}, nil},
		"mapped by the event":   {created, "demo_requested ana@initech.example at 2026-11-20T09:00:00Z by email/q4-launch", sender.Config{Map: map[string]string{"invitee.created": "demo_requested"}}, nil},
		"an odd time":           {with("2026-11-20T09:00:00.000000Z", "soon"), "meeting_booked ana@initech.example at 2026-11-20T08:59:59Z by email/q4-launch", sender.Config{}, nil},
	} {
		facts, errs := decode(t, tc.cfg, tc.body)
		if len(facts) != 1 || sendertest.Tell(facts[0]) != tc.want || tc.check != nil && !tc.check(facts[0]) {
			t.Errorf("%s: %v %v", name, facts, errs)
		}
	}
	for name, body := range map[string]string{
		"no person": strings.Replace(routing, "bo@initech.example", "none", 1), "no uri": with("https://calendly.example/events/E1/invitees/I1", ""), "no event": with("invitee.created", ""),
	} {
		if facts, errs := decode(t, sender.Config{}, body); errs == nil {
			t.Errorf("%s: %v", name, facts)
		}
	}
}

func TestNoShowsAreEachTheirOwn(t *testing.T) {
	mark := func(uri string) string {
		return strings.Replace(strings.Replace(created, "invitee.created", "invitee_no_show.created", 1), `"rescheduled"`, `"no_show":{"uri":"`+uri+`"},"rescheduled"`, 1)
	}
	a, _ := decode(t, sender.Config{}, mark("https://calendly.example/no_shows/1"))
	b, _ := decode(t, sender.Config{}, mark("https://calendly.example/no_shows/2"))
	if a[0].Event.Id == b[0].Event.Id {
		t.Error("the second mark of an invitee is taken for the first")
	}
}

func TestHeader(t *testing.T) {
	v := vendor()
	s := v.New(t, "k")
	r := v.Request([]byte("{}"), "k", sendertest.Now())
	whole := r.Header.Get("Calendly-Webhook-Signature")
	ts, signature, _ := strings.Cut(whole, ",")
	for header, want := range map[string]bool{
		whole: true, signature + ", " + ts: true, ts + ",v1=00," + signature: true, ts + ",v0=x," + signature: true, strings.ToUpper(signature): false,
		ts: false, signature: false, "t=," + signature: false, ts + "0," + signature: false, ts + ",v1=": false,
	} {
		r.Header = http.Header{"Calendly-Webhook-Signature": {header}}
		if _, err := s.Verify(r); (err == nil) != want {
			t.Errorf("%s: %v", header, err)
		}
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
	f.Add([]byte(created))
	f.Add([]byte(`{"event":"invitee.canceled","payload":{"uri":"u","email":"a@b.example","cancellation":{"reason":7},"questions_and_answers":[{"question":"a","answer":"b"},{}]}}`))
	s := v.New(f, "k")
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}

// FuzzHeader tries to have a header believed that nobody signed.
func FuzzHeader(f *testing.F) {
	v := vendor()
	s := v.New(f, "k")
	genuine := v.Request([]byte("{}"), "another key", sendertest.Now()).Header.Get("Calendly-Webhook-Signature")
	f.Add(genuine)
	f.Add("t=1,v1=")
	f.Fuzz(func(t *testing.T, header string) {
		r := &sender.Request{Header: http.Header{"Calendly-Webhook-Signature": {header}}, Body: []byte("{}"), Now: sendertest.Now()}
		if _, err := s.Verify(r); err == nil {
			t.Fatalf("%q is believed", header)
		}
	})
}
