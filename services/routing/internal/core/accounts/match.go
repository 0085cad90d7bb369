package accounts

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// How sure the kinds are, where there is one account.
const (
	sureContact = 1
	sureEmail   = 1
	sureStated  = 0.95
	// tied is what remains where several accounts list the same address or domain and nothing singles one of them out.
	tied = 0.9
)

// maxSame is how many accounts of one domain or contact are looked at.
const maxSame = 256

// found is an account on its way to a Candidate.
type found struct {
	layer  int
	number uint32
	kind   kind
	// odds is what supports it, as a logarithm.
	odds float64
	Candidate
}

// Find gives the accounts that a lead may belong to, the one to choose first, then in falling confidence; at most most. An
// account that an earlier index has under the same id hides the later ones'. Indexes may be nil.
//
// The ladder: the address of a known contact; the domain of the lead's address, or the nearest domain above it that is listed,
// up to the one that was registered; the stated domain in the same way; the same name; a close name. The first rung whose
// account is sure to at least decide chooses; where none is, the surest account is first. On a rung the order is:
// confidence, more support, target account, has an owner, the smaller id.
//
// Confidence: a contact and the lead's domain 1, the stated domain 0.95, each 0.9 of it where several accounts list it and
// none has more support. For names the odds are 9·exp(−12·(1 − similarity) + support), see the constants, and
// the confidence is the account's odds divided by one plus the odds of all on the rung; at most 0.8 for a close name
// without support.
func Find(q Query, decide float64, most int, layers ...*Index) []Candidate {
	layers = slices.DeleteFunc(slices.Clone(layers), func(x *Index) bool { return x.Len() == 0 })
	if len(layers) == 0 {
		return nil
	}
	f := &finder{layers: layers, text: layers[0].text, have: map[key]*found{}}
	f.domains(q)
	f.names(q)
	f.describe(q)
	f.weigh()
	return f.ranked(decide, most)
}

type key struct {
	layer  int
	number uint32
}

type finder struct {
	layers []*Index
	text   *text
	have   map[key]*found
	list   []*found
}

func (f *finder) add(layer int, number uint32, k kind, similarity float64) {
	at := key{layer, number}
	old := f.have[at]
	if old == nil {
		old = &found{layer: layer, number: number, kind: k}
		f.have[at] = old
		f.list = append(f.list, old)
	}
	old.kind = min(old.kind, k)
	old.Similarity = max(old.Similarity, similarity)
}

// domains climbs the first rungs.
func (f *finder) domains(q Query) {
	if q.Email != "" {
		for i, x := range f.layers {
			for _, n := range clipped(x.contacts.find(hashOf(q.Email)), maxSame) {
				if slices.Contains(x.at(n).Contacts, q.Email) {
					f.add(i, n, contact, 0)
				}
			}
		}
	}
	f.domain(q.Email[strings.LastIndexByte(q.Email, '@')+1:], emailDomain)
	f.domain(q.Domain, statedDomain)
}

func (f *finder) domain(domain string, k kind) {
	if domain = f.text.domains.work(domain); domain == "" {
		return
	}
	top := f.text.domains.Registrable(domain)
	for {
		listed := false
		for i, x := range f.layers {
			for _, n := range clipped(x.domains.find(hashOf(domain)), maxSame) {
				if a := x.at(n); a.Domain == domain || slices.Contains(a.Aliases, domain) {
					f.add(i, n, k, 0)
					listed = true
				}
			}
		}
		_, up, ok := strings.Cut(domain, ".")
		if listed || domain == top || !ok || len(up) < len(top) {
			return
		}
		domain = up
	}
}

func (f *finder) names(q Query) {
	words := f.text.nameWords(q.Company)
	for i, x := range f.layers {
		for _, n := range x.byName(words) {
			k := closeName
			if n.exact {
				k = exactName
			}
			f.add(i, n.account, k, n.similarity)
		}
	}
}

// describe reads the accounts, leaves out those that another hides or that only their hash found, and says what supports them.
func (f *finder) describe(q Query) {
	mine := f.text.facts(q.Phone, q.Address, q.Domain, q.Email[strings.LastIndexByte(q.Email, '@')+1:])
	f.list = slices.DeleteFunc(f.list, func(c *found) bool {
		x := f.layers[c.layer]
		c.Account = x.at(c.number)
		a := &c.Account
		for i, upper := range f.layers[:c.layer+1] {
			for _, n := range upper.ids.find(hashOf(a.ID)) {
				if (i < c.layer || n < c.number) && upper.at(n).ID == a.ID {
					return true
				}
			}
		}
		theirs := f.text.facts(a.Phone, a.Address, append([]string{a.Domain}, a.Aliases...)...)
		c.odds, c.Support = supports(&mine, &theirs, c.kind == closeName)
		if c.kind < exactName {
			c.Support = slices.DeleteFunc(c.Support, func(s string) bool { return s == supportLabel })
			if c.Similarity > 0 {
				c.Support = append(c.Support, supportName)
				c.odds += max(0, oddsName-lostName*(1-c.Similarity))
			}
		}
		return false
	})
}

// weigh fills in the confidences.
func (f *finder) weigh() {
	var sum [closeName + 1]float64
	for _, c := range f.list {
		c.By = c.kind.String()
		if c.kind >= exactName {
			sum[c.kind] += math.Exp(oddsName - lostName*(1-c.Similarity) + c.odds)
		}
	}
	for _, c := range f.list {
		switch c.kind {
		case exactName, closeName:
			c.Confidence = math.Exp(oddsName-lostName*(1-c.Similarity)+c.odds) / (1 + sum[c.kind])
			if c.kind == closeName && !slices.ContainsFunc(c.Support, func(s string) bool { return !strings.HasPrefix(s, "not-") }) {
				c.Confidence = min(c.Confidence, alone)
			}
		default:
			c.Confidence = [...]float64{sureContact, sureEmail, sureStated}[c.kind]
			for _, o := range f.list {
				if o != c && o.kind == c.kind && o.odds >= c.odds-0.1 {
					c.Confidence *= tied
					break
				}
			}
		}
		c.Confidence = math.Round(c.Confidence*1e4) / 1e4
	}
}

// ranked puts the one to choose first.
func (f *finder) ranked(decide float64, most int) []Candidate {
	better := func(a, b *found) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.kind, b.kind), cmp.Compare(b.odds, a.odds),
			yes(b.Account.Target)-yes(a.Account.Target), yes(b.Account.Owner != "")-yes(a.Account.Owner != ""),
			cmp.Compare(a.Account.ID, b.Account.ID), cmp.Compare(a.layer, b.layer), cmp.Compare(a.number, b.number))
	}
	slices.SortFunc(f.list, better)
	first := 0
	for i, c := range f.list {
		if c.Confidence >= decide && c.kind < f.list[first].kind {
			first = i
		}
	}
	if first > 0 {
		c := f.list[first]
		f.list = slices.Insert(slices.Delete(f.list, first, first+1), 0, c)
	}
	out := make([]Candidate, min(len(f.list), most))
	for i := range out {
		out[i] = f.list[i].Candidate
	}
	return out
}

func yes(b bool) int {
	if b {
		return 1
	}
	return 0
}
