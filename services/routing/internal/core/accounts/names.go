package accounts

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// Bounds of one look-up by name, in one index. Within them what is found is all that there is; beyond them, among names of
// ordinary words only, the names that share at least two words come first.
const (
	maxNames      = 512  // names that are compared
	maxScanned    = 1024 // names of a frequent word that are looked through for another word
	maxFrequent   = 2    // frequent words that are looked through
	maxWordsClose = 64   // words that are taken for close to one
	maxCandidates = 32   // accounts that are looked at
)

// byAcronym is the similarity of a name and its acronym.
const byAcronym = 0.86

// bySpaces is the similarity of names that differ in nothing but spaces: Face Book.
const bySpaces = 0.97

// named is an account that was found by one of its names.
type named struct {
	account    uint32
	exact      bool
	similarity float64
}

// nameQuery is a name that is looked for in one index.
type nameQuery struct {
	x       *Index
	words   []string
	weights []float64
	norm    float64
	// near says of a word of the index which words of the query it is close to.
	near map[uint32][]pair
	best map[uint32]named
}

// byName gives the accounts that have a name like these words, the most similar first.
func (x *Index) byName(words []string) []named {
	if len(words) == 0 {
		return nil
	}
	q := &nameQuery{x: x, words: words, near: map[uint32][]pair{}, best: map[uint32]named{}}
	lists := make([][]uint32, len(words))
	for i, w := range words {
		lists[i] = q.closeTo(i, w)
		q.weights = append(q.weights, x.weightLike(w, lists[i]))
	}
	q.norm = norm(q.weights)
	q.whole()
	q.acronyms()
	for _, name := range q.collect(lists) {
		if s := q.score(name); s >= leastName {
			q.add(name, named{similarity: s})
		}
	}
	out := make([]named, 0, len(q.best))
	for _, n := range q.best {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b named) int {
		if a.exact != b.exact {
			if a.exact {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.similarity, a.similarity), cmp.Compare(a.account, b.account))
	})
	return out[:min(len(out), maxCandidates)]
}

// weightLike gives what a word of a query weighs: what it does in the index or, where no name has it, what the closest of the
// words close to it does. A slip of the pen does not make an ordinary word a rare one.
func (x *Index) weightLike(w string, near []uint32) float64 {
	weight, best := x.text.weightOf(w, len(x.nameAccount), 0), 0.0
	for _, id := range near {
		v := float64(x.weights[id])
		if c := closeWords(w, x.word(id)); c > best || c == best && v < weight {
			weight, best = v, c
		}
	}
	return weight
}

func (q *nameQuery) add(name uint32, n named) {
	n.account = q.x.nameAccount[name]
	if old, ok := q.best[n.account]; !ok || !old.exact && (n.exact || n.similarity > old.similarity) {
		q.best[n.account] = n
	}
}

// whole finds the names that are the same, but for spaces.
func (q *nameQuery) whole() {
	joined := strings.Join(q.words, "")
	for _, name := range clipped(q.x.names.find(hashOf(joined)), maxNames) {
		switch words := q.x.wordsOf(name); {
		case slices.Equal(words, q.words):
			q.add(name, named{exact: true, similarity: 1})
		case strings.Join(words, "") == joined:
			q.add(name, named{similarity: bySpaces})
		}
	}
}

func (q *nameQuery) acronyms() {
	if short := acronym(q.words); short != "" {
		for _, name := range clipped(q.x.names.find(hashOf(short)), maxNames) {
			if words := q.x.wordsOf(name); len(words) == 1 && words[0] == short {
				q.add(name, named{similarity: byAcronym})
			}
		}
	}
	if len(q.words) == 1 && len(q.words[0]) >= 3 && len(q.words[0]) <= 6 {
		for _, name := range clipped(q.x.acronyms.find(hashOf(q.words[0])), maxNames) {
			if acronym(q.x.wordsOf(name)) == q.words[0] {
				q.add(name, named{similarity: byAcronym})
			}
		}
	}
}

func clipped(list []uint32, n int) []uint32 { return list[:min(len(list), n)] }

func (x *Index) wordsOf(name uint32) []string {
	ids := x.nameWord[x.nameStart[name]:x.nameStart[name+1]]
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = x.word(id)
	}
	return out
}

// find gives the number of a word.
func (x *Index) find(w string) (uint32, bool) {
	n := len(x.wordStart) - 1
	i := sort.Search(n, func(i int) bool { return x.word(uint32(i)) >= w })
	return uint32(i), i < n && x.word(uint32(i)) == w
}

// closeTo notes which words of the index are close to the query's word number i, and gives them, the word itself first.
func (q *nameQuery) closeTo(i int, w string) []uint32 {
	x := q.x
	var found []uint32
	if id, ok := x.find(w); ok {
		found = append(found, id)
	}
	if len(w) >= minFuzzy && !hasDigit(w) {
		// Its beginnings, what it begins, and what is one edit away.
		for n := minFuzzy; n < len(w); n++ {
			if id, ok := x.find(w[:n]); ok {
				found = append(found, id)
			}
		}
		first, _ := x.find(w)
		for id := first; int(id) < len(x.wordStart)-1 && len(found) < maxWordsClose && strings.HasPrefix(x.word(id), w); id++ {
			found = append(found, id)
		}
		found = append(found, clipped(x.edits.find(hashOf(w)), maxWordsClose)...)
		_ = eachShorter(w, nil, func(h uint64) { found = append(found, clipped(x.edits.find(h), maxWordsClose)...) })
	}
	var out []uint32
	for k, id := range found {
		if slices.Contains(found[:k], id) {
			continue
		}
		if c := closeWords(w, x.word(id)); c > 0 {
			out = append(out, id)
			q.near[id] = append(q.near[id], pair{query: i, close: c})
		}
	}
	return out
}

// collect gives the names that are to be compared. A name whose similarity is at least leastName shares, by the inequality of
// Cauchy and Schwarz, a word with the heaviest of the query's words: with those of them that leave less than leastName of
// its norm to the others. So only these are looked up.
func (q *nameQuery) collect(lists [][]uint32) []uint32 {
	x := q.x
	order := make([]int, len(lists))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(q.weights[j], q.weights[i]) })
	rest := q.norm * q.norm
	var names []uint32
	var large []uint32 // words that too many names have, the heaviest first
	for _, i := range order {
		if rest < leastName*leastName*q.norm*q.norm {
			break
		}
		rest -= q.weights[i] * q.weights[i]
		for _, w := range lists[i] {
			if list := x.having(w); len(names)+len(list) <= maxNames {
				names = append(names, list...)
			} else {
				large = append(large, w)
			}
		}
	}
	for _, w := range clipped(large, maxFrequent) {
		for _, i := range order {
			if len(lists[i]) == 0 || slices.Contains(lists[i], w) {
				continue
			}
			names = intersect(names, x.having(w), x.having(lists[i][0]), maxNames+maxNames/2)
		}
	}
	for _, w := range large { // and what there is room for
		names = append(names, clipped(x.having(w), max(0, maxNames-len(names)))...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (x *Index) having(w uint32) []uint32 { return x.postings[x.postStart[w]:x.postStart[w+1]] }

// intersect appends what is in both ascending lists, until out has most members or maxScanned of the shorter were looked at.
func intersect(out, a, b []uint32, most int) []uint32 {
	if len(a) > len(b) {
		a, b = b, a
	}
	for _, n := range clipped(a, maxScanned) {
		// Gallop: the lists are of very different lengths.
		step := 1
		for step < len(b) && b[step-1] < n {
			step *= 2
		}
		k, ok := slices.BinarySearch(b[:min(step, len(b))], n)
		b = b[k:]
		if len(b) == 0 || len(out) >= most {
			break
		}
		if ok {
			out = append(out, n)
		}
	}
	return out
}

// score gives the similarity of a name.
func (q *nameQuery) score(name uint32) float64 {
	x := q.x
	var room [16]pair
	var weights [maxWords]float64
	pairs := room[:0]
	ids := x.nameWord[x.nameStart[name]:x.nameStart[name+1]]
	for k, id := range ids {
		weights[k] = float64(x.weights[id])
		for _, p := range q.near[id] {
			p.word = k
			pairs = append(pairs, p)
		}
	}
	if len(pairs) == 0 {
		return 0
	}
	return similarity(pairs, q.weights, weights[:len(ids)], q.norm, float64(x.nameNorm[name]))
}
