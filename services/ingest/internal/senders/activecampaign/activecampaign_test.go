package activecampaign

import (
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	who   = "&date_time=2026-11-20T05%3A00%3A00-05%3A00&initiated_by=contact&list=0&contact[id]=42&contact[email]=ana@initech.example&contact[first_name]=Ana&contact[fields][39]=a[b]%5Bc%5D||d"
	body  = "type=click&link[id]=3&link[url]=https://www.initech.example/pricing&campaign[id]=7&campaign[name]=q4-launch" + who
	ana   = " ana@initech.example activecampaign:42 at 2026-11-20T10:00:00Z"
	deal  = "&date_time=2026-11-20T10:00:00Z&deal[id]=9&deal[title]=Big&deal[value]=1,200.50&deal[value_raw]=1200.50&deal[currency]=eur&deal[contactid]=42&deal[contact_email]=ana@initech.example"
	other = "&contact[id]=43&contact[email]=bo@initech.example"
)

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "t0ken-of-the-address", OldSecret: "t0ken-before",
		Body: []byte(body), ContentType: "application/x-www-form-urlencoded",
		Sign:    func(r *sender.Request, secret string) { r.Token = secret },
		Want:    []string{"email_clicked" + ana + " by email/q4-launch"},
		Again:   [][]byte{[]byte(body)},
		Alike:   [][]byte{[]byte(body + other), []byte(body + "&link[id]=4")},
		Unknown: [][]byte{[]byte("type=teleported" + who), []byte("type=teleported")},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

func TestMapping(t *testing.T) {
	v := vendor()
	const named = ` name="Ana"`
	v.Maps(t, map[string]string{
		body:                   "email_clicked" + ana + ` by email/q4-launch url="https://www.initech.example/pricing"` + named,
		"type=subscribe" + who: "consent_changed" + ana + ` email="granted"` + named,
		"type=unsubscribe&unsubscribe[reason]=bye" + who:               "email_unsubscribed" + ana + ` list="0"` + named,
		"type=update&contact[orgname]=Initech" + who:                   "identified" + ana + named + ` company="Initech"`,
		"type=open&campaign[name]=q4-launch" + who:                     "email_opened" + ana + " by email/q4-launch" + named,
		"type=sent&campaign[name]=q4-launch" + who:                     "email_sent" + ana + " by email/q4-launch" + named,
		"type=sent&campaign[name]=q4-launch":                           "ignored: about no contact",
		"type=bounce&bounce[code]=5.1.1&bounce[info]=none" + who:       "email_bounced" + ana + ` reason="none"` + named,
		"type=reply" + who:                                             `custom "activecampaign: reply"` + ana + named,
		"type=forward" + who:                                           `custom "activecampaign: forward"` + ana + named,
		"type=share&share[network]=x" + who:                            "social_engaged" + ana + named,
		"type=sms_unsub" + who:                                         "consent_changed" + ana + ` by sms/ sms="withdrawn"` + named,
		"type=contact_tag_added&tag=hot" + who:                         `custom "activecampaign: contact_tag_added"` + ana + named,
		"contact[id]=42&contact[email]=ana@initech.example&seriesid=3": "identified ana@initech.example activecampaign:42 at 2026-11-20T12:00:00Z",
		"seriesid=3": "unreadable: contact: says of nobody: contact[id] or contact[email] is required",
		"type=deal_add&deal[status]=0&deal[stage_title]=New" + deal:                             "deal_opened" + ana,
		"type=deal_update&deal[status]=0&deal[stage_title]=Demo&updated_fields[]=stage" + deal:  "deal_stage_changed" + ana,
		"type=deal_update&deal[status]=1&deal[stage_title]=Demo&updated_fields[]=status" + deal: "deal_won" + ana,
		"type=deal_update&deal[status]=2&deal[stage_title]=Demo&updated_fields[]=status" + deal: "deal_lost" + ana,
		"type=deal_update&deal[status]=0&deal[stage_title]=Demo&updated_fields[]=status" + deal: "deal_reopened" + ana,
		"type=deal_update&deal[status]=0&deal[stage_title]=Demo&updated_fields[0]=value" + deal: `custom "activecampaign: deal_update"` + ana,
		"type=deal_note_add&deal[status]=1&deal[note]=x" + deal:                                 `custom "activecampaign: deal_note_add"` + ana,
	})
	v.Config.Stages = map[string]string{"Demo": "sql", "lost": "churned"}
	v.Maps(t, map[string]string{
		"type=deal_update&deal[status]=0&deal[stage_title]=demo&updated_fields[]=stage" + deal: "sql" + ana,
		"type=deal_update&deal[status]=1&deal[stage_title]=Demo" + deal:                        "deal_won" + ana,
		"type=deal_update&deal[status]=2&deal[stage_title]=Demo" + deal:                        "churned" + ana,
	})
}

func TestDealIsWhole(t *testing.T) {
	v := vendor()
	s := v.New(t, v.Secret)
	facts := sendertest.Check(t, s, &sender.Delivery{Body: []byte("type=deal_update&deal[status]=1&deal[stage_title]=Demo" + deal), Received: fact.At(sendertest.Now())})
	d := facts[0].Event.GetDealWon()
	if d.GetDealId() != "9" || d.GetStage() != "Demo" || d.GetAmount().GetAmount() != "1200.50" || d.GetAmount().GetCurrency() != "EUR" {
		t.Errorf("%v", d)
	}
	fields := sendertest.Check(t, s, &sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())})[0].Event.GetTraits().GetOther().GetFields()
	if got := fields["fields"].GetStructValue().GetFields()["39"].GetStringValue(); got != "a[b][c]||d" {
		t.Errorf("%v", fields)
	}
}

func TestConfiguration(t *testing.T) {
	for _, c := range []sender.Config{{}, {Secrets: []string{" "}}, {Secrets: []string{"t"}, Stages: map[string]string{"won": "winning"}}, {Secrets: []string{"t"}, Map: map[string]string{"open": "x"}}} {
		if _, err := New(c); err == nil {
			t.Errorf("%v is taken", c)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(body))
	f.Add([]byte("type=deal_update&deal[status]=0&updated_fields[]=stage" + deal))
	f.Add([]byte("contact=1&deal[contactid]=0&campaign=x&updated_fields=status"))
	v := vendor()
	s := v.New(f, v.Secret)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
