package fact

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// robots takes whatever calls itself a robot for one.
type robots struct{ asked int }

func (r *robots) Automated(agent string, _ time.Time) bool {
	r.asked++
	return strings.Contains(agent, "robot")
}

func parsed(t testing.TB, body string) strictjson.Value {
	t.Helper()
	v, err := strictjson.NewDoc().Parse([]byte(body), 0, len(body), strictjson.Limits{Depth: 32, Keys: 100, Values: 1000, Digits: 64})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return v
}

// vendor gives an event as a vendor's sender builds it.
func vendor(t testing.TB, agents Agents, eventType, properties string, also ...func(*Builder)) *journalv1.Event {
	t.Helper()
	b := NewBuilder("mail", At(received).Knowing(agents), true, "")
	b.ID("id", "1")
	b.Type("type", eventType)
	b.Name("name", "x")
	b.Email("email", "ana@initech.example")
	b.Properties("properties", parsed(t, properties))
	for _, f := range also {
		f(b)
	}
	got, errs := b.Finish("email")
	if errs != nil {
		t.Fatal(errs)
	}
	return got.Event
}

func TestProgramsAreMarked(t *testing.T) {
	const because = "its user agent is a program's: a robot"
	for _, tc := range []struct{ eventType, properties, because string }{
		{"email_clicked", `{"user_agent": "a robot"}`, because},
		{"email_opened", `{"userAgent": "a robot"}`, because},
		{"page_viewed", `{"useragent": "a robot"}`, because},
		{"form_submitted", `{"user-agent": "a robot"}`, because},
		{"custom", `{"context": {"userAgent": "a robot"}}`, because},
		{"email_clicked", `{"user_agent": "a browser"}`, ""},
		{"email_clicked", `{"user_agent": 7, "context": "a robot"}`, ""},
		{"email_clicked", `{"agent": "a robot"}`, ""},
		{"email_clicked", `{}`, ""},
		{"email_clicked", `{"honeypot": true}`, "a link that people do not see was clicked"},
		{"email_clicked", `{"honeypot": false}`, ""},
		{"email_clicked", `{"honeypot": "yes"}`, ""},
		{"page_viewed", `{"honeypot": true}`, ""},
		// A mailbox's provider unsubscribes for the person, programs use a product for theirs, and mail is sent by a program.
		{"email_unsubscribed", `{"user_agent": "a robot"}`, ""},
		{"product_used", `{"user_agent": "a robot"}`, ""},
		{"email_delivered", `{"user_agent": "a robot"}`, ""},
		{"meeting_booked", `{"user_agent": "a robot"}`, ""},
		{"identified", `{"user_agent": "a robot"}`, ""},
		{"deal_won", `{"user_agent": "a robot"}`, ""},
	} {
		ev := vendor(t, &robots{}, tc.eventType, tc.properties)
		if ev.Automated != (tc.because != "") || ev.AutomatedBecause != tc.because {
			t.Errorf("%s %s: %v %q, want %q", tc.eventType, tc.properties, ev.Automated, ev.AutomatedBecause, tc.because)
		}
	}
	ev := vendor(t, &robots{}, "email_clicked", `{}`, func(b *Builder) { b.Agent("a robot") })
	if ev.AutomatedBecause != because {
		t.Errorf("said by its sender: %q", ev.AutomatedBecause)
	}
	ev = vendor(t, &robots{}, "email_clicked", `{"user_agent": "a robot"}`, func(b *Builder) { b.Automated("flagged") })
	if ev.AutomatedBecause != "flagged" {
		t.Errorf("the sender's own reason comes first: %q", ev.AutomatedBecause)
	}
	if ev := vendor(t, nil, "email_clicked", `{"user_agent": "a robot"}`); ev.Automated {
		t.Error("nobody knows of robots")
	}
	long := vendor(t, &robots{}, "email_clicked", `{"user_agent": "`+strings.Repeat("robot", 100)+`"}`)
	if n := len(long.AutomatedBecause); n > 150 {
		t.Errorf("a reason of %d bytes", n)
	}
}

// Our own form says itself what is automated.
func TestOurOwnFormIsTakenAtItsWord(t *testing.T) {
	asked := &robots{}
	f := Form{Source: "app", Received: At(received).Knowing(asked)}
	got, errs := f.Read(parsed(t, `{"id": "1", "type": "page_viewed", "automated": false, "lead": {"anonymous_id": "a"}, "properties": {"user_agent": "a robot"}}`))
	if errs != nil || got.Event.Automated || asked.asked > 0 {
		t.Errorf("%v %v", got.Event, errs)
	}
}

func TestChannelsOfVisits(t *testing.T) {
	for _, tc := range []struct{ eventType, properties, channel, clickID, clickName string }{
		{"page_viewed", `{"url": "https://initech.example/?gclid=G1"}`, "paid-search", "G1", "gclid"},
		{"ad_clicked", `{"url": "https://initech.example/?a=b&li_fat_id=L1#x"}`, "paid-social", "L1", "li_fat_id"},
		{"page_viewed", `{"url": "https://initech.example/?gclid=G1&utm_medium=cpc"}`, "cpc", "G1", "gclid"},
		{"page_viewed", `{"url": "https://initech.example/?gclid=G1", "channel": "ads"}`, "ads", "G1", "gclid"},
		{"page_viewed", `{"url": "https://initech.example/?gclid=G1", "click_id": "own"}`, "paid-search", "own", ""},
		{"page_viewed", `{"url": "https://initech.example/#gclid=G1"}`, "", "", ""},
		{"page_viewed", `{"url": "https://initech.example/?gclid=G1", "referrer": "https://www.google.com/"}`, "paid-search", "G1", "gclid"},
		{"page_viewed", `{"url": "https://initech.example/", "referrer": "https://www.google.com/"}`, "organic-search", "", ""},
		{"form_submitted", `{"url": "https://initech.example/", "referrer": "https://www.linkedin.com/"}`, "social", "", ""},
		{"page_viewed", `{"url": "https://initech.example/", "referrer": "https://partner.example/"}`, "referral", "", ""},
		{"page_viewed", `{"url": "https://initech.example/", "referrer": "https://initech.example/blog"}`, "", "", ""},
		{"page_viewed", `{"url": "https://initech.example/?utm_source=newsletter", "referrer": "https://partner.example/"}`, "email", "", ""},
		{"page_viewed", `{"url": "https://initech.example/?utm_source=autumn", "referrer": "https://partner.example/"}`, "", "", ""},
		{"page_viewed", `{"url": "https://initech.example/", "context": {"campaign": {"source": "linkedin"}}}`, "social", "", ""},
		{"page_viewed", `{"url": "https://initech.example/"}`, "", "", ""},
		{"email_clicked", `{"url": "https://initech.example/", "referrer": "https://www.google.com/"}`, "", "", ""},
		{"identified", `{"url": "https://initech.example/?gclid=G1"}`, "", "", ""},
	} {
		ev := vendor(t, nil, tc.eventType, tc.properties)
		fields := ev.Properties.GetFields()
		if ev.Touch.GetChannel() != tc.channel || fields["click_id"].GetStringValue() != tc.clickID || fields["click_id_name"].GetStringValue() != tc.clickName {
			t.Errorf("%s %s: channel %q, %v", tc.eventType, tc.properties, ev.Touch.GetChannel(), fields)
		}
		if ad := ev.GetAdClicked(); ad != nil && ad.ClickId != tc.clickID {
			t.Errorf("%s: the ad's click is %q", tc.properties, ad.ClickId)
		}
	}
}

func TestCampaignParametersAreKept(t *testing.T) {
	ev := vendor(t, nil, "page_viewed", `{"utm_term": "own", "url": "https://initech.example/?utm_source=n%ff&utm_content=b%00c&utm_term=t&utm_campaign=q4&utm_medium=email"}`)
	for name, want := range map[string]string{"utm_source": "n\ufffd", "utm_content": "bc", "utm_term": "own"} {
		if got := ev.Properties.Fields[name].GetStringValue(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if ev.Touch.Channel != "email" || ev.Touch.Campaign != "q4" {
		t.Errorf("touch %v", ev.Touch)
	}
}

// Whatever a sender's clock says: nothing happens after its receipt or before there was any of this, a loose builder refuses no
// time, and what was stated is kept where it is not what is taken.
func TestOccurredIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) time.Time {
			return time.Unix(rapid.Int64Range(-62_000_000_000, 253_000_000_000).Draw(t, name), rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns")).UTC()
		}
		stated, corrected := at("stated"), at("corrected")
		if rapid.Bool().Draw(t, "near") {
			stated = received.Add(time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "off")))
		}
		if rapid.Bool().Draw(t, "uncorrected") {
			corrected = stated
		}
		b := NewBuilder("mail", At(received), true, "")
		b.ID("id", "1")
		b.Type("type", "page_viewed")
		b.AnonymousID("id", "a")
		b.Occurred("timestamp", stated, corrected)
		got, errs := b.Finish("lead")
		if errs != nil {
			t.Fatal(errs)
		}
		occurred := got.Event.OccurredAt.AsTime()
		if occurred.After(received) || occurred.Year() < 2000 {
			t.Fatalf("occurred at %v", occurred)
		}
		kept := got.Event.StatedAt
		if occurred.Equal(stated) != (kept == nil) && stated.Year() >= 1 || kept != nil && !kept.AsTime().Equal(stated) {
			t.Fatalf("occurred %v, stated %v, kept %v", occurred, stated, kept.AsTime())
		}
	})
}
