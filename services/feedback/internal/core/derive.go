package core

import (
	"cmp"
	"math"
	"slices"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Derive gives the rows of a lead, one for each of its epochs, with the facts of those that merged into it. What one of them
// did in an epoch counts in the lead's epoch of that number, or else in the last before it: how many epochs there are, and
// where the lead is now, is the lead's own to say. A lead without a stage has no rows.
func Derive(names *table.Names, lead *Row, merged []*Row) []table.Row {
	if len(lead.Epochs) == 0 {
		return nil
	}
	rows := make([]table.Row, len(lead.Epochs))
	for i, e := range lead.Epochs {
		rows[i] = table.Row{Epoch: small16(e.Number), Stage: tableStage(e.Current), Furthest: table.Inquiry}
		rows[i].Flags = table.History
	}
	d := deriver{names: names, lead: lead, rows: rows}
	first, at := lead.First, lead.firstAt()
	d.add(lead)
	for _, m := range merged {
		if a := m.firstAt(); a != 0 && (at == 0 || a < at) {
			at = a
		}
		if m.First.before(first) {
			first = m.First
		}
		d.add(m)
	}
	d.finish(first, at, merged)
	return rows
}

type deriver struct {
	names *table.Names
	lead  *Row
	rows  []table.Row
	calls []int64
}

// row gives the row of the lead's epoch of a number, or else of the last before it.
func (d *deriver) row(epoch int32) *table.Row {
	i, found := slices.BinarySearchFunc(d.lead.Epochs, epoch, func(e Epoch, n int32) int { return cmp.Compare(e.Number, n) })
	if !found {
		i--
	}
	return &d.rows[max(0, i)]
}

// add adds one lead's facts.
func (d *deriver) add(l *Row) {
	for i := range l.Epochs {
		e := &l.Epochs[i]
		row := d.row(e.Number)
		for _, entry := range e.Entered {
			switch p := place(entry.Stage); {
			case p < 0:
			case p < wayLen:
				earliest(&row.Entered[p], never0(entry.At))
			default:
				row.Flags |= table.WasLost << (p - wayLen)
			}
		}
		row.Ended = max(row.Ended, e.Ended)
		if !e.History {
			row.Flags &^= table.History
		}
	}
	for i := range l.Passes {
		d.pass(d.row(l.Passes[i].Epoch), &l.Passes[i])
	}
	d.calls = append(d.calls, l.Calls...)
}

// pass adds what is known of a pass; where another lead's has said it already, that stays.
func (d *deriver) pass(row *table.Row, p *Pass) {
	n := d.names
	if row.Rule == 0 && p.Rule != "" {
		row.Rule, row.Rules, row.Version = n.Sym(p.Rule), n.Set(p.Rules), small16(p.Version)
		row.Grade, row.Fit, row.Engagement = gradeOf(p.Grade), points(p.Fit), points(p.Engagement)
		row.Country, row.Industry, row.Size = n.Sym(p.Country), n.Sym(p.Industry), table.SizeOf(int64(p.Employees))
	}
	if row.Rep == 0 && p.Rep != "" {
		row.Rep, row.Team = n.Sym(p.Rep), n.Sym(p.Team)
	}
	if row.Route == 0 {
		row.Route = n.Sym(p.Route)
	}
	if row.Persona == 0 {
		row.Persona = n.Sym(p.Persona)
	}
	if row.Account == 0 {
		row.Account = n.Sym(p.Account)
	}
	if row.Reason == 0 {
		row.Reason = n.Sym(p.Reason)
	}
	row.Reassigns = uint8(min(math.MaxUint8, int64(row.Reassigns)+int64(p.Reassigns)))
	for _, f := range []struct {
		known PassFlags
		row   table.Flags
	}{{AcceptBreached, table.AcceptBreached}, {ContactBreached, table.ContactBreached}, {Rejected, table.Rejected}, {Fixable, table.Fixable}} {
		if p.Flags&f.known != 0 {
			row.Flags |= f.row
		}
	}
	earliest(&row.Contacted, p.Contacted)
}

// finish adds what depends on all facts together.
func (d *deriver) finish(first Touch, at int64, merged []*Row) {
	starts := d.lead.starts()
	for _, call := range d.calls {
		earliest(&d.rows[epochAt(starts, call)].Contacted, call)
	}
	n := d.names
	source, channel, campaign := n.Sym(first.Source), n.Sym(first.Channel), n.Sym(first.Campaign)
	furthest := table.Inquiry
	for i := range d.rows {
		row := &d.rows[i]
		row.First, row.Source, row.Channel, row.Campaign = at, source, channel, campaign
		for s := table.Won; s > furthest; s-- {
			if row.Entered[s] != 0 {
				furthest = s
			}
		}
		row.Furthest = furthest
		if won := row.Entered[table.Won]; won != 0 && won < at {
			row.Flags |= table.WonBeforeSeen
		}
	}
	last := &d.rows[len(d.rows)-1]
	for _, l := range append([]*Row{d.lead}, merged...) {
		last.Furthest = max(last.Furthest, table.Stage(rank(l.Highest)))
	}
}

func tableStage(stage string) table.Stage {
	if p := place(stage); p >= 0 {
		return table.Stage(p)
	}
	return table.Other
}

// earliest lowers a time to another one; 0 is never.
func earliest(at *int64, other int64) {
	if other != 0 && (*at == 0 || other < *at) {
		*at = other
	}
}

// never0 keeps the first moment of 1970 apart from never.
func never0(at int64) int64 {
	if at == 0 {
		return 1
	}
	return at
}

func small16(n int32) uint16 { return uint16(max(0, min(n, math.MaxUint16))) }

func points(n int32) uint8 { return uint8(max(0, min(n, math.MaxUint8))) }

func gradeOf(grade string) uint8 {
	if len(grade) == 1 && grade[0] >= 'a' && grade[0] <= 'd' {
		return grade[0] - 'a' + 1
	}
	return 0
}
