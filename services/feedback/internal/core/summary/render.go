package summary

import (
	"fmt"
	"html/template"
	"strings"
)

// Text gives the summary as plain text, for a mail or a terminal.
func (s *Summary) Text() string {
	var b strings.Builder
	b.WriteString(s.title() + "\n")
	for _, part := range s.Sections {
		b.WriteString("\n" + part.Title + "\n")
		for _, l := range part.Lines {
			b.WriteString("- " + l + "\n")
		}
	}
	b.WriteString("\n" + note + "\n")
	return b.String()
}

// Slack gives the summary in Slack's mrkdwn: &, < and > are written as entities, as its documentation of text formatting asks, so that no name
// from outside becomes a link or a mention.
func (s *Summary) Slack() string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	var b strings.Builder
	b.WriteString("*" + s.title() + "*\n")
	for _, part := range s.Sections {
		b.WriteString("\n*" + escape(part.Title) + "*\n")
		for _, l := range part.Lines {
			b.WriteString("• " + escape(l) + "\n")
		}
	}
	b.WriteString("\n_" + note + "_\n")
	return b.String()
}

const note = "Weeks begin on Monday 00:00 UTC. Everything is counted, nothing sampled. A share of fewer than 30 is told as a count."

func (s *Summary) title() string {
	return fmt.Sprintf("Marketing and sales, week %s (%s to %s)", s.Week, s.From.Format("2006-01-02"), s.To.AddDate(0, 0, -1).Format("2006-01-02"))
}

const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}}</title></head>
<body style="font-family:sans-serif;max-width:44em;margin:1em auto;padding:0 1em">
<h1 style="font-size:1.3em">{{.Title}}</h1>
{{range .Sections}}<h2 style="font-size:1.05em">{{.Title}}</h2>
<ul>{{range .Lines}}<li>{{.}}</li>
{{end}}</ul>
{{end}}<p style="color:#555">{{.Note}}</p>
</body></html>
`

// HTML gives the summary as a page without scripts or anything fetched from elsewhere, for a mail or a browser.
func (s *Summary) HTML() (string, error) {
	t, err := template.New("summary").Parse(page)
	if err != nil {
		return "", fmt.Errorf("summary page: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, struct {
		Title, Note string
		Sections    []Section
	}{s.title(), note, s.Sections}); err != nil {
		return "", fmt.Errorf("write summary page: %w", err)
	}
	return b.String(), nil
}
