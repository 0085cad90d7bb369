// Package lists reads lists of accounts that are too large for the directory's file: a CSV or NDJSON file, the chunks that it
// goes to the journal in, and the index of a revision that is in force.
package lists

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
)

// Record is an account as a list has it.
type Record struct {
	ID         string   `json:"id"`
	Name       string   `json:"name,omitempty"`
	Domain     string   `json:"domain,omitempty"`
	Aliases    []string `json:"aliases,omitempty"`
	Contacts   []string `json:"contacts,omitempty"`
	Phone      string   `json:"phone,omitempty"`
	Street     string   `json:"street,omitempty"`
	City       string   `json:"city,omitempty"`
	PostalCode string   `json:"postal_code,omitempty"`
	Country    string   `json:"country,omitempty"`
	Parent     string   `json:"parent,omitempty"`
	Owner      string   `json:"owner,omitempty"`
	Target     bool     `json:"target,omitempty"`
}

// Fault is what is wrong with a record: the line of the file, from 1, the field, and the reason.
type Fault struct {
	Line          int
	Field, Reason string
}

func (f Fault) Error() string {
	if f.Field == "" {
		return fmt.Sprintf("line %d: %s", f.Line, f.Reason)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Field, f.Reason)
}

// maxMembers and maxLength bound what one account may have; lengths are bytes.
const (
	maxMembers = 200
	maxLength  = 500
)

// Check brings a record into the form that is kept (addresses, domains and countries in one spelling) and says what is wrong.
// shared reports domains that no company owns.
func (r *Record) Check(d accounts.Domains, fail func(field, reason string)) {
	if !identity.Safe(r.ID) {
		fail("id", "must be a name of letters, digits, - and _, at most 64 long")
	}
	for _, f := range []struct {
		name  string
		value *string
	}{{"name", &r.Name}, {"domain", &r.Domain}, {"phone", &r.Phone}, {"street", &r.Street}, {"city", &r.City}, {"postal_code", &r.PostalCode}, {"country", &r.Country}, {"parent", &r.Parent}, {"owner", &r.Owner}} {
		*f.value = strings.TrimSpace(*f.value)
		if len(*f.value) > maxLength {
			fail(f.name, fmt.Sprintf("is longer than %d bytes", maxLength))
		}
	}
	if r.Name == "" && r.Domain == "" && len(r.Contacts) == 0 {
		fail("name", "is missing, and so are the domain and contacts: nothing would ever match it")
	}
	if r.Domain != "" {
		r.Domain = strings.ToLower(r.Domain)
		if !companyDomain(d, r.Domain) {
			fail("domain", "must be a company's own domain such as initech.example")
		}
	}
	if len(r.Aliases) > maxMembers {
		fail("aliases", fmt.Sprintf("are more than %d", maxMembers))
	}
	for i, alias := range r.Aliases {
		alias = strings.TrimSpace(alias)
		if low := strings.ToLower(alias); accounts.IsDomain(low) {
			alias = low
		}
		if alias == "" || len(alias) > maxLength {
			fail(fmt.Sprintf("aliases[%d]", i), "must be another name or domain of the company")
		}
		r.Aliases[i] = alias
	}
	for _, f := range []struct{ name, value string }{{"parent", r.Parent}, {"owner", r.Owner}} {
		if f.value != "" && !identity.Safe(f.value) {
			fail(f.name, "must be an id of letters, digits, - and _, at most 64 long")
		}
	}
	if r.Parent != "" && r.Parent == r.ID {
		fail("parent", "is the account itself")
	}
	r.Details(fail)
}

// Details checks what the directory's file and lists have in common beside ids, names and domains.
func (r *Record) Details(fail func(field, reason string)) {
	if len(r.Contacts) > maxMembers {
		fail("contacts", fmt.Sprintf("are more than %d", maxMembers))
	}
	for i, c := range r.Contacts {
		email, ok := identity.NormalizeEmail(c)
		if !ok {
			fail(fmt.Sprintf("contacts[%d]", i), "must be an e-mail address")
		}
		r.Contacts[i] = email
	}
	if n := digits(r.Phone); r.Phone != "" && (n < 5 || n > 20) {
		fail("phone", "must be a phone number of 5 to 20 digits")
	}
	if r.Country = strings.ToUpper(r.Country); r.Country != "" && (len(r.Country) != 2 || r.Country[0] < 'A' || r.Country[0] > 'Z' || r.Country[1] < 'A' || r.Country[1] > 'Z') {
		fail("country", "must be an ISO 3166 code of two letters such as SE")
	}
}

func digits(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n
}

func companyDomain(d accounts.Domains, domain string) bool {
	top := ""
	if accounts.IsDomain(domain) {
		top = d.Registrable(domain)
	}
	return top != "" && !d.Shared(top) && !d.Shared(domain)
}

// Records reads the records of one chunk: a JSON object a line, nothing unknown, no id twice. Faults come joined, at most 20.
func Records(text string, d accounts.Domains) ([]*journalv1.ListedAccount, error) {
	var out []*journalv1.ListedAccount
	var faults []error
	taken := map[string]struct{}{}
	line := 0
	for row := range strings.Lines(text) {
		line++
		if strings.TrimSpace(row) == "" {
			continue
		}
		fail := func(field, reason string) {
			if len(faults) < 20 {
				faults = append(faults, Fault{line, field, reason})
			}
		}
		r, err := parse([]byte(row))
		if err != nil {
			fail("", err.Error())
			continue
		}
		r.Check(d, fail)
		if _, ok := taken[r.ID]; ok {
			fail("id", "is given twice")
		}
		taken[r.ID] = struct{}{}
		out = append(out, &journalv1.ListedAccount{
			Id: r.ID, Name: r.Name, Domain: r.Domain, Aliases: r.Aliases, Contacts: r.Contacts, Phone: r.Phone, Street: r.Street, City: r.City,
			PostalCode: r.PostalCode, Country: r.Country, Parent: r.Parent, Owner: r.Owner, Target: r.Target,
		})
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return out, nil
}

func parse(row []byte) (*Record, error) {
	r := new(Record)
	d := json.NewDecoder(bytes.NewReader(row))
	d.DisallowUnknownFields()
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("is no account: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one JSON object")
	}
	return r, nil
}
