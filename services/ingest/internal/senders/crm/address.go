package crm

import (
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// place tells where a person is by the fields that CRMs have for it. The spellings are those of Salesforce's leads, of its contacts, of
// HubSpot, EspoCRM and Dynamics; the first of which a record has any field counts, whole, for parts of two would make a third address.
// No field is taken for another vendor's by mistake: spellings differ in each of their four names.
func place(b *fact.Builder, v strictjson.Value) {
	for _, f := range [][4]string{
		{"Street", "City", "PostalCode", "State"},
		{"MailingStreet", "MailingCity", "MailingPostalCode", "MailingState"},
		{"address", "city", "zip", "state"},
		{"addressStreet", "addressCity", "addressPostalCode", "addressState"},
		{"address1_line1", "address1_city", "address1_postalcode", "address1_stateorprovince"},
	} {
		var parts [4]string
		for i, name := range f {
			parts[i] = First(v, name)
		}
		if parts != [4]string{} {
			b.Place(parts[0], parts[1], parts[2], parts[3])
			return
		}
	}
}
