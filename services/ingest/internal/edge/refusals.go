package edge

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Refusal is a request that was not taken, or not all of it, as an operator sees it: enough to tell why a sender's posts fail,
// and nothing of what they say. It has no header's value, no token, no parameter's value and nothing of the body.
type Refusal struct {
	Time time.Time `json:"time"`
	// Source is "" where it was not known.
	Source string `json:"source"`
	// Reason is the word in baton_ingest_refused_total; "rejected" where the request was taken but for some of its events.
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	// Errors are what is wrong with the events, of all that were rejected at most 16.
	Errors []fact.FieldError `json:"errors,omitempty"`
	// Status is what was answered; 0 where the connection was dropped instead of an answer.
	Status int    `json:"status"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// ContentType without its parameters.
	ContentType string `json:"content_type,omitempty"`
	// BodyBytes as they came over the wire are announced; -1: not announced.
	BodyBytes int64 `json:"body_bytes"`
	// Headers are the names of those that were there.
	Headers []string `json:"headers"`
	// Times: how often in a row the like of it was refused, the last one at Time.
	Times int `json:"times"`
}

// Bounds of what is kept, so that 50 refusals of a source take less than 1 MB whatever strangers send.
const (
	keptRefusals = 50
	keptHeaders  = 48
	keptErrors   = 16
	keptText     = 300 // bytes of any one text
	keptName     = 64  // bytes of a header's or parameter's name
)

// refusals keeps the latest of each source, and of requests whose source is not known, under "".
type refusals struct {
	mu   sync.Mutex
	last map[string][]Refusal // oldest first
}

func newRefusals() *refusals { return &refusals{last: map[string][]Refusal{}} }

// note keeps a refusal. Sources are named by the configuration: a stranger cannot add one.
func (rs *refusals) note(source string, x *exchange, no *refusal, now time.Time) {
	status := no.status
	if no.retry > 0 && x.source != nil && x.source.Type.Rules.Unavailable == sender.Hold {
		status = 0
	}
	rs.add(x, Refusal{Time: now, Source: source, Reason: no.reason, Detail: safe(no.detail), Status: status}, no.errors)
}

// noteRejected keeps that a request was taken but for some of its events.
func (rs *refusals) noteRejected(x *exchange, result sender.Result, now time.Time) {
	var errs fact.Errors
	for _, r := range result.Rejected {
		if len(errs) >= keptErrors {
			break
		}
		errs = append(errs, r.Errors...)
	}
	status, _ := x.source.Type.Rules.Reply(sender.Result{})
	rs.add(x, Refusal{Time: now, Source: x.source.Config.Name, Reason: "rejected", Detail: "some of the events were refused", Status: status}, errs)
}

func (rs *refusals) add(x *exchange, n Refusal, errs fact.Errors) {
	n.Method, n.Path, n.Times = safe(x.r.Method), shownPath(x), 1
	rs.mu.Lock()
	defer rs.mu.Unlock()
	list := rs.last[n.Source]
	if len(list) > 0 && len(errs) == 0 {
		// A flood of the same must not push out what came before it, nor cost more than this.
		if l := &list[len(list)-1]; l.Reason == n.Reason && l.Detail == n.Detail && l.Status == n.Status && l.Method == n.Method && l.Path == n.Path &&
			len(l.Errors) == 0 {
			l.Time, l.Times = n.Time, l.Times+1
			return
		}
	}
	for _, e := range errs[:min(len(errs), keptErrors)] {
		n.Errors = append(n.Errors, fact.FieldError{Field: safe(e.Field), Reason: safe(e.Reason)})
	}
	mediaType, _, _ := strings.Cut(x.r.Header.Get("Content-Type"), ";")
	n.ContentType, n.BodyBytes, n.Headers = safe(strings.TrimSpace(mediaType)), x.r.ContentLength, headerNames(x.r.Header)
	if len(list) == keptRefusals {
		list = slices.Delete(list, 0, 1)
	}
	rs.last[n.Source] = append(list, n)
}

// keep forgets the refusals of sources that are no more.
func (rs *refusals) keep(sources map[string]*Source) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for name := range rs.last {
		if name != "" && sources[name] == nil {
			delete(rs.last, name)
		}
	}
}

// Refusals gives the latest refusals, the newest first: of one source (all false), or of all and of requests whose source was
// not known. At most 50 of each are kept, in memory alone.
func (e *Edge) Refusals(source string, all bool) []Refusal {
	rs := e.refusals
	rs.mu.Lock()
	defer rs.mu.Unlock()
	out := []Refusal{}
	for name, list := range rs.last {
		if all || name == source {
			out = append(out, list...)
		}
	}
	slices.SortStableFunc(out, func(a, b Refusal) int { return cmp.Or(b.Time.Compare(a.Time), strings.Compare(a.Source, b.Source)) })
	return out
}

// shownPath gives the path without what may be secret: the token behind a source's name, and the values of the query. What
// stands where a source's name should is shown only if it could be one.
func shownPath(x *exchange) string {
	path, before := x.r.URL.Path, ""
	if i := strings.Index(path, "/webhooks/"); i > 0 {
		path, before = path[i:], "/…"
	}
	if rest, ok := strings.CutPrefix(path, "/webhooks/"); ok {
		name, token, more := strings.Cut(rest, "/")
		if !couldBeName(name) {
			name = "…"
		}
		path = before + "/webhooks/" + name
		if more && token != "" {
			path += "/…"
		}
	} else if rest, ok := strings.CutPrefix(path, "/v1/"); ok {
		if !couldBeName(rest) {
			rest = "…"
		}
		path = "/v1/" + rest
	} else {
		path = "/…"
	}
	mark := byte('?')
	for part := range strings.SplitSeq(x.r.URL.RawQuery, "&") {
		name, _, valued := strings.Cut(part, "=")
		if !valued || !plainName(name) || len(path) > keptText {
			continue
		}
		path += string(mark) + name + "=…"
		mark = '&'
	}
	return path
}

func couldBeName(s string) bool {
	return s != "" && len(s) <= 40 && strings.IndexFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }) < 0
}

func plainName(s string) bool {
	return s != "" && len(s) <= keptName && strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
	}) < 0
}

func headerNames(h http.Header) []string {
	names := make([]string, 0, min(len(h), keptHeaders))
	for name := range h {
		if plainName(name) && len(names) < keptHeaders {
			names = append(names, strings.Clone(name))
		}
	}
	slices.Sort(names)
	return names
}

// safe gives a text for people, bounded, without what looks like an address of a person: keys of a body can be one.
func safe(s string) string {
	if len(s) > keptText {
		cut := keptText
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	if !strings.Contains(s, "@") {
		return strings.Clone(s) // it may be a piece of something large
	}
	words := strings.Fields(s)
	for i, w := range words {
		if strings.Contains(w, "@") {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}
