package document

import (
	"bytes"
	_ "embed"
	"html/template"
	"unicode"
	"unicode/utf8"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

//go:embed page.html
var pageText string

// HTML gives a brief as one page in UTF-8: no script, nothing loaded from anywhere, tables and inline styles, since mail
// programs know little else. Whatever others wrote is escaped.
func HTML(p *routingv1.Payload) string {
	t, err := template.New("page").Funcs(template.FuncMap{
		"plain": plain, "colour": colour, "ground": ground, "href": item.link, "upper": upper,
	}).Parse(pageText)
	if err != nil {
		return "" // it is part of the program, and a test writes a page with it
	}
	var out bytes.Buffer
	if err := t.Execute(&out, lay(p)); err != nil {
		return ""
	}
	return out.String()
}

// colour is that of a section's heading, ground what lies behind it.
func colour(kind string) template.CSS {
	switch kind {
	case news:
		return "#0b5394"
	case alert:
		return "#9a3b00"
	case do:
		return "#1c6b3c"
	}
	return "#5c6670"
}

func ground(kind string) template.CSS {
	switch kind {
	case news:
		return "#eef5fc"
	case alert:
		return "#fff4e8"
	case do:
		return "#eff8f2"
	}
	return "#ffffff"
}

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}
