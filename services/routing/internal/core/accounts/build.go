package accounts

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"slices"
	"strings"
)

// Index finds accounts. It never changes and is safe for use by any number of goroutines. Its memory is a few large slices
// without pointers: some 250 bytes an account of a usual record, and the collector never looks into them.
type Index struct {
	text *text
	// records are the accounts, one behind the other; starts says where each begins, one more than there are accounts.
	records []byte
	starts  []uint64

	ids, contacts, domains table
	// names by the hash of their words without spaces, and by their acronyms.
	names, acronyms table

	// Of each name: its account, where its words begin (one more than there are names) and the norm of their weights.
	nameAccount []uint32
	nameStart   []uint32
	nameNorm    []float32
	nameWord    []uint32

	// words in ascending order, and of each its weight and the names that have it.
	words     string
	wordStart []uint32
	weights   []float32
	postings  []uint32
	postStart []uint32
	// edits finds words by what is left of them without one of their bytes.
	edits table
}

// Len gives how many accounts there are.
func (x *Index) Len() int {
	if x == nil {
		return 0
	}
	return len(x.starts) - 1
}

// Bytes gives how much memory the index holds.
func (x *Index) Bytes() int {
	if x == nil {
		return 0
	}
	n := len(x.records) + 8*len(x.starts) + len(x.words) + 4*(len(x.nameAccount)+len(x.nameStart)+len(x.nameNorm)+len(x.nameWord)+
		len(x.wordStart)+len(x.weights)+len(x.postings)+len(x.postStart))
	for _, t := range []table{x.ids, x.contacts, x.domains, x.names, x.acronyms, x.edits} {
		n += 12 * len(t.hashes)
	}
	return n
}

// table finds numbers by a hash of what they are of. Whoever reads it compares the thing itself: hashes may collide.
type table struct {
	hashes  []uint64
	numbers []uint32
}

type entry struct {
	hash   uint64
	number uint32
}

// newTable sorts entries, which it takes over, by hash and number.
func newTable(entries []entry) table {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.hash != b.hash {
			return cmp.Compare(a.hash, b.hash)
		}
		return cmp.Compare(a.number, b.number)
	})
	entries = slices.Compact(entries)
	t := table{make([]uint64, len(entries)), make([]uint32, len(entries))}
	for i, e := range entries {
		t.hashes[i], t.numbers[i] = e.hash, e.number
	}
	return t
}

// find gives the numbers of a hash, ascending; the slice is the table's own.
func (t table) find(hash uint64) []uint32 {
	from, ok := slices.BinarySearch(t.hashes, hash)
	if !ok {
		return nil
	}
	to := from + 1
	for to < len(t.hashes) && t.hashes[to] == hash {
		to++
	}
	return t.numbers[from:to]
}

func hashOf[T string | []byte](s T) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}

// Builder collects accounts for an Index. It is not safe for use by several goroutines.
type Builder struct {
	x                      *Index
	ids, contacts, domains []entry
	names, acronyms        []entry
	wordIDs                map[string]uint32
	wordList               []string
}

// NewBuilder gives a builder of an empty index.
func NewBuilder(domains Domains) *Builder {
	return &Builder{x: &Index{text: newText(domains), starts: []uint64{0}, nameStart: []uint32{0}}, wordIDs: map[string]uint32{}}
}

// Add adds an account; of two with one id the first stays. Domains that say nothing of where somebody works are left out.
func (b *Builder) Add(a Account) {
	x := b.x
	n := uint32(len(x.starts) - 1)
	b.ids = append(b.ids, entry{hashOf(a.ID), n})
	x.records = appendRecord(x.records, &a)
	x.starts = append(x.starts, uint64(len(x.records)))
	if d := x.text.domains.work(a.Domain); d != "" {
		b.domains = append(b.domains, entry{hashOf(d), n})
	}
	for _, c := range a.Contacts {
		b.contacts = append(b.contacts, entry{hashOf(c), n})
	}
	b.name(n, a.Name)
	for _, alias := range a.Aliases {
		if IsDomain(alias) {
			if d := x.text.domains.work(alias); d != "" {
				b.domains = append(b.domains, entry{hashOf(d), n})
			}
			continue
		}
		b.name(n, alias)
	}
}

func (b *Builder) name(account uint32, name string) {
	x := b.x
	words := x.text.nameWords(name)
	if len(words) == 0 {
		return
	}
	number := uint32(len(x.nameAccount))
	x.nameAccount = append(x.nameAccount, account)
	for _, w := range words {
		id, ok := b.wordIDs[w]
		if !ok {
			w = strings.Clone(w)
			id = uint32(len(b.wordList))
			b.wordIDs[w] = id
			b.wordList = append(b.wordList, w)
		}
		x.nameWord = append(x.nameWord, id)
	}
	x.nameStart = append(x.nameStart, uint32(len(x.nameWord)))
	b.names = append(b.names, entry{hashOf(strings.Join(words, "")), number})
	if a := acronym(words); a != "" {
		b.acronyms = append(b.acronyms, entry{hashOf(a), number})
	}
}

// Build gives the index. The builder is of no use any more.
func (b *Builder) Build() *Index {
	x := b.x
	x.ids, x.contacts, x.domains = newTable(b.ids), newTable(b.contacts), newTable(b.domains)
	x.names, x.acronyms = newTable(b.names), newTable(b.acronyms)
	b.sortWords()
	b.post()
	x.records = slices.Clip(x.records)
	*b = Builder{}
	return x
}

// sortWords gives words the numbers of their places in the order, and makes the table of their edits.
func (b *Builder) sortWords() {
	x := b.x
	order := make([]uint32, len(b.wordList))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(i, j uint32) int { return strings.Compare(b.wordList[i], b.wordList[j]) })
	place := make([]uint32, len(order))
	var all strings.Builder
	var edits []entry
	var buf []byte
	x.wordStart = make([]uint32, 1, len(order)+1)
	for to, from := range order {
		place[from] = uint32(to)
		w := b.wordList[from]
		all.WriteString(w)
		x.wordStart = append(x.wordStart, uint32(all.Len()))
		if len(w) < minFuzzy || hasDigit(w) {
			continue
		}
		edits = append(edits, entry{hashOf(w), uint32(to)})
		buf = eachShorter(w, buf, func(h uint64) { edits = append(edits, entry{h, uint32(to)}) })
	}
	x.words, x.edits = all.String(), newTable(edits)
	for i, w := range x.nameWord {
		x.nameWord[i] = place[w]
	}
}

// eachShorter gives the hash of a word without each of its bytes.
func eachShorter(w string, buf []byte, f func(hash uint64)) []byte {
	for i := range len(w) {
		if i > 0 && w[i] == w[i-1] {
			continue
		}
		buf = append(append(buf[:0], w[:i]...), w[i+1:]...)
		f(hashOf(buf))
	}
	return buf
}

// post makes the lists of names that have each word, and the words' weights.
func (b *Builder) post() {
	x := b.x
	n := len(x.wordStart) - 1
	x.postStart = make([]uint32, n+1)
	last := make([]uint32, n) // the name, plus one, that a word was last seen in
	each := func(f func(name, word uint32)) {
		clear(last)
		for name := range uint32(len(x.nameAccount)) {
			for _, w := range x.nameWord[x.nameStart[name]:x.nameStart[name+1]] {
				if last[w] != name+1 {
					last[w] = name + 1
					f(name, w)
				}
			}
		}
	}
	each(func(_, w uint32) { x.postStart[w+1]++ })
	for i := range n {
		x.postStart[i+1] += x.postStart[i]
	}
	x.postings = make([]uint32, x.postStart[n])
	next := slices.Clone(x.postStart[:n])
	each(func(name, w uint32) { x.postings[next[w]] = name; next[w]++ })
	x.weights = make([]float32, n)
	for w := range n {
		x.weights[w] = float32(x.text.weightOf(x.word(uint32(w)), len(x.nameAccount), int(x.postStart[w+1]-x.postStart[w])))
	}
	x.nameNorm = make([]float32, len(x.nameAccount))
	var weights []float64
	for name := range x.nameNorm {
		weights = weights[:0]
		for _, w := range x.nameWord[x.nameStart[name]:x.nameStart[name+1]] {
			weights = append(weights, float64(x.weights[w]))
		}
		x.nameNorm[name] = float32(norm(weights))
	}
}

func (x *Index) word(w uint32) string { return x.words[x.wordStart[w]:x.wordStart[w+1]] }

// appendRecord writes an account: its strings, each behind its length.
func appendRecord(b []byte, a *Account) []byte {
	flag := byte(0)
	if a.Target {
		flag = 1
	}
	b = append(b, flag)
	for _, s := range [...]string{a.ID, a.Name, a.Domain, a.Phone, a.Address.Street, a.Address.City, a.Address.PostalCode, a.Address.Country, a.Parent, a.Owner} {
		b = appendString(b, s)
	}
	for _, list := range [...][]string{a.Aliases, a.Contacts} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendString(b, s)
		}
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// at reads an account back.
func (x *Index) at(n uint32) Account {
	b := x.records[x.starts[n]:x.starts[n+1]]
	a := Account{Target: b[0] == 1}
	b = b[1:]
	next := func() string {
		size, k := binary.Uvarint(b)
		s := string(b[k : k+int(size)])
		b = b[k+int(size):]
		return s
	}
	for _, p := range [...]*string{&a.ID, &a.Name, &a.Domain, &a.Phone, &a.Address.Street, &a.Address.City, &a.Address.PostalCode, &a.Address.Country, &a.Parent, &a.Owner} {
		*p = next()
	}
	for _, p := range [...]*[]string{&a.Aliases, &a.Contacts} {
		size, k := binary.Uvarint(b)
		b = b[k:]
		for range size {
			*p = append(*p, next())
		}
	}
	return a
}

// Account gives an account by its id.
func (x *Index) Account(id string) (Account, bool) {
	if x != nil {
		for _, n := range x.ids.find(hashOf(id)) {
			if a := x.at(n); a.ID == id {
				return a, true
			}
		}
	}
	return Account{}, false
}
