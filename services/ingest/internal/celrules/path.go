package celrules

import (
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// step leads one level down a path: to the member of a name, or to the element of an index where the name is "". The first is
// the variable.
type step struct {
	name  string
	index int
}

// pathOf gives the path that an expression names, nil where it does anything else. Most expressions of a mapping are paths:
// they are followed in the JSON itself, which is faster and leaves a number its digits.
func pathOf(e ast.Expr) []step {
	switch e.Kind() {
	case ast.IdentKind:
		if name := e.AsIdent(); variable(name) {
			return []step{{name: name}}
		}
	case ast.SelectKind:
		s := e.AsSelect()
		if s.IsTestOnly() || s.FieldName() == "" {
			return nil
		}
		if path := pathOf(s.Operand()); path != nil {
			return append(path, step{name: s.FieldName()})
		}
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() != operators.Index || len(call.Args()) != 2 || call.Args()[1].Kind() != ast.LiteralKind {
			return nil
		}
		next := step{}
		switch v := call.Args()[1].AsLiteral().(type) {
		case types.String:
			next.name = string(v)
		case types.Int:
			if v < 0 || v > 1<<20 {
				return nil
			}
			next.index = int(v)
		default:
			return nil
		}
		if s, ok := call.Args()[1].AsLiteral().(types.String); ok && s == "" {
			return nil
		}
		if path := pathOf(call.Args()[0]); path != nil {
			return append(path, next)
		}
	}
	return nil
}

// follow gives what a path leads to; the zero Value where there is nothing. Headers have no path in JSON.
func follow(v strictjson.Value, path []step) strictjson.Value {
	for _, s := range path {
		switch {
		case s.name != "":
			v = v.Get(s.name)
		default:
			e, next, ok := v.Elements(), strictjson.Value{}, false
			for range s.index + 1 {
				if next, ok = e.Next(); !ok {
					break
				}
			}
			v = next
		}
	}
	return v
}
