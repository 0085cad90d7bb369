package celrules

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"
)

// constantCost limits what is spent on finding out whether an expression is a constant.
const constantCost = 1_000

// Expr is what an expression says, for those who judge it rather than evaluate it.
type Expr struct {
	// Op is one of && || ! == != < <= > >= in; "list" of literals; "literal"; or "" for anything else. Nested && and ||
	// are joined into one.
	Op   string
	Args []*Expr
	// Value of a literal: a string, a bool or a float64 that is exactly the number written.
	Value any
	// Text of what has Op "": the same text is the same value.
	Text string
}

// Constant is what is known of an expression whatever the event and the lead: nothing (the zero Constant), or what it gives.
type Constant struct {
	Known, Holds bool
	// Error is why it can never be evaluated; then it never holds.
	Error string
}

// Reader takes expressions apart. It is safe for use by several goroutines.
type Reader struct {
	events, leads *cel.Env
	unknown       cel.PartialActivation
}

// Reader gives a reader of the expressions that the compiler accepts.
func (c *Compiler) Reader() (*Reader, error) {
	r := &Reader{}
	var err error
	if r.leads, err = c.leads.Extend(cel.EnableMacroCallTracking()); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if r.events, err = c.events.Extend(cel.EnableMacroCallTracking()); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	var names []*cel.AttributePatternType
	for _, name := range []string{"lead", "account", "event", "engagement", "fit", "grade", "stage", "scores"} {
		names = append(names, cel.AttributePattern(name))
	}
	if r.unknown, err = cel.PartialVars(map[string]any{}, names...); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return r, nil
}

// Read takes an expression apart that may look at everything, or at the lead alone. The error says that it does not
// compile.
func (r *Reader) Read(expression string, leadAlone bool) (*Expr, Constant, error) {
	env := r.events
	if leadAlone {
		env = r.leads
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, Constant{}, firstIssue(issues)
	}
	rep := checked.NativeRep()
	return (&source{expression, rep.SourceInfo()}).tree(rep.Expr()), r.constant(env, checked), nil
}

// constant evaluates an expression with everything unknown that it can look at.
func (r *Reader) constant(env *cel.Env, checked *cel.Ast) Constant {
	p, err := env.Program(checked, cel.EvalOptions(cel.OptPartialEval), cel.CostLimit(constantCost))
	if err != nil {
		return Constant{}
	}
	out, _, err := p.Eval(r.unknown)
	var stopped interpreter.EvalCancelledError
	switch {
	case errors.As(err, &stopped), err != nil && strings.HasPrefix(err.Error(), "internal error"):
		return Constant{}
	case err != nil:
		return Constant{Known: true, Error: oneLine(err.Error())}
	case types.IsUnknown(out):
		return Constant{}
	}
	if b, ok := out.(types.Bool); ok {
		return Constant{Known: true, Holds: bool(b)}
	}
	return Constant{Known: true, Error: "gives " + out.Type().TypeName() + ", not true or false"}
}

// source is the text that a tree is made from.
type source struct {
	text string
	info *ast.SourceInfo
}

func (s *source) tree(e ast.Expr) *Expr {
	switch e.Kind() {
	case ast.LiteralKind:
		if value, ok := literal(e); ok {
			return &Expr{Op: "literal", Value: value}
		}
	case ast.ListKind:
		list := &Expr{Op: "list"}
		for _, element := range e.AsList().Elements() {
			value, ok := literal(element)
			if !ok {
				return s.opaque(e)
			}
			list.Args = append(list.Args, &Expr{Op: "literal", Value: value})
		}
		if len(e.AsList().OptionalIndices()) == 0 {
			return list
		}
	case ast.CallKind:
		c := e.AsCall()
		op := operatorOf(c.FunctionName())
		if op == "" {
			break
		}
		out := &Expr{Op: op}
		for _, arg := range c.Args() {
			if a := s.tree(arg); (op == "&&" || op == "||") && a.Op == op {
				out.Args = append(out.Args, a.Args...)
			} else {
				out.Args = append(out.Args, a)
			}
		}
		return out
	}
	return s.opaque(e)
}

func operatorOf(function string) string {
	switch function {
	case operators.LogicalAnd:
		return "&&"
	case operators.LogicalOr:
		return "||"
	case operators.LogicalNot:
		return "!"
	case operators.Equals:
		return "=="
	case operators.NotEquals:
		return "!="
	case operators.Less:
		return "<"
	case operators.LessEquals:
		return "<="
	case operators.Greater:
		return ">"
	case operators.GreaterEquals:
		return ">="
	case operators.In:
		return "in"
	}
	return ""
}

func (s *source) opaque(e ast.Expr) *Expr {
	text, err := parser.Unparse(e, s.info)
	if err != nil {
		text = fmt.Sprintf("(part %d of %s)", e.ID(), s.text) // the same as nothing else
	}
	return &Expr{Text: strings.ReplaceAll(text, "\n", " ")}
}

// literal gives a value that can be compared in Go as CEL compares it.
func literal(e ast.Expr) (any, bool) {
	const exact = 1 << 53
	if e.Kind() != ast.LiteralKind {
		return nil, false
	}
	switch v := e.AsLiteral().(type) {
	case types.String:
		return string(v), true
	case types.Bool:
		return bool(v), true
	case types.Int:
		return float64(v), -exact <= v && v <= exact
	case types.Uint:
		return float64(v), v <= exact
	case types.Double:
		return float64(v), true // there is no way to write one that is not a number
	}
	return nil, false
}
