package core

import (
	"cmp"
	"maps"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Book keeps a table in step with what is known of each lead. It holds no leads, only how they hang together: what merged
// into what, and who is on which deal. A change costs the same however many leads there are. Used by one goroutine at a time.
type Book struct {
	// Table is the Book's to change.
	Table *table.Table

	into     map[string]string
	merged   map[string][]string
	onDeal   map[string][]string
	dealsOf  map[string][]string
	withRows int
	// roots and deals are what must be put together again: more than nothing only where an Update has failed.
	roots, deals map[string]bool
}

// NewBook gives an empty book.
func NewBook() *Book {
	return &Book{
		Table: table.New(), into: map[string]string{}, merged: map[string][]string{}, onDeal: map[string][]string{}, dealsOf: map[string][]string{},
		roots: map[string]bool{}, deals: map[string]bool{},
	}
}

// Load gives what is known of leads; one that nothing is known of may be absent.
type Load func(ids []string) (map[string]*Row, error)

// Leads gives how many leads have rows.
func (b *Book) Leads() int { return b.withRows }

// Root gives the lead that carries on for one, itself where it has not merged. "" where the way does not end: merges are by
// a total order, so a circle means broken data, and its leads are nobody's.
func (b *Book) Root(id string) string {
	for range 1000 {
		into := b.into[id]
		if into == "" {
			return id
		}
		id = into
	}
	return ""
}

// OnDeal gives the leads that something was said of in connection with a deal, in order.
func (b *Book) OnDeal(deal string) []string { return b.onDeal[deal] }

// Update brings the table up to what is known of the leads that changed. A lead may be given again, and newer than others:
// once all that changed has been given, the table is as if it had been made from scratch. load is asked for leads that hang
// together with those; its error is given as it is: then the same leads must be given again.
func (b *Book) Update(changed []string, load Load) error {
	known := map[string]*Row{}
	roots, deals := b.roots, b.deals
	for missing := changed; len(missing) > 0; missing = b.missing(roots, deals, known) {
		rows, err := load(missing)
		if err != nil {
			return err
		}
		for _, id := range missing {
			r := rows[id]
			if r == nil {
				r = new(Row)
			}
			known[id] = r
			b.link(id, r, roots, deals)
		}
		for root := range roots {
			for _, id := range b.group(root) {
				for _, d := range b.dealsOf[id] {
					deals[d] = true
				}
			}
		}
	}
	for _, root := range slices.Sorted(maps.Keys(roots)) {
		b.putRows(root, known)
	}
	for _, deal := range slices.Sorted(maps.Keys(deals)) {
		b.putDeal(deal, known)
	}
	clear(roots)
	clear(deals)
	return nil
}

// missing gives the leads that are needed and not yet known, in order.
func (b *Book) missing(roots, deals map[string]bool, known map[string]*Row) []string {
	need := map[string]bool{}
	want := func(ids []string) {
		for _, id := range ids {
			if known[id] == nil {
				need[id] = true
			}
		}
	}
	for root := range roots {
		if b.into[root] == "" {
			want(b.group(root))
		}
	}
	for deal := range deals {
		want(b.onDeal[deal])
	}
	return slices.Sorted(maps.Keys(need))
}

// link notes how a lead hangs together with others, and which leads and deals that touches.
func (b *Book) link(id string, r *Row, roots, deals map[string]bool) {
	note := func() {
		roots[id] = true
		if root := b.Root(id); root != "" {
			roots[root] = true
		}
	}
	note()
	if old := b.into[id]; old != r.MergedInto {
		if old != "" {
			b.merged[old] = without(b.merged[old], id)
			if len(b.merged[old]) == 0 {
				delete(b.merged, old)
			}
		}
		delete(b.into, id)
		if r.MergedInto != "" {
			b.into[id] = r.MergedInto
			b.merged[r.MergedInto] = with(b.merged[r.MergedInto], id)
		}
		note()
	}
	var now []string
	for i := range r.Deals {
		now = with(now, r.Deals[i].Deal)
	}
	for _, d := range b.dealsOf[id] {
		deals[d] = true
		if b.onDeal[d] = without(b.onDeal[d], id); len(b.onDeal[d]) == 0 {
			delete(b.onDeal, d)
		}
	}
	delete(b.dealsOf, id)
	for _, d := range now {
		deals[d] = true
		b.onDeal[d] = with(b.onDeal[d], id)
	}
	if now != nil {
		b.dealsOf[id] = now
	}
}

// group gives a lead and all that merged into it or into those, the lead first and the others in order.
func (b *Book) group(root string) []string {
	if len(b.merged[root]) == 0 {
		return []string{root}
	}
	seen := map[string]bool{root: true}
	ids := []string{root}
	for i := 0; i < len(ids); i++ {
		for _, m := range b.merged[ids[i]] {
			if !seen[m] {
				seen[m] = true
				ids = append(ids, m)
			}
		}
	}
	slices.Sort(ids[1:])
	return ids
}

func (b *Book) putRows(id string, known map[string]*Row) {
	var rows []table.Row
	if b.into[id] == "" {
		var merged []*Row
		for _, m := range b.group(id)[1:] {
			merged = append(merged, known[m])
		}
		rows = Derive(b.Table.Names, known[id], merged)
	}
	n, had := b.Table.Find(id)
	if !had {
		if len(rows) == 0 {
			return
		}
		n = b.Table.Lead(id)
	}
	if len(b.Table.Rows(n)) > 0 {
		b.withRows--
	}
	if len(rows) > 0 {
		b.withRows++
	}
	b.Table.Replace(n, rows)
}

// putDeal puts a deal together from what all leads on it have. Their order does not matter.
func (b *Book) putDeal(id string, known map[string]*Row) {
	t := b.Table
	var said []Statement
	var primary string
	var first *Statement
	roots := map[string]bool{}
	for _, lead := range b.onDeal[id] {
		roots[cmp.Or(b.Root(lead), lead)] = true
		for i := range known[lead].Deals {
			s := &known[lead].Deals[i]
			if s.Deal != id {
				continue
			}
			said = append(said, *s)
			if first == nil || s.compare(first) < 0 {
				first, primary = s, lead
			}
		}
	}
	if len(said) == 0 {
		if sym, ok := t.Names.Find(id); ok {
			t.RemoveDeal(sym)
		}
		return
	}
	s, n := Stands(said), t.Names
	d := table.Deal{
		ID: n.Sym(id), Lead: t.Lead(cmp.Or(b.Root(primary), primary)), Leads: uint16(min(len(roots), 1<<16-1)),
		Opened: s.Opened, Closed: s.Closed, Churned: s.Churned, Renewed: s.Renewed, Renewals: uint16(min(s.Renewals, 1<<16-1)),
		Amount: s.Amount, Currency: n.Sym(s.Currency), HasAmount: s.HasAmount, Stage: n.Sym(s.Stage), Reason: n.Sym(s.Reason),
		Owner: n.Sym(s.Owner), Team: n.Sym(s.Team), Status: table.DealStatus(s.Status),
	}
	if rows := t.Rows(d.Lead); len(rows) > 0 {
		r := &rows[epochOf(rows, s.Opened)]
		d.Epoch, d.Account, d.Persona = r.Epoch, r.Account, r.Persona
		d.Source, d.Channel, d.Campaign = r.Source, r.Channel, r.Campaign
		if d.Owner == 0 {
			d.Owner, d.Team = r.Rep, r.Team
		}
	}
	t.PutDeal(d)
}

// epochOf gives the place of the epoch that a moment belongs to: the last that had begun, or else the first. An epoch begins
// when it first enters a stage.
func epochOf(rows []table.Row, at int64) int {
	for i := len(rows) - 1; i > 0; i-- {
		start := rows[i].Ended
		for _, t := range rows[i].Entered {
			earliest(&start, t)
		}
		if start != 0 && start <= at {
			return i
		}
	}
	return 0
}

func with(list []string, id string) []string {
	i, found := slices.BinarySearch(list, id)
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), i, id)
}

func without(list []string, id string) []string {
	i, found := slices.BinarySearch(list, id)
	if !found {
		return list
	}
	return slices.Delete(slices.Clone(list), i, i+1)
}
