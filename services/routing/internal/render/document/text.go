package document

import (
	"strings"
	"unicode/utf8"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Width is how many characters a line of the text form has at most; only a single word without a blank may be longer, so
// that addresses stay whole.
const Width = 78

const labels = 12

// Text gives a brief as plain text in UTF-8, wrapped at Width columns. It ends with a line break.
func Text(p *routingv1.Payload) string {
	d := lay(p)
	var b strings.Builder
	put := func(first, rest, text string) {
		for i, line := range wrap(plain(text), Width-utf8.RuneCountInString(first)) {
			indent := first
			if i > 0 {
				indent = rest
			}
			b.WriteString(strings.TrimRight(indent+line, " ") + "\n")
		}
	}
	put("", "", d.Name)
	put("", "", d.Role)
	b.WriteString(strings.Repeat("=", min(Width, max(utf8.RuneCountInString(plain(d.Name)), utf8.RuneCountInString(plain(d.Role))))) + "\n")
	put("", "", d.Notice)
	for _, f := range d.Facts {
		put(pad(f.Label), pad(""), f.whole())
	}
	for _, s := range d.Sections {
		b.WriteString("\n" + strings.ToUpper(s.Heading) + "\n")
		for _, i := range s.Items {
			mark := "- "
			if s.Kind == alert {
				mark = "! "
			}
			put(mark, "  ", i.line())
		}
	}
	if d.Footer != "" {
		b.WriteString("\n")
		put("", "", d.Footer)
	}
	return b.String()
}

// line gives an item as one line of text.
func (i item) line() string {
	text := i.whole()
	if i.Label != "" {
		text = i.Label + ": " + text
	}
	if i.New {
		text += " [new]"
	}
	return text
}

func (i item) whole() string {
	text := i.Text
	if i.Sub != "" {
		text = joined(text, i.Sub)
	}
	if u := i.link(); u != "" {
		text += " " + u
	}
	return text
}

// joined puts what stands behind a text after it: a sentence after a sentence, anything else in brackets.
func joined(text, sub string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(sub, ".") {
		return strings.TrimSuffix(text, ".") + ". " + upper(strings.TrimSuffix(sub, ".")) + "."
	}
	return text + " (" + sub + ")"
}

// link gives an address that a browser may be sent to, "" for any other.
func (i item) link() string {
	if l := strings.ToLower(i.URL); strings.HasPrefix(l, "https://") || strings.HasPrefix(l, "http://") {
		return i.URL
	}
	return ""
}

func pad(label string) string {
	return label + strings.Repeat(" ", max(1, labels-utf8.RuneCountInString(label)))
}

// wrap cuts a text into lines of at most n characters, between words.
func wrap(text string, n int) []string {
	var out []string
	line, length := "", 0
	for _, word := range strings.Fields(text) {
		w := utf8.RuneCountInString(word)
		if line != "" && length+1+w > n {
			out = append(out, line)
			line, length = "", 0
		}
		if line != "" {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+w
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}
