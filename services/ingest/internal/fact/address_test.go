package fact

import (
	"testing"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// An address is told as one thing, and stays among the sender's own fields besides: rules may look at it there.
func TestAddress(t *testing.T) {
	for _, tc := range []struct{ name, traits, account, want, wantAccount string }{
		{"as Segment names it", `{"address": {"street": " Storgatan 1 ", "city": "Malmö", "postalCode": 21142, "state": "Skåne", "country": "SE"}}`, `{}`, "Storgatan 1|Malmö|21142|Skåne", "|||"},
		{"as others do", `{"address": {"address1": "Storgatan 1", "zip": "211 42", "region": "M"}}`, `{}`, "Storgatan 1||211 42|M", "|||"},
		{"of the company", `{}`, `{"name": "Initech", "address": {"street1": "Storgatan 1", "town": "Malmö"}}`, "|||", "Storgatan 1|Malmö||"},
		{"a country alone", `{"address": {"country": "SE"}}`, `{}`, "|||", "|||"},
		{"a text", `{"address": "Storgatan 1, Malmö"}`, `{}`, "|||", "|||"},
		{"parts that are none", `{"address": {"street": {"name": "x"}, "city": ["Malmö"], "zip": null, "state": ""}}`, `{}`, "|||", "|||"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := mustRead(t, `{"id": "1", "type": "identified", "lead": {"email": "ana@initech.example"}, "traits": `+tc.traits+`, "account": `+tc.account+`}`).Event
			tr, a := e.GetTraits(), e.GetAccount()
			if got := tr.GetStreet() + "|" + tr.GetCity() + "|" + tr.GetPostalCode() + "|" + tr.GetState(); got != tc.want {
				t.Errorf("the person is at %s, want %s", got, tc.want)
			}
			if got := a.GetStreet() + "|" + a.GetCity() + "|" + a.GetPostalCode() + "|" + a.GetState(); got != tc.wantAccount {
				t.Errorf("the company is at %s, want %s", got, tc.wantAccount)
			}
			if tc.traits != "{}" && tr.GetOther().GetFields()["address"] == nil {
				t.Errorf("the address as it was sent is gone: %v", e)
			}
		})
	}
}

// What an older event did not say stays unsaid: the fields are absent, not empty.
func TestWithoutAnAddressNothingIsAdded(t *testing.T) {
	e := mustRead(t, `{"id": "1", "type": "identified", "lead": {"email": "ana@initech.example"}, "traits": {"title": "CTO"}}`).Event
	if want := (&journalv1.Traits{Title: proto.String("CTO")}); !proto.Equal(e.GetTraits(), want) {
		t.Errorf("%v", e.GetTraits())
	}
}
