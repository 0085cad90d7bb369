package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// template is a text with placeholders: "{first} {last}". A doubled brace stands for itself.
type template struct {
	parts []part
	// constant: it has no placeholder.
	constant bool
}

type part struct {
	text string
	// column that a placeholder names; "" for plain text.
	column string
}

func parseTemplate(s string) (template, error) {
	t := template{constant: true}
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			t.parts = append(t.parts, part{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case (c == '{' || c == '}') && i+1 < len(s) && s[i+1] == c:
			text.WriteByte(c)
			i++
		case c == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return template{}, fmt.Errorf("a { is not closed; {{ stands for a brace")
			}
			name := strings.TrimSpace(s[i+1 : i+end])
			if name == "" || strings.ContainsRune(name, '{') {
				return template{}, fmt.Errorf("a placeholder names a column, such as {email}; {{ stands for a brace")
			}
			flush()
			t.parts = append(t.parts, part{column: name})
			t.constant = false
			i += end
		case c == '}':
			return template{}, fmt.Errorf("a } without a {; }} stands for a brace")
		default:
			text.WriteByte(c)
		}
	}
	flush()
	return t, nil
}

// template reads a template at the node.
func (m *Map) template(n strictyaml.Node) template {
	t, err := parseTemplate(textOf(n))
	if err != nil {
		n.Fail("%v", err)
		return template{constant: true}
	}
	for _, p := range t.parts {
		if p.column != "" {
			m.uses(n, p.column)
		}
	}
	return t
}

// literal gives the text of a template without placeholders.
func (t template) literal() (string, bool) {
	if !t.constant {
		return "", false
	}
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
	}
	return b.String(), true
}

// text fills the template in from a row. Where a placeholder's cell is empty or absent, there is no text: ok is false.
func (t template) text(r *Row) (s string, ok bool, err error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.column == "" {
			b.WriteString(p.text)
			continue
		}
		cell, err := r.text(p.column)
		if err != nil || cell == "" {
			return "", false, err
		}
		b.WriteString(cell)
	}
	return b.String(), b.Len() > 0, nil
}

// value is text, but that a lone placeholder gives what stands in the row as it is: a number, a truth value, a list.
func (t template) value(r *Row) (any, error) {
	if len(t.parts) == 1 && t.parts[0].column != "" {
		switch v := r.cell(t.parts[0].column).(type) {
		case nil, string: // cut to size below
		default:
			return v, nil
		}
	}
	s, ok, err := t.text(r)
	if err != nil || !ok {
		return nil, err
	}
	return s, nil
}

// Row is one row of a file.
type Row struct {
	// Number counts rows from 1; Line is where it begins in the file.
	Number, Line int
	// Offset and End are its place in the file, in bytes: [Offset, End).
	Offset, End int64
	// Raw is the row as it stands in the file, without its line end. It is void once the next row is read.
	Raw []byte

	columns map[string]int
	cells   []string
	object  map[string]any
}

// cell gives what stands in a column, or at a path into the object: a string, json.Number, bool, list or object; nil where
// nothing does.
func (r *Row) cell(column string) any {
	if r.object == nil {
		if i, ok := r.columns[column]; ok && i < len(r.cells) {
			return r.cells[i]
		}
		return nil
	}
	if v, ok := r.object[column]; ok {
		return v
	}
	var at any = r.object
	for _, name := range strings.Split(column, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[name]
	}
	return at
}

// text gives what stands in a column as text without blanks around it, "" where nothing does.
func (r *Row) text(column string) (string, error) {
	switch v := r.cell(column).(type) {
	case nil:
		return "", nil
	case string:
		return strings.TrimSpace(v), nil
	case json.Number:
		return v.String(), nil
	case bool:
		if v {
			return "true", nil
		}
		return "false", nil
	}
	return "", fmt.Errorf("{%s} holds a list or an object, not a text", column)
}

// condition says which rows give an event.
type condition struct {
	column string
	// absent: the cell must be empty. Otherwise it must not, and be one of values where there are any.
	absent bool
	values []string
}

func (c *condition) holds(r *Row) (bool, error) {
	s, err := r.text(c.column)
	if err != nil { // a list or an object: something is there, and it is no text that could be listed
		return !c.absent && len(c.values) == 0, nil
	}
	if c.absent {
		return s == "", nil
	}
	return s != "" && (len(c.values) == 0 || slices.Contains(c.values, s)), nil
}
