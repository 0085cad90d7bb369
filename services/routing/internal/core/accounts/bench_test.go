package accounts

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// company makes up the n-th company: a name of its own or of a family's, what it does, where, and its legal form. A fifth of all
// names consist of ordinary words alone, and one in a hundred is somebody else's too.
func company(r *rand.Rand, n int) Account {
	pick := func(list string) string {
		words := strings.Fields(list)
		return words[r.IntN(len(words))]
	}
	coined := func() string {
		s := ""
		for range 2 + r.IntN(3) {
			s += pick("ba be bri ca co cri da de do fa fi fle ga gra ha hel in ja ka ki la lo lu ma me mo na ni no o pa pi pla qua ra re ri sa se so sta ta te ti tri u va ve vo wa wi xe ya ze zu") + pick("n r l s x t - - - -")
		}
		s = strings.ReplaceAll(s, "-", "")
		return strings.ToUpper(s[:1]) + s[1:]
	}
	family := func() string {
		return pick("Anders Berg Carl Dahl Ek Falk Gran Holm Ing Jans Karl Lind Mor Nor Ols Pet Quist Ros Sand Tor Ull Vik West Young Zell") + pick("son sen berg man ström kvist gren dal stad ner mann by wood field ley")
	}
	what := func() string {
		return pick("Systems Solutions Services Software Consulting Logistics Foods Energy Medical Design Engineering Construction Media Capital Holdings Group Industries Technologies Partners Bakery Foundry Optics Robotics Textiles Tools Shipping Aviation Farms Mining Paper Glass Marine Pumps")
	}
	var name string
	switch k := r.IntN(10); {
	case k < 5:
		name = coined() + " " + what()
	case k < 6:
		name = coined()
	case k < 8:
		name = family() + " & " + family() + " " + what()
	default:
		name = pick("Global United First National Nordic Central Advanced General Premier Direct American European Pacific Atlantic Northern") + " " + what() + " " + what()
	}
	name += " " + pick("Inc. Ltd GmbH AB S.A. LLC B.V. Oy S.p.A. SAS")
	city := pick("Springfield Shelbyville Köln Malmö Lyon Porto Gdańsk Turku Leeds Austin Denver Ghent Graz Brno Bergen")
	return Account{
		ID: fmt.Sprintf("ac-%07d", n), Name: name, Domain: fmt.Sprintf("%s%d.example", strings.ToLower(coined()), n),
		Phone: fmt.Sprintf("+%d %d", 1+r.IntN(60), 200000000+r.IntN(700000000)), Owner: fmt.Sprintf("rep-%d", r.IntN(200)),
		Address: Address{Street: fmt.Sprintf("%s street %d", family(), 1+r.IntN(200)), City: city, PostalCode: fmt.Sprint(10000 + r.IntN(89999)), Country: pick("US SE DE FR PT PL FI GB BE AT CZ NO")},
	}
}

// asks makes up who asks: somebody at one of the accounts, as people write it, or at none.
func asks(r *rand.Rand, a Account) Query {
	q := Query{Email: "x@freemail.example", Company: a.Name, Address: Address{Country: a.Address.Country}}
	switch r.IntN(8) {
	case 0:
		q.Email = "x@mail." + a.Domain
	case 1: // a slip of the pen
		i := 1 + r.IntN(max(1, len(q.Company)-3))
		q.Company = strings.ToValidUTF8(q.Company[:i]+q.Company[i+1:], "")
	case 2:
		q.Company, _, _ = strings.Cut(q.Company, " ")
		q.Phone = a.Phone
	case 3:
		q.Company = strings.ToLower(q.Company)
		q.Address = a.Address
	case 4: // nobody's
		q.Company = company(r, 0).Name
	case 5:
		q.Company = "Global Systems Services"
	}
	return q
}

// BenchmarkMatch tells what a match takes among a million accounts: the median, the 99th of a hundred, and the index's bytes an
// account.
func BenchmarkMatch(b *testing.B) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	builder := NewBuilder(testDomains())
	var some []Account
	for i := range n {
		a := company(r, i)
		builder.Add(a)
		if i%100 == 0 {
			some = append(some, a)
		}
	}
	x := builder.Build()
	built := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	var took []time.Duration
	for b.Loop() {
		q := asks(r, some[r.IntN(len(some))])
		began := time.Now()
		Find(q, 0.85, 5, x)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
	b.ReportMetric(float64(x.Bytes())/float64(n), "index-B/account")
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(n), "heap-B/account")
	b.ReportMetric(built.Seconds(), "build-s")
	b.ReportMetric(float64(len(x.wordStart)), "words")
}
