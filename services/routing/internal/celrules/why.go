package celrules

import (
	"slices"

	"cel.dev/cel-go/common/ast"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// value is a field of a variable that an expression reads: it does not hold where that is not known.
type value struct{ of, field string }

// valuesOf gives the values that an expression reads as they are, in the order in which it names them. Where it asks whether one
// is known (has, or an optional selection), it does without.
func valuesOf(e ast.Expr) (list []value) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind || e.AsSelect().Operand().Kind() != ast.IdentKind || e.AsSelect().IsTestOnly() {
			return
		}
		v := value{e.AsSelect().Operand().AsIdent(), e.AsSelect().FieldName()}
		if _, known := fields[v.of]; known && !slices.Contains(list, v) {
			list = append(list, v)
		}
	}))
	return list
}

// Source gives the expression as it was written.
func (c condition) Source() string { return c.source }

// Why implements core.Explained.
func (c condition) Why(f core.Facts) (absent []string, failed string) {
	vars := variables(f)
	for _, v := range c.values {
		of, ok := vars[v.of].(map[string]any)
		if _, known := of[v.field]; ok && !known {
			absent = append(absent, v.of+"."+v.field)
		}
	}
	if len(absent) > 0 {
		return absent, ""
	}
	if _, _, err := c.program.Eval(vars); err != nil {
		return nil, oneLine(err.Error())
	}
	return nil, ""
}
