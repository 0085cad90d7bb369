package strictyaml

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// check finds the first thing that the limits refuse.
func (l Limits) check(tokens token.Tokens) *Error {
	var depth nesting
	for _, tk := range tokens {
		refused := ""
		if depth.add(tk); depth.levels() > l.Depth {
			refused = "is nested too deeply"
		}
		if !l.References {
			switch tk.Type {
			case token.AnchorType, token.AliasType:
				refused = "anchors and aliases are not allowed"
			case token.TagType, token.DirectiveType, token.MergeKeyType:
				refused = "tags, directives and merge keys are not allowed"
			case token.MappingKeyType:
				refused = "keys are plain names, without ?"
			}
		}
		if refused != "" {
			return &Error{Line: tk.Position.Line, Column: tk.Position.Column, Reason: refused}
		}
	}
	return nil
}

// nesting follows how deep a text nests, token by token. The tokens' own level of indentation is of no use for that: it
// falls by one where a line ends several levels, and so rises without end in a text that is long rather than deep.
type nesting struct {
	// columns where the levels around the place begin, ascending; flow counts the brackets around it.
	columns []int
	flow    int
	line    int
	before  token.Type
}

func (n *nesting) levels() int { return len(n.columns) + n.flow }

func (n *nesting) add(tk *token.Token) {
	first, block := tk.Position.Line != n.line, n.before == token.LiteralType || n.before == token.FoldedType
	if tk.Type == token.CommentType {
		return // it stands where it likes
	}
	n.line, n.before = tk.Position.Line, tk.Type
	if n.flow == 0 && !block && (first || tk.Type == token.SequenceEntryType) {
		column := tk.Position.Column
		for k := len(n.columns); k > 0 && n.columns[k-1] >= column; k-- {
			n.columns = n.columns[:k-1]
		}
		n.columns = append(n.columns, column)
	}
	switch tk.Type {
	case token.MappingStartType, token.SequenceStartType:
		n.flow++
	case token.MappingEndType, token.SequenceEndType:
		n.flow = max(n.flow-1, 0)
	}
}

func lineOf(n ast.Node) int {
	if n == nil {
		return 0
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}
