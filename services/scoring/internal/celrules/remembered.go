package celrules

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// remembered is a part of an expression that names something of the event, such as event.properties.url. The rules for an
// event's type mostly look at the same few: what one has looked up, the next ones find.
type remembered struct {
	interpreter.InterpretableAttribute
	path string
}

func (r *remembered) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	a, ok := frame.Unwrap().(*activation)
	if !ok || r.path == "" {
		return r.InterpretableAttribute.Exec(frame)
	}
	return a.remember(a.view.Event, r.path, func() ref.Val { return r.InterpretableAttribute.Exec(frame) })
}

func (r *remembered) Eval(vars interpreter.Activation) ref.Val {
	return r.Exec(interpreter.AsFrame(vars))
}

// remembering has a program remember what it looks up of the event. Its loops' variables are not the event's, whatever their
// names: it is for expressions without any.
func remembering(checked *cel.Ast) cel.ProgramOption {
	paths := map[int64]string{}
	for _, e := range ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), ast.KindMatcher(ast.SelectKind)) {
		if path := eventPath(e); path != "" {
			paths[e.ID()] = path
		}
	}
	return cel.CustomDecoratorV2(func(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if r, ok := i.(*remembered); ok { // a name further down the path was added to it
			r.path = paths[r.ID()]
			return r, nil
		}
		if attr, ok := i.(interpreter.InterpretableAttribute); ok && paths[attr.ID()] != "" {
			return &remembered{attr, paths[attr.ID()]}, nil
		}
		return i, nil
	})
}

// eventPath gives the path that an expression names, "" where it is anything else.
func eventPath(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		if name := e.AsIdent(); name == "event" {
			return name
		}
	case ast.SelectKind:
		if s := e.AsSelect(); !s.IsTestOnly() {
			if path := eventPath(s.Operand()); path != "" {
				return path + "." + s.FieldName()
			}
		}
	}
	return ""
}

// memory keeps the first few things that expressions looked up of an event.
type memory struct {
	of   *core.Event
	n    int
	what [4]struct {
		path string
		val  ref.Val
	}
}

// remember gives what a path leads to, which find finds where nobody has asked for it yet.
func (m *memory) remember(of *core.Event, path string, find func() ref.Val) ref.Val {
	if m.of != of {
		*m = memory{of: of}
	}
	for i := range m.what[:m.n] {
		if m.what[i].path == path {
			return m.what[i].val
		}
	}
	val := find()
	if m.n < len(m.what) {
		m.what[m.n].path, m.what[m.n].val = path, val
		m.n++
	}
	return val
}
