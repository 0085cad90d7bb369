package history

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxMap is the largest map that is read, in bytes.
	MaxMap = 256 << 10
	// maxDepth is how deep a map may nest; one needs six.
	maxDepth = 12
	// maxErrors is how many faults are told at once.
	maxErrors = 20
)

// Error is one thing wrong with a map, or with a row.
type Error struct {
	// Line in the map, from 1; 0 where it concerns the whole, or a row.
	Line int
	// Field as a path: events[0].lead.email. Empty where it concerns the whole.
	Field string
	// Reason says what is wrong and what would be right.
	Reason string
}

func (e Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	return b.String() + e.Reason
}

// Errors is what is wrong, the first of it.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "; ")
}

// parseYAML gives the root of a text with one document. It refuses, before the parser's recursion starts, what a map never
// needs and a hostile text would use: deep nesting, anchors, aliases, tags and merge keys.
func parseYAML(text []byte) (root ast.Node, errs Errors) {
	if len(text) > MaxMap {
		return nil, Errors{{Reason: fmt.Sprintf("is %d bytes long, at most %d are read", len(text), MaxMap)}}
	}
	if !utf8.Valid(text) || strings.ContainsRune(string(text), 0) {
		return nil, Errors{{Reason: "is not UTF-8 text"}}
	}
	defer func() { // the parser's own, for texts that nobody writes
		if r := recover(); r != nil {
			root, errs = nil, Errors{{Reason: "is not YAML that can be read"}}
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if err := checkTokens(tokens); err != nil {
		return nil, Errors{*err}
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, Errors{syntaxError(err)}
	}
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case root != nil:
			return nil, Errors{{Line: lineOf(doc.Body), Reason: "holds more than one document"}}
		default:
			root = doc.Body
		}
	}
	if root == nil {
		return nil, Errors{{Reason: "is empty"}}
	}
	return root, nil
}

func syntaxError(err error) Error {
	var located yaml.Error
	if !errors.As(err, &located) {
		return Error{Reason: "is not YAML: " + err.Error()}
	}
	e := Error{Reason: "is not YAML: " + located.GetMessage()}
	if tk := located.GetToken(); tk != nil && tk.Position != nil {
		e.Line = tk.Position.Line
	}
	return e
}

func checkTokens(tokens token.Tokens) *Error {
	flow, dashes, row := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != row {
			dashes, row = 0, tk.Position.Line
		}
		refused := ""
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType:
			dashes++
		case token.AnchorType, token.AliasType:
			refused = "anchors and aliases are not allowed"
		case token.TagType, token.DirectiveType, token.MergeKeyType:
			refused = "tags, directives and merge keys are not allowed"
		case token.MappingKeyType:
			refused = "keys are plain names, without ?"
		}
		if refused == "" && flow+dashes > maxDepth {
			refused = "is nested too deeply"
		}
		if refused != "" {
			return &Error{Line: tk.Position.Line, Reason: refused}
		}
	}
	return nil
}

func lineOf(n ast.Node) int {
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

// node is a place in the map: what stands there, and its path. A node without value is absent.
type node struct {
	value ast.Node
	path  string
	line  int
	errs  *Errors
}

// fail notes what is wrong at the node.
func (n node) fail(format string, args ...any) {
	if len(*n.errs) < maxErrors {
		*n.errs = append(*n.errs, Error{Line: n.line, Field: n.path, Reason: fmt.Sprintf(format, args...)})
	}
}

func (n node) given() bool { return n.value != nil }

func (n node) child(name string, value ast.Node) node {
	if n.path != "" && !strings.HasPrefix(name, "[") {
		name = "." + name
	}
	return node{value: value, path: n.path + name, line: lineOf(value), errs: n.errs}
}

// member is one key of a mapping with what stands there.
type member struct {
	key string
	node
}

// isMapping reports whether a mapping stands at the node.
func (n node) isMapping() bool {
	_, ok := n.value.(ast.MapNode)
	return ok
}

// members gives a mapping's members in the order of the text, each key once. known, where there are any, are all keys it may have.
func (n node) members(known ...string) []member {
	if !n.given() {
		return nil
	}
	m, ok := n.value.(ast.MapNode)
	if !ok {
		n.fail("must be a mapping of keys to values")
		return nil
	}
	var out []member
	for it := m.MapRange(); it.Next(); {
		key, ok := scalarText(it.Key())
		at := n.child(key, it.Value())
		at.line = max(lineOf(it.Key()), 1)
		switch {
		case !ok || key == "":
			at.fail("a key must be a name")
		case slices.ContainsFunc(out, func(o member) bool { return o.key == key }):
			at.fail("stands twice")
		case len(known) > 0 && !slices.Contains(known, key):
			at.fail("is not known; there are %s", strings.Join(known, ", "))
		default:
			out = append(out, member{key, at})
		}
	}
	return out
}

// fields gives the members of a mapping with known keys by key; absent ones are nodes without a value.
func (n node) fields(known ...string) map[string]node {
	out := make(map[string]node, len(known))
	for _, k := range known {
		out[k] = node{path: strings.TrimPrefix(n.path+"."+k, "."), line: n.line, errs: n.errs}
	}
	for _, m := range n.members(known...) {
		if m.value.Type() != ast.NullType {
			out[m.key] = m.node
		}
	}
	return out
}

// list gives the elements of a sequence.
func (n node) list() []node {
	if !n.given() {
		return nil
	}
	s, ok := n.value.(*ast.SequenceNode)
	if !ok {
		n.fail("must be a list")
		return nil
	}
	out := make([]node, len(s.Values))
	for i, v := range s.Values {
		out[i] = n.child(fmt.Sprintf("[%d]", i), v)
	}
	return out
}

// text gives a scalar as it is written, "" where there is none.
func (n node) text() string {
	if !n.given() {
		return ""
	}
	s, ok := scalarText(n.value)
	if !ok {
		n.fail("must be a text; placeholders stand in quotes: \"{email}\"")
	}
	return s
}

func (n node) boolean(absent bool) bool {
	if !n.given() {
		return absent
	}
	b, ok := n.value.(*ast.BoolNode)
	if !ok {
		n.fail("must be true or false")
		return absent
	}
	return b.Value
}

// scalarText gives the text of a scalar; what YAML takes for a number or a truth value, as it is written.
func scalarText(v ast.Node) (string, bool) {
	switch v := v.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, true
	case *ast.NullNode:
		return v.GetToken().Value, v.GetToken().Value != ""
	}
	return "", false
}

// isBare reports whether YAML takes a scalar for a number or a truth value.
func isBare(v ast.Node) bool {
	switch v.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return true
	}
	return false
}
