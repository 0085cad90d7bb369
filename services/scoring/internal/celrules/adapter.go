package celrules

import (
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"google.golang.org/protobuf/types/known/structpb"
)

// adapter gives senders' JSON to expressions as it stands in the journal, without a copy, and in a fixed order.
type adapter struct{ types.Adapter }

func (a *adapter) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case *structpb.Struct:
		return &ordered{types.NewJSONStruct(a, v)}
	case *structpb.Value:
		switch k := v.GetKind().(type) {
		case *structpb.Value_StructValue:
			return a.NativeToValue(k.StructValue)
		case *structpb.Value_ListValue:
			return types.NewJSONList(a, k.ListValue)
		case *structpb.Value_StringValue:
			return types.String(k.StringValue)
		case *structpb.Value_NumberValue:
			return types.Double(k.NumberValue)
		case *structpb.Value_BoolValue:
			return types.Bool(k.BoolValue)
		}
		return types.NullValue
	case *object:
		return v
	}
	return a.Adapter.NativeToValue(value)
}

func (a *adapter) strings(m map[string]string) ref.Val {
	return &ordered{types.NewStringStringMap(a, m)}
}

// ordered is a map whose keys are walked in order: Go's own order changes from run to run, and with it what an expression
// over several entries would give.
type ordered struct{ traits.Mapper }

func (o *ordered) Iterator() traits.Iterator {
	var keys []string
	switch m := o.Value().(type) {
	case *structpb.Struct:
		keys = slices.Sorted(maps.Keys(m.GetFields()))
	case map[string]string:
		keys = slices.Sorted(maps.Keys(m))
	}
	return types.NewStringList(types.DefaultTypeAdapter, keys).Iterator()
}
