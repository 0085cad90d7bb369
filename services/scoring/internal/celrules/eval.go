package celrules

import (
	"errors"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

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
	loops bool
}

// Eval evaluates the expression. It fires on true alone.
func (p *program) Eval(v *core.View) core.Verdict {
	a := activate(v, p.objects)
	var vars any = &a.frame
	if p.loops { // what it costs is counted in a frame of its own
		vars = a
	}
	out, _, err := p.Program.Eval(vars)
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

// activation gives the expressions over a view what they ask for, when they do.
type activation struct {
	view *core.View
	*objects
	event, lead, account, scores object
	memory
	// frame of all evaluations without loops: nothing of one is left in it for the next.
	frame interpreter.ExecutionFrame
}

// activate gives the view's activation: one for all expressions of an agreement that look at it.
func activate(v *core.View, o *objects) *activation {
	if a, ok := v.Seen.(*activation); ok && a.objects == o {
		return a
	}
	a := &activation{view: v, objects: o, event: object{o.event, v}, lead: object{o.lead, v}, account: object{o.account, v}, scores: object{o.scores, v}}
	a.frame.Activation = a
	v.Seen = a
	return a
}

func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		if a.view.Event == nil {
			return nil, false
		}
		return &a.event, true
	case "lead":
		return &a.lead, true
	case "account":
		return &a.account, true
	case "engagement":
		return types.Double(a.view.Engagement().Points()), true
	case "fit":
		return types.Double(a.view.Fit().Points()), true
	case "grade":
		return types.String(a.view.Grade()), true
	case "scores":
		if a.objects.scores == nil {
			return nil, false
		}
		return &a.scores, true
	case "stage":
		return types.String(a.view.Standing), true
	}
	return nil, false
}

func (a *activation) Parent() cel.Activation { return nil }
