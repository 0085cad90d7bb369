package core

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// way gives a row that enters stages one after the other, at 1000, 2000, … in one epoch.
func way(first Touch, stages ...string) *Row {
	r := &Row{}
	for i, s := range stages {
		r.Move(Move{To: s, Epoch: 1, At: int64(i+1) * 1000, First: first, Place: Place{Cause: uint64(i + 1)}})
	}
	return r
}

// count counts the rows of leads, by id.
func count(rows map[string]*Row, q Query) Funnel {
	b := NewBook()
	_ = b.Update(slices.Sorted(maps.Keys(rows)), func(ids []string) (map[string]*Row, error) { return rows, nil })
	return Count(b.Table, q)
}

func stage(t *testing.T, f Funnel, name string) StageCount {
	t.Helper()
	for _, s := range f.Stages {
		if s.Stage == name {
			return s
		}
	}
	t.Fatalf("no stage %s in %+v", name, f)
	return StageCount{}
}

func TestCountAlongTheWay(t *testing.T) {
	ads, mail := Touch{At: 100, Source: "site", Channel: "ads"}, Touch{At: 200, Source: "site", Channel: "email"}
	rows := map[string]*Row{
		"a": way(ads, Inquiry),
		"b": way(ads, Inquiry, MQL, Routed, Accepted, SQL),
		"c": way(mail, Inquiry, Won), // straight to won: nothing between is invented
		"d": way(mail, Inquiry, MQL, Routed, Recycled),
	}
	f := count(rows, Query{})
	if f.Leads != 4 {
		t.Fatalf("leads: %d", f.Leads)
	}
	for _, want := range []StageCount{
		{Inquiry, 4, 1, 4, 1, 1},
		{MQL, 2, 0, 3, 0.5, 0.75},
		{Routed, 2, 0, 3, 0.5, 1},
		{Accepted, 1, 0, 2, 0.25, 2.0 / 3},
		{SQL, 1, 1, 2, 0.25, 1},
		{Opportunity, 0, 0, 1, 0, 0.5},
		{Won, 1, 1, 1, 0.25, 1},
		{Lost, 0, 0, 0, 0, 0},
		{Recycled, 1, 1, 1, 0.25, 0},
		{Disqualified, 0, 0, 0, 0, 0},
	} {
		if got := stage(t, f, want.Stage); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	wantChannels := []GroupCount{
		{Name: "ads", Leads: 2, Qualified: 1, Routed: 1, Accepted: 1, SQL: 1},
		{Name: "email", Leads: 2, Qualified: 1, Routed: 1, Won: 1, Conversion: 0.5},
	}
	if !reflect.DeepEqual(f.ByChannel, wantChannels) {
		t.Errorf("by channel: %+v", f.ByChannel)
	}
	if len(f.BySource) != 1 || f.BySource[0].Leads != 4 || f.BySource[0].Conversion != 0.25 {
		t.Errorf("by source: %+v", f.BySource)
	}
}

func TestCountSelects(t *testing.T) {
	rows := map[string]*Row{
		"a": way(Touch{At: 1000, Source: "site", Channel: "ads"}, Inquiry),
		"b": way(Touch{At: 2000, Source: "app", Channel: "ads"}, Inquiry, Won),
		"c": way(Touch{}, Won), // nobody said how it came: first seen with its first move, at 1000
	}
	for name, c := range map[string]struct {
		q    Query
		want int
	}{
		"everything":              {Query{}, 3},
		"from is included":        {Query{From: 2000}, 1},
		"to is not":               {Query{To: 2000}, 2},
		"between":                 {Query{From: 1001, To: 2000}, 0},
		"one source":              {Query{Source: "app"}, 1},
		"one channel":             {Query{Source: "ads"}, 2},
		"none is a name too":      {Query{Source: None}, 1},
		"a source nobody came by": {Query{Source: "fair"}, 0},
	} {
		f := count(rows, c.q)
		if f.Leads != c.want {
			t.Errorf("%s: %d leads, want %d", name, f.Leads, c.want)
		}
		if len(f.Stages) != len(Way())+len(Ends()) {
			t.Errorf("%s: %d stages", name, len(f.Stages))
		}
	}
}

// What a sender calls unknown is a source like any other, and not the same as nobody having said one.
func TestUnknownIsNotNone(t *testing.T) {
	f := count(map[string]*Row{
		"a": way(Touch{At: 1000, Source: "unknown", Channel: "unknown"}, Inquiry), "b": way(Touch{At: 1000, Source: "unknown", Channel: "ads"}, Inquiry),
		"c": way(Touch{}, Won),
	}, Query{})
	if want := []GroupCount{{Name: "unknown", Leads: 2}, {Name: None, Leads: 1, Won: 1, Conversion: 1}}; !reflect.DeepEqual(f.BySource, want) {
		t.Errorf("%+v", f.BySource)
	}
	if len(f.ByChannel) != 3 {
		t.Errorf("%+v", f.ByChannel)
	}
}

// A deal that is won before its lead was ever seen is counted like any other, and nothing becomes negative.
func TestCountWonBeforeFirstTouch(t *testing.T) {
	rows := map[string]*Row{"a": way(Touch{At: 999_000, Channel: "organic"}, Won)}
	f := count(rows, Query{From: 998_000})
	if f.Leads != 1 || stage(t, f, Won).Entered != 1 || stage(t, f, Inquiry).Entered != 0 || stage(t, f, Inquiry).Reached != 1 {
		t.Fatalf("%+v", f)
	}
}

func TestCountMerged(t *testing.T) {
	visitor := way(Touch{At: 500, Source: "site", Channel: "ads"}, Inquiry, MQL)
	visitor.MergedInto = "known"
	rows := map[string]*Row{
		"visitor": visitor,
		"known":   way(Touch{At: 900, Source: "crm", Channel: "call"}, Inquiry),
	}
	f := count(rows, Query{})
	if f.Leads != 1 || stage(t, f, MQL).Entered != 1 || stage(t, f, MQL).Current != 0 || stage(t, f, Inquiry).Current != 1 {
		t.Errorf("one lead, an inquiry now, that was an mql: %+v", f)
	}
	if len(f.ByChannel) != 1 || f.ByChannel[0].Name != "ads" {
		t.Errorf("the earlier first touch counts: %+v", f.ByChannel)
	}
	if got := count(rows, Query{From: 900}).Leads; got != 0 {
		t.Errorf("first seen at 500, but %d leads from 900 on", got)
	}

	rows["known"].MergedInto = "nobody"
	if got := count(rows, Query{}).Leads; got != 0 {
		t.Errorf("%d leads, though the one who carries on has no stage yet", got)
	}
	rows["known"].MergedInto = "visitor" // broken data: a circle
	if got := count(rows, Query{}).Leads; got != 0 {
		t.Errorf("%d leads in a circle", got)
	}
}

func TestMoveKeepsTheEarliestEntry(t *testing.T) {
	r := &Row{}
	r.Move(Move{To: Inquiry, Epoch: 1, At: 5000, Place: Place{Cause: 1}})
	r.Move(Move{To: Inquiry, Epoch: 1, At: 3000, Place: Place{Cause: 2}})                    // for an earlier time
	r.Move(Move{From: Inquiry, To: Inquiry, Epoch: 1, At: 10, Place: Place{Cause: 2, N: 1}}) // no step
	r.Move(Move{To: Recycled, Epoch: 1, At: 6000, Place: Place{Cause: 3}})
	r.Move(Move{To: Inquiry, Epoch: 2, At: 7000, Place: Place{Cause: 4}})
	r.Move(Move{To: Recycled, Epoch: 1, At: 1, Place: Place{Cause: 3}}) // a repeat
	r.Move(Move{To: "", Epoch: 3, At: 1, Place: Place{Cause: 9}})       // says nothing
	want := []Epoch{
		{Number: 1, Entered: []Entry{{Inquiry, 3000}, {Recycled, 6000}}, Current: Recycled, Ended: 6000},
		{Number: 2, Entered: []Entry{{Inquiry, 7000}}, Current: Inquiry},
	}
	if !reflect.DeepEqual(r.Epochs, want) || r.Current() != Inquiry {
		t.Fatalf("%+v", r)
	}
}

func TestMoveKeepsTheEarliestTouch(t *testing.T) {
	r := &Row{}
	for i, touch := range []Touch{{}, {Channel: "?"}, {At: 50, Channel: "b"}, {At: 90, Channel: "c"}, {}, {At: 50, Channel: "b2"}, {At: 20, Channel: "a"}, {At: 50, Channel: "b"}} {
		r.Move(Move{To: Inquiry, First: touch, Place: Place{Cause: uint64(i + 1)}})
	}
	if r.First != (Touch{At: 20, Channel: "a"}) {
		t.Fatalf("%+v", r.First)
	}
}

// told is one statement about a lead, for the reference.
type told struct {
	lead string
	move Move
	into string
}

// TestCountAgainstReference tells random stories (several epochs, skipped stages, late and repeated moves, chains of merges)
// and counts them twice: as the service does, and lead by lead from the whole story.
func TestCountAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		story := stories(t)
		rows := map[string]*Row{}
		for _, s := range story {
			r := rows[s.lead]
			if r == nil {
				r = &Row{}
				rows[s.lead] = r
			}
			if s.into != "" {
				r.MergedInto = s.into
				continue
			}
			r.Move(s.move)
		}
		q := Query{
			From: rapid.Int64Range(0, 30).Draw(t, "from"), To: rapid.Int64Range(0, 60).Draw(t, "to"),
			Source: rapid.SampledFrom([]string{"", "site", "ads", None}).Draw(t, "source"),
		}
		got, want := count(rows, q), reference(story, q)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

func stories(t *rapid.T) []told {
	leads := []string{"a", "b", "c", "d", "e", "f", "g"}
	stages := append(append(Way(), Ends()...), "nurture")
	var story []told
	for i := range rapid.IntRange(0, 40).Draw(t, "length") {
		at := rapid.IntRange(0, len(leads)-1).Draw(t, "lead")
		switch {
		case len(story) > 0 && rapid.IntRange(0, 9).Draw(t, "repeat") == 0:
			story = append(story, story[rapid.IntRange(0, len(story)-1).Draw(t, "which")])
		case at > 0 && rapid.IntRange(0, 9).Draw(t, "merge") == 0: // always into a lower letter: the order is total
			story = append(story, told{lead: leads[at], into: leads[rapid.IntRange(0, at-1).Draw(t, "into")]})
		default:
			story = append(story, told{lead: leads[at], move: Move{
				From: rapid.SampledFrom(stages).Draw(t, "from stage"), To: rapid.SampledFrom(stages).Draw(t, "to"), Epoch: rapid.Int32Range(1, 3).Draw(t, "epoch"),
				At:      rapid.Int64Range(1, 60).Draw(t, "at"),
				Highest: rapid.SampledFrom(append(Way(), "")).Draw(t, "highest"),
				First: Touch{
					At:      rapid.Int64Range(0, 50).Draw(t, "first"),
					Source:  rapid.SampledFrom([]string{"", "site", "app"}).Draw(t, "first source"),
					Channel: rapid.SampledFrom([]string{"", "ads", "email"}).Draw(t, "first channel"),
				},
				Place: Place{Cause: uint64(i/2 + 1), N: int32(i % 2)},
			}})
		}
	}
	return story
}

// reference counts the slow way: for every lead that has not merged, everything that was ever said of it or of those that
// are now part of it.
func reference(story []told, q Query) Funnel {
	into := map[string]string{}
	for _, s := range story {
		if s.into != "" {
			into[s.lead] = s.into
		}
	}
	root := func(lead string) string {
		for into[lead] != "" {
			lead = into[lead]
		}
		return lead
	}
	// What holds of each lead: no repeats.
	said := map[string][]Move{}
	for _, s := range story {
		ms, m := said[s.lead], s.move
		if s.into != "" || slices.ContainsFunc(ms, func(before Move) bool { return !m.Place.after(before.Place) }) {
			continue
		}
		current := ""
		for _, before := range ms {
			if before.Epoch == m.Epoch {
				current = before.To
			}
		}
		if m.From == m.To && m.To == current {
			m.At = math.MaxInt64 // stated again: it happened when it did
		}
		said[s.lead] = append(ms, m)
	}
	type person struct {
		stages                   map[string]bool
		current, source, channel string
		furthest                 int
	}
	var persons []person
	for lead, moves := range said {
		if into[lead] != "" {
			continue
		}
		p := person{stages: map[string]bool{}, source: None, channel: None}
		latest := int32(-1)
		for _, m := range moves {
			if m.Epoch >= latest {
				latest, p.current = m.Epoch, m.To
			}
		}
		var first Touch
		seen := int64(0)
		for _, part := range slices.Sorted(maps.Keys(said)) { // the lead itself is the lowest of its letters
			if root(part) != lead {
				continue
			}
			touch := firstTouch(said[part])
			key := func(t Touch) string { return fmt.Sprintf("%02d %s %s", t.At, t.Source, t.Channel) }
			if touch.At != 0 && (first.At == 0 || key(touch) < key(first)) || part == lead {
				first = touch
			}
			at, stated := touch.At, ""
			for _, m := range said[part] {
				if touch.At == 0 && (at == 0 || m.At < at) {
					at = m.At
				}
				p.stages[m.To] = true
				p.furthest = max(p.furthest, slices.Index(Way(), m.To))
				if m.Highest != "" {
					stated = m.Highest
				}
			}
			p.furthest = max(p.furthest, slices.Index(Way(), stated))
			if seen == 0 || at < seen {
				seen = at
			}
		}
		if first.Source != "" {
			p.source = first.Source
		}
		if first.Channel != "" {
			p.channel = first.Channel
		}
		if (q.From == 0 || seen >= q.From) && (q.To == 0 || seen < q.To) && (q.Source == "" || q.Source == p.source || q.Source == p.channel) {
			persons = append(persons, p)
		}
	}
	number := func(holds func(person) bool) (n int) {
		for _, p := range persons {
			if holds(p) {
				n++
			}
		}
		return n
	}
	f := Funnel{Leads: len(persons), BySource: []GroupCount{}, ByChannel: []GroupCount{}}
	for i, s := range append(Way(), Ends()...) {
		c := StageCount{Stage: s, Entered: number(func(p person) bool { return p.stages[s] }), Current: number(func(p person) bool { return p.current == s })}
		c.Reached = c.Entered
		if i < len(Way()) {
			c.Reached = number(func(p person) bool { return p.furthest >= i })
			before := len(persons)
			if i > 0 {
				before = number(func(p person) bool { return p.furthest >= i-1 })
			}
			c.FromPrevious = share(c.Reached, before)
		}
		c.OfLeads = share(c.Entered, len(persons))
		f.Stages = append(f.Stages, c)
	}
	groups := func(key func(person) string) []GroupCount {
		out := []GroupCount{}
		for _, name := range []string{None, "ads", "app", "email", "site"} {
			in := func(stage string) int {
				return number(func(p person) bool { return key(p) == name && p.stages[stage] })
			}
			g := GroupCount{Name: name, Leads: number(func(p person) bool { return key(p) == name }),
				Qualified: in(MQL), Routed: in(Routed), Accepted: in(Accepted), SQL: in(SQL), Won: in(Won)}
			if g.Conversion = share(g.Won, g.Leads); g.Leads > 0 {
				out = append(out, g)
			}
		}
		slices.SortStableFunc(out, func(a, b GroupCount) int { return b.Leads - a.Leads })
		return out
	}
	f.BySource = groups(func(p person) string { return p.source })
	f.ByChannel = groups(func(p person) string { return p.channel })
	return f
}

// firstTouch gives what is known of a first touch: the last statement about the earliest one.
func firstTouch(moves []Move) Touch {
	var first Touch
	for _, m := range moves {
		if m.First != (Touch{}) && (first.At == 0 || m.First.At != 0 && m.First.At <= first.At) {
			first = m.First
		}
	}
	return first
}

func BenchmarkCount(b *testing.B) {
	rows := map[string]*Row{}
	for i := range 100_000 {
		rows[fmt.Sprint("lead-", i)] = way(Touch{At: int64(i + 1), Source: "site", Channel: fmt.Sprint("c", i%10)}, Way()[:1+i%7]...)
	}
	book := NewBook()
	if err := book.Update(slices.Sorted(maps.Keys(rows)), func([]string) (map[string]*Row, error) { return rows, nil }); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		Count(book.Table, Query{})
	}
}
