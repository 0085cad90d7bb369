package agreement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

func engagementText(r *EngagementRule) string {
	return pointsText(r.Points) + " for " + either(r.On) + whenText(r.When)
}

func fitText(r *FitRule) string { return pointsText(r.Points) + " of fit" + whenText(r.When) }

func qualifyText(r *QualifyRule) string {
	when := whenText(r.When)
	if len(r.Matrix) > 0 {
		when = " " + matrixText(r.Matrix)
	}
	if len(r.On) == 0 {
		return strings.TrimSpace(when)
	}
	if len(r.Matrix) > 0 {
		when = "," + when
	}
	return "with " + either(r.On) + when
}

func goalText(g *Goal) string {
	return fmt.Sprintf("%s of %s over %s", plain(g.Metric), number(g.Target), windowText(g.Window))
}

func whenText(when string) string {
	if when == "" {
		return ""
	}
	return " when `" + plain(when) + "`"
}

func capText(lead string, c Cap) string {
	if c.Count == 0 {
		return ""
	}
	return lead + "at most " + times(c)
}

func times(c Cap) string {
	per := "every " + FormatDuration(c.Per)
	switch c.Per {
	case time.Minute:
		per = "a minute"
	case time.Hour:
		per = "an hour"
	case 24 * time.Hour:
		per = "a day"
	case 7 * 24 * time.Hour:
		per = "a week"
	}
	if c.Count == 1 {
		return "1 time " + per
	}
	return fmt.Sprintf("%d times %s", c.Count, per)
}

func pointsText(m Micros) string {
	if m == Point || m == -Point {
		return FormatMicros(m) + " point"
	}
	return FormatMicros(m) + " points"
}

func halfLifeText(d time.Duration) string {
	if d == 0 {
		return "none (no decay)"
	}
	return FormatDuration(d)
}

func ownHalfLife(own, general time.Duration) string {
	if own == general {
		return ""
	}
	return ", half-life " + halfLifeText(own)
}

// followers names the rules whose own span (half-life, timeframe) changes along with the agreement's.
func followers(from, to *Agreement, general, now time.Duration, own func(*EngagementRule) time.Duration) string {
	before := make(map[string]time.Duration, len(from.Engagement))
	for i := range from.Engagement {
		before[from.Engagement[i].ID] = own(&from.Engagement[i])
	}
	var ids []string
	for i := range to.Engagement {
		r := &to.Engagement[i]
		if was, known := before[r.ID]; known && was == general && own(r) == now {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return ", for rules that state none of their own"
	}
	return ", for " + some(ids)
}

func clockText(clock string) string {
	switch clock {
	case ClockWorking:
		return "in working hours"
	case ClockElapsed:
		return "around the clock"
	}
	return orNone(clock)
}

func stepText(s Step) string {
	tell := ""
	switch s.Notify {
	case "":
	case NotifyRep, NotifyManager:
		tell = "tell the " + s.Notify
	default:
		tell = "tell " + plain(s.Notify)
	}
	give := ""
	switch {
	case s.Reassign && s.Overflow:
		give = "give it to another rep and put it back into the queue"
	case s.Reassign:
		give = "give it to another rep"
	case s.Overflow:
		give = "put it back into the queue"
	}
	switch {
	case tell == "" && give == "":
		return "do nothing"
	case tell == "":
		return give
	case give == "":
		return tell
	}
	return tell + " and " + give
}

func mendText(role string) string {
	if role == "" {
		return "nobody can mend it"
	}
	return plain(role) + " can mend it"
}

func rejectText(r *RejectReason) string {
	text := mendText(r.FixableBy)
	if len(r.Sub) > 0 {
		text += ", finer reasons " + strings.Join(r.Sub, ", ")
	}
	return text
}

func wakeText(r *RecycleReason) string {
	on := ""
	switch r.WakeOn {
	case "":
	case WakeOnEngagement:
		on = "with the next engagement"
	default:
		on = "on " + plain(r.WakeOn)
	}
	switch {
	case r.WakeAfter == 0 && on == "":
		return "never wakes"
	case r.WakeAfter == 0:
		return "wakes " + on
	case on == "":
		return "wakes after " + FormatDuration(r.WakeAfter)
	}
	return "wakes after " + FormatDuration(r.WakeAfter) + " or " + on
}

func windowText(d time.Duration) string {
	if d == 0 {
		return "all time"
	}
	return FormatDuration(d)
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return plain(s)
}

func quoted(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return strconv.Quote(s)
}

// plain makes a text of people one line that a terminal shows as it is.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}

// either writes a list as people say it: a, b or c.
func either(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// some names the first few of many.
func some(ids []string) string {
	const most = 6
	if len(ids) <= most {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:most], ", "), len(ids)-most)
}

// without gives what stands in list and not in other.
func without(list, other []string) (out []string) {
	known := make(map[string]bool, len(other))
	for _, s := range other {
		known[s] = true
	}
	for _, s := range list {
		if !known[s] && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
