package mailchimp

import (
	"errors"
	"net/http"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const body = "type=subscribe&fired_at=2026-11-20+10%3A00%3A00&data%5Bid%5D=8a25ff1d98&data%5Bemail%5D=ana%40initech.example&data%5Bemail_type%5D=html" +
	"&data%5Bmerges%5D%5BEMAIL%5D=ana%40initech.example&data%5Bmerges%5D%5BFNAME%5D=Ana&data%5Bmerges%5D%5BLNAME%5D=Lind&data%5Bmerges%5D%5BPHONE%5D=%2B46+8+1" +
	"&data%5Bmerges%5D%5BCOMPANY%5D=Initech&data%5Bmerges%5D%5BJOBTITLE%5D=VP&data%5Bmerges%5D%5BADDRESS%5D%5Bcountry%5D=SE&data%5Blist_id%5D=a6b5da1054"

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "t0ken-of-the-address", OldSecret: "t0ken-before",
		Body: []byte(body), ContentType: "application/x-www-form-urlencoded",
		Sign:  func(r *sender.Request, secret string) { r.Token = secret },
		Want:  []string{"consent_changed ana@initech.example mailchimp:8a25ff1d98 at 2026-11-20T10:00:00Z by email/"},
		Again: [][]byte{[]byte(body)},
		Alike: [][]byte{
			[]byte("type=profile" + body[len("type=subscribe"):]),
			[]byte(body + "&fired_at=2026-11-20+10%3A00%3A01"),
			[]byte(body + "&data[id]=8a25ff1d99"),
			[]byte(body + "&data[list_id]=other"),
		},
		Unknown: [][]byte{[]byte("type=teleported&data[email]=ana@initech.example"), []byte("type=teleported")},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func TestMapping(t *testing.T) {
	v := vendor()
	const about = "&fired_at=2026-11-20 10:00:00&data[id]=8a&data[email]=ana@initech.example&data[list_id]=l1&data[merges][FNAME]=Ana"
	const who, at = " ana@initech.example mailchimp:8a", " at 2026-11-20T10:00:00Z by email/"
	v.Maps(t, map[string]string{
		body: `consent_changed ana@initech.example mailchimp:8a25ff1d98 at 2026-11-20T10:00:00Z by email/ email="granted" name="Ana Lind" position="VP" phone="+46 8 1" country="SE" company="Initech"`,
		"type=unsubscribe&data[action]=unsub&data[reason]=manual" + about: "email_unsubscribed" + who + at + ` list="l1" name="Ana"`,
		"type=unsubscribe&data[action]=unsub&data[reason]=abuse" + about:  "consent_changed" + who + at + ` email="objected" name="Ana"`,
		"type=profile" + about: "identified" + who + at + ` name="Ana"`,
		"type=upemail&fired_at=2026-11-20 10:00:00&data[new_id]=9b&data[new_email]=ana@umbrella.example&data[old_email]=ana@initech.example&data[list_id]=l1": "identified ana@umbrella.example mailchimp:9b" + at,
		"type=cleaned&fired_at=2026-11-20 10:00:00&data[campaign_id]=c1&data[reason]=hard&data[email]=ana@initech.example&data[list_id]=l1":                   "email_bounced ana@initech.example" + at + `c1 reason="hard"`,
		"type=campaign&fired_at=2026-11-20 10:00:00&data[id]=c1&data[subject]=Hi&data[status]=sent&data[list_id]=l1":                                          "ignored: a campaign was sent or stopped: about no person",
		"type=subscribe&data[email]=nobody": "unreadable: data.email: says of nobody: at least one of e-mail, user id, anonymous id and external ids is required",
		"data[email]=ana@initech.example":   "unreadable: type: is required: subscribe, unsubscribe, profile, upemail, cleaned or campaign",
		"{}":                                "unreadable: the body is not form-encoded: it has no name=value",
	})
	v.Config.Map = map[string]string{"profile": "form_submitted"}
	v.Maps(t, map[string]string{"type=profile" + about: "form_submitted" + who + at + ` name="Ana"`})
}

// Events that lack what Mailchimp's have, and profiles that change twice in one second, are told apart all the same.
func TestIDs(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	seen := map[string]string{}
	const profile = "type=profile&fired_at=2026-11-20 10:00:00&data[id]=8a&data[email]=ana@initech.example&data[list_id]=l1&data[merges]"
	for _, body := range []string{
		"type=subscribe&data[merges][EMAIL]=ana@initech.example", "type=subscribe&data[merges][EMAIL]=bo@initech.example",
		"type=subscribe&fired_at=2026-11-20 10:00:00&data[merges][EMAIL]=ana@initech.example", "type=subscribe&fired_at=2026-11-20 10:00:00&data[merges][EMAIL]=bo@initech.example",
		profile + "[FNAME]=Ana", profile + "[FNAME]=Anna",
	} {
		facts := sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})
		if len(facts) != 1 {
			t.Fatalf("%s: %v", body, facts)
		}
		id := facts[0].Event.Id
		if other, twice := seen[id]; twice {
			t.Errorf("%s has the id %s of %s", body, id, other)
		}
		seen[id] = body
	}
}

func TestGreeting(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret).(sender.Greeter)
	g, err := s.Greet(&sender.Request{Method: http.MethodGet, Token: v.Secret})
	if err != nil || g.Status != http.StatusOK {
		t.Errorf("%v, %v", g, err)
	}
	if _, err := s.Greet(&sender.Request{Method: http.MethodHead, Token: "wrong"}); !errors.Is(err, sender.ErrToken) {
		t.Errorf("%v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(body))
	f.Add([]byte("type=upemail&data[new_email]=x&data=1&data[merges]=2"))
	f.Add([]byte("type=cleaned&data[reason]=abuse&data[email]=a@b.example&fired_at=1"))
	v := vendor()
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
