package email

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"html/template"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destinations/notify"
)

//go:embed block.html
var blockText string

// maxHeader is how long a header's line may get before it is folded, in bytes (RFC 5322, section 2.1.1).
const maxHeader = 76

// write gives a mail as it goes over the wire: RFC 5322 with MIME, the text first and the page as its alternative, in ASCII alone.
func (m *mailer) write(to *notify.Person, msg *notify.Message) ([]byte, error) {
	page, err := html(msg)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	parts := multipart.NewWriter(&b)
	header := func(name, value string) {
		b.WriteString(fold(name + ": " + value))
		b.WriteString("\r\n")
	}
	recipient := mail.Address{Name: clean(to.Name), Address: to.Address}
	if recipient.Name == to.Address {
		recipient.Name = ""
	}
	header("Date", msg.At.UTC().Format(time.RFC1123Z))
	header("From", m.from.String())
	header("To", recipient.String())
	if m.replyTo != nil {
		header("Reply-To", m.replyTo.String())
	}
	header("Message-ID", m.messageID(to, msg))
	header("Subject", mime.QEncoding.Encode("utf-8", clean(msg.Subject)))
	header("Auto-Submitted", "auto-generated") // RFC 3834: no holiday notice answers it
	header("X-Auto-Response-Suppress", "All")
	header("MIME-Version", "1.0")
	header("Content-Type", `multipart/alternative; boundary="`+parts.Boundary()+`"`)
	b.WriteString("\r\n")
	for _, p := range []struct{ kind, body string }{{"text/plain", text(msg)}, {"text/html", page}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {p.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
		if err != nil {
			return nil, fmt.Errorf("write a mail: %w", err)
		}
		q := quotedprintable.NewWriter(w)
		if _, err := q.Write([]byte(crlf(p.body))); err != nil {
			return nil, fmt.Errorf("write a mail: %w", err)
		}
		if err := q.Close(); err != nil {
			return nil, fmt.Errorf("write a mail: %w", err)
		}
	}
	if err := parts.Close(); err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	return b.Bytes(), nil
}

// messageID is the same whenever the same comes again to the same person, so that mail programs show it once.
func (m *mailer) messageID(to *notify.Person, msg *notify.Message) string {
	sum := sha256.Sum256([]byte(msg.ID + "\n" + to.Key))
	id := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
			return r
		}
		return '-'
	}, msg.ID)
	return "<" + strings.Trim(id, ".") + "." + encoded(sum[:9]) + "@" + m.domain() + ">"
}

// clean makes one line of what others wrote: nothing in it can begin another header.
func clean(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), func(r rune) bool {
		return r <= ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029'
	}), " ")
}

// fold breaks a header between words, so that its lines stay short.
func fold(s string) string {
	var b strings.Builder
	length := 0
	for i, word := range strings.Split(s, " ") {
		switch {
		case i == 0:
		case i > 1 && length+1+len(word) > maxHeader:
			b.WriteString("\r\n ")
			length = 1
		default:
			b.WriteByte(' ')
			length++
		}
		b.WriteString(word)
		length += len(word)
	}
	return b.String()
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\n", "\r\n")
}

// text writes a message as plain text.
func text(msg *notify.Message) string {
	var b strings.Builder
	b.WriteString(clean(msg.Lead) + "\n")
	lines(&b, msg, "")
	for i, one := range msg.Items {
		fmt.Fprintf(&b, "\n%d. %s\n", i+1, clean(one.Subject))
		lines(&b, one, "   ")
	}
	if msg.Text != "" {
		b.WriteString("\n" + strings.Repeat("-", 72) + "\n" + msg.Text)
	}
	if msg.Why != "" {
		b.WriteString("\n-- \n" + clean(msg.Why) + "\n")
	}
	return b.String()
}

func lines(b *strings.Builder, msg *notify.Message, indent string) {
	for _, l := range msg.Lines {
		b.WriteString(indent + "- " + clean(l) + "\n")
	}
	for _, l := range msg.Links {
		b.WriteString(indent + l.Label + ": " + l.URL + "\n")
	}
}

// html writes a message as a page: a block that says what to do, and the brief's own page below it.
func html(msg *notify.Message) (string, error) {
	t, err := template.New("block").Funcs(template.FuncMap{"clean": clean}).Parse(blockText)
	if err != nil {
		return "", fmt.Errorf("read the block's template: %w", err)
	}
	var block bytes.Buffer
	if err := t.Execute(&block, msg); err != nil {
		return "", fmt.Errorf("write a mail's block: %w", err)
	}
	page := msg.HTML
	if page == "" {
		page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\" /></head>\n<body style=\"margin:0;padding:0;background:#f2f4f6\">\n</body>\n</html>\n"
	}
	if at := strings.Index(page, "<body"); at >= 0 {
		if end := strings.IndexByte(page[at:], '>'); end >= 0 {
			at += end + 1
			return page[:at] + "\n" + block.String() + page[at:], nil
		}
	}
	return block.String() + page, nil
}
