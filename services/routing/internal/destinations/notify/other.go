package notify

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Bounds of what is told of an event that has no words of its own.
const (
	maxLines = 40
	maxLine  = 500
	maxDepth = 6
)

// other writes what is told of an event that is about no handoff: those that are known in words, any other by its data.
func (w *writer) other(m *Message) {
	m.Why = w.why()
	var body struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(w.job.Body, &body); err != nil {
		body.Data = nil // the name of the event is told all the same
	}
	get := func(name string) string {
		s, _ := body.Data[name].(string)
		return s
	}
	at := func(name string) string {
		t, err := time.Parse(time.RFC3339Nano, get(name))
		if err != nil {
			return ""
		}
		return Clock(t, w.now, w.zone)
	}
	switch pool := words(get("pool")); w.job.Event {
	case fold.EventDeskWaiting:
		m.Subject = "Nobody is there for handoffs to " + pool
		m.Lead = "The first handoff began to wait for " + pool + ": everybody is away, at capacity or outside of their hours."
		if until := at("until"); until != "" {
			m.Subject += " until " + until
			m.Lead += " Somebody will be there from " + until + " on."
		}
	case fold.EventDeskCleared:
		m.Subject = "Nobody waits for " + pool + " any more"
		m.Lead = m.Subject + "."
	case EventWeekly:
		m.Subject = strings.TrimSpace("The week in summary " + get("week"))
		m.Lead = m.Subject + "."
		m.Text, m.HTML = get("text"), get("html")
		if m.Text == "" {
			m.Lines = plainly(body.Data)
		}
	default:
		name := words(w.job.Event)
		m.Subject, m.Lead = name, "It happened"+strings.Replace(w.byMoment(timestamppb.New(w.job.DueAt)), " by ", " at ", 1)+": "+name+"."
		m.Lines = plainly(body.Data)
	}
}

// plainly tells data line by line, in the order of its names: what is empty is left out.
func plainly(data map[string]any) (out []string) {
	var tell func(name string, v any, depth int)
	tell = func(name string, v any, depth int) {
		if len(out) >= maxLines || depth > maxDepth {
			return
		}
		switch v := v.(type) {
		case nil:
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				tell(strings.TrimSpace(name+" "+words(key)), v[key], depth+1)
			}
		case []any:
			for _, e := range v {
				tell(name, e, depth+1)
			}
		case bool:
			if v {
				out = append(out, name+": yes")
			}
		case float64:
			if v != 0 {
				out = append(out, fmt.Sprintf("%s: %v", name, v))
			}
		case string:
			if v = strings.TrimSpace(v); v != "" {
				out = append(out, short(name+": "+v, maxLine))
			}
		}
	}
	tell("", data, 0)
	return out
}

// sample writes a message that says that it is none.
func (n *Notifier) sample(dir *core.Directory, r *Recipient, now time.Time) *Message {
	p := &routingv1.Payload{
		HandoffId: "ho_sample", Stage: "routed", Epoch: 1,
		Lead:    &routingv1.PayloadLead{Id: "ld_sample", Email: "sam@initech.example", FirstName: "Sam", LastName: "Sample", Title: "VP Engineering", Country: "SE"},
		Account: &routingv1.AccountRef{Name: "Initech", Domain: "initech.example"},
		Owner:   &routingv1.Owner{Id: "sample", Name: "Sample"},
		Brief: &routingv1.Brief{
			WhyNow: []string{"They asked for a demo."}, NextActions: []*routingv1.NextAction{{What: "Answer the demo request", Reason: "It is what they asked for."}},
		},
		Sla: &routingv1.Sla{AcceptBy: timestamppb.New(now.Add(4 * time.Hour).Truncate(time.Minute)), ContactBy: timestamppb.New(now.Add(24 * time.Hour).Truncate(time.Minute))},
	}
	m := n.message(dir, r, &destination.Job{ID: fmt.Sprintf("sample_%d", now.UnixNano()), Event: fold.EventRouted, DueAt: now, Payload: p}, now)
	m.Subject = line("Sample: "+m.Subject, maxSubject)
	m.Why = "This is a sample that somebody asked Baton for. The person in it does not exist: there is nothing to do."
	m.Links = nil
	return m
}

// Clip cuts a text to so many bytes, between two characters.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
