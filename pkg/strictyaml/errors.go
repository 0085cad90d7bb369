package strictyaml

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// MaxErrors is how many faults of a text are told at once; more are not worth a reader's time.
const MaxErrors = 20

// Error is one thing wrong with a text.
type Error struct {
	// Line in the text, from 1; 0 where it concerns the whole.
	Line int
	// Column in the line, in characters from 1; 0 where the line as a whole, or a field of it, is meant.
	Column int
	// Field as a path: engagement[2].cap.per. Empty where it concerns the whole, or where the line says enough.
	Field string
	// Reason says what is wrong and what would be right.
	Reason string
}

// Error gives the fault as `line 3: field: reason`.
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

// Error gives all faults on one line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "; ")
}

// Add notes a fault, unless there are MaxErrors already.
func (e *Errors) Add(fault Error) {
	if len(*e) < MaxErrors {
		*e = append(*e, fault)
	}
}

// located gives an error of the YAML library with its place, without the lines of the text that it would quote.
func located(err error) Error {
	e, message := Error{}, err.Error()
	var at yaml.Error
	if errors.As(err, &at) {
		message = at.GetMessage()
		if tk := at.GetToken(); tk != nil && tk.Position != nil {
			e.Line, e.Column = tk.Position.Line, tk.Position.Column
		}
	}
	e.Reason, _, _ = strings.Cut(strings.TrimSpace(message), "\n")
	return e
}

// syntax is located for what the parser refuses. A key given twice is one of these, though it is YAML.
func syntax(err error) Error {
	e := located(err)
	if !strings.HasPrefix(e.Reason, "mapping key ") {
		e.Reason = "is not YAML: " + e.Reason
	}
	return e
}
