package fact

import (
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// place is where somebody is: the four members of Traits and of Account that belong together.
type place struct {
	street, city, postalCode, state **string
}

// Address sets where the person is, from an object as Segment names its members ({street, city, postalCode, state}) or another of the usual
// names. The first address that is told counts, whole: parts of two would make a third one. Anything else says nothing.
func (b *Builder) Address(v strictjson.Value) {
	t := &b.slab.traits
	if b.address(v, place{&t.Street, &t.City, &t.PostalCode, &t.State}) {
		b.slab.event.Traits = t
	}
}

// AccountAddress sets where the company is, as Address does of the person.
func (b *Builder) AccountAddress(v strictjson.Value) {
	a := &b.slab.account
	if b.address(v, place{&a.Street, &a.City, &a.PostalCode, &a.State}) {
		b.slab.event.Account = a
	}
}

func (b *Builder) address(v strictjson.Value, p place) (given bool) {
	if v.Kind() != strictjson.Object || b.any(*p.street, *p.city, *p.postalCode, *p.state) {
		return false
	}
	for _, part := range []struct {
		to    **string
		names []string
	}{
		{p.street, []string{"street", "street1", "address1", "addr1", "line1", "address_line1"}},
		{p.city, []string{"city", "town"}},
		{p.postalCode, []string{"postalCode", "postal_code", "postcode", "zip", "zipCode", "zip_code"}},
		{p.state, []string{"state", "region", "province"}},
	} {
		for _, name := range part.names {
			if s := text(v.Get(name)); s != "" {
				*part.to, given = b.slab.text(s), true
				break
			}
		}
	}
	return given
}

// Place sets where the person is, from fields that a sender has beside each other instead of in an object; "" says nothing. As with
// Address the first one that is told counts, whole.
func (b *Builder) Place(street, city, postalCode, state string) {
	t := &b.slab.traits
	if b.any(t.Street, t.City, t.PostalCode, t.State) {
		return
	}
	for _, part := range []struct {
		to   **string
		text string
	}{{&t.Street, street}, {&t.City, city}, {&t.PostalCode, postalCode}, {&t.State, state}} {
		if s := strings.TrimSpace(part.text); s != "" {
			*part.to = b.slab.text(s)
			b.slab.event.Traits = t
		}
	}
}
