package state

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Fields of a lead that say where it and what it knows come from. Split leaves out all but leftField.
const (
	ownField       protowire.Number = 36
	gatheringField protowire.Number = 37
	joinedField    protowire.Number = 38
	severedField   protowire.Number = 39
	leftField      protowire.Number = 40
	gatheredField  protowire.Number = 41
)

func (w *writer) lead(n protowire.Number, l *core.Lead) {
	at := w.begin(n)
	w.b = Append(w.b, l, Beside{})
	w.end(at)
}

// origins writes what is there only of leads that met others.
func (w *writer) origins(l *core.Lead) {
	if l.Own != nil {
		w.lead(ownField, l.Own)
	}
	if g := l.Gathering; g != nil {
		at := w.begin(gatheringField)
		w.integer(1, int64(g.Number))
		w.texts(2, g.Waiting)
		w.integer(3, int64(g.Asked))
		w.text(4, g.Left)
		w.lead(5, g.Lead)
		w.end(at)
	}
	if j := &l.Joined; *j != (core.Joined{}) {
		at := w.begin(joinedField)
		w.time(1, j.At)
		w.text(2, j.Event)
		w.text(3, j.Source)
		w.end(at)
	}
	if s := l.Severed; s != nil {
		at := w.begin(severedField)
		w.time(1, s.At)
		w.text(2, s.From)
		w.text(3, s.By)
		w.text(4, s.Because)
		w.text(5, s.Into)
		w.integer(6, int64(s.Epoch))
		w.end(at)
	}
	w.texts(leftField, l.Left)
	w.integer(gatheredField, int64(l.Gathered))
}

// within reads a lead within a lead.
func (r *reader) within() *core.Lead {
	if r.nested {
		r.fail()
		return &core.Lead{}
	}
	outer := r.enter()
	r.nested = true
	l, _, err := r.state()
	if r.nested = false; err != nil {
		r.fail()
		return &core.Lead{}
	}
	r.leave(outer)
	return l
}

func (r *reader) origins(l *core.Lead) {
	switch r.num {
	case ownField:
		l.Own = r.within()
	case gatheringField:
		l.Gathering = r.gathering()
	case joinedField:
		r.joined(&l.Joined)
	case severedField:
		l.Severed = &core.Severed{}
		r.severed(l.Severed)
	case leftField:
		l.Left = append(l.Left, r.text())
	case gatheredField:
		l.Gathered = r.small()
	}
}

func (r *reader) gathering() *core.Gathering {
	g := &core.Gathering{Lead: &core.Lead{}}
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			if g.Asked > len(g.Waiting) {
				r.fail()
			}
			return g
		}
		switch r.num {
		case 1:
			g.Number = r.small()
		case 2:
			g.Waiting = append(g.Waiting, r.text())
		case 3:
			g.Asked = int(r.small())
		case 4:
			g.Left = r.text()
		case 5:
			g.Lead = r.within()
		default:
			r.skip()
		}
	}
}

func (r *reader) joined(v *core.Joined) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.At = r.time()
		case 2:
			v.Event = r.text()
		case 3:
			v.Source = r.text()
		default:
			r.skip()
		}
	}
}

func (r *reader) severed(v *core.Severed) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.At = r.time()
		case 2:
			v.From = r.text()
		case 3:
			v.By = r.text()
		case 4:
			v.Because = r.text()
		case 5:
			v.Into = r.text()
		case 6:
			v.Epoch = r.small()
		default:
			r.skip()
		}
	}
}
