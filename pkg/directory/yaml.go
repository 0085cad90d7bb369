package directory

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// MaxBytes is the largest text that is looked at: what fits well into one message of the journal.
	MaxBytes = 4 << 20
	// maxDepth is how deep a text may nest; a directory needs six.
	maxDepth = 16
	// MaxErrors is how many faults are told at once.
	MaxErrors = 20
)

// Error is one thing wrong with a text.
type Error struct {
	// Line in the text, from 1; 0 where it concerns the whole.
	Line int
	// Field as a path: reps[2].hours. Empty where it concerns the whole.
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

// Errors is what was found wrong with a text, the first MaxErrors of it.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return "directory: " + strings.Join(lines, "; ")
}

// Document is a text read twice: as values, and as a tree that knows on which line each of them stands.
type Document struct {
	file *ast.File
	errs Errors
}

// Read decodes a text strictly: unknown keys, keys given twice and a second document are refused. What a directory never
// needs and a hostile text would use (deep nesting, anchors, tags) is refused before the parser's recursion begins.
func Read(text []byte, into any) (doc *Document, err error) {
	switch {
	case len(text) > MaxBytes:
		return nil, Errors{{Reason: fmt.Sprintf("is %d bytes long, at most %d are read", len(text), MaxBytes)}}
	case !utf8.Valid(text) || strings.ContainsRune(string(text), 0):
		return nil, Errors{{Reason: "is not UTF-8 text"}}
	}
	defer func() { // the parser's own, for texts that nobody writes
		if r := recover(); r != nil {
			doc, err = nil, Errors{{Reason: "is not YAML that can be read"}}
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if e := checkTokens(tokens); e != nil {
		return nil, Errors{*e}
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, Errors{located(err)}
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)), yaml.Strict())
	switch err := dec.Decode(into); {
	case errors.Is(err, io.EOF):
		return nil, Errors{{Reason: "is empty"}}
	case err != nil:
		return nil, Errors{located(err)}
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, Errors{{Reason: "holds more than one document"}}
	}
	return &Document{file: file}, nil
}

func located(err error) Error {
	var at yaml.Error
	if !errors.As(err, &at) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return Error{Reason: first}
	}
	first, _, _ := strings.Cut(at.GetMessage(), "\n")
	e := Error{Reason: first}
	if tk := at.GetToken(); tk != nil && tk.Position != nil {
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
		case token.AnchorType, token.AliasType, token.TagType, token.DirectiveType, token.MergeKeyType, token.MappingKeyType:
			refused = "anchors, aliases, tags, directives, merge keys and ? keys are not allowed"
		}
		if flow+dashes > maxDepth || tk.Position.IndentLevel > maxDepth {
			refused = "is nested too deeply"
		}
		if refused != "" {
			return &Error{Line: tk.Position.Line, Reason: refused}
		}
	}
	return nil
}

// Fail notes what is wrong at a path such as reps[2].hours.
func (d *Document) Fail(path, format string, args ...any) {
	if len(d.errs) < MaxErrors {
		d.errs = append(d.errs, Error{Line: d.line(path), Field: path, Reason: fmt.Sprintf(format, args...)})
	}
}

// Errs gives what was found wrong.
func (d *Document) Errs() Errors { return d.errs }

// line finds the line of a path, or of the nearest thing around it that the text has.
func (d *Document) line(path string) int {
	for path != "" {
		p, err := yaml.PathString("$." + path)
		if err == nil {
			if n, err := p.FilterFile(d.file); err == nil && n != nil && n.GetToken() != nil {
				return n.GetToken().Position.Line
			}
		}
		cut := strings.LastIndexAny(path, ".[")
		path = path[:max(cut, 0)]
	}
	return 0
}
