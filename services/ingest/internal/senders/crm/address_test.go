package crm

import (
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

func TestPlace(t *testing.T) {
	for name, tc := range map[string]struct{ fields, want string }{
		"Salesforce, lead":    {`{"Street": " Storgatan 1 ", "City": "Malmö", "PostalCode": "21142", "State": "Skåne"}`, "Storgatan 1|Malmö|21142|Skåne"},
		"Salesforce, contact": {`{"MailingStreet": "Storgatan 1", "MailingCity": "Malmö", "MailingPostalCode": "21142"}`, "Storgatan 1|Malmö|21142|"},
		"HubSpot":             {`{"address": "Storgatan 1", "city": "Malmö", "zip": 21142, "state": "Skåne"}`, "Storgatan 1|Malmö|21142|Skåne"},
		"EspoCRM":             {`{"addressStreet": "Storgatan 1", "addressCity": "Malmö", "addressPostalCode": "21142", "addressState": "Skåne"}`, "Storgatan 1|Malmö|21142|Skåne"},
		"Dynamics":            {`{"address1_line1": "Storgatan 1", "address1_city": "Malmö", "address1_postalcode": "21142", "address1_stateorprovince": "Skåne"}`, "Storgatan 1|Malmö|21142|Skåne"},
		"one alone":           {`{"zip": "21142"}`, "||21142|"},
		"never of two":        {`{"City": "Malmö", "MailingStreet": "Kungsgatan 2", "MailingCity": "Lund"}`, "|Malmö||"},
		"an object first":     {`{"address": {"street": "Storgatan 1"}, "city": "Lund"}`, "Storgatan 1|||"},
		"none":                {`{"FirstName": "Ana", "City": "", "State": null}`, "|||"},
	} {
		t.Run(name, func(t *testing.T) {
			v, fault := strictjson.NewDoc().Parse([]byte(tc.fields), 0, len(tc.fields), strictjson.Limits{Depth: 8, Keys: 100, Values: 100, Digits: 30})
			if fault != nil {
				t.Fatal(fault)
			}
			b := fact.NewBuilder("crm", fact.Received{Time: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}, true, "")
			b.ID("id", "1")
			b.Type("type", "identified")
			b.Email("email", "ana@initech.example")
			b.Traits("fields", v, func(key strictjson.Value) string { return key.Text() })
			place(b, v)
			f, errs := b.Finish("id")
			if errs != nil {
				t.Fatal(errs)
			}
			tr := f.Event.GetTraits()
			if got := tr.GetStreet() + "|" + tr.GetCity() + "|" + tr.GetPostalCode() + "|" + tr.GetState(); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}
