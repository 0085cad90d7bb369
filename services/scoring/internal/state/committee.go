package state

import "github.com/batonhq/baton/services/scoring/internal/core"

// committee writes what a lead's account said of itself, and what it was told.
func (w *writer) committee(l *core.Lead) {
	if l.Rated != (core.Rating{}) {
		at := w.begin(34)
		w.text(1, l.Rated.Account)
		w.signed(2, int64(l.Rated.Micros))
		w.integer(3, int64(l.Rated.People))
		w.time(4, l.Rated.At)
		w.end(at)
	}
	if l.Telling != (core.Telling{}) {
		at := w.begin(35)
		w.text(1, l.Telling.Account)
		w.signed(2, int64(l.Telling.Micros))
		w.integer(3, l.Telling.Number)
		w.text(4, l.Telling.Of)
		w.end(at)
	}
}

func (r *reader) rated(v *core.Rating) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Account = r.text()
		case 2:
			v.Micros = core.Micros(r.signed())
		case 3:
			v.People = r.small()
		case 4:
			v.At = r.time()
		default:
			r.skip()
		}
	}
}

func (r *reader) telling(v *core.Telling) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Account = r.text()
		case 2:
			v.Micros = core.Micros(r.signed())
		case 3:
			v.Number = r.integer()
		case 4:
			v.Of = r.text()
		default:
			r.skip()
		}
	}
}

// account writes an account's people, and what they were told.
func (w *writer) account(a *core.Account) {
	for i := range a.People {
		p := &a.People[i]
		at := w.begin(5)
		w.text(1, p.Lead)
		w.signed(2, int64(p.Micros))
		w.time(3, p.LastAt)
		w.integer(4, p.Number)
		w.end(at)
	}
	w.signed(6, int64(a.Told))
	w.time(7, a.Looked)
}

func (r *reader) person(v *core.Person) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Lead = r.text()
		case 2:
			v.Micros = core.Micros(r.signed())
		case 3:
			v.LastAt = r.time()
		case 4:
			v.Number = r.integer()
		default:
			r.skip()
		}
	}
}
