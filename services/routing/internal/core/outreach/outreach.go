// Package outreach says who may turn to a lead now: marketing, or a rep. It knows who did last on either side.
package outreach

import (
	"strings"
	"time"
)

// The two sides.
const (
	Marketing = "marketing"
	Sales     = "sales"
)

// Contact is one contact with a lead; the zero Contact is none.
type Contact struct {
	At                           time.Time
	Type, Channel, Campaign, Who string
	// Event is the sender's id of the event that told of it.
	Event string
}

// Newer gives the later of two contacts; at the same moment the first.
func Newer(a, b Contact) Contact {
	if b.At.After(a.At) {
		return b
	}
	return a
}

// Rules are the agreement's. Without any, only a refusal of the person keeps somebody away.
type Rules struct {
	Quiet      time.Duration
	SalesFirst bool
}

// Lead is what counts about one lead.
type Lead struct {
	// Owner is the rep who has its handoff, "" where nobody has.
	Owner string
	// Mail is marketing's last contact, Outreach that of sales.
	Mail, Outreach Contact
	// Consent maps purposes to decisions.
	Consent map[string]string
}

// Last gives the latest contact of either side, "" for none.
func (l *Lead) Last() (side string, c Contact) {
	switch {
	case l.Mail.At.IsZero() && l.Outreach.At.IsZero():
		return "", Contact{}
	case l.Mail.At.After(l.Outreach.At):
		return Marketing, l.Mail
	}
	return Sales, l.Outreach
}

// Intent is what somebody is about to do. Rep is who it is on the side of sales; Channel may be "".
type Intent struct{ Side, Channel, Rep string }

// Codes of refusals.
const (
	NoConsent = "consent"
	WithSales = "with_sales"
	OtherRep  = "other_rep"
	Quiet     = "quiet"
)

// Verdict says whether they may. Until is when to ask again, zero where no moment is known.
type Verdict struct {
	Allowed      bool
	Code, Reason string
	Until        time.Time
}

// Check gives the verdict. What the person said comes first; then who has the lead; then the quiet time after an outreach of
// sales. Marketing's mails keep nobody away: how often it may write is its own affair.
func Check(r Rules, l *Lead, in Intent, now time.Time) Verdict {
	if purpose, decision := refusal(l.Consent, in); purpose != "" {
		return Verdict{Code: NoConsent, Reason: purpose + " is " + decision}
	}
	quiet := l.Outreach.At.Add(r.Quiet)
	silent := r.Quiet > 0 && !l.Outreach.At.IsZero() && quiet.After(now)
	switch {
	case in.Side == Marketing && r.SalesFirst && l.Owner != "":
		return Verdict{Code: WithSales, Reason: l.Owner + " has the lead"}
	case in.Side == Sales && r != (Rules{}) && l.Owner != "" && l.Owner != in.Rep:
		return Verdict{Code: OtherRep, Reason: l.Owner + " has the lead"}
	case silent && (in.Side == Marketing || l.Outreach.Who != in.Rep):
		return Verdict{Code: Quiet, Reason: who(l.Outreach) + " turned to the lead on " + l.Outreach.At.UTC().Format("2006-01-02 15:04 UTC"), Until: quiet}
	}
	return Verdict{Allowed: true}
}

func who(c Contact) string {
	if c.Who == "" {
		return "sales"
	}
	return c.Who
}

// refusal gives the purpose that the person has refused and that stands against an intent: the channel itself, what
// marketing does as a whole, or being profiled at all.
func refusal(consent map[string]string, in Intent) (purpose, decision string) {
	purposes := []string{"profiling"}
	switch channel := strings.ToLower(in.Channel); channel {
	case "":
	case "call", "phone":
		purposes = append(purposes, "phone", "call")
	default:
		purposes = append(purposes, channel)
	}
	if in.Side == Marketing {
		purposes = append(purposes, "marketing")
	}
	for _, p := range purposes {
		switch d := consent[p]; d {
		case "denied", "withdrawn", "revoked", "unsubscribed", "objected":
			return p, d
		}
	}
	return "", ""
}
