package oneclick

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
)

// page is what somebody sees. Everything in it is escaped where it is shown.
type page struct {
	Title string
	// Facts about the handoff: who, where, until when.
	Facts []fact
	Lines []string
	// Problem is what was wrong with the form that was sent.
	Problem string
	// Button is the form's, "" for no form. It is sent to the page's own address.
	Button  string
	Reasons []reason
	// Reason and Note as they were sent.
	Reason, Note string
	// Brief is the address of the handoff's brief, "" for none.
	Brief string
}

type fact struct{ Name, Value string }

type reason struct{ ID, LeadsTo string }

const css = `body{font:16px/1.5 system-ui,sans-serif;margin:0;padding:1.5rem;max-width:34rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem;margin:0 0 1rem}dl{margin:0 0 1rem}dt{color:#555;font-size:.85rem}dd{margin:0 0 .5rem}
label{display:block;margin:1rem 0 .25rem}select,textarea,button{font:inherit;width:100%;box-sizing:border-box;padding:.6rem}
button{margin-top:1rem;border:0;border-radius:.4rem;background:#14532d;color:#fff}.problem{color:#b00020}
@media(prefers-color-scheme:dark){body{background:#111;color:#eee}dt{color:#aaa}}`

const layout = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{{.Title}}</title><style>` + css + `</style></head>
<body><main><h1>{{.Title}}</h1>
{{with .Facts}}<dl>{{range .}}<dt>{{.Name}}</dt><dd>{{.Value}}</dd>{{end}}</dl>{{end}}
{{range .Lines}}<p>{{.}}</p>
{{end}}{{with .Problem}}<p class="problem" role="alert">{{.}}</p>
{{end}}{{if .Button}}<form method="post">{{if .Reasons}}
<label for="reason">Why</label><select id="reason" name="reason" required><option value="">Choose a reason</option>
{{$chosen := .Reason}}{{range .Reasons}}<option value="{{.ID}}"{{if eq .ID $chosen}} selected{{end}}>{{.ID}} ({{.LeadsTo}})</option>
{{end}}</select>{{end}}
<label for="note">Note</label><textarea id="note" name="note" rows="3" maxlength="4000">{{.Note}}</textarea>
<button type="submit">{{.Button}}</button></form>
{{end}}{{with .Brief}}<p><a href="{{.}}">The whole brief</a></p>
{{end}}</main></body></html>
`

// look is the pages' template, and the header that lets their one style sheet be used, and nothing else at all.
type look struct {
	template *template.Template
	policy   string
}

func newLook() (*look, error) {
	t, err := template.New("page").Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("one-click pages: %w", err)
	}
	sum := sha256.Sum256([]byte(css))
	return &look{template: t, policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"}, nil
}

// write answers with a page. Its address is a secret: nothing may keep it, pass it on, or frame it.
func (l *look) write(w http.ResponseWriter, code int, p *page) {
	var b bytes.Buffer
	if err := l.template.Execute(&b, p); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	private(w.Header(), "text/html; charset=utf-8", l.policy)
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes())
}

// private sets the headers of a page whose address is a secret, with what it may load.
func private(h http.Header, contentType, policy string) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}
