package celrules

import (
	"slices"

	"cel.dev/cel-go/common/ast"
)

// looksAtEvent reports whether an expression that compiles names the event. A condition that disqualifies is looked at when no
// event is there, too, and must not depend on one.
func (c *Compiler) looksAtEvent(expression string) bool {
	checked, issues := c.events.Compile(expression)
	if issues.Err() != nil {
		return false
	}
	root := ast.NavigateAST(checked.NativeRep())
	return slices.ContainsFunc(ast.MatchDescendants(root, ast.KindMatcher(ast.IdentKind)), func(e ast.NavigableExpr) bool {
		return e.AsIdent() == "event"
	})
}
