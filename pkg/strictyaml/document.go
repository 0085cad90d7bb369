// Package strictyaml reads YAML that people write and strangers may send: one document of bounded size and depth, no key
// that its reader does not know, no key twice, and every fault with its line, its field and a reason.
//
// A text is first parsed into a Document. It is then read place by place (Root, Node), which finds many faults at once, or
// decoded into a struct (Document.Decode), which tells one; what a decoded value gets wrong is told with
// Document.Fail, which finds the line.
package strictyaml

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// Limits say what is looked at at all.
type Limits struct {
	// Bytes is the longest text, and Depth how deep it may nest: levels of indentation, dashes and brackets together.
	Bytes, Depth int
	// References allows anchors, aliases, tags, directives, merge keys and ? keys. Few texts need them and hostile ones use
	// them, so that this is for an operator's own files.
	References bool
	// Empty allows a text in which nothing stands: a Document that decodes to nothing, and whose root does not exist.
	Empty bool
}

// Document is a text that was parsed, and what was found wrong with it. It is used by one goroutine at a time.
type Document struct {
	root ast.Node
	errs Errors
}

// Parse reads a text with one document. What is beyond the limits is refused before the parser's recursion starts. The
// error is an Errors.
func Parse(text []byte, limits Limits) (doc *Document, err error) {
	switch {
	case len(text) > limits.Bytes:
		return nil, Errors{{Reason: fmt.Sprintf("is %d bytes long, at most %d are read", len(text), limits.Bytes)}}
	case !utf8.Valid(text) || strings.ContainsRune(string(text), 0):
		return nil, Errors{{Reason: "is not UTF-8 text"}}
	}
	defer func() {
		if recover() != nil {
			doc, err = nil, errUnreadable()
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if fault := limits.check(tokens); fault != nil {
		return nil, Errors{*fault}
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, Errors{syntax(err)}
	}
	doc = &Document{}
	for _, d := range file.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.DirectiveType: // nothing stands there
		case doc.root != nil:
			return nil, Errors{{Line: lineOf(d.Body), Column: 1, Reason: "holds more than one document"}}
		default:
			doc.root = d.Body
		}
	}
	if doc.root == nil && !limits.Empty {
		return nil, Errors{{Reason: "is empty"}}
	}
	return doc, nil
}

// Decode fills into, a pointer, as the options say, and refuses keys that it does not have. The error is an Errors with one
// fault and its place; into is unspecified then. Where the text is empty, into stays as it is.
func (d *Document) Decode(into any, options ...yaml.DecodeOption) (err error) {
	if d.root == nil {
		return nil
	}
	defer func() {
		if recover() != nil {
			err = errUnreadable()
		}
	}()
	if err := yaml.NodeToValue(d.root, into, append([]yaml.DecodeOption{yaml.Strict()}, options...)...); err != nil {
		return Errors{located(err)}
	}
	return nil
}

// errUnreadable stands for the library's panics: it gives up at some texts that nobody writes, and none of them may end the
// program.
func errUnreadable() error { return Errors{{Reason: "is not YAML that can be read"}} }

// Fail notes what is wrong at a path such as reps[2].hours.
func (d *Document) Fail(path, format string, args ...any) {
	if len(d.errs) < MaxErrors { // finding the line takes time
		d.errs.Add(Error{Line: d.line(path), Field: path, Reason: fmt.Sprintf(format, args...)})
	}
}

// Err gives what was found wrong, at the nodes too, as an Errors; nil where nothing was.
func (d *Document) Err() error {
	if len(d.errs) == 0 {
		return nil
	}
	return d.errs
}

// line finds the line of a path, or of the nearest thing around it that the text has.
func (d *Document) line(path string) int {
	for path != "" && d.root != nil {
		p, err := yaml.PathString("$." + path)
		if err == nil {
			if n, err := p.FilterNode(d.root); err == nil && n != nil {
				return lineOf(n)
			}
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0
}
