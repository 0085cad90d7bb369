package celrules

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// objects are what expressions look at.
type objects struct {
	event, lead, account *objectType
	// scores is nil where the agreement has none beside the main one.
	scores *objectType
}

// program evaluates one expression.
type program struct {
	cel.Program
	*objects
}

// Eval evaluates the expression. It fires on true alone.
func (p *program) Eval(v *core.View) core.Verdict {
	out, _, err := p.Program.Eval(&activation{v, p.objects})
	if err != nil {
		return core.Verdict{Missing: missing(err)}
	}
	b, ok := out.(types.Bool)
	if !ok {
		return core.Verdict{Missing: "gives " + out.Type().TypeName() + ", not true or false"}
	}
	return core.Verdict{Holds: bool(b)}
}

// missing tells why an expression was not evaluated, for people.
func missing(err error) string {
	var absent absentError
	if errors.As(err, &absent) {
		return absent.Error()
	}
	msg := oneLine(err.Error())
	if key, ok := strings.CutPrefix(msg, "no such key: "); ok {
		return key + " is not known"
	}
	if name, ok := strings.CutPrefix(msg, "no such attribute(s): "); ok {
		return name + " is not known"
	}
	return msg
}

// activation gives an expression what it asks for, when it does.
type activation struct {
	view *core.View
	*objects
}

func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		if a.view.Event == nil {
			return nil, false
		}
		return &object{a.event, a.view}, true
	case "lead":
		return &object{a.lead, a.view}, true
	case "account":
		return &object{a.account, a.view}, true
	case "engagement":
		return types.Double(a.view.Engagement().Points()), true
	case "fit":
		return types.Double(a.view.Fit().Points()), true
	case "grade":
		return types.String(a.view.Grade()), true
	case "scores":
		if a.scores == nil {
			return nil, false
		}
		return &object{a.scores, a.view}, true
	case "stage":
		return types.String(a.view.Standing), true
	}
	return nil, false
}

func (a *activation) Parent() cel.Activation { return nil }
