package salesforce

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxNotifications is how many Salesforce puts into one message ("Understanding Outbound Messaging" in its SOAP API guide).
	maxNotifications = 100
	// maxDepth bounds the nesting, maxFields the fields of one record; an envelope needs seven levels, and an object has 800
	// fields of one's own at most.
	maxDepth  = 16
	maxFields = 2000
)

// message is an outbound message, without the session that Salesforce lends: that is skipped where it stands.
type message struct {
	organization  string
	notifications []notification
}

// notification is one record as it stood when the message was sent.
type notification struct {
	id string
	// kind of the record: Lead, Contact, Opportunity, Task, or an object of one's own.
	kind   string
	fields []field
	// from and to are its place in the body.
	from, to int
}

// field has null for what the record has no value for.
type field struct {
	name, text string
	null       bool
}

// reader walks an envelope. It knows elements by their local names: prefixes are the sender's to choose. Entities but XML's own
// five are errors, and so is a DOCTYPE, so that nothing expands.
type reader struct {
	xml  *xml.Decoder
	base int
	path []string
	msg  message
	now  *notification
	text strings.Builder
	null bool
}

var (
	errDoctype = errors.New("a DOCTYPE has no place in a message")
	errDepth   = fmt.Errorf("more than %d elements within one another", maxDepth)
	errMany    = fmt.Errorf("more than %d notifications in one message", maxNotifications)
	errFields  = fmt.Errorf("more than %d fields in one record", maxFields)
	errEmpty   = errors.New("there is no notification in it")
)

// parse reads an envelope, or notifications without one, as the quarantine keeps them.
func parse(body []byte) (message, error) {
	trimmed := bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	r := &reader{xml: xml.NewDecoder(bytes.NewReader(trimmed)), base: len(body) - len(trimmed)}
	for {
		before := r.offset()
		token, err := r.xml.Token()
		switch {
		case errors.Is(err, io.EOF):
			if len(r.msg.notifications) == 0 {
				return message{}, errEmpty
			}
			return r.msg, nil
		case err != nil:
			return message{}, fmt.Errorf("it is not well-formed XML: %w", plain(err))
		}
		if err := r.take(token, before); err != nil {
			return message{}, err
		}
	}
}

// plain keeps an error of the XML reader from showing what stands in the message: only the line is told.
func plain(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("line %d", syntax.Line)
	}
	return errors.New("its encoding is not UTF-8")
}

func (r *reader) offset() int { return r.base + int(r.xml.InputOffset()) }

func (r *reader) take(token xml.Token, before int) error {
	switch t := token.(type) {
	case xml.Directive:
		return errDoctype
	case xml.StartElement:
		return r.start(t, before)
	case xml.EndElement:
		return r.end()
	case xml.CharData:
		if r.wanted() {
			r.text.Write(t)
		}
	}
	return nil
}

// wanted reports whether the text here is a value that is kept. The session never is.
func (r *reader) wanted() bool {
	switch r.at() {
	case "OrganizationId":
		return r.now == nil
	case "Id":
		return r.now != nil
	default:
		return r.inRecord()
	}
}

func (r *reader) at() string {
	if len(r.path) == 0 {
		return ""
	}
	return r.path[len(r.path)-1]
}

// inRecord reports whether the innermost element is a field of a record.
func (r *reader) inRecord() bool {
	return r.now != nil && len(r.path) >= 2 && r.path[len(r.path)-2] == "sObject"
}

func (r *reader) start(t xml.StartElement, before int) error {
	name := t.Name.Local
	if len(r.path) == maxDepth {
		return errDepth
	}
	r.path = append(r.path, name)
	r.text.Reset()
	r.null = false
	for _, a := range t.Attr {
		r.null = r.null || a.Name.Local == "nil" && (a.Value == "true" || a.Value == "1")
	}
	switch {
	case name == "Notification" && r.now == nil:
		if len(r.msg.notifications) == maxNotifications {
			return errMany
		}
		r.now = &notification{from: before}
	case name == "sObject" && r.now != nil:
		for _, a := range t.Attr {
			if a.Name.Local == "type" {
				_, local, prefixed := strings.Cut(a.Value, ":")
				if r.now.kind = a.Value; prefixed {
					r.now.kind = local
				}
			}
		}
	}
	return nil
}

func (r *reader) end() error {
	name, value := r.at(), strings.TrimSpace(r.text.String())
	switch {
	case r.inRecord():
		if len(r.now.fields) == maxFields {
			return errFields
		}
		r.now.fields = append(r.now.fields, field{name: name, text: value, null: r.null})
	case name == "Id" && r.now != nil && len(r.path) >= 2 && r.path[len(r.path)-2] == "Notification":
		r.now.id = value
	case name == "OrganizationId" && r.now == nil:
		r.msg.organization = value
	case name == "Notification" && r.now != nil:
		r.now.to = r.offset()
		r.msg.notifications = append(r.msg.notifications, *r.now)
		r.now = nil
	}
	r.path = r.path[:len(r.path)-1]
	r.text.Reset()
	r.null = false
	return nil
}

// alone gives one notification as a message of its own, for the quarantine: with the organisation, without the session.
func (m *message) alone(body []byte, n *notification) []byte {
	var b bytes.Buffer
	b.WriteString("<notifications><OrganizationId>")
	_ = xml.EscapeText(&b, []byte(m.organization)) // a buffer takes everything
	b.WriteString("</OrganizationId>")
	b.Write(body[n.from:n.to])
	b.WriteString("</notifications>")
	return b.Bytes()
}

// withoutSession blanks what stands in every SessionId of a body, however broken that is.
func withoutSession(body []byte) []byte {
	if bytes.IndexByte(body, 0) >= 0 {
		return []byte("the message is not text in UTF-8; it may hold a session and is not kept")
	}
	mark := []byte("SessionId")
	out := make([]byte, 0, len(body))
	for {
		i := bytes.Index(body, mark)
		if i < 0 {
			return append(out, body...)
		}
		closing := bytes.Contains(body[bytes.LastIndexByte(body[:i], '<')+1:i], []byte("/"))
		end := bytes.IndexByte(body[i:], '>')
		if end < 0 {
			return append(out, body[:i]...) // cut off within the tag
		}
		end += i + 1
		out, body = append(out, body[:end]...), body[end:]
		if closing {
			continue
		}
		next := bytes.Index(body, []byte("</"))
		if next < 0 {
			return out
		}
		body = body[next:]
	}
}
