package brief

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// cautions gives what not to do and what to mind, the gravest first. Each follows from what the lead said or did, or from
// what others at sales are doing.
func cautions(in Input, acts []Item, dir *core.Directory) []string {
	var out []string
	if in.Behind {
		out = append(out, "What is known of them by now could not be read: what stands here is from when they qualified, but for the changes named above. Look again before you write.")
	}
	out = append(out, refusals(in.Consent)...)
	out = append(out, mailCautions(in, acts)...)
	for _, i := range acts {
		if i.Type == "meeting_canceled" {
			break
		}
		if i.Type == "meeting_booked" {
			out = append(out, "A meeting is booked already (on "+date(i.At)+"): do not ask for another.")
			break
		}
	}
	for _, c := range in.Contacts {
		if c.Rep != in.Owner.ID && !c.At.IsZero() {
			out = append(out, fmt.Sprintf("%s spoke to them on %s: ask what was said.", cmp.Or(c.Name, c.Rep), date(c.At)))
		}
	}
	for _, c := range in.Colleagues {
		if c.Owner != "" && c.Owner != in.Owner.ID {
			out = append(out, fmt.Sprintf("%s has %s at the same account: speak with each other first.", cmp.Or(c.OwnerName, c.Owner), c.who()))
		}
	}
	if in.MatchConfidence > 0 && in.MatchConfidence < 0.9 && in.AccountName != "" {
		out = append(out, fmt.Sprintf("That they belong to %s is %.0f %% sure (by %s): make sure before you name it.", in.AccountName, 100*in.MatchConfidence, words(in.MatchedBy)))
	}
	return out
}

func (c Colleague) who() string {
	switch {
	case c.Name != "" && c.Title != "":
		return c.Name + " (" + c.Title + ")"
	case c.Name+c.Title != "":
		return c.Name + c.Title
	}
	return "a colleague"
}

// refused reports whether a decision forbids its purpose. What is no known decision forbids nothing by itself; it is shown.
func refused(decision string) bool {
	switch decision {
	case "denied", "withdrawn", "revoked", "unsubscribed", "objected":
		return true
	}
	return false
}

// refusals tells each purpose that the lead refused: profiling first, then what concerns reaching them.
func refusals(consent map[string]string) []string {
	purposes := slices.Collect(maps.Keys(consent))
	slices.SortFunc(purposes, func(a, b string) int { return cmp.Or(cmp.Compare(gravity(a), gravity(b)), strings.Compare(a, b)) })
	var out []string
	for _, p := range purposes {
		if words(p) == "" || !refused(consent[p]) {
			continue
		}
		because := map[string]string{
			"denied": "they denied consent", "withdrawn": "they withdrew consent", "revoked": "they withdrew consent", "unsubscribed": "they unsubscribed",
			"objected": "they objected",
		}[consent[p]]
		what := "Do not use what is known of them for “" + words(p) + "”"
		switch strings.ToLower(p) {
		case "profiling":
			what = "Do not score, sort or target them"
		case "email", "e-mail", "mail":
			what = "Do not send e-mail"
		case "phone", "call", "calls", "telephone":
			what = "Do not call"
		case "sms", "text":
			what = "Do not send text messages"
		case "marketing":
			what = "Do not send marketing"
		}
		out = append(out, what+": "+because+".")
	}
	return out
}

func gravity(purpose string) int {
	return -slices.Index([]string{"sms", "phone", "marketing", "email", "profiling"}, strings.ToLower(purpose))
}

// mailCautions tells of mail that they left or that did not reach them: the latest of each, where nothing since says otherwise.
func mailCautions(in Input, acts []Item) []string {
	var out []string
	reached := false
	for _, i := range acts {
		switch i.Type {
		case "email_clicked", "email_opened", "email_delivered":
			reached = true
		case "email_bounced":
			if !reached {
				out = append(out, "Mail to them bounced on "+date(i.At)+": check the address.")
				reached = true
			}
		}
	}
	for _, i := range acts {
		if i.Type == "email_unsubscribed" && !refused(in.Consent["email"]) {
			out = append(out, "They unsubscribed"+from(i.Name)+" on "+date(i.At)+": put them on no list.")
			break
		}
	}
	return out
}
