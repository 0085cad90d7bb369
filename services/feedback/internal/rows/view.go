package rows

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// View gives a table of all leads to look at, in which everything up to sequence after is ("" for as it stands). The error is the store's,
// or what look gives.
func (r *Rows) View(ctx context.Context, after string, look func(*table.Table) error) error {
	if after != "" {
		if err := r.store.Wait(ctx, after); err != nil {
			return fmt.Errorf("wait for sequence: %w", err)
		}
	}
	t := r.memoryTable()
	if t == nil {
		rows, err := r.read(ctx)
		if err != nil {
			return err
		}
		t = tableOf(rows)
	}
	return look(t)
}

// memoryTable gives the table of the rows in memory, nil where this process does not own everything or has not loaded it.
func (r *Rows) memoryTable() *table.Table {
	r.memory.Lock()
	defer r.memory.Unlock()
	r.drain()
	r.queue.Lock()
	current := r.queue.session == r.memory.session
	r.queue.Unlock()
	if !current || r.memory.rows == nil {
		return nil
	}
	return tableOf(r.memory.rows)
}

// tableOf puts funnel rows into a table. A lead that merged into another is that other: the earlier first touch, and the earliest moment of
// each stage of its latest epoch.
func tableOf(rows map[string]*core.Row) *table.Table {
	t, roots := table.New(), map[string][]*core.Row{}
	for _, id := range slices.Sorted(maps.Keys(rows)) {
		root := id
		for range 1000 { // merges are by a total order: a longer chain is broken data, and nobody's
			next := rows[root]
			if next == nil || next.MergedInto == "" {
				break
			}
			root = next.MergedInto
		}
		if root == id {
			roots[root] = append([]*core.Row{rows[id]}, roots[root]...)
		} else {
			roots[root] = append(roots[root], rows[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(roots)) {
		own := roots[id][0]
		if rows[id] == nil || rows[id].MergedInto != "" || len(own.Epochs) == 0 {
			continue
		}
		t.Replace(t.Lead(id), epochRows(t.Names, own, roots[id][1:]))
	}
	return t
}

func epochRows(n *table.Names, own *core.Row, merged []*core.Row) []table.Row {
	first := own.First
	for _, m := range merged {
		if m.First.At != 0 && (first.At == 0 || m.First.At < first.At) {
			first = m.First
		}
	}
	out := make([]table.Row, len(own.Epochs))
	for i := range own.Epochs {
		e := &own.Epochs[i]
		out[i] = table.Row{
			Epoch: uint16(e.Number), First: first.At, Source: n.Sym(first.Source), Channel: n.Sym(first.Channel), Campaign: n.Sym(first.Campaign),
			Stage: stageOf(e.Current),
		}
		enter(&out[i], e)
	}
	last := &out[len(out)-1]
	for _, m := range merged {
		for i := range m.Epochs {
			enter(last, &m.Epochs[i])
		}
	}
	for i := range out {
		r := &out[i]
		r.Furthest = max(table.Inquiry, stageOf(own.Highest))
		if won := r.Entered[table.Won]; won != 0 && first.At != 0 && won < first.At {
			r.Flags |= table.WonBeforeSeen
		}
	}
	return out
}

// enter adds the moments at which an epoch entered its stages to a row.
func enter(r *table.Row, e *core.Epoch) {
	for _, s := range e.Entered {
		switch stage := stageOf(s.Stage); {
		case stage >= 0 && stage <= table.Won:
			r.Entered[stage] = cmp.Or(min(r.Entered[stage], s.At), s.At)
		case stage == table.Lost:
			r.Flags, r.Ended = r.Flags|table.WasLost, max(r.Ended, s.At)
		case stage == table.Recycled:
			r.Flags, r.Ended = r.Flags|table.WasRecycled, max(r.Ended, s.At)
		case stage == table.Disqualified:
			r.Flags, r.Ended = r.Flags|table.WasDisqualified, max(r.Ended, s.At)
		}
	}
}

// stageOf gives the number of a stage; one that is not known counts as an inquiry, which every lead is.
func stageOf(name string) table.Stage {
	if i := slices.Index(append(core.Way(), core.Ends()...), name); i >= 0 {
		return table.Stage(i)
	}
	return table.Inquiry
}
