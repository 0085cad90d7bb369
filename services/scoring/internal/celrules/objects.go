package celrules

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/scoring/internal/core"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// absentError says that an expression met something that is not known.
type absentError struct{ what string }

func (e absentError) Error() string { return e.what + " is not known" }

// member is one field of an object: its type, and how a view gives it (nil: absent).
type member struct {
	typ *types.Type
	get func(*core.View) ref.Val
}

// objectType is one of the things that expressions look at.
type objectType struct {
	name    string
	typ     *types.Type
	members map[string]member
	// other gives a member that is not listed; nil where there are none: then its name is a compile error.
	other func(v *core.View, name string) ref.Val
	// hidden are names that are never looked up in other: they would mean something else elsewhere.
	hidden []string
}

// object is a value of an objectType: nothing is converted before it is asked for.
type object struct {
	*objectType
	view *core.View
}

func (o *object) lookup(name string) (ref.Val, error) {
	var val ref.Val
	if m, ok := o.members[name]; ok {
		val = m.get(o.view)
	} else if o.other != nil && !slices.Contains(o.hidden, name) {
		val = o.other(o.view, name)
	}
	if val == nil {
		return nil, absentError{o.name + "." + name}
	}
	return val, nil
}

// Get and IsSet serve expressions that reach the object as a dynamic value.
func (o *object) Get(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(index)
	}
	val, err := o.lookup(string(name))
	if err != nil {
		return types.WrapErr(err)
	}
	return val
}

func (o *object) IsSet(index ref.Val) ref.Val {
	name, ok := index.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(index)
	}
	_, err := o.lookup(string(name))
	return types.Bool(err == nil)
}

func (o *object) ConvertToNative(reflect.Type) (any, error) {
	return nil, fmt.Errorf("%s cannot be converted", o.name)
}

func (o *object) ConvertToType(t ref.Type) ref.Val {
	return types.NewErr("%s cannot be converted to %s", o.name, t.TypeName())
}

func (o *object) Equal(other ref.Val) ref.Val { return types.Bool(o == other) }

func (o *object) Type() ref.Type { return o.typ }

func (o *object) Value() any { return o }

// fieldType gives a member to the compiler and the planner.
func (t *objectType) fieldType(name string) (*types.FieldType, bool) {
	m, known := t.members[name]
	if !known && (t.other == nil || slices.Contains(t.hidden, name)) {
		return nil, false
	}
	if !known {
		m.typ = types.DynType
	}
	return &types.FieldType{
		Type: m.typ,
		IsSet: func(target any) bool {
			o, ok := target.(*object)
			if !ok {
				return false
			}
			_, err := o.lookup(name)
			return err == nil
		},
		GetFrom: func(target any) (any, error) {
			o, ok := target.(*object)
			if !ok {
				return nil, absentError{t.name + "." + name}
			}
			return o.lookup(name)
		},
	}, true
}

// provider knows the object types besides everything that CEL knows itself.
type provider struct {
	*types.Registry
	objects map[string]*objectType
}

func (p *provider) FindStructType(name string) (*types.Type, bool) {
	if t, ok := p.objects[name]; ok {
		return types.NewTypeTypeWithParam(t.typ), true
	}
	return p.Registry.FindStructType(name)
}

func (p *provider) FindStructFieldNames(name string) ([]string, bool) {
	if t, ok := p.objects[name]; ok {
		names := make([]string, 0, len(t.members))
		for n := range t.members {
			names = append(names, n)
		}
		return names, true
	}
	return p.Registry.FindStructFieldNames(name)
}

func (p *provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if t, ok := p.objects[name]; ok {
		return t.fieldType(field)
	}
	return p.Registry.FindStructFieldType(name, field)
}

func (p *provider) NewValue(name string, fields map[string]ref.Val) ref.Val {
	if _, ok := p.objects[name]; ok {
		return types.NewErr("%s cannot be made by an expression", name)
	}
	return p.Registry.NewValue(name, fields)
}

func text(s string) ref.Val {
	if s == "" {
		return nil
	}
	return types.String(s)
}

func moment(ns int64) ref.Val {
	if ns == 0 {
		return nil
	}
	return types.Timestamp{Time: time.Unix(0, ns).UTC()}
}

func textOf(get func(*core.Event) string) member {
	return member{types.StringType, func(v *core.View) ref.Val { return text(get(v.Event)) }}
}

// eventType is what happened.
func eventType(a *adapter) *objectType {
	return &objectType{name: "event", typ: types.NewObjectType("baton.Event"), members: map[string]member{
		"id":            textOf(func(e *core.Event) string { return e.ID }),
		"type":          textOf(func(e *core.Event) string { return e.Type }),
		"name":          textOf(func(e *core.Event) string { return e.Name }),
		"source":        textOf(func(e *core.Event) string { return e.Source }),
		"channel":       textOf(func(e *core.Event) string { return e.Channel }),
		"campaign":      textOf(func(e *core.Event) string { return e.Campaign }),
		"asset":         textOf(func(e *core.Event) string { return e.Asset }),
		"url":           textOf(func(e *core.Event) string { return e.URL }),
		"referrer":      textOf(func(e *core.Event) string { return e.Referrer }),
		"topic":         textOf(func(e *core.Event) string { return e.Content.Topic }),
		"journey_stage": textOf(func(e *core.Event) string { return e.Content.Stage }),
		"persona":       textOf(func(e *core.Event) string { return e.Content.Persona }),
		"asset_kind":    textOf(func(e *core.Event) string { return e.Content.Kind }),
		"automated": {types.BoolType, func(v *core.View) ref.Val {
			return types.Bool(v.Event.Automated)
		}},
		"occurred_at": {types.TimestampType, func(v *core.View) ref.Val { return moment(v.Event.At) }},
		"received_at": {types.TimestampType, func(v *core.View) ref.Val { return moment(v.Event.Now) }},
		"properties": {types.NewMapType(types.StringType, types.DynType), func(v *core.View) ref.Val {
			body, _ := v.Event.Raw.(*journalv1.Event)
			return a.NativeToValue(body.GetProperties())
		}},
	}}
}

func field(name string) member {
	return member{types.StringType, func(v *core.View) ref.Val { return text(v.Lead.Profile.Text(name)) }}
}

// leadType is the person: what Baton knows by name, and whatever else senders said.
func leadType(a *adapter) *objectType {
	members := map[string]member{
		"id": {types.StringType, func(v *core.View) ref.Val { return text(v.Lead.ID) }},
		"email": {types.StringType, func(v *core.View) ref.Val {
			return text(v.Lead.PrimaryEmail())
		}},
		"domain": {types.StringType, func(v *core.View) ref.Val {
			return text(identity.Domain(v.Lead.PrimaryEmail()))
		}},
		"external_ids": {types.NewMapType(types.StringType, types.StringType), func(v *core.View) ref.Val {
			m := map[string]string{}
			for _, f := range v.Lead.Profile.Under(core.ExternalPrefix) {
				m[f.Name[len(core.ExternalPrefix):]] = f.Value
			}
			return a.strings(m)
		}},
		"consent": {types.NewMapType(types.StringType, types.StringType), func(v *core.View) ref.Val {
			return a.strings(v.Lead.Purposes())
		}},
	}
	for _, name := range []string{"first_name", "last_name", "title", "country", "phone", "company", "language"} {
		members[name] = field(name)
	}
	return &objectType{name: "lead", typ: types.NewObjectType("baton.Lead"), members: members, other: a.other(core.OtherPrefix)}
}

// What an account is rated by. Fit is what a lead and its account are, not what people do: fit rules do not see it.
const (
	accountEngagement = "engagement"
	accountPeople     = "people"
)

// ratedAccountType is the company, and how engaged its people are as a whole.
func ratedAccountType(a *adapter) *objectType {
	t := accountType(a)
	t.typ, t.hidden = types.NewObjectType("baton.RatedAccount"), nil
	rated := func(get func(*core.Rating) ref.Val) func(*core.View) ref.Val {
		return func(v *core.View) ref.Val {
			if v.Lead.Rated.Account == "" {
				return nil
			}
			return get(&v.Lead.Rated)
		}
	}
	t.members[accountEngagement] = member{types.DoubleType, rated(func(r *core.Rating) ref.Val { return types.Double(r.Micros.Points()) })}
	t.members[accountPeople] = member{types.IntType, rated(func(r *core.Rating) ref.Val { return types.Int(r.People) })}
	return t
}

// accountType is the company.
func accountType(a *adapter) *objectType {
	members := map[string]member{
		"employees": {types.IntType, func(v *core.View) ref.Val {
			n, err := strconv.ParseInt(v.Lead.Profile.Text(core.AccountPrefix+"employees"), 10, 64)
			if err != nil {
				return nil
			}
			return types.Int(n)
		}},
	}
	for _, name := range []string{"name", "domain", "industry", "country"} {
		members[name] = field(core.AccountPrefix + name)
	}
	return &objectType{
		name: "account", typ: types.NewObjectType("baton.Account"), members: members, other: a.other(core.AccountOtherPrefix),
		hidden: []string{accountEngagement, accountPeople},
	}
}

// other gives a sender's own field, as it was sent.
func (a *adapter) other(prefix string) func(*core.View, string) ref.Val {
	return func(v *core.View, name string) ref.Val {
		encoded, ok := v.Lead.Profile.Get(prefix + name)
		if !ok {
			return nil
		}
		var val structpb.Value
		if err := proto.Unmarshal([]byte(encoded), &val); err != nil {
			return nil
		}
		if _, null := val.Kind.(*structpb.Value_NullValue); null || val.Kind == nil {
			return nil
		}
		return a.NativeToValue(&val)
	}
}
