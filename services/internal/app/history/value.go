package history

import (
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
)

const (
	// MaxMap is the largest map that is read, in bytes.
	MaxMap = 256 << 10
	// maxDepth is how deep a map may nest; one needs seven levels.
	maxDepth = 12
)

// Error is one thing wrong with a map, or with a row: then without a line.
type Error = strictyaml.Error

// Errors is what is wrong with a map, the first of it.
type Errors = strictyaml.Errors

// textOf gives a scalar as it is written, "" where there is none. Unlike elsewhere null is a word as well: files have cells
// that say so.
func textOf(n strictyaml.Node) string {
	s, kind := n.Scalar()
	switch kind {
	case strictyaml.Absent, strictyaml.Text, strictyaml.Number, strictyaml.Truth, strictyaml.Special:
		return s
	case strictyaml.Null:
		if s != "" {
			return s
		}
	}
	n.Fail("must be a text; placeholders stand in quotes: \"{email}\"")
	return ""
}

func boolOf(n strictyaml.Node, absent bool) bool {
	s, kind := n.Scalar()
	switch kind {
	case strictyaml.Absent:
		return absent
	case strictyaml.Truth:
		return strings.EqualFold(s, "true")
	}
	n.Fail("must be true or false")
	return absent
}
