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

// kinds are who asks, each in the way of one rung: how it is asked for an account, and whether that account must be found.
func kinds() []askedBy {
	words := func(list string) []string { return strings.Fields(list) }
	stranger := func(r *rand.Rand) string { return company(r, 0).Name }
	return []askedBy{
		{"contact-email", func(_ *rand.Rand, a Account) Query { return Query{Email: "ceo." + a.ID + "@mail.example"} }, true},
		{"email-domain", func(_ *rand.Rand, a Account) Query { return Query{Email: "x@eu.mail." + a.Domain, Company: a.Name} }, true},
		{"account-domain", func(_ *rand.Rand, a Account) Query { return Query{Email: "x@freemail.example", Domain: a.Domain} }, true},
		{"exact-name", func(_ *rand.Rand, a Account) Query {
			return Query{Company: strings.ToUpper(a.Name), Address: a.Address}
		}, true},
		{"close-name-hit", func(r *rand.Rand, a Account) Query { // a slip of the pen, and a phone
			first, rest, _ := strings.Cut(a.Name, " ")
			runes := []rune(first)
			i := 1 + r.IntN(max(1, len(runes)-2))
			return Query{Company: string(slices.Delete(runes, i, i+1)) + " " + rest, Phone: a.Phone}
		}, false},
		{"close-name-miss", func(r *rand.Rand, _ Account) Query {
			return Query{Company: stranger(r), Address: Address{Country: "SE"}}
		}, false},
		{"ordinary-words", func(r *rand.Rand, _ Account) Query { // words that ten thousands have, each
			list := words("Global Systems Services National Holdings Group Engineering Medical Partners European")
			r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			return Query{Company: strings.Join(list[:2+r.IntN(4)], " ")}
		}, false},
		{"transliterated", func(_ *rand.Rand, a Account) Query { return Query{Company: inCyrillic(a.Name), Address: a.Address} }, false},
		{"mixed", asks, false},
	}
}

type askedBy struct {
	name string
	ask  func(*rand.Rand, Account) Query
	hit  bool
}

// inCyrillic writes Latin letters as Cyrillic ones that are read in the same way, where there are such.
func inCyrillic(name string) string {
	return strings.NewReplacer("a", "а", "b", "б", "d", "д", "e", "е", "f", "ф", "g", "г", "i", "и", "k", "к", "l", "л", "m", "м", "n", "н", "o", "о",
		"p", "п", "r", "р", "s", "с", "t", "т", "u", "у", "v", "в", "z", "з").Replace(strings.ToLower(name))
}

// BenchmarkMatch tells what a match takes among a million accounts, for each way of asking: the median and the 99th of a hundred, of the
// time on the clock and of what this thread had of a processor, which is what counts on a machine that does other things as well.
// And the index's bytes an account.
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
		if i%100 == 0 {
			a.Contacts = []string{"ceo." + a.ID + "@mail.example"}
			some = append(some, a)
		}
		builder.Add(a)
	}
	x := builder.Build()
	built := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("%d accounts: built in %.1f s, %.0f B of the index and %.0f B of the heap an account, %d words", n, built.Seconds(),
		float64(x.Bytes())/float64(n), float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/float64(n), len(x.wordStart))
	for _, k := range kinds() {
		b.Run(k.name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var clock, cpu []time.Duration
			found := 0
			for b.Loop() {
				a := some[r.IntN(len(some))]
				q := k.ask(r, a)
				used, began := threadTime(), time.Now()
				got := Find(q, 0.85, 5, x)
				clock, cpu = append(clock, time.Since(began)), append(cpu, threadTime()-used)
				if len(got) > 0 && got[0].Account.ID == a.ID {
					found++
				} else if k.hit && (len(got) == 0 || got[0].Account.Name != a.Name) { // somebody else may have the name
					b.Fatalf("%+v is not found: %+v", q, got)
				}
			}
			slices.Sort(clock)
			slices.Sort(cpu)
			micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
			b.ReportMetric(micros(clock[len(clock)/2]), "p50-µs")
			b.ReportMetric(micros(clock[len(clock)*99/100]), "p99-µs")
			b.ReportMetric(micros(cpu[len(cpu)/2]), "cpu-p50-µs")
			b.ReportMetric(micros(cpu[len(cpu)*99/100]), "cpu-p99-µs")
			b.ReportMetric(float64(found)*100/float64(b.N), "found-%")
		})
	}
}
