package brief

import (
	"cmp"
	"math"
	"net/url"
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
	case "email_unsubscribed":
		return "Unsubscribed" + from(i.Name)
	case "meeting_canceled":
		return "Cancelled a meeting"
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

func from(list string) string {
	if list == "" {
		return ""
	}
	return " from “" + words(list) + "”"
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

// date names a day, for what is long ago.
func date(t time.Time) string { return t.UTC().Format("2 January 2006") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func lower(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); unicode.IsUpper(next) { // an abbreviation
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// Summary tells one act in a few words.
func Summary(i Item, dir *core.Directory) string { return summary(i, dir) }
