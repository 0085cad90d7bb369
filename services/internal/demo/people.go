package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Company is where leads work. It is made up: its name is put together from syllables, its domain ends in .example.
type Company struct {
	Name, Domain, Industry, Country string
	Employees                       int
	// Owner is the rep whose named account it is, "" for most.
	Owner string
}

// Lead is a person, made up like the company.
type Lead struct {
	First, Last, Email, Title string
	Company                   *Company
	// Device is the anonymous id of their browser, Contact their id in marketing automation.
	Device, Contact string
	// Channel and Campaign brought them; a campaign is "" where none did.
	Channel, Campaign string
	Interest          Interest
	// Story is what sales makes of them, should they ever be handed over.
	Story Story
}

// Interest is how far somebody goes within the week.
type Interest int

// The interests, least first.
const (
	Glances Interest = iota // looks once, leaves an address, is not seen again
	Reads                   // comes back, downloads something
	Weighs                  // attends, compares, looks at prices
	Asks                    // wants to be shown
)

// weighted is a choice and how often it is taken.
type weighted[T any] struct {
	value  T
	weight int
}

func pick[T any](rng *rand.Rand, choices []weighted[T]) T {
	total := 0
	for _, c := range choices {
		total += c.weight
	}
	n := rng.IntN(total)
	for _, c := range choices {
		if n -= c.weight; n < 0 {
			return c.value
		}
	}
	return choices[len(choices)-1].value
}

func oneOf[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

func chance(rng *rand.Rand, percent int) bool { return rng.IntN(100) < percent }

// words has the syllables that names are made of.
type words struct{ first, second []string }

// all gives every combination, in a seeded order.
func (w words) all(rng *rand.Rand) []string {
	var out []string
	for _, a := range w.first {
		for _, b := range w.second {
			out = append(out, a+b)
		}
	}
	rng.Shuffle(len(out), func(i, k int) { out[i], out[k] = out[k], out[i] })
	return out
}

func companyNames() words {
	return words{
		first:  strings.Fields("Nor Kel Tarn Ves Ulm Bren Cald Dor Esk Fal Gren Hal Ister Jarn Lor Mav Orin Pol Quen Rav Sel Thal Var Wol"),
		second: strings.Fields("vane mora wick dale tora stead lund ara heth"),
	}
}

func surnames() words {
	return words{
		first:  strings.Fields("Amber Birch Cinder Drift Elder Fallow Gorse Heather Juniper Larch Marl Nettle Osier Pebble Quarry Rush Sedge Thistle Umber Willow"),
		second: strings.Fields("acre beck combe dell fell garth holt mere ness rigg shaw thorpe"),
	}
}

func firstNames() []string {
	return strings.Fields("Alva Bryn Corin Dessa Eskil Fenna Gale Hedda Ilan Junia Kester Linnea Maren Nilo Odile Perrin Runa Soren Tamsin Ulla Vesna Wren Ylva Zora")
}

func industries() []weighted[string] {
	return []weighted[string]{{"software", 24}, {"logistics", 18}, {"manufacturing", 18}, {"finance", 12}, {"retail", 12}, {"health", 8}, {"education", 8}}
}

// suffix of a company's name, by its industry.
func suffix(industry string) string {
	return map[string]string{
		"software": "Systems", "logistics": "Logistics", "manufacturing": "Works", "finance": "Finance", "retail": "Stores",
		"health": "Clinics", "education": "Academy",
	}[industry]
}

func countries() []weighted[string] {
	return []weighted[string]{{"SE", 16}, {"DE", 18}, {"NL", 9}, {"GB", 14}, {"DK", 6}, {"NO", 6}, {"FR", 6}, {"US", 26}, {"CA", 6}, {"AU", 3}}
}

// sizes are ranges of head counts.
func sizes() []weighted[[2]int] {
	return []weighted[[2]int]{{[2]int{4, 30}, 26}, {[2]int{30, 120}, 30}, {[2]int{120, 500}, 26}, {[2]int{500, 2500}, 14}, {[2]int{2500, 9000}, 4}}
}

func titles() []weighted[string] {
	return []weighted[string]{
		{"VP Revenue Operations", 4}, {"VP Sales", 4}, {"Head of Marketing", 6}, {"Director of Demand Generation", 5}, {"Chief Operating Officer", 3},
		{"Founder", 4}, {"Marketing Manager", 14}, {"Sales Operations Manager", 10}, {"CRM Manager", 8}, {"Campaign Specialist", 12},
		{"Sales Development Lead", 7}, {"Solution Architect", 5}, {"Software Engineer", 6}, {"Marketing Assistant", 8}, {"Business Student", 6},
		{"Independent Consultant", 4},
	}
}

// committee gives the titles of a named account's three people: who decides, who would run it, who reads first.
func committee() [3][]string {
	return [3][]string{
		{"VP Revenue Operations", "VP Sales", "Head of Marketing", "Director of Demand Generation", "Chief Operating Officer"},
		{"Sales Operations Manager", "CRM Manager", "Solution Architect"},
		{"Marketing Manager", "Campaign Specialist", "Sales Development Lead"},
	}
}

// newCompanies makes n companies; the first ones are the named accounts, each with its owner, of a size worth a name.
func newCompanies(rng *rand.Rand, n int, owners []string) []*Company {
	names := companyNames().all(rng)
	out := make([]*Company, n)
	for i := range out {
		c := &Company{Industry: pick(rng, industries()), Country: pick(rng, countries())}
		size := pick(rng, sizes())
		c.Employees = size[0] + rng.IntN(size[1]-size[0])
		if i < len(owners) {
			c.Owner, c.Industry = owners[i], oneOf(rng, []string{"logistics", "manufacturing", "software"})
			c.Country = []string{"SE", "DE", "US", "GB"}[i%4]
			c.Employees = 300 + rng.IntN(1500)
		}
		c.Name = names[i] + " " + suffix(c.Industry)
		c.Domain = strings.ToLower(names[i]) + ".example"
		out[i] = c
	}
	return out
}

// newLead makes the n-th person, at a company.
func newLead(rng *rand.Rand, n int, c *Company, surname string) *Lead {
	l := &Lead{First: oneOf(rng, firstNames()), Last: surname, Title: pick(rng, titles()), Company: c}
	l.Email = strings.ToLower(l.First + "." + l.Last + "@" + c.Domain)
	l.Device = fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", rng.Uint32(), rng.IntN(1<<16), rng.IntN(1<<12), rng.IntN(1<<12), rng.Uint64()>>16)
	l.Contact = fmt.Sprintf("c-%d", 10_000+n)
	return l
}
