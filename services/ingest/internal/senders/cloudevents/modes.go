package cloudevents

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Decode reads the events of a delivery, whichever mode it has. The batch's type is looked for first: the structured one is a
// prefix of it.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	media := mediaType(d.ContentType)
	structured := func(v strictjson.Value, item *sender.Item) { s.structured(v, d.Received, item) }
	body := strings.TrimLeft(string(d.Body[:min(len(d.Body), 64)]), "\ufeff \t\r\n")
	switch {
	case strings.HasPrefix(media, "application/cloudevents-batch"):
		if media != "application/cloudevents-batch+json" {
			return unreadable("content-type", "of the formats of CloudEvents only JSON is read")
		}
		if !strings.HasPrefix(body, "[") {
			return unreadable("", "a batch must be a list")
		}
	case strings.HasPrefix(media, "application/cloudevents"):
		if media != "application/cloudevents+json" && media != "application/cloudevents" {
			return unreadable("content-type", "of the formats of CloudEvents only JSON is read")
		}
		if strings.HasPrefix(body, "[") {
			return unreadable("", "a list of events has the type application/cloudevents-batch+json")
		}
	case d.ContentType == "" && s.isEvent(d.Body): // one that was cut out of a batch
	case d.Header[prefix+"specversion"] != "" || d.Header[prefix+"type"] != "" || d.Header[prefix+"id"] != "":
		return s.binary(d, media, yield)
	case isJSON(media) && s.isEvent(d.Body): // its sender forgot the type
	default:
		return unreadable("", "this is no CloudEvent: neither ce- headers nor a content type of CloudEvents")
	}
	// Which of the two it is has been decided: the body's first byte says the same.
	return sender.Objects(&s.docs, &s.cfg, &sender.Delivery{Body: d.Body, Received: d.Received}, yield, structured)
}

func unreadable(field, reason string) error {
	return &sender.Unreadable{Errors: fact.Errors{{Field: field, Reason: reason}}}
}

func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// isJSON reports whether data of this type is JSON. Where nothing is said it is.
func isJSON(media string) bool {
	return media == "" || media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}

// isEvent reports whether a body is an event in the JSON format.
func (s *source) isEvent(body []byte) bool {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	v, err := doc.Parse(body, 0, len(body), sender.Limits())
	return err == nil && v.Get("specversion").Kind() == strictjson.String
}

// event is a CloudEvent in whatever mode it came.
type event struct {
	id, source, kind, version, subject, time, media string
	// more are the attributes that have no place of their own, extensions among them.
	more map[string]*structpb.Value
	// data is void where there is none.
	data strictjson.Value
	// refused is what is wrong with its form.
	refused fact.Errors
}

func (e *event) refuse(field, reason string) {
	e.refused = append(e.refused, fact.FieldError{Field: field, Reason: reason})
}

// set takes one attribute.
func (e *event) set(name, text string, v *structpb.Value) {
	switch name {
	case "id":
		e.id = text
	case "source":
		e.source = text
	case "type":
		e.kind = text
	case "specversion":
		e.version = text
	case "subject":
		e.subject = text
	case "time":
		e.time = text
	case "datacontenttype":
		e.media = mediaType(text)
	default:
		if e.more == nil {
			e.more = map[string]*structpb.Value{}
		}
		e.more[name] = v
	}
}

// structured reads an event in the JSON format.
func (s *source) structured(v strictjson.Value, received fact.Received, item *sender.Item) {
	var e event
	var encoded strictjson.Value
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			break
		}
		switch name := key.Text(); {
		case name == "data":
			e.data = value
		case name == "data_base64":
			encoded = value
		case value.Given():
			e.set(name, value.Text(), fact.Value(value))
		}
	}
	switch {
	case encoded.Given() && e.data.Given():
		e.refuse("data_base64", "stands beside data: an event has one of the two")
	case encoded.Given():
		raw, err := base64.StdEncoding.DecodeString(encoded.Text())
		if err != nil || encoded.Kind() != strictjson.String {
			e.refuse("data_base64", "is not base64")
			break
		}
		doc := s.docs.Get()
		defer s.docs.Put(doc)
		s.parse(&e, doc, raw)
	case !isJSON(e.media) && e.data.Given() && e.data.Kind() != strictjson.Object:
		e.refuse("datacontenttype", "data of this type is kept and not read: JSON is")
	}
	s.read(&e, received, item)
}

// parse reads data from bytes that are to be JSON.
func (s *source) parse(e *event, doc *strictjson.Doc, raw []byte) {
	if !isJSON(e.media) {
		e.refuse("datacontenttype", "data of this type is kept and not read: JSON is")
		return
	}
	v, err := doc.Parse(raw, 0, len(raw), sender.Limits())
	if err != nil {
		for _, f := range fact.Fault(err) {
			e.refuse(strings.TrimSuffix("data."+f.Field, "."), f.Reason)
		}
		return
	}
	e.data = v
}

// binary reads an event whose attributes are headers and whose data is the body.
func (s *source) binary(d *sender.Delivery, media string, yield func(sender.Item) error) error {
	e := event{media: media}
	item := sender.Item{Single: true, Raw: d.Body}
	for _, header := range slices.Sorted(maps.Keys(d.Header)) {
		name, ok := strings.CutPrefix(header, prefix)
		if !ok {
			continue
		}
		text, ok := headerText(d.Header[header])
		if !ok {
			e.refuse(strictjson.Printable(header, 64), "is not UTF-8")
			continue
		}
		e.set(name, text, structpb.NewStringValue(text))
	}
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	switch {
	case len(d.Body) > s.cfg.MaxEvent:
		item.Errors = sender.TooLarge(len(d.Body), s.cfg.MaxEvent)
		return yield(item)
	case len(bytes.TrimSpace(d.Body)) > 0:
		s.parse(&e, doc, d.Body)
	}
	s.read(&e, d.Received, &item)
	return yield(item)
}

// headerText gives an attribute's value: unquoted, and then percent-decoded once (HTTP protocol binding, 3.1.3.2). What is
// written without either, as the SDKs of Go and JavaScript do, is taken as it stands, a percent sign without two hex digits
// too. ok is false for what is not UTF-8, or holds a NUL.
func headerText(s string) (text string, ok bool) {
	if strings.ContainsRune(s, utf8.RuneError) { // the edge puts it where bytes were none
		return "", false
	}
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		var b strings.Builder
		for i := 1; i < len(s)-1; i++ {
			if s[i] == '\\' && i+1 < len(s)-1 {
				i++
			}
			b.WriteByte(s[i])
		}
		s = b.String()
	}
	if strings.IndexByte(s, '%') >= 0 {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			if s[i] == '%' && i+2 < len(s) {
				if high, low := hexDigit(s[i+1]), hexDigit(s[i+2]); high >= 0 && low >= 0 {
					b = append(b, byte(high<<4|low))
					i += 2
					continue
				}
			}
			b = append(b, s[i])
		}
		s = string(b)
	}
	return s, utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

func hexDigit(c byte) int {
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
