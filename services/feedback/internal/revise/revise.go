// Package revise writes one change into the text of an agreement and leaves everything else as people wrote it: comments, order, spacing,
// quotes. What it gives is never trusted to be right: the new text is read again, and must differ from the old in exactly what was
// meant, or the change is refused.
package revise

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
)

// ErrCannot means that a change cannot be written into a text: what it is about is not there, or stands there in a form that
// is for people to edit.
var ErrCannot = errors.New("the change cannot be written into the agreement's text")

// maxDepth is how deep a text may nest, as for agreements.
const maxDepth = 16

// Apply gives the text with the change made, and without signatures, which were given to another text. It wraps ErrCannot where that cannot
// be done; the text's own faults are those of agreement.Parse.
func Apply(text []byte, c proposals.Change) ([]byte, error) {
	before, err := agreement.Parse(text)
	if err != nil {
		return nil, err
	}
	e, err := newEditor(text)
	if err != nil {
		return nil, err
	}
	for _, next := range e.edits(c) {
		plain, err := unsigned(next)
		if err != nil {
			continue
		}
		after, err := agreement.Parse(plain)
		if err == nil && meant(before, after, c) {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("%w: %s %s %s", ErrCannot, c.Part, c.ID, c.Field)
}

// meant reports whether the change, the whole change and nothing else tells two agreements apart.
func meant(before, after *agreement.Agreement, c proposals.Change) bool {
	diff := agreement.Diff(before, after)
	if len(diff) != 1 || diff[0].Part != c.Part || len(after.Signatures) > 0 {
		return false
	}
	d := diff[0]
	switch c.Op {
	case proposals.ChangeRemove:
		return d.Kind == agreement.DiffRemoved && d.ID == c.ID
	case proposals.ChangeAdd:
		return d.Kind == agreement.DiffAdded && d.ID == c.ID && added(after, c)
	case proposals.ChangeValue:
		return d.Kind == agreement.DiffChanged && (c.ID == "" || d.ID == c.ID) && Value(after, c) == c.To
	}
	return false
}

func added(a *agreement.Agreement, c proposals.Change) bool {
	switch c.Part {
	case "fit":
		for i := range a.Fit {
			if r := &a.Fit[i]; r.ID == c.ID {
				return r.When == c.When && r.Because == c.Because && agreement.FormatMicros(r.Points) == c.Points
			}
		}
	case "disqualify":
		for i := range a.Disqualify {
			if r := &a.Disqualify[i]; r.ID == c.ID {
				return r.When == c.When && r.Because == c.Because
			}
		}
	}
	return false
}

// Number finds the engagement that an expression asks for: the first group.
var Number = regexp.MustCompile(`\bengagement\s*>=\s*([0-9]+(?:\.[0-9]+)?)`)

// Value gives what stands in an agreement at the place of a change of a value, "" where there is no such place.
func Value(a *agreement.Agreement, c proposals.Change) string {
	switch c.Part {
	case "engagement":
		for i := range a.Engagement {
			if a.Engagement[i].ID == c.ID {
				return agreement.FormatMicros(a.Engagement[i].Points)
			}
		}
	case "fit":
		for i := range a.Fit {
			if a.Fit[i].ID == c.ID {
				return agreement.FormatMicros(a.Fit[i].Points)
			}
		}
	case "qualify":
		for i := range a.Qualify {
			if a.Qualify[i].ID == c.ID {
				return threshold(&a.Qualify[i], c.Field)
			}
		}
	case "recycle_reasons":
		if r, ok := a.RecycleReason(c.ID); ok {
			return span(r.WakeAfter.Milliseconds())
		}
	case "sla":
		return span(a.SLA.AcceptWithin.Milliseconds())
	}
	return ""
}

func threshold(q *agreement.QualifyRule, field string) string {
	if grade, ok := strings.CutPrefix(field, "matrix."); ok {
		for _, cell := range q.Matrix {
			if cell.Grade == grade {
				return agreement.FormatMicros(cell.Engagement)
			}
		}
		return ""
	}
	found := Number.FindAllStringSubmatch(q.When, -1)
	if len(found) != 1 {
		return ""
	}
	f, err := strconv.ParseFloat(found[0][1], 64)
	if err != nil {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// span writes milliseconds as proposals do.
func span(ms int64) string { return proposals.Span(ms) }

// editor is a text with what stands where.
type editor struct {
	text   string
	starts []int // of lines, in bytes
	root   strictyaml.Node
	parts  []strictyaml.Member
}

func newEditor(text []byte) (*editor, error) {
	doc, err := strictyaml.Parse(text, strictyaml.Limits{Bytes: agreement.MaxBytes, Depth: maxDepth})
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	e := &editor{text: string(text), root: doc.Root(), starts: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			e.starts = append(e.starts, i+1)
		}
	}
	if e.root.Place().Flow {
		return nil, fmt.Errorf("%w: all of it stands in brackets", ErrCannot)
	}
	e.parts = e.root.Members()
	return e, nil
}

// offset gives where a place is, in bytes; -1 where the text has none.
func (e *editor) offset(line, column int) int {
	if line < 1 || line > len(e.starts) || column < 1 {
		return -1
	}
	at := e.starts[line-1]
	for range column - 1 {
		if at >= len(e.text) || e.text[at] == '\n' {
			return -1
		}
		_, size := utf8.DecodeRuneInString(e.text[at:])
		at += size
	}
	return at
}

// replace gives the text with a piece of it replaced.
func (e *editor) replace(from, to int, with string) []byte {
	return []byte(e.text[:from] + with + e.text[to:])
}

// lineStart gives where a line begins, the text's end for the one behind the last.
func (e *editor) lineStart(line int) int {
	if line > len(e.starts) {
		return len(e.text)
	}
	return e.starts[line-1]
}

// part gives a part of the agreement and the lines [from, to) that belong to it: from its key to the last line that is neither empty nor a
// comment before the next key.
func (e *editor) part(key string) (part strictyaml.Node, from, to int, ok bool) {
	for i, m := range e.parts {
		if m.Key != key {
			continue
		}
		end := len(e.starts) + 1
		if i+1 < len(e.parts) {
			end = e.parts[i+1].Line
		}
		return m.Node, m.Line, e.trim(m.Line+1, end), true
	}
	return strictyaml.Node{}, 0, 0, false
}

// trim moves the end of a stretch of lines up, over empty lines and comments, to no less than least.
func (e *editor) trim(least, end int) int {
	for end > least {
		line := strings.TrimSpace(e.text[e.lineStart(end-1):e.lineStart(end)])
		if line != "" && line[0] != '#' {
			break
		}
		end--
	}
	return end
}

// unsigned takes the signatures out.
func unsigned(text []byte) ([]byte, error) {
	e, err := newEditor(text)
	if err != nil {
		return nil, err
	}
	_, from, to, ok := e.part("signatures")
	if !ok {
		return text, nil
	}
	return e.replace(e.lineStart(from), e.lineStart(to), ""), nil
}
