package revise

import (
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/feedback/internal/core/proposals"
)

// edits gives the texts that may be what is meant; which one is shows when they are read.
func (e *editor) edits(c proposals.Change) [][]byte {
	switch c.Op {
	case proposals.ChangeValue:
		return e.values(c)
	case proposals.ChangeAdd:
		return e.add(c)
	case proposals.ChangeRemove:
		return e.remove(c)
	}
	return nil
}

// entry finds an entry of a list by its id, and the lines that it has.
func (e *editor) entry(key, id string) (entry strictyaml.Node, index int, ok bool) {
	list, _, _, ok := e.part(key)
	if !ok {
		return entry, 0, false
	}
	for i, n := range list.List() {
		for _, m := range n.Members() {
			if m.Key == "id" && m.Text(1000) == id {
				return n, i, true
			}
		}
	}
	return entry, 0, false
}

// member gives a node's member along a path.
func member(n strictyaml.Node, path string) (strictyaml.Node, bool) {
	for key := range strings.SplitSeq(path, ".") {
		found := false
		for _, m := range n.Members() {
			if m.Key == key {
				n, found = m.Node, true
				break
			}
		}
		if !found {
			return n, false
		}
	}
	return n, true
}

func (e *editor) values(c proposals.Change) [][]byte {
	var n strictyaml.Node
	index := -1
	if c.ID == "" {
		var ok bool
		if n, _, _, ok = e.part(c.Part); !ok {
			return nil
		}
	} else {
		var ok bool
		if n, index, ok = e.entry(c.Part, c.ID); !ok {
			return nil
		}
	}
	if c.Field == "when" {
		return e.numbers(c, index)
	}
	value, ok := member(n, c.Field)
	if !ok {
		return nil
	}
	p := value.Place()
	if p.Written == "" {
		return nil
	}
	var out [][]byte
	if at := e.offset(p.Line, p.Column); at >= 0 && strings.HasPrefix(e.text[at:], p.Written) {
		out = append(out, e.replace(at, at+len(p.Written), c.To))
	}
	// The reader is some columns off where blanks end a line: then it is one of the places on the key's line that look the same.
	line := e.text[e.lineStart(value.Line):e.lineStart(value.Line+1)]
	for at := 0; len(out) < mostTries; {
		i := strings.Index(line[at:], p.Written)
		if i < 0 {
			break
		}
		at += i
		from := e.lineStart(value.Line) + at
		out = append(out, e.replace(from, from+len(p.Written), c.To))
		at += len(p.Written)
	}
	return out
}

// mostTries bounds how many places of a line are tried.
const mostTries = 64

// numbers replaces the engagement that an entry's expression asks for, at every place of the entry that looks like one: comments may too.
func (e *editor) numbers(c proposals.Change, index int) (out [][]byte) {
	from, to := e.extent(c.Part, index)
	for _, m := range Number.FindAllStringSubmatchIndex(e.text[from:to], -1) {
		with := c.To
		if strings.Contains(e.text[from+m[2]:from+m[3]], ".") && !strings.Contains(with, ".") {
			with += ".0" // expressions know whole numbers from others
		}
		out = append(out, e.replace(from+m[2], from+m[3], with))
	}
	return out
}

// extent gives the bytes that an entry of a list has: in brackets from its bracket to the closing one, else whole lines from its dash on, up to the comments above
// the next one.
func (e *editor) extent(key string, index int) (from, to int) {
	list, _, end, _ := e.part(key)
	if p := list.Place(); p.Flow {
		entry := list.List()[index].Place()
		return max(0, e.offset(entry.Line, entry.Column)), e.offset(entry.EndLine, entry.EndColumn) + 1
	}
	dashes := list.Dashes()
	line := dashes[index].Line
	if index+1 < len(dashes) {
		end = e.trim(line+1, dashes[index+1].Line)
	}
	return e.lineStart(line), e.lineStart(end)
}

// written gives an entry in brackets.
func written(c proposals.Change) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	var b strings.Builder
	b.WriteString("{ id: " + c.ID + ", when: " + quote(c.When))
	if c.Points != "" {
		b.WriteString(", points: " + c.Points)
	}
	if c.Because != "" {
		b.WriteString(", because: " + quote(c.Because))
	}
	return b.String() + " }"
}

// add adds an entry at the end of a list, and the list where there is none.
func (e *editor) add(c proposals.Change) [][]byte {
	entry := written(c)
	list, from, to, ok := e.part(c.Part)
	if !ok {
		text := e.text
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return [][]byte{[]byte(text + "\n" + c.Part + ":\n  - " + entry + "\n")}
	}
	newline := ""
	if at := e.lineStart(to); at > 0 && e.text[at-1] != '\n' {
		newline = "\n"
	}
	switch p := list.Place(); {
	case p.Flow:
		end := e.offset(p.EndLine, p.EndColumn)
		if end < 0 {
			return nil
		}
		inner := strings.TrimRight(e.text[:end], " \t\r\n")
		glue := ", "
		if len(list.List()) == 0 || strings.HasSuffix(inner, ",") {
			glue = " "
		}
		// A comment at the end of the line above would take the entry in: that text does not read as meant, and the next is tried.
		return [][]byte{e.replace(len(inner), len(inner), glue+entry), e.replace(end, end, glue+entry+" ")}
	case len(list.Dashes()) > 0:
		indent := strings.Repeat(" ", list.Dashes()[0].Column-1)
		return [][]byte{e.replace(e.lineStart(to), e.lineStart(to), newline+indent+"- "+entry+"\n")}
	default: // nothing behind the key
		return [][]byte{e.replace(e.lineStart(from+1), e.lineStart(from+1), newline+"  - "+entry+"\n")}
	}
}

// remove takes an entry out, and the list with its last.
func (e *editor) remove(c proposals.Change) [][]byte {
	_, index, ok := e.entry(c.Part, c.ID)
	if !ok {
		return nil
	}
	list, from, to, _ := e.part(c.Part)
	entries := list.List()
	if len(entries) == 1 {
		return [][]byte{e.replace(e.lineStart(from), e.lineStart(to), "")}
	}
	start, end := e.extent(c.Part, index)
	if !list.Place().Flow {
		return [][]byte{e.replace(start, end, "")}
	}
	if index+1 < len(entries) { // up to the next one
		next := entries[index+1].Place()
		return [][]byte{e.replace(start, max(end, e.offset(next.Line, next.Column)), "")}
	}
	before := entries[index-1].Place()
	return [][]byte{e.replace(e.offset(before.EndLine, before.EndColumn)+1, end, "")}
}
