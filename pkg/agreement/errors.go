package agreement

import (
	"fmt"
	"strings"
)

// Error is one thing wrong with a text.
type Error struct {
	// Line in the text, from 1; 0 where it concerns the whole.
	Line int
	// Field as a path: engagement[2].cap.per. Empty where it concerns the whole.
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

// Errors is everything found wrong with a text, in its order; at most maxErrors.
type Errors []Error

const maxErrors = 20

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return "agreement: " + strings.Join(lines, "; ")
}
