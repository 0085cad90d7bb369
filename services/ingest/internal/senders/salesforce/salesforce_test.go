package salesforce

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm/crmtest"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	token    = "t0ken-in-the-address"
	oldToken = "0ld-token-in-the-address"
	session  = "00Dxx!AQ.made.up.session"
)

// envelope makes an outbound message of notifications, each "id kind field=value|field=value".
func envelope(notifications ...string) string {
	var b strings.Builder
	b.WriteString("\xef\xbb\xbf" + `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000001EAA</OrganizationId><ActionId>04k000000000001AAA</ActionId>
 <SessionId>` + session + `</SessionId><EnterpriseUrl>https://crm.example/c</EnterpriseUrl><PartnerUrl>https://crm.example/u</PartnerUrl>`)
	for _, n := range notifications {
		parts := strings.SplitN(n, " ", 3)
		b.WriteString(`<Notification><Id>` + parts[0] + `</Id><sObject xsi:type="sf:` + parts[1] + `" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">`)
		for _, f := range strings.Split(parts[2], "|") {
			name, value, given := strings.Cut(f, "=")
			if !given {
				b.WriteString(`<sf:` + name + ` xsi:nil="true"/>`)
				continue
			}
			b.WriteString(`<sf:` + name + `>`)
			_ = xml.EscapeText(&b, []byte(value))
			b.WriteString(`</sf:` + name + `>`)
		}
		b.WriteString(`</sObject></Notification>`)
	}
	return b.String() + `</notifications></soapenv:Body></soapenv:Envelope>`
}

const (
	leadID = "00Q0000000abcDEEA1"
	stamp  = "|SystemModstamp=2026-11-20T08:00:00.000Z"
	at     = " at 2026-11-20T08:00:00Z"
	ana    = "FirstName=Ana|LastName=Lind|Email=ana@initech.example|Company=Initech & Sons|Title=CTO|Phone|Id=" + leadID + stamp
)

func vendorTest() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: token, OldSecret: oldToken, ContentType: "text/xml; charset=utf-8",
		Body: []byte(envelope("04l000000000001AAA Lead "+ana, "04l000000000002AAA Opportunity Id=0060000000abcDEEA1|StageName=Closed Won|Amount=1200.5|CurrencyIsoCode=EUR"+stamp)),
		Sign: func(r *sender.Request, secret string) { r.Token = secret },
		Want: []string{
			"identified ana@initech.example salesforce:" + leadID + at, "deal_won salesforce-opportunity:0060000000abcDEEA1" + at,
		},
		Again: [][]byte{[]byte(envelope("04l000000000002AAA Opportunity Id=0060000000abcDEEA1|StageName=Closed Won|Amount=1300"+stamp, "04l000000000001AAA Lead "+ana))},
		Alike: [][]byte{[]byte(envelope("04l000000000003AAA Lead " + ana))},
		Unknown: [][]byte{
			[]byte(envelope("04l000000000004AAA Moon__c Id=a00000000000001AAA|Name=Luna")),
			[]byte(envelope("04l000000000005AAA Task Id=00T000000000001AAA|WhoId=" + leadID + "|Subject=Note")),
		},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendorTest()) }

func TestRecords(t *testing.T) {
	v := vendorTest()
	who := " salesforce:" + leadID + at
	handoff := "|HandoffId__c=" + crmtest.Handoff
	few := "Id=" + leadID + stamp
	crmtest.Run(t, &v, []crmtest.Case{
		{Name: "lead", Body: envelope("n Lead " + ana), Want: []string{"identified ana@initech.example" + who + " first_name=Ana last_name=Lind title=CTO company=Initech & Sons other[SystemModstamp]"}},
		{Name: "contact", Body: envelope("n Contact " + few + "|LastName=Lind|MailingCountry=SE|MobilePhone=+46 1"), Want: []string{"identified" + who + " last_name=Lind country=SE phone=+46 1 other[MailingCountry MobilePhone SystemModstamp]"}},
		{Name: "a short id is the same record", Body: envelope("n Lead Id=00Q0000000abcDE" + stamp), Want: []string{"identified salesforce:00Q0000000abcDEEAY" + at + " other[SystemModstamp]"}},
		{Name: "status without a handoff", Body: envelope("n Lead " + few + "|Status=Qualified"), Want: []string{"identified" + who + " other[Status SystemModstamp]"}},
		{Name: "status of a handoff", Body: envelope("n Lead " + few + "|Status=qualified" + handoff), Want: []string{"sql " + crmtest.Lead + who + " answer[" + crmtest.Handoff + " ] other[HandoffId__c Status SystemModstamp]"}},
		{Name: "no, and why", Body: envelope("n Lead " + few + "|Status=Unqualified|Disqualified_Reason__c=No Fit" + handoff), Want: []string{"disqualified " + crmtest.Lead + who + " answer[" + crmtest.Handoff + " no-fit] other[Disqualified_Reason__c HandoffId__c Status SystemModstamp]"}},
		{Name: "no, without a reason", Body: envelope("n Lead " + few + "|Status=Closed - Not Converted" + handoff), Want: []string{"disqualified " + crmtest.Lead + who + " answer[" + crmtest.Handoff + " closed-not-converted] other[HandoffId__c Status SystemModstamp]"}},
		{Name: "converted", Body: envelope("n Lead " + few + "|IsConverted=true|ConvertedOpportunityId=0060000000abcDEEA1"), Want: []string{"deal_opened" + who + " deal[0060000000abcDEEA1    ] other[ConvertedOpportunityId IsConverted SystemModstamp]"}},
		{Name: "opted out", Body: envelope("n Lead " + few + "|HasOptedOutOfEmail=true"), Want: []string{"identified" + who + " other[HasOptedOutOfEmail SystemModstamp]", "consent_changed" + who + " email=withdrawn"}},
		{Name: "deleted", Body: envelope("n Lead " + few + "|IsDeleted=true|Status=Qualified"), Want: []string{`custom "salesforce: Lead.deleted"` + who + " other[IsDeleted Status SystemModstamp]"}},
		{Name: "opportunity", Body: envelope("n Opportunity Id=006000000000001AAA|StageName=Prospecting|Amount=12000.50|CurrencyIsoCode=eur|Handoff_Id__c=" + crmtest.Handoff + stamp),
			Want: []string{"deal_stage_changed " + crmtest.Lead + " salesforce-opportunity:006000000000001AAA" + at + " deal[006000000000001AAA Prospecting 12000.50 EUR ]"}},
		{Name: "new opportunity of a contact", Body: envelope("n Opportunity Id=006000000000001AAA|StageName=Prospecting|ContactId=003000000000001AAA|CreatedDate=2026-11-20T08:00:00.000Z|LastModifiedDate=2026-11-20T08:00:00.000Z"),
			Want: []string{"deal_opened salesforce:003000000000001AAA" + at + " deal[006000000000001AAA Prospecting   ] created=2026-11-20T08:00:00Z"}},
		{Name: "made earlier", Body: envelope("n Opportunity Id=006000000000001AAA|StageName=Prospecting|CreatedDate=2026-11-01T08:00:00.000+0000" + stamp),
			Want: []string{"deal_stage_changed salesforce-opportunity:006000000000001AAA" + at + " deal[006000000000001AAA Prospecting   ] created=2026-11-01T08:00:00Z"}},
		{Name: "a stage of one's own", Config: sender.Config{Stages: map[string]string{"gewonnen": "deal_won"}}, Body: envelope("n Opportunity Id=006000000000001AAA|StageName=Gewonnen" + stamp), Want: []string{"deal_won salesforce-opportunity:006000000000001AAA" + at + " deal[006000000000001AAA Gewonnen   ]"}},
		{Name: "call", Body: envelope("n Task Id=00T000000000001AAA|TaskSubtype=Call|Status=Completed|CallDisposition=reached|WhoId=" + leadID + stamp), Want: []string{"call_logged" + who}},
		{Name: "call of a handoff", Body: envelope("n Task Id=00T000000000001AAA|TaskSubtype=Call|Status=Completed|HandoffId__c=" + crmtest.Handoff + stamp), Want: []string{"call_logged " + crmtest.Lead + at}},
		{Name: "task of an account", Body: envelope("n Task Id=00T000000000001AAA|Status=Completed" + stamp), Want: []string{"ignored: with nobody"}},
		{Name: "another organisation", Config: sender.Config{Accounts: []string{"00D000000000002"}}, Body: envelope("n Lead " + ana), Want: []string{"ignored: account"}},
		{Name: "our organisation, its short id", Config: sender.Config{Accounts: []string{"00D000000000001"}}, Body: envelope("n Task Id=1"), Want: []string{"ignored: with nobody"}},
		{Name: "no id of the notification", Body: strings.Replace(envelope("n Lead "+ana), "<Id>n</Id>", "", 1), Want: []string{"refused: Notification.Id"}},
		{Name: "nobody", Body: envelope("n Lead Email=x"), Want: []string{"refused: says of nobody"}},
		{Name: "an entity of one's own", Body: `<!DOCTYPE a [<!ENTITY x "y">]>` + strings.TrimPrefix(envelope("n Lead "+ana), "\xef\xbb\xbf"), Want: []string{"refused: cannot be read"}},
		{Name: "an unknown entity", Body: strings.Replace(envelope("n Lead "+ana), "Ana", "&x;", 1), Want: []string{"refused: not well-formed"}},
		{Name: "too many", Body: envelope(repeated(101, "n Lead "+few)...), Want: []string{"refused: more than 100"}},
		{Name: "too deep", Body: strings.Repeat("<a>", 40), Want: []string{"refused: within one another"}},
	})
}

func repeated(n int, s string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// The session that Salesforce lends with each message opens the CRM: it is in no fact and in no quarantine.
func TestSessionIsNeverKept(t *testing.T) {
	v := vendorTest()
	s := v.New(t, token)
	good := envelope("n Lead "+ana, " Lead "+ana, "n Lead Email=x")
	bodies := []string{good, strings.ReplaceAll(good, "SessionId>", "sf:SessionId >"), "\xff\xfe\x00S"}
	for i := range len(good) {
		if i%7 == 0 {
			bodies = append(bodies, good[:i])
		}
	}
	for _, body := range bodies {
		err := s.Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
			told := string(item.Raw) + item.Errors.Error() + item.ID
			if item.Fact.Event != nil {
				told += item.Fact.Event.String()
			}
			if strings.Contains(told, session[:6]) {
				t.Fatalf("the session is kept: %.300s", told)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What the quarantine keeps of one notification can be decoded again, for the same organisation, to the same event.
func TestQuarantinedNotificationIsReadAgain(t *testing.T) {
	v := vendorTest()
	v.Config.MaxEvent = 1 << 10
	v.Config.Accounts = []string{"00D000000000001"}
	small := v.New(t, token)
	v.Config.MaxEvent = 1 << 20
	large := v.New(t, token)
	d := &sender.Delivery{Body: []byte(envelope("04l1 Lead "+ana, "04l2 Lead "+ana+"|Description="+strings.Repeat("x", 2000))), Received: fact.At(sendertest.Now())}
	var kept []byte
	if err := small.Decode(d, func(item sender.Item) error {
		if item.Errors != nil {
			kept = append(kept, item.Raw...)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	d.Body = kept
	facts := sendertest.Check(t, large, d)
	if len(facts) != 1 || facts[0].Event.Id != "04l2" || facts[0].Event.Identity.Email != "ana@initech.example" {
		t.Errorf("%v of %s", facts, kept)
	}
}

func TestAcknowledged(t *testing.T) {
	status, body := Type().Rules.Reply(sender.Result{Quarantined: 1})
	var envelope struct {
		Body struct {
			Response struct {
				XMLName xml.Name
				Ack     string `xml:"Ack"`
			} `xml:"http://soap.sforce.com/2005/09/outbound notificationsResponse"`
		} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
	}
	if err := xml.Unmarshal(body, &envelope); err != nil || status != 200 || envelope.Body.Response.Ack != "true" {
		t.Errorf("%d %s %v", status, body, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]sender.Config{"secrets": {}, "write_key": {WriteKey: "k", Secrets: []string{"s"}}, "stages": {Secrets: []string{"s"}, Stages: map[string]string{"a": "b"}}} {
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := vendorTest()
	f.Add(v.Body)
	f.Add([]byte(`<notifications><OrganizationId>1</OrganizationId><Notification><Id>a</Id><sObject type="Lead"><Id>1</Id><Email>a@b.example</Email></sObject></Notification></notifications>`))
	f.Add([]byte("<a><![CDATA[x]]></a>"))
	s := v.New(f, token)
	f.Fuzz(func(t *testing.T, body []byte) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
	})
}
