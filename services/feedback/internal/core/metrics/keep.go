package metrics

import "github.com/batonhq/baton/services/feedback/internal/core/table"

// Kept tells which rows a query's window and filters keep. It is good for the table as it is; a *BadQuery says what is wrong with the query.
type Kept struct {
	plan *plan
	view dealView
}

// Keep makes a query ready for a table. Its moment is that of First.
func Keep(t *table.Table, q Query) (*Kept, error) {
	if err := q.check([]Cohort{First}, nil); err != nil {
		return nil, err
	}
	p, err := newPlan(t, &q)
	if err != nil {
		return nil, err
	}
	return &Kept{plan: p, view: dealView{t: t}}, nil
}

// Row tells whether a lead's row is kept: by when the lead was first seen.
func (k *Kept) Row(r *table.Row) bool { return k.plan.in(r.First) && k.plan.keeps(r, r.First) }

// Deal tells whether a deal is kept: by when it was opened, and as the metrics see it by its primary lead.
func (k *Kept) Deal(d *table.Deal) bool {
	var r table.Row
	if k.plan.asks() {
		r = k.view.of(d)
	}
	return k.plan.in(d.Opened) && k.plan.keeps(&r, d.Opened)
}

// Text gives a row's value of a dimension as filters name it; "" where it is not known.
func Text(t *table.Table, d Dimension, r *table.Row) string {
	if s := d.text(t.Names, d.reader()(r, r.First)); s != None {
		return s
	}
	return ""
}

// StageText gives the name of a stage; "" for none.
func StageText(s table.Stage) string {
	if list := stageNames(); s > table.NoStage && int(s)+1 < len(list) {
		return list[s+1]
	}
	return ""
}
