package accounts

import (
	"strings"
)

// Confidence in a name follows Fellegi and Sunter, "A Theory for Record Linkage" (1969): what agrees and what does not adds to
// the logarithm of the odds. The weights, in natural logarithms:
const (
	oddsName  = 2.1972245773362196 // ln 9: an equal name alone is 0.9
	lostName  = 12                 // for each unit of similarity that is missing
	leastName = 0.5                // less similar names are none

	oddsPhone      = 3.5
	oddsStreet     = 3.5
	oddsPostalCode = 1.2
	oddsCity       = 0.8
	oddsCountry    = 0.5
	oddsLabel      = 1.5 // initech.io and initech.com
	mostSupport    = 5   // of all that agrees together

	oddsNotCountry = -1.2
	oddsNotCity    = -0.3
	oddsNotStreet  = -0.3 // another street in the same city
	oddsNotLabel   = -0.4 // another domain; counts for close names only
)

// alone is the most that a close name is worth that nothing else speaks for.
const alone = 0.8

// What supports a match.
const (
	supportPhone   = "phone"
	supportStreet  = "street"
	supportPostal  = "postal-code"
	supportCity    = "city"
	supportCountry = "country"
	supportLabel   = "domain-label"
	supportName    = "name"
)

// facts are a query's or an account's members in the form in which they are compared.
type facts struct {
	phone         string
	number        string
	street        []string
	postal        string
	city, country string
	labels        []string
}

func (x *text) facts(phone string, a Address, domains ...string) facts {
	f := facts{phone: phoneDigits(phone), postal: strings.Join(x.letters.spell(a.PostalCode), ""), city: plain(x.city(a.City)), country: strings.ToUpper(strings.TrimSpace(a.Country))}
	f.number, f.street = x.streetOf(a.Street)
	for _, d := range domains {
		if d = x.domains.work(d); d == "" {
			continue
		}
		label, _, _ := strings.Cut(x.domains.Registrable(d), ".")
		f.labels = append(f.labels, label)
	}
	return f
}

// supports says what speaks for two being the same, and how much; against, which is not positive, is in it.
func supports(q, a *facts, close bool) (odds float64, what []string) {
	agree := func(w float64, name string) { odds += w; what = append(what, name) }
	against := 0.0
	differ := func(w float64, name string) { against += w; what = append(what, "not-"+name) }
	if samePhone(q.phone, a.phone) {
		agree(oddsPhone, supportPhone)
	}
	cities := q.city != "" && a.city != ""
	if len(q.street) > 0 && len(a.street) > 0 {
		switch {
		case q.number == a.number && closeStreets(q.street, a.street) && (!cities || q.city == a.city || q.number != ""):
			agree(oddsStreet, supportStreet)
		case cities && q.city == a.city:
			differ(oddsNotStreet, supportStreet)
		}
	}
	if q.postal != "" && q.postal == a.postal {
		agree(oddsPostalCode, supportPostal)
	}
	if cities {
		if q.city == a.city || closeWords(q.city, a.city) > 0 {
			agree(oddsCity, supportCity)
		} else {
			differ(oddsNotCity, supportCity)
		}
	}
	if q.country != "" && a.country != "" && len(q.country) == len(a.country) {
		if q.country == a.country {
			agree(oddsCountry, supportCountry)
		} else {
			differ(oddsNotCountry, supportCountry)
		}
	}
	if len(q.labels) > 0 && len(a.labels) > 0 {
		if shares(q.labels, a.labels) {
			agree(oddsLabel, supportLabel)
		} else if close {
			differ(oddsNotLabel, supportLabel)
		}
	}
	return min(odds, mostSupport) + against, what
}

func shares(a, b []string) bool {
	for _, s := range a {
		for _, t := range b {
			if s == t {
				return true
			}
		}
	}
	return false
}

func plain(words []string) string { return strings.Join(words, " ") }

// city gives a city's words; what stands in brackets or behind a comma is a state.
func (x *text) city(s string) []string {
	if i := strings.IndexAny(s, ",("); i > 0 {
		s = s[:i]
	}
	words := x.letters.spell(s)
	for i, w := range words {
		if long, ok := x.words[w]; ok {
			w = long
		}
		words[i] = squash(w)
	}
	return words
}

// streetKinds are left out of streets: what kind of street it is, where in the house, and words that lead there.
const streetKinds = "street str st strasse avenue ave av avenida road rd boulevard blvd blv bd boul drive dr lane ln court ct place pl " +
	"square sq highway hwy parkway pkwy way wy terrace ter rue de la le du des via calle rua ulica ul gade gatan vagen " +
	"weg platz suite ste floor fl unit apt room rm no nr at between near off and the of bei am an der den im in"

// streetWords are abbreviations in streets.
const streetWords = "north n south s east e west w northeast ne northwest nw southeast se southwest sw" +
	" first 1st second 2nd third 3rd fourth 4th fifth 5th sixth 6th seventh 7th eighth 8th ninth 9th tenth 10th"

func (x *text) streetOf(s string) (number string, words []string) {
	for _, w := range x.letters.spell(s) {
		short, ok := x.streets[w]
		switch {
		case ok && short == "":
			continue
		case ok:
			w = short
		case w[0] >= '0' && w[0] <= '9' && number == "" && !ordinal(w):
			number = w
			continue
		}
		for _, end := range []string{"strasse", "str"} { // Hauptstrasse, Hauptstr.
			if cut, ok := strings.CutSuffix(w, end); ok && len(cut) > 2 {
				w = cut
				break
			}
		}
		words = append(words, squash(w))
	}
	return number, words
}

func ordinal(w string) bool {
	return strings.HasSuffix(w, "st") || strings.HasSuffix(w, "nd") || strings.HasSuffix(w, "rd") || strings.HasSuffix(w, "th")
}

// closeStreets reports whether at least half of the longer one's words, and the greater part of the shorter one's, are close
// to a word of the other: houses add a corner or a floor.
func closeStreets(a, b []string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	n := 0
	for _, w := range a {
		for _, v := range b {
			if closeWords(w, v) > 0 {
				n++
				break
			}
		}
	}
	return n > 0 && 3*n >= 2*len(a)
}

// phoneDigits gives a number's digits without what leads out of a country or an area.
func phoneDigits(s string) string {
	if i := strings.IndexAny(s, "xX;"); i > 6 { // an extension
		s = s[:i]
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			b = append(b, s[i])
		}
	}
	return strings.TrimLeft(string(b), "0")
}

// samePhone reports whether two numbers are one, written with and without the country's code: the shorter, of at least seven
// digits, is how the longer ends, but for a leading 0 inside it ("+49 (0)30 …").
func samePhone(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= 7 && len(b)-len(a) <= 4 && strings.HasSuffix(b, a)
}
