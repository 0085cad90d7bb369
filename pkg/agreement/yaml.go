package agreement

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxDepth is how deep a text may nest; an agreement needs five.
const maxDepth = 16

// parseYAML gives the root of a text with one document. It refuses, before the parser's recursion starts, what an
// agreement never needs and a hostile text would use: deep nesting, anchors, aliases, tags and merge keys.
func parseYAML(text []byte) (root ast.Node, errs Errors) {
	if len(text) > MaxBytes {
		return nil, Errors{{Reason: fmt.Sprintf("is %d bytes long, at most %d are read", len(text), MaxBytes)}}
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
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, Errors{{Line: line(doc.Body), Reason: "holds more than one document"}}
		}
		body = doc.Body
	}
	if body == nil {
		return nil, Errors{{Reason: "is empty"}}
	}
	return body, nil
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

func line(n ast.Node) int {
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return tk.Position.Line
	}
	return 0
}

// node is a place in the text: what stands there, and its path. A node without value is absent, and reads as zero.
type node struct {
	value ast.Node
	path  string
	line  int
	errs  *Errors
}

// fail notes what is wrong at the node; everything beyond the first errors is not worth a reader's time.
func (n node) fail(format string, args ...any) {
	if len(*n.errs) < maxErrors {
		*n.errs = append(*n.errs, Error{Line: n.line, Field: n.path, Reason: fmt.Sprintf(format, args...)})
	}
}

func (n node) exists() bool { return n.value != nil }

// object gives the members of a mapping with the given keys; any other key is an error.
func (n node) object(keys ...string) map[string]node {
	out := make(map[string]node, len(keys))
	for _, k := range keys {
		out[k] = node{path: join(n.path, k), line: n.line, errs: n.errs}
	}
	var pairs []*ast.MappingValueNode
	switch v := n.value.(type) {
	case nil:
		return out
	case *ast.MappingNode:
		pairs = v.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{v}
	default:
		n.fail("must be a mapping of %s", strings.Join(keys, ", "))
		return out
	}
	seen := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		key := p.Key.GetToken().Value
		at := node{value: p.Value, path: join(n.path, clip(key)), line: line(p.Key), errs: n.errs}
		switch _, known := out[key]; {
		case !known:
			at.fail("is not known here; known are %s", strings.Join(keys, ", "))
		case seen[key]:
			at.fail("is given twice")
		default:
			seen[key] = true
			if _, null := p.Value.(*ast.NullNode); !null {
				out[key] = at
			}
		}
	}
	return out
}

// list gives the entries of a sequence.
func (n node) list() []node {
	if !n.exists() {
		return nil
	}
	seq, ok := n.value.(*ast.SequenceNode)
	if !ok {
		n.fail("must be a list")
		return nil
	}
	if len(seq.Values) > MaxRules {
		n.fail("has %d entries, at most %d are allowed", len(seq.Values), MaxRules)
		return nil
	}
	out := make([]node, len(seq.Values))
	for i, v := range seq.Values {
		out[i] = node{value: v, path: fmt.Sprintf("%s[%d]", n.path, i), line: line(v), errs: n.errs}
	}
	return out
}

// text gives a scalar as it was written, "" where absent.
func (n node) text(max int) string {
	var s string
	switch v := n.value.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		s = v.Value
	case *ast.LiteralNode:
		s = v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		s = v.GetToken().Value
	default:
		n.fail("must be text")
		return ""
	}
	if len(s) > max {
		n.fail("is %d bytes long, at most %d are allowed", len(s), max)
		return ""
	}
	return s
}

// scalar reports whether the node is one value rather than a list or a mapping.
func (n node) scalar() bool {
	switch n.value.(type) {
	case *ast.SequenceNode, *ast.MappingNode, *ast.MappingValueNode:
		return false
	}
	return true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// clip keeps what is repeated in an error short.
func clip(s string) string {
	if len(s) <= 64 {
		return s
	}
	return strings.ToValidUTF8(s[:64], "") + "…"
}
