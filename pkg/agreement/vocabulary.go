package agreement

import "strings"

// eventTypes is what a rule may look at: everything that comes from outside and says something of a lead.
const eventTypes = " page_viewed asset_downloaded email_sent email_delivered email_opened email_clicked email_bounced" +
	" email_unsubscribed form_submitted event_registered event_attended demo_requested pricing_requested trial_started" +
	" product_used meeting_booked meeting_canceled ad_clicked social_engaged chat_started call_logged identified" +
	" consent_changed custom deal_opened deal_stage_changed deal_won deal_lost deal_reopened churned renewed "

// EventType reports whether rules may look at events of this type.
func EventType(name string) bool {
	return name != "" && !strings.Contains(name, " ") && strings.Contains(eventTypes, " "+name+" ")
}

// validID accepts what rules, reasons and goals are named by: a-z, 0-9, - and _, starting with a letter or digit, at most
// 64 characters.
func validID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || i > 0 && (c == '-' || c == '_')) {
			return false
		}
	}
	return true
}
