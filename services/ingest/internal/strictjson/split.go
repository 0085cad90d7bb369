package strictjson

import "bytes"

// Span is a part of a body: body[From:To].
type Span struct{ From, To int }

// The splitters below look only at brackets, quotes and commas, so that what is wrong inside one part does not spoil the
// others; each part must still be parsed. They allocate nothing for the parts, and their errors are *Fault.

// EachElement finds the elements of the array at body[from:to] and gives each to f, whose error ends the walk.
func EachElement(body []byte, from, to int, f func(Span) error) error {
	s := splitter{body: body, end: to}
	i := s.space(from)
	if i >= to || body[i] != '[' {
		return s.fault(i, "expected an array")
	}
	if i = s.space(i + 1); i < to && body[i] == ']' {
		return s.nothingBehind(i + 1)
	}
	for {
		end, err := s.skip(i)
		if err != nil {
			return err
		}
		if err := f(Span{i, end}); err != nil {
			return err
		}
		i = s.space(end)
		switch {
		case i < to && body[i] == ',':
			i = s.space(i + 1)
		case i < to && body[i] == ']':
			return s.nothingBehind(i + 1)
		default:
			return s.fault(i, "expected , or ] in an array")
		}
	}
}

// EachMember finds the members of the object at body[from:to] and gives each, its key with its quotes, to f, whose error
// ends the walk.
func EachMember(body []byte, from, to int, f func(key, value Span) error) error {
	s := splitter{body: body, end: to}
	i := s.space(from)
	if i >= to || body[i] != '{' {
		return s.fault(i, "expected an object")
	}
	if i = s.space(i + 1); i < to && body[i] == '}' {
		return s.nothingBehind(i + 1)
	}
	for {
		if i >= to || body[i] != '"' {
			return s.fault(i, "expected a key in quotes")
		}
		end, err := s.skip(i)
		if err != nil {
			return err
		}
		key := Span{i, end}
		if i = s.space(end); i >= to || body[i] != ':' {
			return s.fault(i, "expected : behind a key")
		}
		i = s.space(i + 1)
		if end, err = s.skip(i); err != nil {
			return err
		}
		if err := f(key, Span{i, end}); err != nil {
			return err
		}
		i = s.space(end)
		switch {
		case i < to && body[i] == ',':
			i = s.space(i + 1)
		case i < to && body[i] == '}':
			return s.nothingBehind(i + 1)
		default:
			return s.fault(i, "expected , or } in an object")
		}
	}
}

// EachLine finds the lines of NDJSON that are not blank and gives each to f, whose error ends the walk.
func EachLine(body []byte, f func(Span) error) error {
	for from := 0; from < len(body); {
		to := len(body)
		if n := bytes.IndexByte(body[from:], '\n'); n >= 0 {
			to = from + n
		}
		s := splitter{body: body, end: to}
		if s.space(from) < to {
			if err := f(Span{from, to}); err != nil {
				return err
			}
		}
		from = to + 1
	}
	return nil
}

type splitter struct {
	body []byte
	end  int
}

func (s splitter) fault(at int, reason string) error {
	if at >= s.end {
		at, reason = s.end, "the text ends in the middle of a value"
	}
	return &Fault{Offset: at, Reason: reason, Syntax: true}
}

func (s splitter) space(i int) int {
	return skipSpace(s.body[:s.end], i)
}

func (s splitter) nothingBehind(i int) error {
	if i = s.space(i); i < s.end {
		return s.fault(i, "there is more behind the end of the value")
	}
	return nil
}

// skip gives the end of the value at i.
func (s splitter) skip(i int) (int, error) {
	b, start, depth := s.body[:s.end], i, 0
	for i < len(b) {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i >= len(b) {
				return i, s.fault(s.end, "")
			}
			if i++; depth == 0 {
				return i, nil
			}
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return s.scalar(start, i)
			}
			i++
			if depth--; depth == 0 {
				return i, nil
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return s.scalar(start, i)
			}
			i++
		default:
			i++
		}
	}
	if depth == 0 {
		return s.scalar(start, i)
	}
	return i, s.fault(s.end, "")
}

func (s splitter) scalar(start, end int) (int, error) {
	if start == end {
		return end, s.fault(start, "expected a value")
	}
	return end, nil
}
