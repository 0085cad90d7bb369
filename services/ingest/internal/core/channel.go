package core

import (
	"net/url"
	"strings"
)

// The channels that are made from how somebody came, where nobody says. Names that a sender or utm_medium gives are kept as
// they are.
const (
	PaidSearch    = "paid-search"
	PaidSocial    = "paid-social"
	Display       = "display"
	OrganicSearch = "organic-search"
	Social        = "social"
	Email         = "email"
	Referral      = "referral"
)

// ClickID is the id that an advertising platform puts into the address of a click, so that it can be told of later.
type ClickID struct {
	// Name of the parameter, and its value.
	Name, ID string
	// Channel that the platform sells.
	Channel string
}

// ClickIDOf gives the click id among an address's parameters; the first of the table where there are several. fbclid is put
// on every link that leaves Facebook, paid or not; it counts as paid, as platforms cannot be told apart otherwise.
func ClickIDOf(query url.Values) (ClickID, bool) {
	for _, c := range [...]ClickID{
		{Name: "gclid", Channel: PaidSearch}, {Name: "gbraid", Channel: PaidSearch}, {Name: "wbraid", Channel: PaidSearch}, // Google Ads
		{Name: "msclkid", Channel: PaidSearch},   // Microsoft Advertising
		{Name: "dclid", Channel: Display},        // Google's Display & Video 360
		{Name: "li_fat_id", Channel: PaidSocial}, // LinkedIn
		{Name: "ttclid", Channel: PaidSocial},    // TikTok
		{Name: "twclid", Channel: PaidSocial},    // X
		{Name: "fbclid", Channel: PaidSocial},    // Meta
	} {
		if c.ID = strings.TrimSpace(query.Get(c.Name)); c.ID != "" {
			return c, true
		}
	}
	return ClickID{}, false
}

// Tagged reports whether a query may hold anything that ClickIDOf or campaign parameters are made of. It saves parsing the
// others.
func Tagged(query string) bool {
	for _, part := range [...]string{"utm_", "clid", "braid", "msclkid", "li_fat_id"} {
		if strings.Contains(query, part) {
			return true
		}
	}
	return false
}

// ChannelOf gives the channel by which somebody came to a page, from the address of the page, the page that led there and
// utm_source, each "" where it is not known. It gives "" for within the site, for who came directly, and where nothing is
// known: those are not told apart. A source that is named decides alone.
func ChannelOf(page, referrer, source string) string {
	if source = strings.ToLower(strings.TrimSpace(source)); source != "" {
		if !strings.Contains(source, ".") {
			return channelOfName(source)
		}
		return channelOfHost(strings.TrimPrefix(source, "www."))
	}
	if app, ok := strings.CutPrefix(referrer, "android-app://"); ok {
		app, _, _ = strings.Cut(app, "/")
		return channelOfApp(app)
	}
	from, ok := hostOf(referrer)
	if !ok || passing(from) {
		return ""
	}
	if to, ok := hostOf(page); ok && sameSite(from, to) {
		return ""
	}
	return channelOfHost(from)
}

// channelOfApp is for the apps of Android that name themselves as referrer; of others nothing is known.
func channelOfApp(name string) string {
	switch name {
	case "com.google.android.gm", "com.microsoft.office.outlook", "com.yahoo.mobile.client.android.mail":
		return Email
	case "com.google.android.googlequicksearchbox":
		return OrganicSearch
	case "com.linkedin.android", "com.facebook.katana", "com.twitter.android", "com.instagram.android", "com.reddit.frontpage":
		return Social
	}
	return ""
}

// passing reports hosts that people are sent through on their way back to the site: to sign in, to pay.
func passing(host string) bool {
	switch host {
	case "accounts.google.com", "login.microsoftonline.com", "login.live.com", "appleid.apple.com", "checkout.stripe.com":
		return true
	}
	return false
}

// hostOf gives the host of a web address, in lower case and without www.
func hostOf(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	host := strings.TrimPrefix(strings.ToLower(u.Hostname()), "www.")
	return host, host != ""
}

func sameSite(a, b string) bool {
	return under(a, b) || under(b, a) || site(a) != "" && site(a) == site(b)
}

// site gives the domain that a host's owner has registered, as far as it can be told without a list of suffixes: the last two
// names, or three where the last but one is what countries sell below (co.uk, com.au). "" for addresses and single names. Two who
// share a host's domain (github.io) are taken for one: then nothing is said of the channel, rather than what is wrong.
func site(host string) string {
	last := strings.LastIndexByte(host, '.')
	if last < 0 || strings.Trim(host[last+1:], "0123456789") == "" || strings.Contains(host, ":") {
		return ""
	}
	second := strings.LastIndexByte(host[:last], '.')
	switch host[second+1 : last] {
	case "co", "com", "org", "net", "ac", "gov", "edu", "or", "ne", "go", "gob", "ltd", "plc", "me":
		if len(host)-last-1 == 2 {
			if second < 0 {
				return ""
			}
			second = strings.LastIndexByte(host[:second], '.')
		}
	}
	return host[second+1:]
}

// under reports whether a host is a domain or below it.
func under(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}

func channelOfHost(host string) string {
	switch {
	case host == "":
		return ""
	case webmail(host):
		return Email
	case searchEngine(host):
		return OrganicSearch
	case socialNetwork(host):
		return Social
	}
	return Referral
}

// channelOfName is for sources that are no host: the names that people give them.
func channelOfName(name string) string {
	switch name {
	case "google", "bing", "yahoo", "duckduckgo", "ecosia", "yandex", "baidu":
		return OrganicSearch
	case "facebook", "fb", "instagram", "ig", "linkedin", "twitter", "x", "youtube", "reddit", "tiktok", "pinterest", "xing", "threads", "bluesky":
		return Social
	case "email", "e-mail", "mail", "newsletter":
		return Email
	}
	return ""
}

func webmail(host string) bool {
	switch host {
	case "mail.google.com", "outlook.live.com", "outlook.office.com", "outlook.office365.com", "outlook.cloud.microsoft", "mail.proton.me", "mail.aol.com",
		"mail.zoho.com", "app.fastmail.com", "e.mail.ru":
		return true
	}
	if strings.HasPrefix(host, "webmail.") || under(host, "mail.yahoo.com") {
		return true
	}
	// Mail gateways write links anew, so that a click goes over them.
	for _, gateway := range [...]string{"safelinks.protection.outlook.com", "urldefense.com", "urldefense.proofpoint.com", "mimecast.com", "linkprotect.cudasvc.com"} {
		if under(host, gateway) {
			return true
		}
	}
	return false
}

func searchEngine(host string) bool {
	// Google and Yandex have a domain in every country: google.com, google.se, google.co.uk, google.com.br.
	for _, name := range [...]string{"google.", "yandex."} {
		if rest, ok := strings.CutPrefix(host, name); ok {
			first, second, two := strings.Cut(rest, ".")
			if !two && (first == "com" || len(first) == 2) || two && (first == "co" || first == "com") && len(second) == 2 {
				return true
			}
		}
	}
	switch host {
	case "images.google.com", "ecosia.org", "startpage.com", "qwant.com", "search.brave.com", "kagi.com", "ya.ru", "search.seznam.cz",
		"search.naver.com", "sogou.com", "search.yahoo.co.jp":
		return true
	}
	return under(host, "baidu.com") || under(host, "search.yahoo.com") || under(host, "bing.com") || under(host, "duckduckgo.com")
}

func socialNetwork(host string) bool {
	for _, domain := range [...]string{
		"facebook.com", "instagram.com", "linkedin.com", "lnkd.in", "twitter.com", "x.com", "t.co", "youtube.com", "reddit.com", "tiktok.com",
		"pinterest.com", "xing.com", "threads.net", "threads.com", "bsky.app", "quora.com", "vk.com", "weibo.com", "news.ycombinator.com",
	} {
		if under(host, domain) {
			return true
		}
	}
	return false
}
