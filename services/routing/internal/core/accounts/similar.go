package accounts

import (
	"math"
	"slices"
)

// Two words of names are close if they are equal, if one edit (a letter more, less, another, or two swapped) makes one the
// other and both have at least minFuzzy letters, or if one of at least minFuzzy letters is how the other begins. How close
// is their Jaro-Winkler similarity.
const minFuzzy = 4

// closeWords gives how close two words are, 0 if they are not.
func closeWords(a, b string) float64 {
	if a == b {
		return 1
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < minFuzzy || hasDigit(a) || hasDigit(b) || a != b[:len(a)] && !oneEdit(a, b) {
		return 0 // where a digit differs, it is another thing
	}
	return jaroWinkler(a, b)
}

func hasDigit(s string) bool {
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			return true
		}
	}
	return false
}

// oneEdit reports whether one edit makes a, which is not the longer, b. Edits are of bytes: of two in scripts that need
// several, the edit is one where it stays within one of them.
func oneEdit(a, b string) bool {
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i >= len(a) || a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// jaroWinkler is the similarity of Winkler, "String Comparator Metrics and Enhanced Decision Rules in the Fellegi-Sunter
// Model of Record Linkage" (1990), with his weight of 0.1 for each of up to four equal first letters; over bytes.
func jaroWinkler(a, b string) float64 {
	if a == b {
		return 1
	}
	window := max(max(len(a), len(b))/2-1, 0)
	var usedA, usedB [64]bool
	if len(a) > len(usedA) || len(b) > len(usedB) {
		return 0
	}
	matches := 0
	for i := range len(a) {
		for j := max(0, i-window); j <= min(i+window, len(b)-1); j++ {
			if !usedB[j] && a[i] == b[j] {
				usedA[i], usedB[j] = true, true
				matches++
				break
			}
		}
	}
	if matches == 0 {
		return 0
	}
	swapped, j := 0, 0
	for i := range len(a) {
		if !usedA[i] {
			continue
		}
		for !usedB[j] {
			j++
		}
		if a[i] != b[j] {
			swapped++
		}
		j++
	}
	m := float64(matches)
	jaro := (m/float64(len(a)) + m/float64(len(b)) + (m-float64(swapped/2))/m) / 3
	prefix := 0
	for prefix < min(4, len(a), len(b)) && a[prefix] == b[prefix] {
		prefix++
	}
	return jaro + 0.1*float64(prefix)*(1-jaro)
}

// priorNames is how many names are taken to be known before the first account is: with it a list of five accounts knows
// rare words from ordinary ones, too.
const priorNames = 100_000

// weightOf gives how much a word says: the logarithm of how rare it is (inverse document frequency) among the names of the index
// and the prior ones.
func (l *language) weightOf(word string, names, having int) float64 {
	prior := 5.0
	if n, ok := l.ordinary[word]; ok {
		prior = 10 * n
	}
	return math.Log((float64(names) + priorNames) / (float64(having) + prior))
}

// pair is a word of the lead's name that is close to one of an account's.
type pair struct {
	query, word int
	close       float64
}

// similarity is the soft TF-IDF of Cohen, Ravikumar and Fienberg, "A Comparison of String Distance Metrics for Name-Matching
// Tasks" (2003): the cosine of the two names' word weights, where a word meets the closest of the other name that is
// still free. pairs are all close pairs; it sorts them. The norms are those of all words.
func similarity(pairs []pair, queryWeights, wordWeights []float64, queryNorm, wordNorm float64) float64 {
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.close != b.close:
			if a.close > b.close {
				return -1
			}
			return 1
		case a.query != b.query:
			return a.query - b.query
		}
		return a.word - b.word
	})
	var usedQuery, usedWord uint64
	sum := 0.0
	for _, p := range pairs {
		if usedQuery>>p.query&1 == 1 || usedWord>>p.word&1 == 1 {
			continue
		}
		usedQuery, usedWord = usedQuery|1<<p.query, usedWord|1<<p.word
		sum += p.close * queryWeights[p.query] * wordWeights[p.word]
	}
	if queryNorm == 0 || wordNorm == 0 {
		return 0
	}
	return min(1, sum/(queryNorm*wordNorm))
}

func norm(weights []float64) float64 {
	sum := 0.0
	for _, w := range weights {
		sum += w * w
	}
	return math.Sqrt(sum)
}

// acronym gives the first letters of three words or more, "" of fewer: IBM for International Business Machines.
func acronym(words []string) string {
	if len(words) < 3 || len(words) > 6 {
		return ""
	}
	b := make([]byte, len(words))
	for i, w := range words {
		if w[0] < 'a' || w[0] > 'z' {
			return ""
		}
		b[i] = w[0]
	}
	return string(b)
}
