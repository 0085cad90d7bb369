package edge

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Trial is what would become of a request.
type Trial struct {
	// Refused is why it would be refused as a whole, before or after it was verified; nil if it would not.
	Refused *Refusal
	// Verified: the sender proved who it is. Otherwise Unverified says why it is not believed.
	Verified   bool
	Unverified string
	// DeliveryID is the sender's id of the delivery, "" if it has none.
	DeliveryID string
	// Greeting is the answer to a sender that asks before it sends; nil for a delivery.
	Greeting *sender.Greeting
	Body     []byte
	Items    []TrialItem
	// Status and Reply are what the sender would be answered.
	Status int
	Reply  []byte
}

// TrialItem is one event, and what would become of it: one of the Outcome constants.
type TrialItem struct {
	sender.Item
	Outcome string
}

// What becomes of an event.
const (
	Accepted    = "accepted"
	Ignored     = "ignored"
	Quarantined = "quarantined"
	Rejected    = "rejected"
)

// NewTrial makes an edge that only tries: it has no journal.
func NewTrial(opt Options) (*Edge, error) {
	opt.Now, opt.Log = time.Now, slog.New(slog.DiscardHandler)
	return New(opt)
}

// Try finds out what would become of a request to a source, received at a moment, by the very steps that a real one takes, and puts
// nothing anywhere. The request counts as one from this machine; its path is believed where it could be the source's. unsigned
// goes on where it is not believed. Duplicates and the rate, which depend on what came before, are not looked at.
func (e *Edge) Try(s *Source, r *http.Request, received fact.Received, unsigned bool) (*Trial, error) {
	x := &exchange{r: r, start: received.Time, sources: e.sources.Load(), source: s}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	t := &Trial{}
	if no := oversized(r); no != nil {
		return t.refuse(x, no), nil
	}
	call := ""
	if s.Type.Path == sender.Tracking {
		path, _ := strings.CutPrefix(r.URL.Path, "/v1/")
		if call = e.opt.Tracking.Call(path); call == "" {
			return nil, errors.New("the path of a request to this source is /v1/ and one of identify, track, page, screen, group, alias, batch")
		}
	} else if rest, ok := strings.CutPrefix(r.URL.Path, "/webhooks/"); ok {
		if _, x.token, _ = strings.Cut(rest, "/"); x.token != "" && !s.Type.Token {
			return t.refuse(x, refuse(http.StatusNotFound, "path", noToken)), nil
		}
	}
	if r.Method != http.MethodPost {
		return t.greet(e, x), nil
	}
	b, err := e.bodies.read(r, s.MaxBody)
	if err != nil {
		return t.refuse(x, unreadBody(err, s.MaxBody)), nil
	}
	t.Body = b.data
	if err := e.verify(t, x); err != nil {
		t.Unverified = err.Error()
		if !unsigned {
			return t.refuse(x, unverified(err)), nil
		}
	} else {
		t.Verified = true
	}
	return t, t.decode(x, call, received)
}

// errKey is why a call of an SDK is not believed.
var errKey = errors.New("it does not have the source's write key, as the user of Basic authorization or as writeKey in the body")

func (e *Edge) verify(t *Trial, x *exchange) (err error) {
	if x.source.Type.Path == sender.Tracking {
		key, _, basic := x.r.BasicAuth()
		if !basic {
			key = e.opt.Tracking.WriteKey(t.Body)
		}
		if x.sources.keys[key] != x.source {
			return errKey
		}
	}
	t.DeliveryID, err = x.source.Sender.Verify(e.request(x, t.Body))
	return err
}

func (t *Trial) refuse(x *exchange, no *refusal) *Trial {
	t.Status = no.status
	t.Refused = &Refusal{
		Time: x.start, Source: x.source.Config.Name, Reason: no.reason, Detail: no.detail, Errors: no.errors, Status: no.status, Method: x.r.Method,
		Path: shownPath(x), BodyBytes: x.r.ContentLength, Headers: headerNames(x.r.Header), Times: 1,
	}
	return t
}

func (t *Trial) greet(e *Edge, x *exchange) *Trial {
	g, ok := x.source.Sender.(sender.Greeter)
	if !ok || x.r.Method != http.MethodGet && x.r.Method != http.MethodHead && x.r.Method != http.MethodOptions {
		return t.refuse(x, refuse(http.StatusMethodNotAllowed, "method", "events are posted"))
	}
	hello, err := g.Greet(e.request(x, nil))
	if err != nil {
		t.Unverified = err.Error()
		return t.refuse(x, unverified(err))
	}
	t.Verified, t.Greeting, t.Status, t.Reply = true, &hello, hello.Status, hello.Body
	return t
}

func (t *Trial) decode(x *exchange, call string, received fact.Received) error {
	s := x.source
	d := &sender.Delivery{
		ID: t.DeliveryID, Call: call, ContentType: strings.ToValidUTF8(x.r.Header.Get("Content-Type"), "?"), Header: kept(s, x.r.Header),
		Body: t.Body, Received: received,
	}
	bad := Rejected
	if s.Type.Rules.Refused == sender.Quarantine {
		bad = Quarantined
	}
	var single fact.Errors
	var result sender.Result
	err := s.Sender.Decode(d, func(item sender.Item) error {
		out := TrialItem{Item: item, Outcome: Accepted}
		switch {
		case item.Ignored != "":
			out.Outcome = Ignored
			result.Ignored++
		case item.Errors == nil:
			result.Accepted++
		case bad == Quarantined:
			out.Outcome = Quarantined
			result.Quarantined++
		default:
			out.Outcome = Rejected
			result.RejectedCount++
			result.Rejected = append(result.Rejected, sender.Rejection{Index: item.Index, Errors: item.Errors})
			if item.Single {
				single = item.Errors
			}
		}
		t.Items = append(t.Items, out)
		return nil
	})
	var whole fact.Errors
	var unreadable *sender.Unreadable
	if errors.As(err, &unreadable) {
		whole, err = unreadable.Errors, nil
	}
	if err != nil {
		return err
	}
	switch {
	case len(whole) > 0 && bad == Quarantined:
		t.Items = append(t.Items, TrialItem{Item: sender.Item{Single: true, ID: d.ID, Errors: whole, Raw: d.Body}, Outcome: Quarantined})
		result.Quarantined++
	case len(whole) > 0:
		single = whole
	}
	if len(single) > 0 {
		t.refuse(x, malformed(single))
		return nil
	}
	t.Status, t.Reply = s.Type.Rules.Reply(result)
	return nil
}
