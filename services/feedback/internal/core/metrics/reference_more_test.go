package metrics

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// TestSpeedAgainstTheReference: every bucket, its wins, and the percentiles.
func TestSpeedAgainstTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, q := drawTable(t), drawQuery(t, 2)
		q.Cohort = rapid.SampledFrom([]Cohort{First, FromMQL, FromRouted}).Draw(t, "since")
		r, err := SpeedToLead(tab, q)
		if err != nil {
			t.Fatal(err)
		}
		in, _ := units(tab, &q, q.Cohort)
		check := func(what string, got *SpeedOf, list []unit) {
			leads, won := map[string]int{}, map[string]int{}
			var hours []float64
			for i := range list {
				u := &list[i]
				h := float64(u.Contacted-u.at) / 3.6e6
				name := "later"
				switch ended := u.Ended != 0 || u.Stage >= table.Won; {
				case u.Contacted == 0 && u.at != 0 && !ended && testNow-u.at < day:
					name = "waiting"
				case u.Contacted == 0:
					name = "never"
				case u.at == 0:
					name = "unknown"
				case h < 0:
					name = "before"
				default:
					hours = append(hours, h)
					for _, b := range []struct {
						name string
						most float64
					}{{"within_24h", 24}, {"within_4h", 4}, {"within_1h", 1}, {"within_30m", 0.5}, {"within_5m", 5. / 60}} {
						if h <= b.most {
							name = b.name
						}
					}
				}
				leads[name]++
				if _, ok := came(u, table.Won); ok {
					won[name]++
				}
			}
			for _, b := range got.Buckets {
				if b.Leads.Count != leads[b.Name] || b.Leads.Of != len(list) || b.Won.Count != won[b.Name] || b.Won.Of != leads[b.Name] {
					t.Fatalf("%s %s: %+v, want %d of %d, %d won", what, b.Name, b, leads[b.Name], len(list), won[b.Name])
				}
			}
			samePercentiles(t, what, got.Hours, sortedFloats(hours))
		}
		check("total", &r.Total, in)
		for key, list := range byKey(in) {
			for i := range r.Groups {
				if strings.Join(r.Groups[i].Key, "|") == key {
					check(key, &r.Groups[i], list)
				}
			}
		}
		if len(q.By) > 0 && len(r.Groups) != len(byKey(in)) {
			t.Fatalf("%d groups of %d", len(r.Groups), len(byKey(in)))
		}
	})
}

// TestCountsAgainstTheReference: SLA, reasons, leakage and quality, each counted one by one and compared as a line of figures.
func TestCountsAgainstTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, q := drawTable(t), drawQuery(t, 1)
		q.By = q.By[:min(len(q.By), 1)]
		for _, d := range []Dimension{ByReason, ByStage} { // which these numbers are by anyway
			if len(q.By) == 1 && q.By[0] == d {
				q.By = nil
			}
		}
		lines := map[string]string{}
		put := func(number string, key []string, figures ...int) {
			lines[number+" "+strings.Join(key, "|")] = fmt.Sprint(figures)
		}
		cohort := q.Cohort
		q.Cohort = ""
		s, err := SLAKept(tab, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range append(s.Groups, s.Total) {
			put("sla", g.Key, g.Routed, g.Accept.Count, g.Accept.Of, g.AcceptOpen, g.AcceptEnded, g.Contact.Count, g.Contact.Of, g.ContactOpen, g.ContactEnded)
		}
		if cohort == "" {
			cohort = First
		}
		q.Cohort = cohort
		l, err := Leaks(tab, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range append(l.Groups, l.Total) {
			for _, x := range g.Stages {
				put("leak "+x.Stage, g.Key, x.Reached.Count, x.Stopped.Count, x.Here, x.Lost, x.Recycled, x.Disqualified, g.Leads)
			}
		}
		if len(q.By) == 0 {
			q.By = []Dimension{BySource}
		}
		rs, err := GivenBack(tab, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range append(rs.Groups, rs.Total) {
			put("reasons", g.Key, g.Handed, g.Rejected.Count, g.Fixable.Count, g.Recycled.Count, g.Disqualified.Count)
			for _, x := range g.Reasons {
				put("reason "+x.Reason, g.Key, x.Rejected, x.Recycled, x.Disqualified, x.Share.Count, x.Share.Of)
			}
		}
		b, err := Sources(tab, q, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range append(b.Groups, b.Total) {
			put("quality", g.Key, g.Leads, g.MQL.Count, g.SQL.Count, g.Opportunity.Count, g.Won.Count, g.Rejected.Count)
		}
		want := referenceLines(tab, &q, len(s.Groups) > 0 || len(l.Groups) > 0)
		for k, v := range lines {
			if want[k] != v && !(want[k] == "" && strings.Trim(v, "[0 ]") == "") {
				t.Fatalf("%s: %s, want %q", k, v, want[k])
			}
			delete(want, k)
		}
		for k, v := range want {
			t.Fatalf("%s: %s is missing", k, v)
		}
	})
}

func referenceLines(tab *table.Table, q *Query, grouped bool) map[string]string {
	sums := map[string][]int{}
	add := func(number, key string, i, of int) {
		for _, k := range []string{number + " ", number + " " + key} {
			if sums[k] == nil {
				sums[k] = make([]int, of)
			}
			if i >= 0 {
				sums[k][i]++
			}
		}
	}
	flag := func(u *unit, f table.Flags) bool { return u.Flags&f != 0 }
	routed, _ := units(tab, q, FromRouted)
	for i := range routed {
		u := &routed[i]
		key := u.key
		if !grouped {
			key = ""
		}
		// Counted once where there is no group.
		one := func(i int) {
			if key == "" {
				k := "sla "
				if sums[k] == nil {
					sums[k] = make([]int, 9)
				}
				sums[k][i]++
				return
			}
			add("sla", key, i, 9)
		}
		one(0)
		_, accepted := came(u, table.Accepted)
		for _, p := range []struct {
			at           int
			broken, done bool
		}{{1, flag(u, table.AcceptBreached), accepted || flag(u, table.Rejected)}, {5, flag(u, table.ContactBreached), u.Contacted != 0}} {
			switch {
			case p.broken:
				one(p.at + 1)
			case p.done:
				one(p.at)
				one(p.at + 1)
			case u.Stage >= table.Won:
				one(p.at + 3)
			default:
				one(p.at + 2)
			}
		}
	}
	in, _ := units(tab, q, q.Cohort)
	for i := range in {
		referenceUnit(tab, &in[i], grouped, add, sums)
	}
	back := map[string]int{}
	for k, v := range sums {
		if number, key, _ := strings.Cut(k, " "); number == "reason" {
			_, group, _ := strings.Cut(key, " ")
			back[group] += v[3]
		}
	}
	out := map[string]string{}
	for k, v := range sums {
		if number, key, _ := strings.Cut(k, " "); number == "reason" {
			_, group, _ := strings.Cut(key, " ")
			v[4] = back[group]
		}
		out[k] = fmt.Sprint(v)
	}
	return out
}

func referenceUnit(tab *table.Table, u *unit, grouped bool, add func(number, key string, i, of int), sums map[string][]int) {
	far := table.Inquiry
	for s := table.MQL; s <= table.Won; s++ {
		if u.Entered[s] != 0 || u.Stage == s {
			far = s
		}
	}
	leak := func(s table.Stage, i int) {
		number := "leak " + stageNames()[s+1]
		if grouped {
			add(number, u.key, i, 7)
			return
		}
		if sums[number+" "] == nil {
			sums[number+" "] = make([]int, 7)
		}
		sums[number+" "][i]++
	}
	for s := table.Inquiry; s <= table.Won; s++ {
		leak(s, 6)
		if s <= far {
			leak(s, 0)
		}
	}
	leak(far, 1)
	if i := map[table.Stage]int{far: 2, table.Lost: 3, table.Recycled: 4, table.Disqualified: 5}[u.Stage]; i > 0 {
		leak(far, i)
	}
	add("quality", u.key, 0, 6)
	for i, s := range []table.Stage{table.MQL, table.SQL, table.Opportunity, table.Won} {
		if _, ok := came(u, s); ok {
			add("quality", u.key, i+1, 6)
		}
	}
	rejected := u.Flags&table.Rejected != 0
	recycled := u.Flags&table.WasRecycled != 0 || u.Stage == table.Recycled
	gone := u.Flags&table.WasDisqualified != 0 || u.Stage == table.Disqualified
	reason := "reason " + valueOf(tab, u, ByReason)
	add("reasons", u.key, 0, 5)
	for i, is := range []bool{rejected, rejected && u.Flags&table.Fixable != 0, recycled, gone} {
		if is {
			add("reasons", u.key, i+1, 5)
		}
	}
	if rejected {
		add("quality", u.key, 5, 6)
		add(reason, u.key, 0, 5)
	}
	if recycled {
		add(reason, u.key, 1, 5)
	}
	if gone {
		add(reason, u.key, 2, 5)
	}
	if rejected || recycled || gone {
		add(reason, u.key, 3, 5)
	}
}
