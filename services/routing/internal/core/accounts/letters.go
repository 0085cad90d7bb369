package accounts

import (
	"strings"
	"unicode"
)

// The letters of names are brought to a to z, so that what is written with and without accents, or in another script, can be
// compared. Umlauts meet both of their spellings: ä becomes a, and so does ae (see squash). Cyrillic follows BGN/PCGN without
// its apostrophes, Greek ELOT 743. Scripts that are not here stay as they are.

// latin lists, for each plain spelling, the letters that stand for it.
const latin = "a àáâãäåāăąǎǟǡǻȁȃȧạảấầẩẫậắằẳẵặḁª|ae æǣǽ|b ḃḅḇɓ|c çćĉċčḉƈ|d ďđḋḍḏḑḓðɗ|e èéêëēĕėęěȅȇȩẹẻẽếềểễệḕḗḙḛḝə" +
	"|f ḟƒ|g ĝğġģǧǵḡɠ|h ĥħḣḥḧḩḫẖ|i ìíîïĩīĭįıǐȉȋịỉḭḯ|ij ĳ|j ĵǰ|k ķǩḱḳḵƙ|l ĺļľŀłḷḹḻḽ|m ḿṁṃ|n ñńņňŉŋǹṅṇṉṋ" +
	"|o òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱọỏốồổỗộớờởỡợṍṏṑṓº|oe œ|p ṕṗƥ|r ŕŗřȑȓṙṛṝṟ|s śŝşšșṡṣṥṧṩſ|ss ßẞ|t ţťŧțṫṭṯṱẗ" +
	"|th þ|u ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữựṳṵṷṹṻ|v ṽṿ|w ŵẁẃẅẇẉ|x ẋẍ|y ýÿŷȳỳỵỷỹẏẙ|z źżžƶẑẓẕ"

// cyrillic and greek list letters and their spellings, in turn.
const (
	cyrillic = "а a б b в v г g ґ g д d ђ dj е e ё e є ye ж zh з z и i й y і i ї yi ј j к k л l љ lj м m н n њ nj о o п p р r с s т t" +
		" ћ c у u ў u ф f х kh ц ts ч ch џ dz ш sh щ shch ъ - ы y ь - э e ю yu я ya ѓ g ќ k ѕ dz қ k ғ g ң n ө o ұ u ү u һ h ә a"
	greek = "α a ά a β v γ g δ d ε e έ e ζ z η i ή i θ th ι i ί i ϊ i ΐ i κ k λ l μ m ν n ξ x ο o ό o π p ρ r σ s ς s τ t υ y ύ y" +
		" ϋ y ΰ y φ f χ ch ψ ps ω o ώ o"
)

// letters maps a lower-case letter to its plain spelling. It is made where an index or a query is: it is small.
type letters map[rune]string

func newLetters() letters {
	m := letters{}
	for row := range strings.SplitSeq(latin, "|") {
		plain, list, _ := strings.Cut(row, " ")
		for _, r := range list {
			m[r] = plain
		}
	}
	for _, table := range []string{cyrillic, greek} {
		words := strings.Fields(table)
		for i := 0; i+1 < len(words); i += 2 {
			for _, r := range words[i] {
				m[r] = strings.Trim(words[i+1], "-")
			}
		}
	}
	return m
}

// spell splits a text into words of plain lower-case letters and digits. What only stands inside a word (a full stop, an
// apostrophe, a combining mark) is left out, so that S.A. is sa and Macy's is macys; a single letter behind another one
// belongs to it, so that I B M is ibm.
func (l letters) spell(text string) []string {
	var b strings.Builder
	for _, r := range text {
		if r >= 0xff01 && r <= 0xff5e { // full-width forms of ASCII
			r -= 0xff01 - '!'
		}
		r = unicode.ToLower(r)
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '.' || r == '\'' || r == '’' || r == '‘' || r == 'ʼ' || r == '`' || r == '´' || unicode.Is(unicode.Mn, r):
		case r == '&' || r == '+':
			b.WriteString(" and ")
		default:
			plain, ok := l[r]
			switch {
			case ok:
				b.WriteString(plain)
			case unicode.IsLetter(r) || unicode.IsDigit(r):
				b.WriteRune(r)
			default:
				b.WriteByte(' ')
			}
		}
	}
	words := strings.Fields(b.String())
	out := words[:0]
	joined := false // the last of out is made of single letters
	for _, w := range words {
		single := len(w) == 1 && w[0] >= 'a'
		if single && joined {
			out[len(out)-1] += w
			continue
		}
		out, joined = append(out, w), single
	}
	return out
}

// squash makes the spellings of umlauts equal: ae, oe and ue become a, o and u, and aa becomes a, as in Århus and Aarhus.
func squash(word string) string {
	if len(word) < 4 {
		return word
	}
	var b []byte
	for i := 0; i < len(word); i++ {
		c := word[i]
		if i+1 < len(word) {
			next := word[i+1]
			if next == 'e' && (c == 'a' || c == 'o' || c == 'u' && (i == 0 || word[i-1] != 'q')) || c == 'a' && next == 'a' {
				if b == nil {
					b = append(make([]byte, 0, len(word)), word[:i]...)
				}
				b = append(b, c)
				i++
				continue
			}
		}
		if b != nil {
			b = append(b, c)
		}
	}
	if b == nil {
		return word
	}
	return string(b)
}
