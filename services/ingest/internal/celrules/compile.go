package celrules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// Limits of one expression. A mapping's own are far below; they bound what a hostile event makes one cost.
const (
	// MaxLength of an expression, in bytes.
	MaxLength = 4096
	// costLimit of one evaluation, in CEL's units: a loop over a few thousand values, or a million bytes of text looked at;
	// some ten milliseconds.
	costLimit       = 100_000
	maxNodes        = 2_000
	maxNesting      = 60
	maxRegexProgram = 5_000
	maxLoops        = 2
)

// Want is what an expression is to give.
type Want int

const (
	// Truth is true or false.
	Truth Want = iota
	// Text is a text, a number, true or false, or a moment.
	Text
	// Anything is any value of JSON.
	Anything
)

// Compiler makes expressions ready. It is safe for use by several goroutines.
type Compiler struct{ env *cel.Env }

// NewCompiler gives a compiler. An error is a mistake in this package.
func NewCompiler() (*Compiler, error) {
	options := append(functions(),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(MaxLength), cel.ParserRecursionLimit(maxNesting), cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegexProgram),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(maxLoops), closed{}),
		cel.Variable("event", cel.DynType), cel.Variable("body", cel.DynType),
		cel.Variable("header", cel.MapType(cel.StringType, cel.StringType)),
	)
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("expressions: %w", err)
	}
	return &Compiler{env}, nil
}

// Expression is one that has been compiled. It is safe for use by several goroutines.
type Expression struct {
	program cel.Program
	// path is what a plain expression names, such as event.attendee.email, and empty for all others.
	path []step
	// looks: it names the event, the body or a header.
	looks bool
}

// Compile makes an expression ready. The error says where it is wrong, and why, in one line.
func (c *Compiler) Compile(expression string, want Want) (*Expression, error) {
	if strings.TrimSpace(expression) == "" {
		return nil, errors.New("is empty")
	}
	checked, issues := c.env.Compile(expression)
	if issues.Err() != nil {
		return nil, firstIssue(issues)
	}
	if err := gives(checked.OutputType(), want); err != nil {
		return nil, err
	}
	root := ast.NavigateAST(checked.NativeRep())
	e := &Expression{path: pathOf(root)}
	e.looks = slices.ContainsFunc(ast.MatchDescendants(root, ast.KindMatcher(ast.IdentKind)), func(e ast.NavigableExpr) bool {
		return variable(e.AsIdent())
	})
	if e.path != nil {
		return e, nil
	}
	var err error
	e.program, err = c.env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostTracking(charges{}), cel.CostLimit(costLimit))
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	return e, nil
}

// Looks reports whether what the expression gives depends on what has come in.
func (e *Expression) Looks() bool { return e.looks }

// Path gives the names of the place in the event, the body or the headers that the expression does no more than name, "" for the
// index of a list; nil for all other expressions.
func (e *Expression) Path() []string {
	var names []string
	for _, s := range e.path {
		names = append(names, s.name)
	}
	return names
}

func gives(t *types.Type, want Want) error {
	if t.Kind() == types.OpaqueKind && t.TypeName() == "optional_type" && len(t.Parameters()) == 1 {
		t = t.Parameters()[0]
	}
	switch k := t.Kind(); {
	case k == types.DynKind || want == Anything:
	case want == Truth && k != types.BoolKind:
		return fmt.Errorf("must be true or false, but gives %s", t)
	case want == Text && !slices.Contains([]types.Kind{types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind, types.TimestampKind}, k):
		return fmt.Errorf("must be a text or a number, but gives %s", t)
	}
	return nil
}

// firstIssue says what is wrong, and where, in one line.
func firstIssue(issues *cel.Issues) error {
	first := issues.Errors()[0]
	return fmt.Errorf("column %d: %s", first.Location.Column()+1, oneLine(first.Message))
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

func variable(name string) bool { return name == "event" || name == "body" || name == "header" }

// closed refuses what an expression could do beyond looking: patterns that an event brings along, whose cost would be the
// sender's to choose, messages of its own making, and maps, which have no order of their own.
type closed struct{}

func (closed) Name() string { return "baton.closed" }

func (closed) Validate(_ *cel.Env, _ cel.ValidatorConfig, a *ast.AST, issues *cel.Issues) {
	root := ast.NavigateAST(a)
	for _, e := range ast.MatchDescendants(root, ast.FunctionMatcher(overloads.Matches)) {
		args := e.AsCall().Args()
		if pattern := args[len(args)-1]; pattern.Kind() != ast.LiteralKind {
			issues.ReportErrorAtID(pattern.ID(), "the pattern of matches must be written out in the expression")
		}
	}
	for _, e := range ast.MatchDescendants(root, ast.KindMatcher(ast.StructKind)) {
		issues.ReportErrorAtID(e.ID(), "messages cannot be made in an expression")
	}
	for _, e := range ast.MatchDescendants(root, ast.KindMatcher(ast.MapKind)) {
		issues.ReportErrorAtID(e.ID(), "objects cannot be made in an expression; state each field by itself")
	}
}
