package accounts

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// testDomains knows the public suffixes example, co.example and blog.example, and two free-mail providers.
func testDomains() Domains {
	return Domains{
		Registrable: func(d string) string {
			labels := strings.Split(d, ".")
			n := 2
			if strings.HasSuffix(d, ".co.example") || strings.HasSuffix(d, ".blog.example") {
				n = 3
			}
			if len(labels) < n || d == "co.example" || d == "blog.example" {
				return ""
			}
			return strings.Join(labels[len(labels)-n:], ".")
		},
		Shared: func(d string) bool { return d == "freemail.example" || d == "throwaway.example" },
	}
}

func indexOf(list ...Account) *Index {
	b := NewBuilder(testDomains())
	for _, a := range list {
		b.Add(a)
	}
	return b.Build()
}

func listed() *Index {
	return indexOf(
		Account{ID: "ac-1", Name: "Initech Software", Domain: "initech.example", Aliases: []string{"initrode.example", "Initrode LLC"}, Contacts: []string{"bill@freemail.example"}, Phone: "+46 8 123 456 78", Owner: "ana"},
		Account{ID: "ac-2", Name: "Müller & Söhne GmbH", Domain: "mueller.example", Address: Address{Street: "Hauptstraße 12", City: "Köln", PostalCode: "50667", Country: "DE"}},
		Account{ID: "ac-3", Name: "International Business Machines Corp.", Domain: "ibm.example", Address: Address{Country: "US"}},
		Account{ID: "ac-4", Name: "Initech Labs", Domain: "labs.initech.example"},
		Account{ID: "ac-5", Name: "Globex", Domain: "globex.co.example", Address: Address{Country: "GB"}},
		Account{ID: "ac-6", Name: "Globex", Domain: "globex.example", Address: Address{Country: "US"}, Target: true},
		Account{ID: "ac-7", Name: "Vandelay Nordic", Domain: "vandelay.example", Address: Address{Country: "SE"}},
		Account{ID: "ac-8", Name: "Vandelay Europe", Domain: "vandelay.example", Address: Address{Country: "DE"}},
		Account{ID: "ac-9", Name: "Provider", Domain: "freemail.example"},
	)
}

func TestFind(t *testing.T) {
	x := listed()
	for _, tc := range []struct {
		name    string
		q       Query
		id, by  string
		least   float64
		most    float64
		support []string
	}{
		{"a known contact at a free address", Query{Email: "bill@freemail.example"}, "ac-1", ByContact, 1, 1, nil},
		{"its domain", Query{Email: "a@initech.example"}, "ac-1", ByEmailDomain, 1, 1, nil},
		{"a domain below it", Query{Email: "a@mail.eu.initech.example"}, "ac-1", ByEmailDomain, 1, 1, nil},
		{"a domain below it that another account lists", Query{Email: "a@mail.labs.initech.example"}, "ac-4", ByEmailDomain, 1, 1, nil},
		{"an alias that is a domain", Query{Email: "a@initrode.example"}, "ac-1", ByEmailDomain, 1, 1, nil},
		{"behind a public suffix of two labels", Query{Email: "a@x.globex.co.example"}, "ac-5", ByEmailDomain, 1, 1, nil},
		{"another name behind the same suffix", Query{Email: "a@hooli.co.example"}, "", "", 0, 0, nil},
		{"a free address that somebody listed as a domain", Query{Email: "a@freemail.example"}, "", "", 0, 0, nil},
		{"the stated domain", Query{Email: "a@freemail.example", Domain: "initech.example"}, "ac-1", ByAccountDomain, 0.95, 0.95, nil},
		{"two accounts of one domain, told apart by country", Query{Email: "a@vandelay.example", Address: Address{Country: "SE"}}, "ac-7", ByEmailDomain, 1, 1, []string{"country"}},
		{"two accounts of one domain, nothing known", Query{Email: "a@vandelay.example"}, "ac-7", ByEmailDomain, 0.9, 0.9, nil},
		{"the name", Query{Company: "INITECH SOFTWARE, Inc."}, "ac-1", ByName, 0.9, 0.9, nil},
		{"an alias of the name", Query{Company: "initrode"}, "ac-1", ByName, 0.9, 0.9, nil},
		{"umlauts written as two letters", Query{Company: "Mueller und Soehne"}, "ac-2", ByName, 0.9, 0.9, nil},
		{"umlauts left out", Query{Company: "Muller and Sohne"}, "ac-2", ByName, 0.9, 0.9, nil},
		{"the name with a phone", Query{Company: "Initech Software", Phone: "08-12345678"}, "ac-1", ByName, 0.99, 1, []string{"phone"}},
		{"one name of two companies", Query{Company: "Globex"}, "ac-6", ByName, 0.4, 0.5, nil},
		{"one name of two companies, one in that country", Query{Company: "Globex", Address: Address{Country: "GB"}}, "ac-5", ByName, 0.7, 0.85, []string{"country"}},
		{"a slip of the pen, and nothing else", Query{Company: "Vandeley Nordic"}, "ac-7", ByCloseName, 0.65, 0.8, nil},
		{"a slip of the pen, in the street", Query{Company: "Muler Sohne", Address: Address{Street: "Hauptstr. 12", City: "Koeln"}}, "ac-2", ByCloseName, 0.9, 1, []string{"street", "city"}},
		{"an acronym", Query{Company: "IBM"}, "ac-3", ByCloseName, 0.6, 0.7, nil},
		{"an acronym with stops, in the right country", Query{Company: "I.B.M.", Address: Address{Country: "US"}}, "ac-3", ByCloseName, 0.7, 0.8, []string{"country"}},
		{"the words in another order", Query{Company: "Nordic Vandelay", Address: Address{Country: "SE"}}, "ac-7", ByCloseName, 0.85, 1, []string{"country"}},
		{"the same label under another ending", Query{Email: "a@initech.co.example", Company: "Initech Softwares"}, "ac-1", ByCloseName, 0.75, 1, []string{"domain-label"}},
		{"a company that nobody listed", Query{Email: "a@hooli.example", Company: "Hooli"}, "", "", 0, 0, nil},
		{"a legal form is no name", Query{Company: "Inc."}, "", "", 0, 0, nil},
		{"nothing at all", Query{}, "", "", 0, 0, nil},
	} {
		list := Find(tc.q, 0.85, 5, x)
		var got Candidate
		if len(list) > 0 {
			got = list[0]
		}
		if got.Account.ID != tc.id || got.By != tc.by || got.Confidence < tc.least || got.Confidence > tc.most || tc.support != nil && !slices.Equal(got.Support, tc.support) {
			t.Errorf("%s: %s by %s %v %v (similarity %.3f), want %s by %s %v–%v %v", tc.name, got.Account.ID, got.By, got.Confidence, got.Support, got.Similarity,
				tc.id, tc.by, tc.least, tc.most, tc.support)
		}
	}
}

func TestTheFirstRungThatDecidesChooses(t *testing.T) {
	x := indexOf(
		Account{ID: "by-name", Name: "Initech", Address: Address{Country: "US"}},
		Account{ID: "close", Name: "Initech Nordic", Phone: "+46812345678", Address: Address{Country: "SE"}},
	)
	q := Query{Company: "Initech", Phone: "+46812345678", Address: Address{Country: "SE"}}
	if list := Find(q, 0.85, 5, x); len(list) != 2 || list[0].Account.ID != "close" || list[1].Account.ID != "by-name" {
		t.Errorf("the same name elsewhere is not sure, what is close and in its country is: %+v", list)
	}
	if list := Find(q, 0.5, 5, x); list[0].Account.ID != "by-name" {
		t.Errorf("with a lower bar the name decides: %+v", list)
	}
}

func TestTiesAreBrokenInOrder(t *testing.T) {
	same := func(id string, f func(*Account)) Account {
		a := Account{ID: id, Name: "Globex", Domain: "globex.example"}
		f(&a)
		return a
	}
	plain := same("z", func(*Account) {})
	for _, tc := range []struct {
		name   string
		better Account
	}{
		{"more support", same("zz", func(a *Account) { a.Phone = "5551234567" })},
		{"a target account", same("zz", func(a *Account) { a.Target = true })},
		{"one with an owner", same("zz", func(a *Account) { a.Owner = "ana" })},
		{"the smaller id", same("a", func(*Account) {})},
	} {
		for _, x := range []*Index{indexOf(plain, tc.better), indexOf(tc.better, plain)} {
			list := Find(Query{Email: "x@globex.example", Company: "Globex", Phone: "5551234567"}, 0.85, 5, x)
			if len(list) != 2 || list[0].Account.ID != tc.better.ID {
				t.Errorf("%s: %+v", tc.name, list)
			}
		}
	}
}

func TestAnEarlierIndexHidesTheSameId(t *testing.T) {
	upper := indexOf(Account{ID: "a", Name: "Globex"})
	lower := indexOf(Account{ID: "a", Name: "Initech", Domain: "initech.example"}, Account{ID: "b", Name: "Hooli"})
	if list := Find(Query{Email: "x@initech.example"}, 0.85, 5, upper, lower); len(list) != 0 {
		t.Errorf("what was replaced is still found: %+v", list)
	}
	if list := Find(Query{Company: "Hooli"}, 0.85, 5, nil, upper, lower); len(list) != 1 || list[0].Account.ID != "b" {
		t.Errorf("what was not replaced: %+v", list)
	}
}

func TestAccountsComeBackAsTheyWere(t *testing.T) {
	want := Account{ID: "a", Name: "Ä", Domain: "d.example", Aliases: []string{"x", "y.example"}, Contacts: []string{"c@d.example"}, Phone: "1",
		Address: Address{"s", "c", "p", "SE"}, Parent: "b", Owner: "o", Target: true}
	x := indexOf(Account{ID: "b"}, want)
	if got, ok := x.Account("a"); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, ok := x.Account("c"); ok {
		t.Error("an account that nobody listed")
	}
	if _, ok := (*Index)(nil).Account("a"); ok {
		t.Error("an account of no index")
	}
}

// scan is the slow reference: every account is compared with the query, by the definitions alone.
func scan(q Query, decide float64, most int, x *Index) []Candidate {
	f := &finder{layers: []*Index{x}, text: x.text, have: map[key]*found{}}
	d := x.text.domains
	n := uint32(x.Len())
	for k, domain := range map[kind]string{emailDomain: q.Email[strings.LastIndexByte(q.Email, '@')+1:], statedDomain: q.Domain} {
		for domain = d.work(domain); domain != "" && d.Registrable(domain) != ""; _, domain, _ = strings.Cut(domain, ".") {
			hit := false
			for i := range n {
				if a := x.at(i); a.Domain == domain || slices.Contains(a.Aliases, domain) {
					f.add(0, i, k, 0)
					hit = true
				}
			}
			if hit {
				break
			}
		}
	}
	words := x.text.nameWords(q.Company)
	weight := func(w string) float64 {
		var near []uint32
		for id := range uint32(len(x.wordStart) - 1) {
			if closeWords(w, x.word(id)) > 0 {
				near = append(near, id)
			}
		}
		return x.weightLike(w, near)
	}
	for i := range n {
		a := x.at(i)
		if q.Email != "" && slices.Contains(a.Contacts, q.Email) {
			f.add(0, i, contact, 0)
		}
		for _, name := range append([]string{a.Name}, a.Aliases...) {
			theirs := x.text.nameWords(name)
			if IsDomain(name) || len(words) == 0 || len(theirs) == 0 {
				continue
			}
			var pairs []pair
			var qw, tw []float64
			for k, v := range theirs {
				tw = append(tw, weight(v))
				for j, w := range words {
					if c := closeWords(w, v); c > 0 {
						pairs = append(pairs, pair{j, k, c})
					}
				}
			}
			for _, w := range words {
				qw = append(qw, weight(w))
			}
			s := 0.0
			if len(pairs) > 0 {
				// The index keeps norms in half the bytes.
				s = similarity(pairs, qw, tw, norm(qw), float64(float32(norm(tw))))
			}
			joined := strings.Join(words, "") == strings.Join(theirs, "")
			switch one, other := strings.Join(words, " "), strings.Join(theirs, " "); {
			case one == other:
				f.add(0, i, exactName, 1)
				continue
			case acronym(words) == other && other != "", acronym(theirs) == one && len(words) == 1:
				s = max(s, byAcronym)
			}
			if joined {
				s = max(s, bySpaces)
			}
			if s >= leastName {
				f.add(0, i, closeName, s)
			}
		}
	}
	f.describe(q)
	f.weigh()
	return f.ranked(decide, most)
}

func TestTheIndexFindsWhatAScanFinds(t *testing.T) {
	word := rapid.SampledFrom([]string{"Initech", "Initec", "Inietch", "Init", "Globex", "Globox", "Systems", "Sys", "Labs", "Nordic", "the", "GmbH", "and", "Söhne", "Soehne", "Ltd", "Black", "Mesa",
		"BlackMesa", "I", "B", "M", "IBM", "International", "Business", "Machines", "21", "212", "Бета", "Beta"})
	name := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 0, 4).Draw(t, "words"), " ") })
	domain := rapid.SampledFrom([]string{"", "initech.example", "labs.initech.example", "a.labs.initech.example", "globex.co.example", "co.example", "freemail.example", "x.freemail.example", "example", "a..b"})
	address := rapid.Custom(func(t *rapid.T) Address {
		return Address{
			Street:  rapid.SampledFrom([]string{"", "Main St 1", "1 Main Street", "2 Main Street", "Side Road 1"}).Draw(t, "street"),
			City:    rapid.SampledFrom([]string{"", "Springfield", "Shelbyville"}).Draw(t, "city"),
			Country: rapid.SampledFrom([]string{"", "US", "SE"}).Draw(t, "country"),
		}
	})
	phone := rapid.SampledFrom([]string{"", "+1 555 123 4567", "5551234567", "5559999999"})
	account := rapid.Custom(func(t *rapid.T) Account {
		return Account{
			ID: rapid.StringMatching("[a-f]").Draw(t, "id"), Name: name.Draw(t, "name"), Domain: domain.Draw(t, "domain"),
			Aliases:  rapid.SliceOfN(rapid.OneOf(name, domain), 0, 2).Draw(t, "aliases"),
			Contacts: rapid.SliceOfN(rapid.SampledFrom([]string{"a@freemail.example", "a@initech.example"}), 0, 1).Draw(t, "contacts"),
			Phone:    phone.Draw(t, "phone"), Address: address.Draw(t, "address"), Target: rapid.Bool().Draw(t, "target"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		x := indexOf(rapid.SliceOfN(account, 1, 8).Draw(t, "accounts")...)
		d := domain.Draw(t, "email domain")
		q := Query{Company: name.Draw(t, "company"), Domain: domain.Draw(t, "stated"), Phone: phone.Draw(t, "its phone"), Address: address.Draw(t, "its address")}
		if d != "" {
			q.Email = "a@" + d
		}
		got, want := Find(q, 0.85, 20, x), scan(q, 0.85, 20, x)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("query %+v\nfound %v\nscan  %v", q, got, want)
		}
	})
}
