package celrules

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// FieldCompiler compiles the expressions that fill a receiver's fields. It is safe for use by several goroutines.
type FieldCompiler struct {
	env *cel.Env
}

// NewFieldCompiler sets up the language: the variables of destination.Variables, all dynamic, comparison across numeric types,
// and optional types.
func NewFieldCompiler() (*FieldCompiler, error) {
	var options []cel.EnvOption
	for _, name := range []string{"handoff", "lead", "account", "owner", "score", "brief", "sla", "change"} {
		options = append(options, cel.Variable(name, cel.MapType(cel.StringType, cel.DynType)))
	}
	env, err := cel.NewEnv(append(options,
		cel.Variable("event", cel.StringType), cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(),
		cel.ParserRecursionLimit(maxDepth), cel.ParserExpressionSizeLimit(maxLength), cel.ExtendedValidations(),
	)...)
	if err != nil {
		return nil, fmt.Errorf("set up the expression language: %w", err)
	}
	return &FieldCompiler{env: env}, nil
}

// Compile checks an expression and makes it ready. The error says what is wrong in one line.
func (c *FieldCompiler) Compile(source string) (destination.Expression, error) {
	if len(source) > maxLength {
		return nil, fmt.Errorf("is %d bytes long, at most %d are allowed", len(source), maxLength)
	}
	checked, issues := c.env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	program, err := c.env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	return field{program}, nil
}

type field struct {
	program cel.Program
}

// Value evaluates the expression. What it cannot know (it meets an absent value, fails, or costs too much) is not known.
func (f field) Value(vars destination.Variables) (any, bool) {
	out, _, err := f.program.Eval(map[string]any(vars))
	if err != nil {
		return nil, false
	}
	return plain(out, 0)
}

// maxNesting is how deep a value may nest.
const maxNesting = 8

// plain gives a value of the language as JSON can have it.
func plain(v ref.Val, depth int) (any, bool) {
	if depth > maxNesting {
		return nil, false
	}
	switch v := v.(type) {
	case types.String:
		return string(v), true
	case types.Bool:
		return bool(v), true
	case types.Int:
		return int64(v), true
	case types.Uint:
		return uint64(v), true
	case types.Double:
		return float64(v), true
	case *types.Optional:
		if !v.HasValue() {
			return nil, false
		}
		return plain(v.GetValue(), depth)
	case traits.Lister:
		out := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			item, ok := plain(it.Next(), depth+1)
			if !ok {
				return nil, false
			}
			out = append(out, item)
		}
		return out, true
	case traits.Mapper:
		out := map[string]any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			key := it.Next()
			name, ok := key.(types.String)
			if !ok {
				return nil, false
			}
			item, ok := plain(v.Get(key), depth+1)
			if !ok {
				return nil, false
			}
			out[string(name)] = item
		}
		return out, true
	}
	return nil, false
}
