package strictyaml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Kind says what stands at a node.
type Kind int

// What stands at a node. All from Text to Special are scalars: one value rather than several.
const (
	// Absent is nothing: a key that is not there.
	Absent Kind = iota
	Mapping
	List
	Text
	Number
	Truth
	// Null is null, ~ or nothing behind a key.
	Null
	// Special is a number that is none: .inf and .nan.
	Special
	// Other is what Limits.References allows: such a text is decoded, not read node by node.
	Other
)

// Node is a place in a text: what stands there, its path, and its line, which for a member is that of its key.
type Node struct {
	Path string
	Line int

	value ast.Node
	doc   *Document
}

// Root is the whole text.
func (d *Document) Root() Node { return Node{Line: 1, value: d.root, doc: d} }

// Fail notes what is wrong at the node; Document.Err gives it.
func (n Node) Fail(format string, args ...any) {
	n.doc.errs.Add(Error{Line: n.Line, Field: n.Path, Reason: fmt.Sprintf(format, args...)})
}

// Faults counts what was found wrong so far, anywhere in the text.
func (n Node) Faults() int { return len(n.doc.errs) }

// Exists reports whether anything stands at the node.
func (n Node) Exists() bool { return n.value != nil }

// Scalar gives what kind of value stands at the node, and a scalar's text: of what YAML takes for a number, a truth value
// or null, as it is written. The text is "" for all else.
func (n Node) Scalar() (string, Kind) {
	switch v := n.value.(type) {
	case nil:
		return "", Absent
	case *ast.MappingNode, *ast.MappingValueNode:
		return "", Mapping
	case *ast.SequenceNode:
		return "", List
	case *ast.StringNode:
		return v.Value, Text
	case *ast.LiteralNode:
		return v.Value.Value, Text
	case *ast.IntegerNode, *ast.FloatNode:
		return n.value.GetToken().Value, Number
	case *ast.BoolNode:
		return v.GetToken().Value, Truth
	case *ast.NullNode:
		if v.GetToken().Type == token.ImplicitNullType {
			return "", Null
		}
		return v.GetToken().Value, Null
	case *ast.InfinityNode, *ast.NanNode:
		return n.value.GetToken().Value, Special
	}
	return "", Other
}

// Kind says what stands at the node.
func (n Node) Kind() Kind {
	_, kind := n.Scalar()
	return kind
}

// Text gives a text, a number or a truth value as it is written, at most max bytes long; "" where the node is absent.
func (n Node) Text(max int) string {
	s, kind := n.Scalar()
	switch kind {
	case Absent:
		return ""
	case Text, Number, Truth:
	default:
		n.Fail("must be text")
		return ""
	}
	if len(s) > max {
		n.Fail("is %d bytes long, at most %d are allowed", len(s), max)
		return ""
	}
	return s
}

// List gives the entries of a list, none where the node is absent.
func (n Node) List() []Node {
	if !n.Exists() {
		return nil
	}
	list, ok := n.value.(*ast.SequenceNode)
	if !ok {
		n.Fail("must be a list")
		return nil
	}
	out := make([]Node, len(list.Values))
	for i, v := range list.Values {
		out[i] = Node{Path: fmt.Sprintf("%s[%d]", n.Path, i), Line: lineOf(v), value: v, doc: n.doc}
	}
	return out
}

// Member is one key of a mapping with what stands there.
type Member struct {
	Key string
	Node
}

// Members gives the members of a mapping with keys of any name, in the order of the text; none where the node is absent.
func (n Node) Members() []Member { return n.members("keys to values", nil) }

// Fields gives the members of a mapping that may have the given keys and no other. What is not there, or is null, is given
// as an absent node.
func (n Node) Fields(keys ...string) map[string]Node {
	out := make(map[string]Node, len(keys))
	for _, k := range keys {
		out[k] = Node{Path: join(n.Path, k), Line: n.Line, doc: n.doc}
	}
	for _, m := range n.members(strings.Join(keys, ", "), func(key string) bool { return slices.Contains(keys, key) }) {
		if m.Kind() != Null {
			out[m.Key] = m.Node
		}
	}
	return out
}

func (n Node) members(of string, known func(key string) bool) []Member {
	if !n.Exists() {
		return nil
	}
	mapping, ok := n.value.(ast.MapNode)
	if !ok || n.Kind() != Mapping {
		n.Fail("must be a mapping of %s", of)
		return nil
	}
	var out []Member
	seen := map[string]bool{}
	for it := mapping.MapRange(); it.Next(); {
		key, kind := Node{value: it.Key()}.Scalar()
		at := Node{Path: join(n.Path, Clip(key)), Line: lineOf(it.Key()), value: it.Value(), doc: n.doc}
		switch {
		case kind < Text || kind == Other || key == "":
			at.Path = n.Path
			at.Fail("has a key that is no name")
		case known != nil && !known(key):
			at.Fail("is not known here; known are %s", of)
		case seen[key]:
			at.Fail("is given twice")
		default:
			seen[key] = true
			out = append(out, Member{key, at})
		}
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Clip keeps a value that is repeated in an error short: 64 bytes of it.
func Clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}
