// Package accounts finds the account that a lead belongs to, among any number of listed ones: by a known contact's address, by
// domain, by name, and by a name that is close where something else speaks for it. An Index is built once from a list and
// never changed; a match looks at some hundreds of accounts at most, never at all of them.
package accounts

// Account is a company that somebody listed.
type Account struct {
	ID, Name, Domain string
	// Aliases are other names and domains that it, or a subsidiary, goes by.
	Aliases []string
	// Contacts are e-mail addresses, lower case, of people who belong to it whatever their domain says.
	Contacts []string
	Phone    string
	Address  Address
	// Parent is the id of the account that it belongs to, "" for none.
	Parent string
	// Owner is a rep's id, "" for none.
	Owner  string
	Target bool
}

// Address is where a company, or a lead, is. Empty members are not known.
type Address struct {
	Street, City, PostalCode string
	// Country as the sender has it; two of them are compared as they are, but for case.
	Country string
}

// Query is what is known of a lead.
type Query struct {
	// Email is in lower case.
	Email string
	// Company and Domain are what was stated of the company.
	Company, Domain string
	Phone           string
	Address         Address
}

// What an account was matched by, the surest first.
const (
	ByContact       = "contact-email"
	ByEmailDomain   = "email-domain"
	ByAccountDomain = "account-domain"
	ByName          = "account-name"
	ByCloseName     = "close-name"
	ByNone          = "none"
)

// kind orders what an account can be matched by.
type kind int

const (
	contact kind = iota
	emailDomain
	statedDomain
	exactName
	closeName
)

func (k kind) String() string {
	return [...]string{ByContact, ByEmailDomain, ByAccountDomain, ByName, ByCloseName}[k]
}

// Candidate is an account that a lead may belong to.
type Candidate struct {
	Account Account
	By      string
	// Confidence from 0 to 1 that the lead belongs to it; see Match.
	Confidence float64
	// Similarity of the names from 0 to 1, where a name was compared.
	Similarity float64
	// Support says what else agrees (phone, street, postal-code, city, country, domain-label), and what does not (not-city, …).
	Support []string
}

// Domains tells domains apart. Both functions take lower-case names and must be pure.
type Domains struct {
	// Registrable gives the domain that was registered, one label more than a public suffix: mail.initech.co.uk gives
	// initech.co.uk; "" for a public suffix itself and for what is no domain.
	Registrable func(domain string) string
	// Shared reports a domain that says nothing of where somebody works: a free-mail or a disposable address.
	Shared func(domain string) bool
}

// work gives a domain if it says where somebody works, and "" otherwise.
func (d Domains) work(domain string) string {
	if !IsDomain(domain) {
		return ""
	}
	if top := d.Registrable(domain); top == "" || d.Shared(top) || top != domain && d.Shared(domain) {
		return ""
	}
	return domain
}

// IsDomain reports whether s has the form of a domain name: labels of letters, digits and hyphens, with a dot.
func IsDomain(s string) bool {
	dot := -1
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			if i == dot+1 {
				return false
			}
			dot = i
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c >= 0x80:
		default:
			return false
		}
	}
	return dot > 0 && dot < len(s)-1 && len(s) <= 253
}
