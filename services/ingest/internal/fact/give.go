package fact

import (
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

// GiveTrait sets something of the person by our name, or keeps it under its own; nil says nothing. What has been set stays.
func (b *Builder) GiveTrait(name string, v *structpb.Value) {
	t := &b.slab.traits
	if p := traitField(t, name); p != nil {
		if s, ok := plain(v); ok {
			b.Trait(name, s)
			return
		}
	}
	if t.Other = give(t.Other, name, v); t.Other != nil {
		b.slab.event.Traits = t
	}
}

// GiveAccount sets something of the company by our name, or keeps it under its own; nil says nothing. What has been set stays.
func (b *Builder) GiveAccount(name string, v *structpb.Value) {
	a := &b.slab.account
	s, ok := plain(v)
	set := func(p **string, s string) {
		if s != "" && *p == nil {
			*p = b.slab.text(s)
			b.slab.event.Account = a
		}
	}
	if ok {
		switch name {
		case "name":
			set(&a.Name, s)
			return
		case "industry":
			set(&a.Industry, s)
			return
		case "country":
			set(&a.Country, s)
			return
		case "domain":
			if d := address(s); d != "" || s == "" {
				set(&a.Domain, d)
				return
			}
		case "employees":
			if n, err := strconv.ParseFloat(s, 64); err == nil && n >= 0 && n <= math.MaxInt32 && n == math.Trunc(n) {
				if count := int32(n); a.Employees == nil {
					a.Employees, b.slab.event.Account = &count, a
				}
				return
			}
		}
	}
	if a.Other = give(a.Other, name, v); a.Other != nil {
		b.slab.event.Account = a
	}
}

// plain gives what a person would read in a text or a number.
func plain(v *structpb.Value) (string, bool) {
	switch k := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return strings.TrimSpace(k.StringValue), true
	case *structpb.Value_NumberValue:
		return strconv.FormatFloat(k.NumberValue, 'f', -1, 64), math.Abs(k.NumberValue) < 1e40
	}
	return "", false
}

func give(to *structpb.Struct, name string, v *structpb.Value) *structpb.Struct {
	if v == nil {
		return to
	}
	if _, null := v.Kind.(*structpb.Value_NullValue); null {
		return to
	}
	if to == nil {
		to = &structpb.Struct{Fields: map[string]*structpb.Value{}}
	}
	if _, there := to.Fields[name]; !there {
		to.Fields[name] = v
	}
	return to
}
