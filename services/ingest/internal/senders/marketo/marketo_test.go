package marketo

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const template = `{"activity": "Fill Out Form", "lead_id": "4711", "email": "Ana@Initech.example", "first_name": "Ana", "company": "Initech", "employees": "420",
 "campaign": "q4-launch", "channel": "paid-search", "primary": "Pricing guide", "url": "https://www.example.com/guide", "occurred_at": "2026-11-20 10:00:00"}`

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "a token of ours", OldSecret: "the one before", Body: []byte(template), ContentType: "application/json",
		Sign:  func(r *sender.Request, secret string) { r.Header.Set("X-Baton-Token", secret) },
		Want:  []string{"form_submitted ana@initech.example marketo:4711 at 2026-11-20T10:00:00Z by paid-search/q4-launch"},
		Alike: [][]byte{[]byte(strings.Replace(template, "10:00:00", "10:00:01", 1))},
		Unknown: [][]byte{
			[]byte(`{"activity": "Grow Wings", "email": "ana@initech.example"}`), []byte(`{"email": "ana@initech.example"}`),
			[]byte(`[{"activity": {"activityTypeId": 99999, "marketoGUID": "g", "leadId": 1, "activityDate": "2026-11-20T10:00:00Z"}}]`),
		},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

// A page of the activity log, as Fetch puts it together.
func TestAPageConforms(t *testing.T) {
	v := vendor()
	one := func(guid, rest string) string {
		return `{"activity":{"marketoGUID":"` + guid + `","leadId":7,"activityDate":"2026-11-20T10:00:00Z",` + rest + `},"lead":{"id":7,"email":"ana@initech.example"}}`
	}
	v.Body = []byte("[" + one("102988", `"activityTypeId":10,"primaryAttributeValue":"Q4 launch.Invitation"`) + "," + one("102989", `"activityTypeId":46`) + "]")
	v.Want = []string{
		"email_opened ana@initech.example marketo:7 at 2026-11-20T10:00:00Z by email/Q4 launch",
		`custom "marketo: Interesting Moment" ana@initech.example marketo:7 at 2026-11-20T10:00:00Z`,
	}
	v.Again = [][]byte{[]byte("[" + one("102989", `"activityTypeId":46`) + "," + one("102988", `"activityTypeId":10`) + "]")}
	v.Alike = [][]byte{[]byte("[" + one("102987", `"activityTypeId":10`) + "]")}
	sendertest.Conform(t, v)
}

func read(t *testing.T, s sender.Sender, body string) (told []string, items []sender.Item) {
	t.Helper()
	err := s.Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
		items = append(items, item)
		if item.Fact.Event != nil {
			told = append(told, sendertest.Tell(item.Fact))
		} else {
			told = append(told, item.Errors.Error())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return told, items
}

func TestActivities(t *testing.T) {
	const who = " marketo:7 at 2026-11-20T08:00:00Z"
	for name, c := range map[string]struct{ activity, want string }{
		"visit":      {`"activityTypeId":1,"primaryAttributeValue":"/pricing","attributes":[{"name":"Webpage URL","value":"/pricing.html"},{"name":"Query Parameters","value":"utm_campaign=q4&utm_medium=social"}]`, "page_viewed" + who + " by social/q4"},
		"form":       {`"activityTypeId":2,"primaryAttributeValue":"Demo"`, "form_submitted" + who},
		"link":       {`"activityTypeId":3,"primaryAttributeValue":"https://x.example"`, `custom "marketo: Click Link"` + who},
		"sent":       {`"activityTypeId":6,"primaryAttributeValue":"Q4.One"`, "email_sent" + who + " by email/Q4"},
		"delivered":  {`"activityTypeId":7,"primaryAttributeValue":"Q4.One"`, "email_delivered" + who + " by email/Q4"},
		"bounced":    {`"activityTypeId":8,"primaryAttributeValue":"Q4.One","attributes":[{"name":"Details","value":"no such box"}]`, "email_bounced" + who + " by email/Q4"},
		"left":       {`"activityTypeId":9,"primaryAttributeValue":"Q4.One"`, "email_unsubscribed" + who + " by email/Q4"},
		"opened":     {`"activityTypeId":10,"primaryAttributeValue":"One"`, "email_opened" + who + " by email/One"},
		"by a bot":   {`"activityTypeId":11,"primaryAttributeValue":"One","attributes":[{"name":"Is Bot Activity","value":true},{"name":"Link","value":"https://x.example/a"}]`, "email_clicked" + who + " by email/One automated"},
		"by no bot":  {`"activityTypeId":11,"primaryAttributeValue":"One","attributes":[{"name":"Is Bot Activity","value":false}]`, "email_clicked" + who + " by email/One"},
		"new":        {`"activityTypeId":12`, "identified" + who},
		"changed":    {`"activityTypeId":13,"primaryAttributeValue":"Job Title","attributes":[{"name":"New Value","value":"CTO"}]`, "identified" + who},
		"opted out":  {`"activityTypeId":13,"primaryAttributeValue":"Unsubscribed","attributes":[{"name":"New Value","value":"1"}]`, "consent_changed" + who},
		"score":      {`"activityTypeId":22,"primaryAttributeValue":"Lead Score"`, `custom "marketo: Change Score"` + who},
		"moment":     {`"activityTypeId":46,"primaryAttributeValue":"Web"`, `custom "marketo: Interesting Moment"` + who},
		"attended":   {`"activityTypeId":104,"primaryAttributeValue":"Pricing live","attributes":[{"name":"New Status","value":"Attended"}]`, "event_attended" + who + " by /Pricing live"},
		"registered": {`"activityTypeId":104,"primaryAttributeValue":"Pricing live","attributes":[{"name":"New Status","value":"registered"}]`, "event_registered" + who + " by /Pricing live"},
		"invited":    {`"activityTypeId":104,"primaryAttributeValue":"Pricing live","attributes":[{"name":"New Status","value":"Invited"}]`, `custom "marketo: Change Status in Progression"` + who + " by /Pricing live"},
		"own stage":  {`"activityTypeId":104,"attributes":[{"name":"New Status","value":"Asked for a demo"}]`, "demo_requested" + who},
		"own map":    {`"activityTypeId":24`, "trial_started" + who},
		"unheard of": {`"activityTypeId":100001`, `custom "marketo: activity 100001"` + who},
	} {
		t.Run(name, func(t *testing.T) {
			v := vendor()
			v.Config = sender.Config{Stages: map[string]string{"Asked for a demo": "demo_requested"}, Map: map[string]string{"24": "trial_started"}}
			got, items := read(t, v.New(t, v.Secret), `[{"activity":{"id":1,"marketoGUID":"g-1","leadId":7,"activityDate":"2026-11-20T10:00:00+0200",`+c.activity+`}}]`)
			if !slices.Equal(got, []string{c.want}) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			ev := items[0].Fact.Event
			p := ev.Properties.GetFields()
			if ev.Id != "g-1" || p["attributes"] != nil || p["activityTypeId"] == nil {
				t.Errorf("%v", ev)
			}
			switch name {
			case "changed":
				if ev.Traits.GetTitle() != "CTO" || p["new_value"].GetStringValue() != "CTO" {
					t.Errorf("%v", ev)
				}
			case "opted out":
				if got := ev.GetConsentChanged().GetPurposes(); got["email"] != "withdrawn" || len(got) != 1 {
					t.Errorf("%v", got)
				}
			case "visit":
				if ev.Touch.GetUrl() != "/pricing.html?utm_campaign=q4&utm_medium=social" {
					t.Errorf("%v", ev.Touch)
				}
			case "bounced":
				if ev.GetEmailBounced().GetReason() != "no such box" {
					t.Errorf("%v", ev.Payload)
				}
			}
		})
	}
}

func TestWhoItWas(t *testing.T) {
	v := vendor()
	_, items := read(t, v.New(t, v.Secret), `[{"activity":{"id":12,"leadId":7,"activityDate":"2026-11-20T10:00:00Z","activityTypeId":12},
 "lead":{"id":7,"email":"Ana@initech.example","firstName":"Ana","lastName":"Lind","title":"CTO","phone":null,"country":"SE","company":"Initech","website":"https://www.initech.example/x",
 "industry":"software","numberOfEmployees":420,"leadSource":"Web"}}]`)
	ev := items[0].Fact.Event
	tr, a := ev.Traits, ev.Account
	if ev.Id != "id:12" || ev.Identity.GetEmail() != "ana@initech.example" || tr.GetFirstName() != "Ana" || tr.GetLastName() != "Lind" || tr.GetTitle() != "CTO" ||
		tr.GetCountry() != "SE" || tr.Phone != nil || tr.GetOther().GetFields()["leadSource"].GetStringValue() != "Web" || len(tr.GetOther().GetFields()) != 1 {
		t.Errorf("%v", ev)
	}
	if a.GetName() != "Initech" || a.GetDomain() != "initech.example" || a.GetIndustry() != "software" || a.GetEmployees() != 420 {
		t.Errorf("%v", a)
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	poll := func(change func(*sender.Poll)) *sender.Poll {
		p := &sender.Poll{URL: "https://123-abc-456.mktorest.com", ClientID: "id", ClientSecret: config.NewSecret("hush")}
		change(p)
		return p
	}
	for want, p := range map[string]*sender.Poll{
		"poll.url: must be such as": poll(func(p *sender.Poll) { p.URL = "mktorest" }),
		"poll.url: must be https":   poll(func(p *sender.Poll) { p.URL = "http://x.example" }),
		"poll.client_id":            poll(func(p *sender.Poll) { p.ClientID = "" }),
		"poll.client_secret":        poll(func(p *sender.Poll) { p.ClientSecret = config.Secret{} }),
		"poll.every":                poll(func(p *sender.Poll) { p.Every = time.Second }),
		"poll.activities: at most":  poll(func(p *sender.Poll) { p.Activities = make([]int, 11) }),
		"poll.activities[0]":        poll(func(p *sender.Poll) { p.Activities = []int{0} }),
		"poll.since":                poll(func(p *sender.Poll) { p.Since = "yesterday" }),
		"secrets: ":                 nil,
	} {
		if _, err := New(sender.Config{Name: "s", Poll: p}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	s, err := New(sender.Config{Name: "s", Poll: poll(func(*sender.Poll) {})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verify(&sender.Request{}); err == nil {
		t.Error("a source that has no secret takes webhooks")
	}
}

// FuzzDecode reads whatever comes in.
func FuzzDecode(f *testing.F) {
	v := vendor()
	s := v.New(f, v.Secret)
	for _, body := range append(v.Unknown, v.Body) {
		f.Add(body)
	}
	f.Add([]byte(`[{"activity":{"marketoGUID":"g","leadId":7,"activityDate":"2026-11-20T10:00:00+0200","activityTypeId":13,"primaryAttributeValue":"Unsubscribed","attributes":[{"name":"New Value","value":"1"},{"name":1,"value":{}},7]},"lead":{"email":"a@b.example","numberOfEmployees":1e9}}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) <= 1<<16 {
			sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
		}
	})
}

// A page is read whole, however few events a request may have.
func TestAPageIsNoRequest(t *testing.T) {
	v := vendor()
	v.Config.MaxEvents = 2
	s := v.New(t, v.Secret)
	const one = `{"activity":{"marketoGUID":"g","leadId":7,"activityDate":"2026-11-20T10:00:00Z","activityTypeId":10}}`
	if told, _ := read(t, s, "["+strings.Repeat(one+",", 299)+one+"]"); len(told) != 300 {
		t.Errorf("%d events", len(told))
	}
}
