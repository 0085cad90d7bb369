package brief

import (
	"cmp"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/batonhq/baton/services/routing/internal/core"
)

// asks gives what a lead did who asked to be spoken to, "" for all other acts.
func asks(eventType string) string {
	switch eventType {
	case "demo_requested":
		return "Asked for a demo"
	case "meeting_booked":
		return "Booked a meeting"
	case "pricing_requested":
		return "Asked for a price"
	case "trial_started":
		return "Started a trial"
	}
	return ""
}

const (
	week = 7 * 24 * time.Hour
	// justNow is how long ago an act can lie and still be a reason to call today.
	justNow = 48 * time.Hour
)

// whyNow gives the reasons to speak to the lead now, the most telling first.
func whyNow(in Input, acts []Item) []string {
	var why []string
	for _, i := range acts {
		if asked := asks(i.Type); asked != "" && in.At.Sub(i.At) <= justNow {
			why = append(why, asked+" on "+day(i.At)+".")
			break
		}
	}
	why = append(why, reasons(in)...)
	recent, earlier := 0, 0
	for _, i := range acts {
		switch age := in.At.Sub(i.At); {
		case age <= week:
			recent++
		case age <= 2*week:
			earlier++
		}
	}
	if recent > 1 {
		then := "none in the week before"
		if earlier > 0 {
			then = fmt.Sprintf("%d in the week before", earlier)
		}
		why = append(why, fmt.Sprintf("Did %d things in the last week, %s.", recent, then))
	}
	for _, e := range slices.Backward(in.Earlier) {
		s := fmt.Sprintf("Back again: epoch %d ended as %s", e.Number, cmp.Or(e.Ended, "unknown"))
		if e.Reason != "" {
			s += " (" + e.Reason + ")"
		}
		if !e.At.IsZero() {
			s += " on " + e.At.UTC().Format("2 January 2006")
		}
		why = append(why, s+".")
		break
	}
	if in.Rule != "" {
		why = append(why, fmt.Sprintf("Qualified by the rule %q: engagement %s, fit %s, grade %s.", in.Rule, points(in.Engagement), points(in.Fit), strings.ToUpper(in.Grade)))
	}
	return why
}

// reasons tells the largest contributions: up to three of what they did, and all of what they are in one sentence.
func reasons(in Input) []string {
	type sum struct {
		rule, because string
		points        float64
		events        int
	}
	var did []*sum
	var are []string
	for _, l := range in.Lines {
		switch {
		case l.Points <= 0:
		case l.Side == "fit":
			are = append(are, lower(cmp.Or(l.Because, l.Rule)))
		default:
			i := slices.IndexFunc(did, func(s *sum) bool { return s.rule == l.Rule })
			if i < 0 {
				did = append(did, &sum{rule: l.Rule, because: l.Because})
				i = len(did) - 1
			}
			did[i].points += l.Points
			did[i].events += max(1, l.Events)
		}
	}
	slices.SortStableFunc(did, func(a, b *sum) int { return cmp.Compare(b.points, a.points) })
	var out []string
	for _, s := range did[:min(len(did), 3)] {
		times := ""
		if s.events > 1 {
			times = fmt.Sprintf(" %d times", s.events)
		}
		out = append(out, fmt.Sprintf("%s%s: %s of %s engagement points.", upper(cmp.Or(s.because, s.rule)), times, points(s.points), points(in.Engagement)))
	}
	if len(are) > 0 {
		out = append(out, fmt.Sprintf("A good fit: %s.", strings.Join(are, "; ")))
	}
	return out
}

// summary tells one act in a few words.
func summary(i Item, dir *core.Directory) string {
	asset := ""
	if a := dir.Asset(i.Asset); a != nil {
		asset = "“" + cmp.Or(a.Title, words(a.ID)) + "”"
		if what := strings.TrimSpace(words(a.Kind) + about(a.Topic)); what != "" {
			asset += " (" + what + ")"
		}
	} else if i.Asset != "" {
		asset = "“" + words(i.Asset) + "”"
	}
	campaign := ""
	if c := dir.Campaign(i.Campaign); c != nil {
		campaign = " of “" + cmp.Or(c.Name, words(c.ID)) + "”"
	} else if i.Campaign != "" {
		campaign = " of “" + words(i.Campaign) + "”"
	}
	page := cmp.Or(asset, path(i.URL), i.Title, "a page")
	switch i.Type {
	case "page_viewed":
		return "Viewed " + page
	case "asset_downloaded":
		return "Downloaded " + cmp.Or(asset, path(i.URL), "an asset")
	case "email_opened":
		return "Opened a mail" + campaign
	case "email_clicked":
		return "Clicked in a mail" + campaign + to(asset, path(i.URL))
	case "form_submitted":
		return "Sent a form" + to(asset, path(i.URL))
	case "event_registered":
		return "Registered for " + cmp.Or(asset, i.Name, i.Title, "an event")
	case "event_attended":
		return "Attended " + cmp.Or(asset, i.Name, i.Title, "an event")
	case "ad_clicked":
		return "Clicked an ad" + campaign
	case "product_used":
		return "Used the product" + to("", i.Name)
	case "custom":
		return upper(words(cmp.Or(i.Name, "custom")))
	}
	return cmp.Or(asks(i.Type), upper(words(i.Type)))
}

func to(first, second string) string {
	if s := cmp.Or(first, second); s != "" {
		return ": " + s
	}
	return ""
}

func about(topic string) string {
	if topic == "" {
		return ""
	}
	return " on " + words(topic)
}

func words(id string) string { return strings.NewReplacer("-", " ", "_", " ").Replace(id) }

// path gives a URL's path: hosts and queries say little, and queries may carry what is nobody's business.
func path(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Path == "" {
		return ""
	}
	if r := []rune(u.Path); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return u.Path
}

// points is for reading: a tenth is enough. The exact contributions stand beside it.
func points(p float64) string { return strconv.FormatFloat(math.Round(p*10)/10, 'f', -1, 64) }

func day(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

func upper(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) { // an abbreviation
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}
