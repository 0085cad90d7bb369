package strictyaml

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Place says where in the text a value stands, so that whoever changes one value can leave everything else as it was written.
type Place struct {
	// Line and Column at which it begins, in characters from 1: its first bracket, quote or character; for a list of dashes the first
	// dash, for a mapping without brackets its first key.
	Line, Column int
	// Written is a scalar on one line as it stands there, with its quotes; "" for all else.
	Written string
	// Flow: it is a list or a mapping in brackets, of which the last stands at EndLine and EndColumn.
	Flow               bool
	EndLine, EndColumn int
}

// Place gives where the node's value stands; the zero Place for an absent one and for null that is not written.
func (n Node) Place() Place {
	switch v := n.value.(type) {
	case nil:
		return Place{}
	case *ast.SequenceNode:
		p := at(v.Start)
		if v.IsFlowStyle {
			p.close(v.End)
		}
		return p
	case *ast.MappingNode:
		if v.IsFlowStyle {
			p := at(v.Start)
			p.close(v.End)
			return p
		}
		if len(v.Values) > 0 {
			return at(v.Values[0].Key.GetToken())
		}
		return Place{}
	case *ast.MappingValueNode:
		return at(v.Key.GetToken())
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		p := at(n.value.GetToken())
		if written := strings.TrimSpace(n.value.GetToken().Origin); !strings.Contains(written, "\n") {
			p.Written = written
		}
		return p
	case *ast.NullNode:
		if v.GetToken().Type == token.ImplicitNullType {
			return Place{}
		}
	}
	return at(n.value.GetToken())
}

// Dashes gives the place of the dash before each entry of a list; none for a list in brackets and for all else.
func (n Node) Dashes() []Place {
	list, ok := n.value.(*ast.SequenceNode)
	if !ok || list.IsFlowStyle {
		return nil
	}
	out := make([]Place, len(list.Entries))
	for i, e := range list.Entries {
		out[i] = at(e.Start)
	}
	return out
}

func at(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Place{}
	}
	return Place{Line: t.Position.Line, Column: t.Position.Column}
}

func (p *Place) close(end *token.Token) {
	if p.Flow = end != nil && end.Position != nil; p.Flow {
		p.EndLine, p.EndColumn = end.Position.Line, end.Position.Column
	}
}
