package brief

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/batonhq/baton/services/routing/internal/core"
)

const (
	maxActions = 4
	// stillFresh is how long an event that they came to is worth mentioning.
	stillFresh = 30 * 24 * time.Hour
)

// actions gives what to do next beside sending an asset, the most pressing first: what they asked for and nobody answered,
// then what to speak about.
func actions(in Input, acts []Item, b Brief, dir *core.Directory) []Action {
	var out []Action
	add := func(i Item, what, reason string) { out = append(out, Action{what, reason, ids([]Item{i})}) }
	said := map[string]bool{}
	// What they did last of meetings and requests says what is open.
	booked := false
	for _, i := range acts {
		if said[i.Type] {
			continue
		}
		switch i.Type {
		case "meeting_booked":
			if !said["meeting_canceled"] {
				add(i, "Prepare the meeting", "They booked it on "+date(i.At)+".")
			}
			booked = true
		case "meeting_canceled":
			if !booked {
				add(i, "Offer another time", "They cancelled a meeting on "+date(i.At)+", and nothing is booked since.")
			}
		case "demo_requested":
			if !booked && !contactedSince(in, i.At) {
				add(i, "Answer their request for a demo", "They asked on "+date(i.At)+", and no meeting is booked since.")
			}
		case "pricing_requested":
			if !contactedSince(in, i.At) {
				add(i, "Answer their request for a price", "They asked on "+date(i.At)+".")
			}
		case "trial_started":
			add(i, "Ask how the trial goes", "They started it on "+date(i.At)+".")
		case "event_attended":
			if in.At.Sub(i.At) <= stillFresh {
				add(i, "Mention "+event(i, dir), "They attended it on "+date(i.At)+".")
			}
		default:
			continue
		}
		said[i.Type] = true
	}
	for _, c := range b.Content {
		if c.Times > 1 && !slices.ContainsFunc(acts, func(i Item) bool { return i.Asset == c.Asset && i.Type == "event_attended" }) {
			out = append(out, Action{What: "Speak about “" + cmp.Or(c.Title, words(c.Asset)) + "”", Reason: fmt.Sprintf("They came back to it: %d times, last on %s.", c.Times, date(c.At))})
			break
		}
	}
	if n := len(in.Earlier); n > 0 {
		if e := in.Earlier[n-1]; e.Reason != "" && acted(acts, e.At) > 0 {
			out = append(out, Action{What: "Ask what has changed", Reason: ended(e) + "."})
		}
	}
	if refused(in.Consent["email"]) && in.Phone != "" && !refused(in.Consent["phone"]) {
		out = append([]Action{{What: "Call them", Reason: "E-mail is not allowed, and a phone number is known."}}, out...)
	}
	return out[:min(len(out), maxActions)]
}

func contactedSince(in Input, at time.Time) bool {
	for _, c := range in.Contacts {
		if c.At.After(at) {
			return true
		}
	}
	return false
}

// event names what they came to.
func event(i Item, dir *core.Directory) string {
	if a := dir.Asset(i.Asset); a != nil {
		return "“" + cmp.Or(a.Title, words(a.ID)) + "”"
	}
	if name := cmp.Or(words(i.Asset), i.Name, i.Title); name != "" {
		return "“" + name + "”"
	}
	return "the event that they attended"
}
