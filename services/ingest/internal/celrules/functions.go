package celrules

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// functions are what mappings need of texts and CEL does not have. None gives more text than it is given.
func functions() []cel.EnvOption {
	of := func(name string, f func(string) string) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("baton_"+name, []*cel.Type{cel.StringType}, cel.StringType, cel.UnaryBinding(func(s ref.Val) ref.Val {
			text, ok := s.(types.String)
			if !ok {
				return types.MaybeNoSuchOverloadErr(s)
			}
			return types.String(f(string(text)))
		})))
	}
	with := func(name string, f func(s, other string) string) cel.EnvOption {
		return cel.Function(name, cel.MemberOverload("baton_"+name, []*cel.Type{cel.StringType, cel.StringType}, cel.StringType, cel.BinaryBinding(func(s, o ref.Val) ref.Val {
			text, ok := s.(types.String)
			other, alsoOK := o.(types.String)
			if !ok || !alsoOK {
				return types.MaybeNoSuchOverloadErr(s)
			}
			return types.String(f(string(text), string(other)))
		})))
	}
	return []cel.EnvOption{
		of("lower", strings.ToLower), of("trim", strings.TrimSpace),
		// before and after cut at the first place where the other stands: all, and nothing, where it does not.
		with("before", func(s, sep string) string { first, _, _ := strings.Cut(s, sep); return first }),
		with("after", func(s, sep string) string { _, rest, _ := strings.Cut(s, sep); return rest }),
	}
}

// charges counts the functions above by the text that they look at, as CEL counts its own. It does the same for operators on
// what only the event tells the kind of: CEL takes these for numbers.
type charges struct{}

func (charges) CallCost(function, overload string, args []ref.Val, _ ref.Val) *uint64 {
	switch function {
	case operators.Add, operators.In, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
	default:
		if !strings.HasPrefix(overload, "baton_") {
			return nil
		}
	}
	cost := uint64(1)
	for _, arg := range args {
		switch v := arg.(type) {
		case types.String:
			cost += uint64(len(v)) / 10
		case types.Bytes:
			cost += uint64(len(v)) / 10
		case traits.Lister:
			if n, ok := v.Size().(types.Int); ok && n > 0 {
				cost += uint64(n)
			}
		}
	}
	return &cost
}
