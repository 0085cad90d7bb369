// Package segment receives what the SDKs of Segment and RudderStack post: /v1/{identify,track,page,screen,group,alias,batch}.
// It trusts the path and the write key and nothing else: RudderStack's SDK says form-encoded and sends gzipped JSON, browsers
// say text/plain.
package segment

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Types are the table's rows: both SDKs speak the same.
func Types() []sender.Type {
	row := sender.Type{
		Name: "segment", Path: sender.Tracking,
		// The SDKs throw away what a 400 answers, and repeat what a 5xx does.
		Rules: sender.Rules{Refused: sender.Answer, Unavailable: sender.Retry, Reply: sender.Success},
		New:   New,
	}
	rudder := row
	rudder.Name = "rudderstack"
	return []sender.Type{row, rudder}
}

type source struct {
	cfg  sender.Config
	docs sender.Docs
	// settled: the calls come from Segment's servers, which have corrected the times by sentAt already.
	settled bool
}

// New makes the sender of a source.
func New(cfg sender.Config) (sender.Sender, error) {
	if cfg.WriteKey == "" {
		return nil, errors.New("write_key: is required, it is what the SDK is set up with")
	}
	if len(cfg.Secrets) > 0 {
		return nil, errors.New("secrets: sources of this type have none, the write key is all an SDK sends")
	}
	if err := sender.CheckMap("map", cfg.Map); err != nil {
		return nil, err
	}
	return &source{cfg: cfg}, nil
}

// Verify has nothing to check: the write key found the source.
func (s *source) Verify(*sender.Request) (string, error) { return "", nil }

// API is how a request to /v1 is read before its source is known.
func API() sender.TrackingAPI {
	docs := &sender.Docs{}
	return sender.TrackingAPI{Call: call, WriteKey: func(body []byte) string { return writeKey(docs, body) }}
}

// call gives the call that a path's last element stands for, "" if it is none. Browser SDKs abbreviate it.
func call(path string) string {
	switch path {
	case "identify", "i":
		return "identify"
	case "track", "t":
		return "track"
	case "page", "p":
		return "page"
	case "screen", "s":
		return "screen"
	case "group", "g":
		return "group"
	case "alias", "a":
		return "alias"
	case "batch", "b":
		return "batch"
	}
	return ""
}

// writeKey finds the write key in a body: a member of the outermost object.
func writeKey(docs *sender.Docs, body []byte) string {
	doc := docs.Get()
	defer docs.Put(doc)
	found := ""
	_ = strictjson.EachMember(body, 0, len(body), func(key, value strictjson.Span) error {
		k, err := doc.Parse(body, key.From, key.To, sender.Limits())
		if err != nil || !k.Is("writeKey") {
			return err
		}
		v, err := doc.Parse(body, value.From, value.To, sender.Limits())
		if err == nil && v.Kind() == strictjson.String {
			found = v.Text()
		}
		return errFound
	})
	return found
}

var errFound = errors.New("found")

// Decode reads one call or a batch of them.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	if d.Call == "batch" {
		return s.batch(doc, d, yield)
	}
	item := sender.Item{Single: true, Raw: d.Body}
	v, err := doc.Parse(d.Body, 0, len(d.Body), sender.Limits())
	if err != nil {
		item.Errors = fact.Fault(err)
	} else {
		s.item(&item, v, d, d.Call, "")
	}
	return yield(item)
}

func (s *source) batch(doc *strictjson.Doc, d *sender.Delivery, yield func(sender.Item) error) error {
	list, sent, err := s.envelope(doc, d.Body)
	if err != nil {
		return err
	}
	i := 0
	return strictjson.EachElement(d.Body, list.From, list.To, func(at strictjson.Span) error {
		item := sender.Item{Index: i, Raw: d.Body[at.From:at.To]}
		i++
		v, err := doc.Parse(d.Body, at.From, at.To, sender.Limits())
		if err != nil {
			item.Errors = fact.Fault(err)
		} else {
			s.item(&item, v, d, "", sent)
		}
		return yield(item)
	})
}

// envelope finds a batch's list and when it was sent, and checks all that stands around the list.
func (s *source) envelope(doc *strictjson.Doc, body []byte) (list strictjson.Span, sent string, err error) {
	var names [16]string
	n := 0
	err = strictjson.EachMember(body, 0, len(body), func(key, value strictjson.Span) error {
		k, err := doc.Parse(body, key.From, key.To, sender.Limits())
		if err != nil {
			return err
		}
		name := k.Text()
		for _, seen := range names[:n] {
			if seen == name {
				return &strictjson.Fault{Offset: key.From, Path: strictjson.Printable(name, 40), Reason: "the key is given twice"}
			}
		}
		if n == len(names) {
			return &strictjson.Fault{Offset: key.From, Reason: "more than 16 keys around a batch"}
		}
		names[n] = name
		n++
		if name == "batch" {
			list = value
			return nil
		}
		v, err := doc.Parse(body, value.From, value.To, sender.Limits())
		if err != nil {
			return err
		}
		if name == "sentAt" {
			sent = v.Text()
		}
		return nil
	})
	if err != nil {
		return list, "", &sender.Unreadable{Errors: fact.Fault(err)}
	}
	if list.To == 0 || body[list.From] != '[' {
		return list, "", &sender.Unreadable{Errors: fact.Errors{{Field: "batch", Reason: "is required: a list of calls"}}}
	}
	return list, sent, sender.Countable(body, list.From, list.To, s.cfg.MaxEvents)
}

func (s *source) item(item *sender.Item, v strictjson.Value, d *sender.Delivery, call, sent string) {
	switch {
	case v.Kind() != strictjson.Object:
		item.Errors = fact.Errors{{Reason: "a call must be an object"}}
	case len(v.Raw()) > s.cfg.MaxEvent:
		item.Errors = sender.TooLarge(len(v.Raw()), s.cfg.MaxEvent)
	default:
		item.Fact, item.Errors = s.read(v, d.Received, call, sent)
	}
}

// eventID gives an id to a call that came without: of its own bytes where it says when it happened, so that sending it
// again changes nothing; otherwise a new one, for two equal calls may well be meant.
func eventID(v strictjson.Value, timed bool) string {
	if timed {
		sum := sha256.Sum256(v.Raw())
		return "sha256-" + hex.EncodeToString(sum[:16])
	}
	return madeUp + rand.Text()
}

// madeUp is what the ids begin with that calls without one are given.
const madeUp = "rand-"
