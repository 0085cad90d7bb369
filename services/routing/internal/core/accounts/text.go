package accounts

import "strings"

// text brings what is written into the form that it is compared in. It does not change once it is made.
type text struct {
	*language
	domains Domains
	streets map[string]string
}

func newText(domains Domains) *text {
	x := &text{language: newLanguage(), domains: domains, streets: map[string]string{}}
	words := strings.Fields(streetWords)
	for i := 0; i+1 < len(words); i += 2 {
		x.streets[words[i]] = words[i+1]
	}
	for _, w := range strings.Fields(streetKinds) {
		x.streets[w] = ""
	}
	return x
}

// maxText is how much of a name is looked at, in bytes, and maxWords how many of its words.
const (
	maxText  = 200
	maxWords = 12
)

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "")
}

// nameWords gives at most maxWords words of a name, none longer than jaroWinkler takes.
func (x *text) nameWords(name string) []string {
	words := x.name(clip(name))
	words = words[:min(len(words), maxWords)]
	for i, w := range words {
		if len(w) > 60 {
			words[i] = strings.ToValidUTF8(w[:60], "")
		}
	}
	return words
}

// Normalize gives the form in which names are compared: equal forms are equal names. "" where nothing is left.
func Normalize(name string) string {
	x := &text{language: newLanguage()}
	return strings.Join(x.nameWords(name), " ")
}
