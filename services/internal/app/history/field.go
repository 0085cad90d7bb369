package history

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// kind says what a field's value is given as.
type kind int

const (
	asIs kind = iota
	asText
	asNumber
	asBoolean
)

// field is one member of an event: where its value comes from, and what becomes of it.
type field struct {
	name string
	from template
	as   kind
	// fixed is a value that the map itself states.
	fixed any
	// values translates; what is not in it is missing.
	values map[string]string
	// missing stands where there is nothing, or nothing that values translates.
	missing *template
}

// field reads a member of an event: a text with placeholders, a plain value, or a mapping that says more.
func (m *Map) field(n strictyaml.Node, name string, as kind) field {
	f := field{name: name, as: as}
	if n.Kind() != strictyaml.Mapping {
		f.from = m.template(n)
		if as == asIs && f.from.constant {
			f.fixed = plainValue(n)
		}
		return f
	}
	parts := n.Fields("from", "as", "values", "default")
	if !parts["from"].Exists() {
		parts["from"].Fail("is required: where the value comes from, such as \"{amount}\"")
	}
	f.from = m.template(parts["from"])
	switch a := textOf(parts["as"]); a {
	case "":
	case "text":
		f.as = asText
	case "number":
		f.as = asNumber
	case "boolean":
		f.as = asBoolean
	default:
		parts["as"].Fail("must be text, number or boolean")
	}
	if parts["values"].Exists() {
		f.values = map[string]string{}
		for _, v := range parts["values"].Members() {
			f.values[v.Key] = textOf(v.Node)
		}
	}
	if parts["default"].Exists() {
		t := m.template(parts["default"])
		f.missing = &t
	}
	return f
}

// plainValue gives a number or truth value that the map states as what it is.
func plainValue(n strictyaml.Node) any {
	var v any
	text, kind := n.Scalar()
	if (kind == strictyaml.Number || kind == strictyaml.Truth) && json.Unmarshal([]byte(text), &v) == nil {
		return json.RawMessage(text)
	}
	return nil
}

// of gives the field's value, nil where the row has none.
func (f *field) of(r *Row) (any, error) {
	if f.fixed != nil {
		return f.fixed, nil
	}
	if f.as == asIs && f.values == nil {
		v, err := f.from.value(r)
		if err != nil || v != nil || f.missing == nil {
			return v, err
		}
	}
	s, err := f.text(r)
	if err != nil || s == "" {
		return nil, err
	}
	switch f.as {
	case asNumber:
		return number(s)
	case asBoolean:
		return boolean(s)
	}
	return s, nil
}

// text gives the field's value as text, "" where the row has none.
func (f *field) text(r *Row) (string, error) {
	s, ok, err := f.from.text(r)
	if err != nil {
		return "", err
	}
	if ok && f.values != nil {
		s, ok = f.values[s]
	}
	if (!ok || s == "") && f.missing != nil {
		s, _, err = f.missing.text(r)
	} else if !ok {
		s = ""
	}
	return s, err
}

func number(s string) (any, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, fmt.Errorf("is not a number such as 1200.50")
	}
	if json.Valid([]byte(s)) {
		return json.Number(s), nil // as exact as it is written
	}
	return v, nil
}

func boolean(s string) (any, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "y", "1":
		return true, nil
	case "false", "no", "n", "0":
		return false, nil
	}
	return nil, fmt.Errorf("is neither true nor false")
}
