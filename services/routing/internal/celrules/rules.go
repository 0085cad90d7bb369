// Package celrules compiles and evaluates the conditions of routes and personas, which are CEL over what is known of a
// lead. What is not known is absent: an expression that meets an absent value, fails or costs too much does not hold.
package celrules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// Limits of one expression.
const (
	maxLength = 4096
	maxDepth  = 100
	// maxCost is in CEL's own units: an evaluation of some 100 µs.
	maxCost = 20_000
)

// fields are what can be read of each variable that is a map. A name outside of them is refused when the expression is
// compiled: it would never hold.
var fields = map[string][]string{
	"lead":    {"consent", "country", "email", "external_ids", "first_name", "id", "language", "last_name", "phone", "title"},
	"account": {"domain", "employees", "id", "industry", "name", "owner", "target"},
	"score":   {"engagement", "fit", "grade"},
	// The campaigns that the lead came by, and the handoff that is being routed.
	"campaign": {"all", "entry", "entry_channel", "last", "last_channel"},
	"handoff":  {"epoch", "rule"},
}

// Compiler compiles conditions. It is safe for use by several goroutines.
type Compiler struct {
	env *cel.Env
}

// NewCompiler sets up the language: the variables lead, account, score, campaign, handoff, engagement, fit and grade,
// comparison across
// numeric types, and optional types.
func NewCompiler() (*Compiler, error) {
	env, err := cel.NewEnv(
		cel.Variable("lead", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("account", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("score", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("campaign", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("handoff", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("engagement", cel.DoubleType),
		cel.Variable("fit", cel.DoubleType),
		cel.Variable("grade", cel.StringType),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		cel.ParserRecursionLimit(maxDepth),
		cel.ParserExpressionSizeLimit(maxLength),
		cel.ExtendedValidations(),
	)
	if err != nil {
		return nil, fmt.Errorf("set up the expression language: %w", err)
	}
	return &Compiler{env: env}, nil
}

// Compile checks an expression and makes it ready. The error says what is wrong in one line.
func (c *Compiler) Compile(source string) (core.Condition, error) {
	if len(source) > maxLength {
		return nil, fmt.Errorf("is %d bytes long, at most %d are allowed", len(source), maxLength)
	}
	checked, issues := c.env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("gives %s, not true or false", t)
	}
	if err := checkFields(checked.NativeRep().Expr()); err != nil {
		return nil, err
	}
	program, err := c.env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost))
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	return condition{program, source, valuesOf(checked.NativeRep().Expr())}, nil
}

func checkFields(e ast.Expr) (err error) {
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind || e.AsSelect().Operand().Kind() != ast.IdentKind || err != nil {
			return
		}
		name, field := e.AsSelect().Operand().AsIdent(), e.AsSelect().FieldName()
		if known, ok := fields[name]; ok && !slices.Contains(known, field) {
			err = fmt.Errorf("%s.%s is not known; known are %s", name, field, strings.Join(known, ", "))
		}
	}))
	return err
}

// oneLine takes CEL's first complaint, without the drawing below it.
func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimPrefix(s, "ERROR: <input>:")
}

type condition struct {
	program cel.Program
	source  string
	values  []value
}

// Holds evaluates the condition.
func (c condition) Holds(f core.Facts) bool {
	out, _, err := c.program.Eval(variables(f))
	if err != nil {
		return false
	}
	holds, ok := out.Value().(bool)
	return ok && holds
}

// variables leaves out what is not known.
func variables(f core.Facts) map[string]any {
	lead := map[string]any{}
	for name, v := range map[string]string{
		"id": f.Lead.ID, "email": f.Lead.Email, "first_name": f.Lead.FirstName, "last_name": f.Lead.LastName, "title": f.Lead.Title,
		"country": f.Lead.Country, "phone": f.Lead.Phone, "language": f.Lead.Language,
	} {
		if v != "" {
			lead[name] = v
		}
	}
	if len(f.Lead.ExternalIDs) > 0 {
		lead["external_ids"] = f.Lead.ExternalIDs
	}
	if len(f.Lead.Consent) > 0 {
		lead["consent"] = f.Lead.Consent
	}
	account := map[string]any{}
	for name, v := range map[string]string{
		"id": f.Account.ID, "name": f.Account.Name, "domain": f.Account.Domain, "industry": f.Account.Industry, "owner": f.Account.Owner,
		"parent": f.Account.Parent,
	} {
		if v != "" {
			account[name] = v
		}
	}
	if f.Account.Employees != 0 {
		account["employees"] = f.Account.Employees
	}
	if f.Account.Listed {
		account["target"] = f.Account.Target
	}
	return map[string]any{
		"lead": lead, "account": account, "engagement": f.Engagement, "fit": f.Fit, "grade": f.Grade,
		"score":    map[string]any{"engagement": f.Engagement, "fit": f.Fit, "grade": f.Grade},
		"campaign": campaign(f.Campaign), "handoff": handoff(f.Handoff),
	}
}
