// Package core holds the rules of ingest that depend on no format and no engine: the vocabulary of events, which times and
// amounts are believed, and which identifiers name somebody.
package core

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Class groups event types by what they need and who may state them.
type Class int

// The classes. Unknown is not in the vocabulary.
const (
	Unknown Class = iota
	// Engagement and Profile: what a lead did, and what is known of it.
	Engagement
	Profile
	// Disposition: sales' answer to a handoff.
	Disposition
	// Deal: a fact about an opportunity.
	Deal
)

// Custom is the type of an event that has only a name.
const Custom = "custom"

// ClassOf gives the class of an event type.
func ClassOf(eventType string) Class {
	switch eventType {
	case "page_viewed", "asset_downloaded", "email_sent", "email_delivered", "email_opened", "email_clicked", "email_bounced",
		"email_unsubscribed", "form_submitted", "event_registered", "event_attended", "demo_requested", "pricing_requested",
		"trial_started", "product_used", "meeting_booked", "meeting_canceled", "ad_clicked", "social_engaged", "chat_started",
		"call_logged", Custom:
		return Engagement
	case "identified", "consent_changed":
		return Profile
	case "accepted", "rejected", "contacted", "recycled", "disqualified", "sql":
		return Disposition
	case "deal_opened", "deal_stage_changed", "deal_won", "deal_lost", "deal_reopened", "churned", "renewed":
		return Deal
	default:
		return Unknown
	}
}

// Types lists the vocabulary.
func Types() []string {
	return []string{
		"page_viewed", "asset_downloaded", "email_sent", "email_delivered", "email_opened", "email_clicked", "email_bounced",
		"email_unsubscribed", "form_submitted", "event_registered", "event_attended", "demo_requested", "pricing_requested",
		"trial_started", "product_used", "meeting_booked", "meeting_canceled", "ad_clicked", "social_engaged", "chat_started",
		"call_logged", "identified", "consent_changed", Custom,
		"accepted", "rejected", "contacted", "recycled", "disqualified", "sql", "deal_opened", "deal_stage_changed", "deal_won",
		"deal_lost", "deal_reopened", "churned", "renewed",
	}
}

// ReasonRequired reports whether a disposition means nothing without the agreement's reason.
func ReasonRequired(disposition string) bool {
	return disposition == "rejected" || disposition == "recycled" || disposition == "disqualified"
}

// maxNearest is the longest text that is compared with the vocabulary.
const maxNearest = 40

// Nearest gives the type of the vocabulary that a misspelt one most likely means, and the type closest to it in any case.
func Nearest(name string) string {
	name = Snake(name)
	if len(name) > maxNearest {
		name = name[:maxNearest]
	}
	best, least := "", 1<<30
	for _, t := range Types() {
		n := distance(name, t)
		// download_asset and asset_downloaded are far apart by letters alone.
		for word := range strings.SplitSeq(name, "_") {
			if len(word) > 2 && strings.Contains(t, word) {
				n -= 3 * len(word)
			}
		}
		if n < least {
			best, least = t, n
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	var rows [2][maxNearest + 1]int
	prev, cur := &rows[0], &rows[1]
	for j := range len(b) + 1 {
		prev[j] = j
	}
	for i := range len(a) {
		cur[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j+1]+1, cur[j]+1, prev[j]+cost)
		}
		prev, cur = cur, prev
	}
	return prev[len(b)]
}

// Snake gives a name in snake case: "Demo Requested", "demoRequested" and "demo-requested" are all demo_requested. What is
// neither letter nor digit separates words.
func Snake(name string) string {
	var b strings.Builder
	b.Grow(len(name) + 4)
	var last rune // of the name, 0 at a separator
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			last = 0
			continue
		}
		next, _ := utf8.DecodeRuneInString(name[i+utf8.RuneLen(r):])
		hump := unicode.IsUpper(r) && (unicode.IsLower(last) || unicode.IsDigit(last) || unicode.IsUpper(last) && unicode.IsLower(next))
		if b.Len() > 0 && (last == 0 || hump) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
		last = r
	}
	return b.String()
}

// placeholders are what programs send for an identifier that they do not have. Taken at their word they would make one
// lead of thousands of people.
func placeholders() []string {
	return []string{
		"null", "nil", "none", "undefined", "unknown", "nan", "n/a", "anonymous", "guest", "true", "false",
		"not_authenticated", "[object object]", "00000000-0000-0000-0000-000000000000",
	}
}

// Placeholder reports whether an identifier is one that programs send when they have none, such as "undefined".
func Placeholder(id string) bool {
	if len(id) > 36 {
		return false
	}
	id = strings.ToLower(strings.Trim(id, " \t\"'{}"))
	return id == "" || slices.Contains(placeholders(), id)
}
