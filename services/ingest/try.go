package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/agents"
	"github.com/batonhq/baton/services/ingest/internal/edge"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/senders"
)

// Trial is what would become of a saved request: see Try.
type Trial struct {
	Source string `json:"source"`
	Type   string `json:"type"`
	// At is the moment for which it was tried, and AtFrom what said so.
	At     time.Time `json:"at"`
	AtFrom string    `json:"at_from"`
	// Verified: the sender proved who it is; otherwise Unverified says why not.
	Verified   bool   `json:"verified"`
	Unverified string `json:"unverified,omitempty"`
	DeliveryID string `json:"delivery_id,omitempty"`
	// Refused says why the request would be refused as a whole; "" if it would not.
	Refused string        `json:"refused,omitempty"`
	Errors  []TrialError  `json:"errors,omitempty"`
	Events  []*TrialEvent `json:"events"`
	// Status and Reply are what the sender would be answered.
	Status int    `json:"status"`
	Reply  string `json:"reply"`
}

// TrialEvent is one event of a saved request.
type TrialEvent struct {
	Index int `json:"index"`
	// Outcome is accepted, ignored, quarantined or rejected.
	Outcome string `json:"outcome"`
	// Event is the fact that goes into the journal, but for the lead's own id, which depends on the journal's key; nil unless
	// it is accepted.
	Event *journalv1.Event `json:"-"`
	// Lead is that of the handoff that the event is about, and Previous, of an alias, the person's earlier id.
	Lead     string       `json:"lead,omitempty"`
	Previous string       `json:"previous,omitempty"`
	ID       string       `json:"id,omitempty"`
	Ignored  string       `json:"ignored,omitempty"`
	Errors   []TrialError `json:"errors,omitempty"`
}

// TrialError is what is wrong with a field.
type TrialError struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// TryOptions say how to look at a saved request.
type TryOptions struct {
	// At is the moment of its receipt; zero: what it says itself, by its signed time or its Date.
	At time.Time
	// Unsigned goes on where the sender is not believed.
	Unsigned bool
}

// Try finds out what would become of a saved request to a source, by the steps that a real one takes. It needs the configuration
// alone, and writes nothing. An error is the caller's: no such source, or a request that could not be one of its.
func Try(cfg Config, source string, r *http.Request, body []byte, opt TryOptions) (*Trial, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("ingest configuration: %w", err)
	}
	built, errs := cfg.build()
	if len(errs) > 0 {
		return nil, fmt.Errorf("ingest configuration: %w", errors.Join(errs...))
	}
	e, err := edge.NewTrial(edge.Options{
		Sources: built, Tracking: senders.Tracking(), InFlight: cfg.InFlight, PublicURL: strings.TrimSuffix(cfg.PublicURL, "/"),
	})
	if err != nil {
		return nil, err
	}
	s := e.Sources().Get(source)
	if s == nil {
		return nil, fmt.Errorf("there is no source %q; there are %s", source, strings.Join(e.Sources().Names(), ", "))
	}
	out := &Trial{Source: source, Type: s.Type.Name, At: opt.At, AtFrom: "as told", Events: []*TrialEvent{}}
	if opt.At.IsZero() {
		out.At, out.AtFrom = statedTime(r.Header, body)
	}
	r.Body, r.ContentLength, r.RemoteAddr = readCloser{bytes.NewReader(body)}, int64(len(body)), "127.0.0.1:1"
	t, err := e.Try(s, r, fact.At(out.At).Knowing(agents.New()), opt.Unsigned)
	if err != nil {
		return nil, err
	}
	out.fill(t)
	return out, nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func (out *Trial) fill(t *edge.Trial) {
	out.Verified, out.Unverified, out.DeliveryID, out.Status, out.Reply = t.Verified, t.Unverified, t.DeliveryID, t.Status, string(t.Reply)
	if t.Refused != nil {
		out.Refused = t.Refused.Detail
		for _, e := range t.Refused.Errors {
			out.Errors = append(out.Errors, TrialError{Field: e.Field, Reason: e.Reason})
		}
	}
	for _, item := range t.Items {
		ev := &TrialEvent{Index: item.Index, Outcome: item.Outcome, Ignored: item.Ignored, ID: item.ID}
		if item.Outcome == edge.Accepted {
			ev.Event, ev.Lead, ev.Previous, ev.ID = item.Fact.Event, item.Fact.Lead, item.Fact.Previous, item.Fact.Event.Id
		}
		for _, e := range item.Errors {
			ev.Errors = append(ev.Errors, TrialError{Field: e.Field, Reason: e.Reason})
		}
		out.Events = append(out.Events, ev)
	}
}

// Where senders state the time that they sign: in a header of its own, as t= in a signature's, or in the body (Mailgun). Segment's
// sentAt is not signed, but the times of its events are corrected by it.
var (
	inSignature = regexp.MustCompile(`(?:^|[,; ])t=(\d{10})(?:$|[,; ])`)
	inBody      = regexp.MustCompile(`"signature"\s*:\s*\{[^{}]{0,400}?"timestamp"\s*:\s*"?(\d{10})\b`)
	sentAt      = regexp.MustCompile(`"sentAt"\s*:\s*"([^"]{10,40})"`)
)

// statedTime gives the moment that a saved request states: what it signs or corrects its clock by, else its Date, else now.
func statedTime(h http.Header, body []byte) (at time.Time, from string) {
	names := slices.Sorted(maps.Keys(h))
	for _, name := range names {
		if strings.HasSuffix(strings.ToLower(name), "timestamp") {
			if at, ok := moment(h.Get(name)); ok {
				return at, name
			}
		}
	}
	for _, name := range names {
		if m := inSignature.FindStringSubmatch(h.Get(name)); m != nil && strings.Contains(strings.ToLower(name), "signature") {
			if at, ok := moment(m[1]); ok {
				return at, name
			}
		}
	}
	if m := inBody.FindSubmatch(body); m != nil {
		if at, ok := moment(string(m[1])); ok {
			return at, "signature.timestamp"
		}
	}
	if m := sentAt.FindSubmatch(body); m != nil {
		if at, ok := moment(string(m[1])); ok {
			return at, "sentAt"
		}
	}
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		return at, "Date"
	}
	return time.Now(), "now"
}

// moment reads seconds or milliseconds since 1970, or RFC 3339.
func moment(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch len(s) {
		case 10:
			return time.Unix(n, 0).UTC(), true
		case 13:
			return time.UnixMilli(n).UTC(), true
		}
		return time.Time{}, false
	}
	at, err := time.Parse(time.RFC3339, s)
	return at, err == nil
}

// SourceInfo describes a source for whoever sets up its sender.
type SourceInfo struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Path is what its sender posts to, behind the address of the server; a secret in it is not shown.
	Path string `json:"path"`
	// Proof says how the sender proves who it is.
	Proof string `json:"proof"`
	// Stages are the CRM's stages and the event types that they mean: the type's own, and over them the source's.
	Stages map[string]string `json:"stages,omitempty"`
}

// Describe describes the sources of a configuration, in its order. The error is Validate's.
func Describe(cfg Config) ([]SourceInfo, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("ingest configuration: %w", err)
	}
	out := make([]SourceInfo, 0, len(cfg.Sources))
	for _, s := range cfg.Sources {
		t, _ := typeOf(s.Type) // it is valid
		info := SourceInfo{Name: s.Name, Type: s.Type}
		info.Path, info.Proof = s.describe(t)
		if t.Stages != nil {
			info.Stages = maps.Clone(t.Stages)
			maps.Copy(info.Stages, s.Stages)
		}
		out = append(out, info)
	}
	return out, nil
}
