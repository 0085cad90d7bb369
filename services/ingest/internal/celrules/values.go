package celrules

import (
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// value gives JSON to expressions as it stands, without a copy of what they do not look at.
func (s *Scope) value(v strictjson.Value) ref.Val {
	switch v.Kind() {
	case strictjson.Object:
		return &object{s, v}
	case strictjson.Array:
		return s.list(v)
	case strictjson.String:
		return types.String(v.Text())
	case strictjson.Number:
		if text, ok := fact.Value(v).GetKind().(*structpb.Value_StringValue); ok { // more digits than a float64 has
			return types.String(text.StringValue)
		}
		return types.Double(v.Float())
	case strictjson.True, strictjson.False:
		return types.Bool(v.Kind() == strictjson.True)
	}
	return types.NullValue
}

// list gives an array, made once however often it is looked at.
func (s *Scope) list(v strictjson.Value) traits.Lister {
	if made, ok := s.lists[v.Offset()]; ok {
		return made
	}
	elements := make([]ref.Val, 0, v.Len())
	for e := v.Elements(); ; {
		element, ok := e.Next()
		if !ok {
			break
		}
		elements = append(elements, s.value(element))
	}
	if s.lists == nil {
		s.lists = map[int]traits.Lister{}
	}
	made := types.NewRefValList(types.DefaultTypeAdapter, elements)
	s.lists[v.Offset()] = made
	return made
}

// manyMembers is where walking through an object costs more than an index of it.
const manyMembers = 32

// member finds an object's member.
func (s *Scope) member(v strictjson.Value, name string) strictjson.Value {
	index, ok := s.members[v.Offset()]
	if !ok {
		n := 0
		for m := v.Members(); ; {
			key, value, more := m.Next()
			if !more {
				return strictjson.Value{}
			}
			if key.Is(name) {
				return value
			}
			if n++; n == manyMembers {
				break
			}
		}
		index = map[string]strictjson.Value{}
		for m := v.Members(); ; {
			key, value, more := m.Next()
			if !more {
				break
			}
			index[key.Text()] = value
		}
		if s.members == nil {
			s.members = map[int]map[string]strictjson.Value{}
		}
		s.members[v.Offset()] = index
	}
	return index[name]
}

// object is a JSON object to expressions. Its members come in the order in which they stand.
type object struct {
	scope *Scope
	json  strictjson.Value
}

// Find gives the member of a name.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	v := o.scope.member(o.json, string(name))
	if v.Kind() == strictjson.Invalid {
		return nil, false
	}
	return o.scope.value(v), true
}

// Get gives the member of a name, or an error.
func (o *object) Get(key ref.Val) ref.Val {
	v, found := o.Find(key)
	switch {
	case found:
		return v
	case v != nil:
		return v
	}
	return types.ValOrErr(key, "no such key: %v", key)
}

// Contains reports whether there is a member of a name.
func (o *object) Contains(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if !found && v != nil {
		return v
	}
	return types.Bool(found)
}

// Size counts the members.
func (o *object) Size() ref.Val { return types.Int(o.json.Len()) }

// Iterator walks the names.
func (o *object) Iterator() traits.Iterator {
	names := make([]string, 0, o.json.Len())
	for m := o.json.Members(); ; {
		key, _, ok := m.Next()
		if !ok {
			return types.NewStringList(types.DefaultTypeAdapter, names).Iterator()
		}
		names = append(names, key.Text())
	}
}

// Equal compares members.
func (o *object) Equal(other ref.Val) ref.Val {
	if same, ok := other.(*object); ok && same.json == o.json {
		return types.True
	}
	return types.NewJSONStruct(types.DefaultTypeAdapter, fact.Struct(o.json)).Equal(other)
}

// ConvertToNative is not needed.
func (o *object) ConvertToNative(reflect.Type) (any, error) {
	return nil, errors.New("an object cannot be converted")
}

// ConvertToType knows no other type.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("an object cannot be converted to %s", t.TypeName())
}

// Type is CEL's map.
func (o *object) Type() ref.Type { return types.MapType }

// Value gives the object.
func (o *object) Value() any { return o }

// headers gives the headers that are kept; absent ones are absent.
func headers(h map[string]string) ref.Val {
	if h == nil {
		h = map[string]string{}
	}
	return &ordered{types.NewStringStringMap(types.DefaultTypeAdapter, h), h}
}

// ordered is a map whose keys are walked in order: Go's own order changes from run to run.
type ordered struct {
	traits.Mapper
	names map[string]string
}

// Iterator walks the names.
func (o *ordered) Iterator() traits.Iterator {
	return types.NewStringList(types.DefaultTypeAdapter, slices.Sorted(maps.Keys(o.names))).Iterator()
}

// Bounds of a value that an expression has made.
const (
	maxValues = 10_000
	maxDepth  = 32
)

// structOf gives a value that an expression has made as the journal keeps it; nil for what is no JSON, or too much of it.
func structOf(val ref.Val, depth int, left *int) *structpb.Value {
	if *left--; *left < 0 || depth > maxDepth {
		return nil
	}
	switch v := val.(type) {
	case *object:
		return fact.Value(v.json)
	case types.String:
		return structpb.NewStringValue(clean(string(v)))
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil
		}
		return structpb.NewNumberValue(float64(v))
	case types.Int:
		if f := float64(v); math.Abs(f) < 1<<53 {
			return structpb.NewNumberValue(f)
		}
		return structpb.NewStringValue(strconv.FormatInt(int64(v), 10))
	case types.Uint:
		if f := float64(v); f < 1<<53 {
			return structpb.NewNumberValue(f)
		}
		return structpb.NewStringValue(strconv.FormatUint(uint64(v), 10))
	case types.Bool:
		return structpb.NewBoolValue(bool(v))
	case types.Null:
		return structpb.NewNullValue()
	case types.Timestamp:
		return structpb.NewStringValue(Result{val: v}.Text())
	case traits.Lister:
		out := &structpb.ListValue{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			item := structOf(it.Next(), depth+1, left)
			if item == nil {
				return nil
			}
			out.Values = append(out.Values, item)
		}
		return structpb.NewListValue(out)
	}
	return nil
}
