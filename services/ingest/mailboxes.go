package ingest

import (
	"fmt"
	"strings"

	"github.com/batonhq/baton/pkg/identity"
)

// Mailboxes are e-mail addresses that are read by many people, such as info@. They name nobody where an event says anything else
// of whom it is about: what comes by such an address alone is the address's own lead, and it is never joined with a person.
type Mailboxes struct {
	// Names are what stands before the @, in any domain; a default list unless it is set. An empty list has none.
	Names []string `yaml:"names"`
	// Addresses are single addresses, whatever their names.
	Addresses []string `yaml:"addresses"`
	// People are addresses that look like it and are one person's all the same.
	People []string `yaml:"people"`
}

// mailboxNames are the mailbox names of RFC 2142, and others that companies have for everybody.
func mailboxNames() []string {
	return strings.Fields(`info marketing sales support noc security postmaster hostmaster usenet news webmaster www uucp ftp abuse
		admin administrator billing contact enquiries feedback hello help helpdesk hr invoices jobs legal mail mailer-daemon no-reply
		noreply office orders press privacy recruiting root service team`)
}

func (m *Mailboxes) validate() (errs []error) {
	for i, name := range m.Names {
		if name == "" || strings.ContainsAny(name, "@ ") {
			errs = append(errs, fmt.Errorf("ingest.mailboxes.names[%d]: %q is not what stands before an @", i, name))
		}
	}
	for setting, list := range map[string][]string{"addresses": m.Addresses, "people": m.People} {
		for i, address := range list {
			if _, ok := identity.NormalizeEmail(address); !ok {
				errs = append(errs, fmt.Errorf("ingest.mailboxes.%s[%d]: %q is not an e-mail address", setting, i, address))
			}
		}
	}
	return errs
}

// is gives the test of a normalised address. A tag behind a + does not make a mailbox a person's.
func (m *Mailboxes) is() func(email string) bool {
	names, addresses, people := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, name := range m.Names {
		names[strings.ToLower(name)] = true
	}
	for into, list := range map[*map[string]bool][]string{&addresses: m.Addresses, &people: m.People} {
		for _, address := range list {
			if normal, ok := identity.NormalizeEmail(address); ok {
				(*into)[normal] = true
			}
		}
	}
	return func(email string) bool {
		if people[email] || addresses[email] {
			return !people[email]
		}
		name, _, _ := strings.Cut(email, "@")
		name, _, _ = strings.Cut(name, "+")
		return names[name]
	}
}
