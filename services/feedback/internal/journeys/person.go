package journeys

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
)

// Person is a lead together with those that it absorbed.
type Person struct {
	ID    string
	Title string
	// Persona is what the directory called them when they were last handed over; "" for none.
	Persona string
	// Refused: they refused profiling, so that nothing they did is a touch.
	Refused bool
	// First is when anything was first heard of them, Known when they were first known by more than a device; 0 for never.
	First, Known int64
	// Marks in the order of time.
	Marks []Mark
	// accounts that may count them: made from what was said of their company, and as it told them of itself; where there is
	// neither, as routing found it.
	accounts []string
	touches  []touch
	deals    []dealRole
}

// deepest bounds a chain of merges, which a journal that makes no sense could close to a ring.
const deepest = 64

// roots gives the lead that each has become.
func (r *reading) roots(ctx context.Context, ids []string) (map[string]string, error) {
	root := make(map[string]string, len(ids))
	for _, id := range ids {
		root[id] = id
	}
	for range deepest {
		var next []string
		for _, at := range root {
			next = append(next, at)
		}
		if err := r.load(ctx, next); err != nil {
			return nil, err
		}
		moved := false
		for id, at := range root {
			if rec := r.c.records[at]; rec != nil && rec.into != "" {
				root[id], moved = rec.into, true
			}
		}
		if !moved {
			break
		}
	}
	return root, nil
}

// people gives each lead with all that it absorbed.
func (r *reading) people(ctx context.Context, leads []string) (map[string]*Person, error) {
	// Everything that anybody ever absorbed is read first, so that who is part of whom does not depend on what is there already.
	level, seen := leads, map[string]bool{}
	for len(level) > 0 {
		if err := r.load(ctx, level); err != nil {
			return nil, err
		}
		var next []string
		for _, id := range level {
			if rec := r.c.records[id]; rec != nil && !seen[id] {
				seen[id] = true
				next = append(next, rec.absorbed...)
			}
		}
		level = next
	}
	out := make(map[string]*Person, len(leads))
	for _, lead := range leads {
		if out[lead] == nil {
			out[lead] = r.join(lead, r.parts(nil, lead, nil))
		}
	}
	return out, nil
}

// parts adds a lead and what it absorbed to those that are found already. What has left it, or one of those that it came to by it
// (path), is none of it.
func (r *reading) parts(found []string, lead string, path []*record) []string {
	found = append(found, lead)
	rec := r.c.records[lead]
	if rec == nil || len(path) == deepest {
		return found
	}
	path = append(path, rec)
	for _, id := range rec.absorbed {
		left := slices.ContainsFunc(path, func(above *record) bool { return above.left[id] })
		if !left && !slices.Contains(found, id) {
			found = r.parts(found, id, path)
		}
	}
	return found
}

// resolve gives the people that leads have become.
func (r *reading) resolve(ctx context.Context, leads []string) (map[string]*Person, error) {
	root, err := r.roots(ctx, leads)
	if err != nil {
		return nil, err
	}
	return r.people(ctx, slices.Collect(maps.Values(root)))
}

// committee gives the leads that are known at the accounts of some people, besides them, by account.
func (r *reading) committee(ctx context.Context, people map[string]*Person) (map[string][]string, map[string]*Person, error) {
	accounts := map[string][]string{}
	var ids []string
	for _, p := range people {
		for _, a := range p.accounts {
			if accounts[a] == nil {
				accounts[a] = []string{}
				ids = append(ids, a)
			}
		}
	}
	if err := r.load(ctx, ids); err != nil {
		return nil, nil, err
	}
	var leads []string
	for _, id := range ids {
		leads = append(leads, r.c.records[id].members...)
	}
	members, err := r.resolve(ctx, leads)
	if err != nil {
		return nil, nil, err
	}
	for _, lead := range slices.Sorted(maps.Keys(members)) {
		for _, a := range members[lead].accounts {
			if accounts[a] != nil {
				accounts[a] = append(accounts[a], lead)
			}
		}
	}
	return accounts, members, nil
}

// join puts the parts of a person together. An event that came twice, or by two ways, counts once.
func (r *reading) join(lead string, parts []string) *Person {
	p := &Person{ID: lead}
	var title, persona said
	var whole record
	refused := map[uint64]statement{}
	automated := map[uint64]bool{}
	for _, id := range parts {
		rec := r.c.records[id]
		if rec == nil {
			continue
		}
		if rec.title.text != "" {
			title.put(&rec.title.text, rec.title.at)
		}
		if rec.persona.text != "" {
			persona.put(&rec.persona.text, rec.persona.at)
		}
		for i := range rec.company {
			if rec.company[i].text != "" {
				whole.company[i].put(&rec.company[i].text, rec.company[i].at)
			}
		}
		whole.rated, whole.matched = cmp.Or(whole.rated, rec.rated), cmp.Or(whole.matched, rec.matched)
		p.First, p.Known = earlier(p.First, rec.first), earlier(p.Known, rec.known)
		p.touches = append(p.touches, rec.touches...)
		p.Marks = append(p.Marks, rec.marks...)
		p.deals = append(p.deals, rec.deals...)
		for k, s := range rec.consent {
			if old, ok := refused[k]; !ok || cmp.Or(cmp.Compare(old.at, s.at), cmp.Compare(old.seq, s.seq)) < 0 {
				refused[k] = s
			}
		}
		for e := range rec.automated {
			automated[e] = true
		}
	}
	p.Title, p.Persona, p.accounts = title.text, persona.text, r.accounts(&whole)
	for _, s := range refused {
		p.Refused = p.Refused || s.refused
	}
	if p.Refused {
		p.touches = nil
	}
	slices.SortFunc(p.Marks, func(a, b Mark) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.seq, b.seq)) })
	slices.SortFunc(p.touches, func(a, b touch) int { return cmp.Compare(a.seq, b.seq) })
	seen := map[uint64]bool{}
	p.touches = slices.DeleteFunc(p.touches, func(t touch) bool {
		again := seen[t.event]
		seen[t.event] = true
		return again || automated[t.event]
	})
	p.contacts()
	slices.SortStableFunc(p.touches, func(a, b touch) int { return cmp.Compare(a.at, b.at) })
	p.sessions()
	return p
}

// accounts gives the accounts that may count whom a record is of.
func (r *reading) accounts(rec *record) []string {
	var out []string
	if of := cmp.Or(rec.company[0].text, rec.company[1].text, rec.company[2].text); of != "" {
		out = append(out, r.c.key.Account(strings.ToLower(of)))
	}
	if rec.rated != "" && !slices.Contains(out, rec.rated) {
		out = append(out, rec.rated)
	}
	if len(out) == 0 && rec.matched != "" {
		out = append(out, rec.matched)
	}
	return out
}

func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
