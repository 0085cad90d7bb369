package mautic

import (
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/mailing"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// who sets whom the event is about, and what is said of them and their company.
func (e *event) who(doc *strictjson.Doc) {
	id := mailing.First(e.lead.Get("id"))
	e.ExternalID("lead.id", Name, id)
	if fields, ok := flat(doc, e.v.Get("company")); ok { // the company that the event is of counts above the contact's own word
		e.Account("company.fields", fields, companyField)
	}
	if fields, ok := flat(doc, e.lead); ok {
		e.Email("lead.fields.email", fields.Get("email").Text())
		e.Traits("lead.fields", fields, trait)
		e.Trait("phone", mailing.First(fields.Get("mobile")))
		e.Company(mailing.First(fields.Get("company")), "")
	}
	e.hasPerson = id != "" || e.HasEmail()
}

// flat gives a contact's or company's fields and what else is said of it as one object of simple values, parsed by doc. Mautic
// writes the fields by group, each an object of the field's definition and its value; also as all, by their alias; mails give the
// contact as one flat object. A group without fields is []. false: there are none.
func flat(doc *strictjson.Doc, v strictjson.Value) (strictjson.Value, bool) {
	if v.Kind() != strictjson.Object {
		return strictjson.Value{}, false
	}
	f := flattener{out: []byte{'{'}, seen: map[string]bool{}}
	fields := v.Get("fields")
	for groups := fields.Members(); ; {
		_, group, ok := groups.Next()
		if !ok {
			break
		}
		for members := group.Members(); ; {
			key, value, ok := members.Next()
			if !ok {
				break
			}
			if value.Kind() == strictjson.Object { // a field's definition
				value = value.Get("value")
			}
			f.add(key, value)
		}
	}
	for members := v.Members(); ; {
		key, value, ok := members.Next()
		if !ok {
			break
		}
		if !key.Is("fields") && !key.Is("id") {
			f.add(key, value)
		}
	}
	out := append(f.out, '}')
	parsed, err := doc.Parse(out, 0, len(out), sender.Limits())
	return parsed, err == nil
}

type flattener struct {
	out  []byte
	seen map[string]bool
}

// add adds a member whose value says something, the first of its name.
func (f *flattener) add(key, value strictjson.Value) {
	name := key.Text()
	if !value.Given() || f.seen[name] || value.Kind() == strictjson.Array && value.Len() == 0 || value.Is("") {
		return
	}
	f.seen[name] = true
	if len(f.out) > 1 {
		f.out = append(f.out, ',')
	}
	f.out = append(append(append(f.out, key.Raw()...), ':'), value.Raw()...)
}

// trait gives our names for Mautic's own fields; those that people add keep theirs.
func trait(key strictjson.Value) string {
	switch name := key.Text(); name {
	case "email":
		return fact.Drop
	case "firstname":
		return "first_name"
	case "lastname":
		return "last_name"
	case "position":
		return "title"
	case "title": // Mr, Dr
		return ""
	case "phone", "country", "company":
		return name
	case "preferred_locale":
		return "language"
	}
	return ""
}

// companyField gives our names for the fields of a company.
func companyField(key strictjson.Value) string {
	switch key.Text() {
	case "companyname":
		return "name"
	case "companywebsite":
		return "domain"
	case "companynumber_of_employees":
		return "employees"
	case "companyindustry":
		return "industry"
	case "companycountry":
		return "country"
	}
	return ""
}
