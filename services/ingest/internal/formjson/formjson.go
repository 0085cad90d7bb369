// Package formjson turns form-encoded bodies, with the nested names that PHP made usual (data[merges][EMAIL]=…), into JSON
// text, so that one reader serves both. The rules are those of PHP's parse_str as far as nothing is lost by them.
package formjson

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Why a body is not taken.
var (
	// ErrNoForm: nowhere in it a name is given a value.
	ErrNoForm = errors.New("the body is not form-encoded: it has no name=value")
	// ErrMany: it has more names than the limit's Keys.
	ErrMany = errors.New("too many names in a form")
	// ErrDeep: a name has more brackets than the limit's Depth.
	ErrDeep = errors.New("a name in a form has too many brackets")
)

// Convert gives the JSON object that a form stands for. All values are strings.
//
//   - a[b][c]=x is {"a":{"b":{"c":"x"}}}; a[]=x takes the next number; an object whose names are 0, 1, 2, … is an array.
//   - A name whose brackets do not match stands as it is; so do brackets in values.
//   - Of a name given twice the last value counts, as does the later of a=x and a[b]=y.
//   - + is a blank; a % that no two hexadecimal digits follow stands for itself.
//   - Bytes that are not UTF-8, and NUL, become U+FFFD: one letter in an old encoding must not cost the event.
//
// The limits bound the names and the nesting; memory is in proportion to the body. limits.Values and Digits do not count.
func Convert(body []byte, limits strictjson.Limits) ([]byte, error) {
	if !bytes.Contains(body, []byte("=")) {
		return nil, ErrNoForm
	}
	root := &node{}
	names := 0
	for pair := range bytes.SplitSeq(bytes.TrimSpace(body), []byte("&")) {
		if len(pair) == 0 {
			continue
		}
		if names++; names > limits.Keys {
			return nil, fmt.Errorf("%w: more than %d", ErrMany, limits.Keys)
		}
		name, value, _ := bytes.Cut(pair, []byte("="))
		path, err := segments(unescape(name), limits.Depth-1)
		if err != nil {
			return nil, err
		}
		at := root
		for _, key := range path {
			at = at.child(key)
		}
		at.text, at.keys, at.kids, at.index = unescape(value), nil, nil, nil
		at.next = 0
	}
	return root.json(make([]byte, 0, len(body)+len(body)/2+2), true), nil
}

// node is a text or, with kids, an object.
type node struct {
	text string
	keys []string
	kids []*node
	// index finds the kids once there are more than a few.
	index map[string]int
	// next is the number that [] takes.
	next int
}

// few is how many kids are looked for one by one.
const few = 8

// child gives the kid of that name, "" for the next number; what was a text becomes an object.
func (n *node) child(key string) *node {
	if key == "" {
		key = strconv.Itoa(n.next)
	}
	if at := n.find(key); at >= 0 {
		return n.kids[at]
	}
	if number, err := strconv.Atoi(key); err == nil && number >= n.next && number < 1<<31 && strconv.Itoa(number) == key {
		n.next = number + 1
	}
	kid := &node{}
	n.keys, n.kids, n.text = append(n.keys, key), append(n.kids, kid), ""
	switch {
	case n.index != nil:
		n.index[key] = len(n.kids) - 1
	case len(n.kids) > few:
		n.index = make(map[string]int, 2*few)
		for i, k := range n.keys {
			n.index[k] = i
		}
	}
	return kid
}

func (n *node) find(key string) int {
	if n.index != nil {
		if at, ok := n.index[key]; ok {
			return at
		}
		return -1
	}
	for i, k := range n.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// list reports whether the names are 0, 1, 2, … in this order.
func (n *node) list() bool {
	for i, key := range n.keys {
		if key != strconv.Itoa(i) {
			return false
		}
	}
	return true
}

func (n *node) json(out []byte, top bool) []byte {
	if len(n.kids) == 0 && !top {
		return quote(out, n.text)
	}
	open, end, list := byte('{'), byte('}'), !top && n.list()
	if list {
		open, end = '[', ']'
	}
	out = append(out, open)
	for i, kid := range n.kids {
		if i > 0 {
			out = append(out, ',')
		}
		if !list {
			out = append(quote(out, n.keys[i]), ':')
		}
		out = kid.json(out, false)
	}
	return append(out, end)
}

// quote appends a text, which is valid UTF-8 without NUL, as a JSON string.
func quote(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < 0x20:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// segments cuts a name at its brackets; "" stands for []. A name whose brackets do not match is one segment.
func segments(name string, most int) ([]string, error) {
	first, rest, ok := strings.Cut(name, "[")
	if !ok || first == "" {
		return []string{orBlank(name)}, nil
	}
	out := []string{first}
	for {
		segment, behind, closed := strings.Cut(rest, "]")
		if !closed || behind != "" && behind[0] != '[' {
			return []string{name}, nil
		}
		if len(out) == most {
			return nil, fmt.Errorf("%w: more than %d", ErrDeep, most)
		}
		if out = append(out, segment); behind == "" {
			return out, nil
		}
		rest = behind[1:]
	}
}

// orBlank names what has no name: "" means [] further on.
func orBlank(name string) string {
	if name == "" {
		return " "
	}
	return name
}

// unescape decodes a name or value.
func unescape(raw []byte) string {
	plain := true
	for _, c := range raw {
		plain = plain && c != '%' && c != '+' && c != 0 && c < utf8.RuneSelf
	}
	if plain {
		return string(raw)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(raw) && digit(raw[i+1]) >= 0 && digit(raw[i+2]) >= 0:
			out = append(out, byte(digit(raw[i+1])<<4|digit(raw[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(out), "\ufffd"), "\x00", "\ufffd")
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
