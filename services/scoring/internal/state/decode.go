package state

import (
	"fmt"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Decode reads a lead's stored form, or a part of it. It keeps nothing of blob. The lead's id is the caller's to set.
func Decode(blob []byte) (*core.Lead, Beside, error) {
	r := newReader(blob)
	return r.state()
}

// state reads a lead up to where the reader's message ends.
func (r *reader) state() (*core.Lead, Beside, error) {
	l, beside := &core.Lead{}, Beside{}
	var terms, inShadow []*core.Terms
	for r.next() {
		switch r.num {
		case 20:
			terms = append(terms, r.terms())
		case 21:
			l.Items = append(l.Items, core.Item{Count: 1})
			r.item(&l.Items[len(l.Items)-1], terms)
		case 24:
			if err := l.Seen.Restore(r.text()); err != nil {
				return nil, Beside{}, fmt.Errorf("lead's state: %w", err)
			}
		case 28:
			r.indexed(&beside.Indexed)
		case shadowField:
			inShadow = r.shadow(l, inShadow)
		case 29:
			beside.QuarantinedAt = r.time()
		default:
			r.lead(l)
		}
	}
	if r.err != nil {
		return nil, Beside{}, fmt.Errorf("lead's state: %w", r.err)
	}
	return l, beside, nil
}

func (r *reader) lead(l *core.Lead) {
	switch r.num {
	case 1:
		l.Profile = make(core.Profile, 0, r.room())
	case 2:
		l.Items = make([]core.Item, 0, r.room()+1)
	case 3:
		l.Timeline = make([]core.Packed, 0, r.room()+1)
	case 4:
		l.Parent = r.text()
	case 5:
		l.Absorbed = append(l.Absorbed, r.text())
	case 6:
		r.run(&l.Run)
	case 7:
		r.deal(&l.Deal)
	case 8:
		l.Stated = r.text()
	case 9:
		l.Highest = r.text()
	case 10:
		l.Band = r.text()
	case 11:
		l.Fit.Version = r.small()
	case 12:
		l.Fit.Points = core.Micros(r.signed())
	case 13:
		l.Looked = r.time()
	case 14:
		l.LastAt = r.time()
	case 15:
		l.Email = r.text()
	case 16:
		l.Emails = append(l.Emails, r.text())
	case 17:
		l.UserIDs = append(l.UserIDs, r.text())
	case 18:
		l.Profile = append(l.Profile, core.Field{})
		r.field(&l.Profile[len(l.Profile)-1])
	case 19:
		l.Consent = append(l.Consent, core.Consent{})
		r.consent(&l.Consent[len(l.Consent)-1])
	case 22:
		l.Timeline = append(l.Timeline, core.PackedForm(r.text()))
	case 23:
		entry := core.PackedForm(r.text()).Touch()
		l.Entry = &entry
	case 25:
		l.Seen.Forgotten = int(r.small())
	case 26:
		l.Missed = append(l.Missed, core.Missed{})
		r.missed(&l.Missed[len(l.Missed)-1])
	case 30:
		l.Told = append(l.Told, r.text())
	case 31:
		l.EntryNews = r.small() != 0
	case 32:
		l.Held = r.small() != 0
	case 34:
		r.rated(&l.Rated)
	case 35:
		r.telling(&l.Telling)
	case ownField, gatheringField, joinedField, severedField, leftField, gatheredField:
		r.origins(l)
	case mailField:
		r.mail(l)
	case 27:
		l.History = append(l.History, core.PastEpoch{})
		r.past(&l.History[len(l.History)-1])
	default:
		r.skip()
	}
}

// item reads an item. The terms that it refers to have been read before.
func (r *reader) item(v *core.Item, terms []*core.Terms) {
	index := 0
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			break
		}
		switch r.num {
		case 1:
			v.At = r.time()
		case 2:
			v.ID = r.text()
		case 3:
			v.Source = r.text()
		case 4:
			index = int(r.small())
		case 5:
			v.Count = 1 + int(r.small())
		case 8:
			v.Automated = r.text()
		default:
			r.skip()
		}
	}
	if index >= len(terms) {
		r.fail()
		v.Terms = &core.Terms{}
		return
	}
	v.Terms = terms[index]
}

func (r *reader) run(v *core.Run) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Epoch = r.small()
		case 2:
			v.Stage = r.text()
		case 3:
			v.Handoff = r.text()
		case 4:
			v.Lead = r.text()
		case 5:
			v.QualifiedAt = r.time()
		case 6:
			v.Rep = r.text()
		case 7:
			v.Account = r.text()
		case 8:
			v.RecycledAt = r.time()
		case 9:
			v.Reason = r.text()
		case 10:
			v.WakeOn = r.text()
		case 11:
			v.WakeAt = r.time()
		case 12:
			v.Stages = append(v.Stages, core.StageSpan{})
			r.span(&v.Stages[len(v.Stages)-1])
		default:
			r.skip()
		}
	}
}

func (r *reader) deal(v *core.Deal) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.At = r.time()
		case 2:
			v.By = r.text()
		case 3:
			v.Stage = r.text()
		case 4:
			v.ID = r.text()
		case 5:
			v.Amount = r.text()
		case 6:
			v.Currency = r.text()
		case 7:
			v.Reason = r.text()
		default:
			r.skip()
		}
	}
}

func (r *reader) field(v *core.Field) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Name = r.text()
		case 2:
			v.Value = r.text()
		case 3:
			v.At = r.time()
		case 4:
			v.By = r.text()
		default:
			r.skip()
		}
	}
}

func (r *reader) consent(v *core.Consent) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Key = r.text()
		case 2:
			v.Purpose = r.text()
		case 3:
			v.Decision = r.text()
		case 4:
			v.At = r.time()
		case 5:
			v.By = r.text()
		default:
			r.skip()
		}
	}
}

func (r *reader) terms() *core.Terms {
	v := &core.Terms{}
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			if v.CapCount > 0 && v.CapPer <= 0 {
				r.fail()
			}
			return v
		}
		switch r.num {
		case 1:
			v.Rule = r.text()
		case 2:
			v.Raw = core.Micros(r.signed())
		case 3:
			v.HalfLife = r.seconds()
		case 4:
			v.CapCount = int(r.small())
		case 5:
			v.CapPer = r.seconds()
		case 6:
			v.Version = r.small()
		case 7:
			v.Timeframe = r.seconds()
		case 8:
			v.Limit = r.limit()
		case 9:
			v.Group = r.text()
		case 10:
			v.GroupLimit = r.limit()
		case 11:
			v.Score = r.text()
		default:
			r.skip()
		}
	}
}

// limit reads points that are not negative.
func (r *reader) limit() core.Micros {
	v := r.signed()
	if v < 0 {
		r.fail()
		return 0
	}
	return core.Micros(v)
}

func (r *reader) missed(v *core.Missed) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Rule = r.text()
		case 2:
			v.Reason = r.text()
		case 3:
			v.Times = int(r.small())
		default:
			r.skip()
		}
	}
}

func (r *reader) past(v *core.PastEpoch) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Epoch = r.small()
		case 2:
			v.Ended = r.text()
		case 3:
			v.Reason = r.text()
		case 4:
			v.Handoff = r.text()
		case 5:
			v.Rep = r.text()
		case 6:
			v.At = r.time()
		case 7:
			v.Stages = append(v.Stages, core.StageSpan{})
			r.span(&v.Stages[len(v.Stages)-1])
		default:
			r.skip()
		}
	}
}

func (r *reader) indexed(v *Indexed) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Stage = r.text()
		case 2:
			v.LastMs = r.integer()
		case 3:
			v.Micros = r.integer()
		case 4:
			v.Known = r.integer() != 0
		case 5:
			v.Account = r.text()
		case 6:
			v.AccountOf = r.text()
		case 7:
			v.Ownerless = r.integer() != 0
		case 8:
			v.QuarantinedMs = r.integer()
		case 9:
			v.Held = r.integer() != 0
		default:
			r.skip()
		}
	}
}
