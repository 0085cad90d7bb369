package state

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Fields of a lead that its shadow stands in.
const (
	shadowField                    = 33
	shadowTerms, shadowItems       = 7, 8
	shadowRun, shadowFit           = 2, 3
	shadowEpoch, shadowRule        = 4, 5
	shadowVersion, shadowQualified = 1, 6
)

func (w *writer) shadow(s *core.Shadow) {
	if s == nil {
		return
	}
	at := w.begin(shadowField)
	w.integer(shadowVersion, int64(s.Version))
	w.integer(shadowRun, int64(s.Run))
	w.signed(shadowFit, int64(s.Fit))
	w.integer(shadowEpoch, int64(s.Epoch))
	w.text(shadowRule, s.Rule)
	w.time(shadowQualified, s.QualifiedAt)
	w.items(s.Items, shadowTerms, shadowItems)
	w.end(at)
}

// shadow reads the shadow or a part of it. terms are all that were read of it so far, which it gives back with those of
// this part.
func (r *reader) shadow(l *core.Lead, terms []*core.Terms) []*core.Terms {
	if l.Shadow == nil {
		l.Shadow = &core.Shadow{}
	}
	s := l.Shadow
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return terms
		}
		switch r.num {
		case shadowVersion:
			s.Version = r.small()
		case shadowRun:
			s.Run = r.small()
		case shadowFit:
			s.Fit = core.Micros(r.signed())
		case shadowEpoch:
			s.Epoch = r.small()
		case shadowRule:
			s.Rule = r.text()
		case shadowQualified:
			s.QualifiedAt = r.time()
		case shadowTerms:
			terms = append(terms, r.terms())
		case shadowItems:
			s.Items = append(s.Items, core.Item{Count: 1})
			r.item(&s.Items[len(s.Items)-1], terms)
		default:
			r.skip()
		}
	}
}

// splitShadow gives what every part of a lead has of its shadow, all but the items, and the items one by one. field is the
// whole of it, with its tag.
func splitShadow(field []byte) (head []byte, items [][]byte) {
	_, _, n := protowire.ConsumeTag(field)
	body, m := protowire.ConsumeBytes(field[max(n, 0):])
	if n < 0 || m < 0 { // cannot be: Append wrote it
		return nil, nil
	}
	wrap := func(b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, shadowField, protowire.BytesType), b)
	}
	var rest []byte
	for len(body) > 0 {
		number, _, n := protowire.ConsumeField(body)
		if n < 0 {
			break
		}
		if number == shadowItems {
			items = append(items, wrap(body[:n]))
		} else {
			rest = append(rest, body[:n]...)
		}
		body = body[n:]
	}
	return wrap(rest), items
}
