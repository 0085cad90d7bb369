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

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Limits of one expression. An agreement's own are far below; they bound what a hostile one costs.
const (
	// costLimit of one evaluation, in CEL's units: a loop over a few thousand values, some 20 milliseconds.
	costLimit       = 50_000
	maxNodes        = 2_000
	maxNesting      = 60
	maxRegexProgram = 5_000
	maxLoops        = 2
)

// Compiler makes programs of expressions. It is safe for use by several goroutines.
type Compiler struct {
	// events sees everything; leads sees the lead and its account alone.
	events, leads *cel.Env
	// objects are what events looks at, bare what leads does.
	objects, bare *objects
	provider      *provider
}

// NewCompiler gives a compiler. An error is a mistake in this package.
func NewCompiler() (*Compiler, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	a := &adapter{registry}
	o := &objects{event: eventType(a), lead: leadType(a), account: ratedAccountType(a)}
	bare := *o
	bare.account = accountType(a)
	p := &provider{registry, map[string]*objectType{}}
	for _, t := range []*objectType{o.event, o.lead, o.account, bare.account} {
		p.objects[t.typ.TypeName()] = t
	}
	base, err := cel.NewEnv(
		cel.CustomTypeProvider(p), cel.CustomTypeAdapter(a),
		cel.OptionalTypes(), cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(agreement.MaxExpression), cel.ParserRecursionLimit(maxNesting), cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxRegexProgram),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(maxLoops), closed{}),
		cel.Variable("lead", o.lead.typ),
	)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	leads, err := base.Extend(cel.Variable("account", bare.account.typ))
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	events, err := base.Extend(
		cel.Variable("account", o.account.typ),
		cel.Variable("event", o.event.typ), cel.Variable("engagement", cel.DoubleType), cel.Variable("fit", cel.DoubleType),
		cel.Variable("grade", cel.StringType), cel.Variable("stage", cel.StringType),
	)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	return &Compiler{events: events, leads: leads, objects: o, bare: &bare, provider: p}, nil
}

// Compile makes one version of an agreement ready to use. The error wraps an agreement.Errors with the line and the field of
// each expression that does not compile.
func (c *Compiler) Compile(a *agreement.Agreement, version int32) (*core.Agreement, error) {
	var errs agreement.Errors
	c, err := c.For(a)
	if err != nil {
		return nil, err
	}
	groups := map[string]core.Micros{}
	for _, g := range a.Groups {
		groups[g.ID] = core.Micros(g.Limit)
	}
	program := func(env *cel.Env, expression, field string, line int) core.Program {
		if expression == "" {
			return nil
		}
		p, err := c.compile(env, expression)
		if err != nil {
			errs.Add(agreement.Error{Line: line, Field: field + ".when", Reason: err.Error()})
			return nil
		}
		return p
	}
	out := &core.Agreement{
		Version: version, Name: a.Name, ByType: map[string][]*core.Rule{},
		Grades: [3]core.Micros{core.Micros(a.Grades.A), core.Micros(a.Grades.B), core.Micros(a.Grades.C)},
	}
	for i, r := range a.Engagement {
		rule := &core.Rule{
			Terms: core.Terms{
				Rule: r.ID, Raw: core.Micros(r.Points), HalfLife: r.HalfLife, CapCount: r.Cap.Count, CapPer: r.Cap.Per, Version: version,
				Timeframe: r.Timeframe, Limit: core.Micros(r.Limit), Group: r.Group, GroupLimit: groups[r.Group], Score: r.Score,
			},
			When: program(c.events, r.When, fmt.Sprintf("engagement[%d]", i), r.Line), Because: r.Because,
		}
		for _, on := range r.On {
			out.ByType[on] = append(out.ByType[on], rule)
		}
	}
	for i, r := range a.Fit {
		out.Fit = append(out.Fit, &core.FitRule{
			ID: r.ID, When: program(c.leads, r.When, fmt.Sprintf("fit[%d]", i), r.Line), Points: core.Micros(r.Points), Because: r.Because,
		})
	}
	for i, r := range a.Qualify {
		out.Qualify = append(out.Qualify, &core.QualifyRule{
			ID: r.ID, On: slices.Clone(r.On), When: program(c.events, r.When, fmt.Sprintf("qualify[%d]", i), r.Line),
		})
	}
	for i, r := range a.Disqualify {
		out.Disqualify = append(out.Disqualify, &core.DisqualifyRule{
			ID: r.ID, When: program(c.events, r.When, fmt.Sprintf("disqualify[%d]", i), r.Line), Because: r.Because,
		})
		if c.looksAtEvent(r.When) {
			errs = append(errs, agreement.Error{Line: r.Line, Field: fmt.Sprintf("disqualify[%d].when", i), Reason: "looks at event, and would never hold: it asks how the lead stands, not what just happened"})
		}
	}
	for _, s := range a.Scores {
		out.Scores = append(out.Scores, s.ID)
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("agreement: %w", errs)
	}
	return out, nil
}

func (c *Compiler) compile(env *cel.Env, expression string) (core.Program, error) {
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, firstIssue(issues)
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("must be true or false, but gives %s", t)
	}
	options, loops := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}, loops(checked)
	if loops {
		// Without a loop every part of an expression is evaluated at most once: its size bounds its cost.
		options = append(options, cel.CostLimit(costLimit))
	} else {
		options = append(options, remembering(checked))
	}
	p, err := env.Program(checked, options...)
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	if env == c.leads {
		return &program{p, c.bare, loops}, nil
	}
	return &program{p, c.objects, loops}, nil
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

func loops(checked *cel.Ast) bool {
	root := ast.NavigateAST(checked.NativeRep())
	return len(ast.MatchDescendants(root, ast.KindMatcher(ast.ComprehensionKind))) > 0
}

// closed refuses what an expression could do beyond looking: patterns that an event brings along, whose cost would be the
// sender's to choose, and messages of its own making.
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
}
