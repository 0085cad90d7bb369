package fact

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Traits sets what is said of the person. Names that the sender has for our fields are renamed by alias; the rest is kept
// in other. What `address` says is told besides. It adds to what an earlier call has set.
func (b *Builder) Traits(field string, v strictjson.Value, alias func(key strictjson.Value) string) {
	if !b.object(field, v) {
		return
	}
	t := &b.slab.traits
	typed := func(key, value strictjson.Value) bool {
		name := alias(key)
		if name == Drop {
			return true
		}
		p := traitField(t, name)
		return p != nil && b.set(p, field, name, value)
	}
	t.Other = merge(t.Other, b.sort(v, typed))
	if t.Other != nil || b.any(t.FirstName, t.LastName, t.Title, t.Country, t.Phone, t.Company, t.Language) {
		b.slab.event.Traits = t
	}
	b.Address(v.Get("address"))
}

func traitField(t *journalv1.Traits, name string) **string {
	switch name {
	case "first_name":
		return &t.FirstName
	case "last_name":
		return &t.LastName
	case "title":
		return &t.Title
	case "country":
		return &t.Country
	case "phone":
		return &t.Phone
	case "company":
		return &t.Company
	case "language":
		return &t.Language
	}
	return nil
}

// Account sets what is said of the company, as Traits does of the person. It adds to what an earlier call has set.
func (b *Builder) Account(field string, v strictjson.Value, alias func(key strictjson.Value) string) {
	if !b.object(field, v) {
		return
	}
	a := &b.slab.account
	typed := func(key, value strictjson.Value) bool {
		name := alias(key)
		switch name {
		case "name":
			return b.set(&a.Name, field, name, value)
		case "domain":
			return b.domain(a, field, value)
		case "employees":
			return b.employees(a, field, value)
		case "industry":
			return b.set(&a.Industry, field, name, value)
		case "country":
			return b.set(&a.Country, field, name, value)
		}
		return false
	}
	a.Other = merge(a.Other, b.sort(v, typed))
	if a.Other != nil || a.Employees != nil || b.any(a.Name, a.Domain, a.Industry, a.Country) {
		b.slab.event.Account = a
	}
	b.AccountAddress(v.Get("address"))
}

// Drop is what an alias gives for a field that has been used up elsewhere.
const Drop = "-"

// Trait sets one of our fields of the person, unless it is set already; "" says nothing.
func (b *Builder) Trait(name, value string) {
	p := traitField(&b.slab.traits, name)
	if p == nil || *p != nil || strings.TrimSpace(value) == "" {
		return
	}
	*p = b.slab.text(strings.TrimSpace(value))
	b.slab.event.Traits = &b.slab.traits
}

// Company sets the company's name and country, as far as they are not set already; "" says nothing.
func (b *Builder) Company(name, country string) {
	a := &b.slab.account
	for _, f := range []struct {
		p     **string
		value string
	}{{&a.Name, strings.TrimSpace(name)}, {&a.Country, strings.TrimSpace(country)}} {
		if f.value != "" && *f.p == nil {
			*f.p = b.slab.text(f.value)
			b.slab.event.Account = a
		}
	}
}

// Same is the alias of senders whose names are ours.
func Same(key strictjson.Value) string { return key.Text() }

// object reports whether v is an object; null and absent say nothing.
func (b *Builder) object(field string, v strictjson.Value) bool {
	if v.Kind() == strictjson.Object {
		return true
	}
	if v.Given() && !b.loose {
		b.Refuse(field, "must be an object")
	}
	return false
}

// sort hands each member to typed and gives those that it does not take. Null says that something is unknown and is
// dropped, as unknown things are absent.
func (b *Builder) sort(v strictjson.Value, typed func(key, value strictjson.Value) bool) *structpb.Struct {
	var left []member
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		if value.Given() && !typed(key, value) {
			left = append(left, member{key, value})
		}
	}
	if left == nil {
		return nil
	}
	return structOf(left)
}

// merge adds what is not there yet.
func merge(to, from *structpb.Struct) *structpb.Struct {
	if to == nil {
		return from
	}
	for name, v := range from.GetFields() {
		if _, there := to.Fields[name]; !there {
			to.Fields[name] = v
		}
	}
	return to
}

// set fills a text field; false: the value is not one, and stays with the rest.
func (b *Builder) set(p **string, field, name string, v strictjson.Value) bool {
	switch v.Kind() {
	case strictjson.String, strictjson.Number:
		if s := text(v); s != "" && *p == nil {
			*p = b.slab.text(s)
		}
		return true
	default:
		if b.loose {
			return false
		}
		b.Refuse(field+"."+name, "must be a string")
		return true
	}
}

func (b *Builder) domain(a *journalv1.Account, field string, v strictjson.Value) bool {
	switch s := text(v); {
	case v.Kind() == strictjson.String && s == "":
		return true
	case address(s) != "":
		if a.Domain == nil {
			a.Domain = b.slab.text(address(s))
		}
		return true
	case b.loose:
		return false
	default:
		b.Refuse(field+".domain", "is not a domain such as initech.example")
		return true
	}
}

func (b *Builder) employees(a *journalv1.Account, field string, v strictjson.Value) bool {
	s := text(v)
	if v.Kind() == strictjson.String && s == "" {
		return true
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		if f := v.Float(); v.Kind() == strictjson.Number && f >= 0 && f < 1<<31 && f == float64(int32(f)) {
			n, err = uint64(f), nil // 4.2e2, 420.0
		}
	}
	switch {
	case err == nil:
		if a.Employees == nil {
			count := int32(n)
			a.Employees = &count
		}
		return true
	case b.loose:
		return false
	default:
		b.Refuse(field+".employees", "is not a head count: a whole number from 0 to 2147483647")
		return true
	}
}

func (b *Builder) any(fields ...*string) bool {
	for _, f := range fields {
		if f != nil {
			return true
		}
	}
	return false
}
