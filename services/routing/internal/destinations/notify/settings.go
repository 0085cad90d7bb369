package notify

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// EventWeekly is the summary that feedback writes: its data has week, text and html.
const EventWeekly = "summary.weekly"

// Addressed gives the events that somebody is told of, by themselves or by a configuration's options.
func Addressed(options map[string]string) []string {
	told, of := defaults(), ofEvent()
	return slices.DeleteFunc(Events(), func(event string) bool {
		for option, e := range of {
			if e == event && options[option] != "" {
				return false
			}
		}
		return len(told[event]) == 0 && options["to"] == ""
	})
}

// Events gives those that people are told of unless a configuration names others.
func Events() []string {
	return []string{
		fold.EventRouted, fold.EventReassigned, fold.EventRecalled, fold.EventUpdated, fold.EventSLAEscalated, fold.EventSLABreached,
		fold.EventDeskWaiting, fold.EventDeskCleared, EventWeekly,
	}
}

// Whom an event is told to, beside addresses and reps' ids.
const (
	Owner    = "owner"
	Previous = "previous"
	Manager  = "manager"
	Team     = "team"
	// Notified is the owner or the manager, as the ladder's step says.
	Notified = "notified"
)

// Settings are what a configuration says of whom to tell, and when.
type Settings struct {
	// to is whom by event, Any for those that have no rule of their own.
	to map[string][]string
	// urgent events wait for nothing.
	urgent []string
	events []string
	// quiet: outside of a rep's working time nobody is told what is not urgent.
	quiet bool
	every time.Duration
	// at is minutes after midnight, -1 for none.
	at int
	// zone is that of recipients who have none.
	zone *time.Location
	// links says whether messages have links that answer, open where a handoff can be read.
	links bool
	open  string
}

// ofEvent are the options that say whom an event is told to, with the event.
func ofEvent() map[string]string {
	return map[string]string{
		"to_routed": fold.EventRouted, "to_reassigned": fold.EventReassigned, "to_recalled": fold.EventRecalled, "to_updated": fold.EventUpdated,
		"to_escalated": fold.EventSLAEscalated, "to_breached": fold.EventSLABreached, "to_waiting": fold.EventDeskWaiting, "to_cleared": fold.EventDeskCleared,
		"to_weekly": EventWeekly,
	}
}

// defaults are whom events are told to where a configuration says nothing.
func defaults() map[string][]string {
	return map[string][]string{
		fold.EventRouted: {Owner}, fold.EventReassigned: {Owner, Previous}, fold.EventRecalled: {Owner}, fold.EventUpdated: {Owner},
		fold.EventSLAEscalated: {Notified}, fold.EventSLABreached: {Manager},
	}
}

// Options gives the options that every kind has, with their defaults, and those of its own.
func Options(own map[string]string) map[string]string {
	out := map[string]string{
		"to": "", "urgent": strings.Join([]string{fold.EventRouted, fold.EventReassigned, fold.EventSLAEscalated, fold.EventSLABreached}, ","),
		"time_zone": "UTC", "links": "true", "open": "",
	}
	for name := range ofEvent() {
		out[name] = ""
	}
	for name, value := range own {
		out[name] = value
	}
	return out
}

// Parse reads a configuration. Every error names its field.
func Parse(cfg destination.Config) (*Settings, error) {
	s := &Settings{to: map[string][]string{}, at: -1, events: cfg.Events}
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	all := whom(cfg.Options["to"], "options.to", bad)
	for _, event := range append(Events(), cfg.Events...) {
		s.to[event] = defaults()[event]
		if all != nil {
			s.to[event] = all
		}
	}
	for option, event := range ofEvent() {
		if list := whom(cfg.Options[option], "options."+option, bad); list != nil {
			s.to[event] = list
		}
	}
	s.urgent = list(cfg.Options["urgent"])
	for _, event := range s.urgent {
		if !slices.Contains(Events(), event) && !slices.Contains(cfg.Events, event) {
			bad("options.urgent", "%q is not an event that it is told of", event)
		}
	}
	var err error
	if s.zone, err = time.LoadLocation(cfg.Options["time_zone"]); err != nil || cfg.Options["time_zone"] == "Local" {
		bad("options.time_zone", "must be an IANA time zone such as Europe/Stockholm")
	}
	switch cfg.Options["links"] {
	case "true", "":
		s.links = true
	case "false":
	default:
		bad("options.links", "must be true or false")
	}
	if s.open = cfg.Options["open"]; s.open != "" && !strings.HasPrefix(s.open, "https://") && !strings.HasPrefix(s.open, "http://") {
		bad("options.open", "must be an address such as https://crm.example/leads/{lead_id}")
	}
	s.parseTiming(cfg, bad)
	return s, errors.Join(errs...)
}

func (s *Settings) parseTiming(cfg destination.Config, bad func(field, format string, args ...any)) {
	switch cfg.Quiet.Outside {
	case "":
	case "working":
		s.quiet = true
	default:
		bad("quiet.outside", "%q is not working", cfg.Quiet.Outside)
	}
	d := cfg.Digest
	switch {
	case d.Every != 0 && d.At != "":
		bad("digest", "has every or at, not both")
	case d.Every != 0 && (d.Every < time.Minute || d.Every > 24*time.Hour || (24*time.Hour)%d.Every != 0):
		bad("digest.every", "%s is not a part of a day between 1m and 24h", d.Every)
	case d.Every != 0:
		s.every = d.Every
	case d.At != "":
		t, err := time.Parse("15:04", d.At)
		if err != nil || len(d.At) != 5 {
			bad("digest.at", "%q is not a time of the day such as 08:30", d.At)
			return
		}
		s.at = t.Hour()*60 + t.Minute()
	}
}

func list(s string) (out []string) {
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" && !slices.Contains(out, part) {
			out = append(out, part)
		}
	}
	return out
}

// whom reads who is told: words, addresses, reps' ids; nil where nothing is said.
func whom(s, field string, bad func(field, format string, args ...any)) []string {
	out := list(s)
	for _, w := range out {
		if strings.Contains(w, "@") {
			if a, ok := Address(w); !ok || a != w {
				bad(field, "one of them is not an e-mail address")
			}
		} else if !identity.Safe(w) {
			bad(field, "%q is not owner, previous, manager, team, an e-mail address or a rep's id", w)
		}
	}
	return out
}

// Address reads a bare e-mail address: local@domain, without controls, at most 254 bytes (RFC 5321, section 4.5.3.1.3).
func Address(s string) (string, bool) {
	a, err := mail.ParseAddress(s)
	if err != nil || len(a.Address) > 254 || strings.ContainsFunc(a.Address, func(r rune) bool { return r < ' ' || r == 0x7f || r == '<' || r == '>' }) || strings.Count(a.Address, "\"") > 0 {
		return "", false
	}
	return a.Address, true
}
