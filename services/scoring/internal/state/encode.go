package state

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// writer appends fields in protobuf's wire form; zero values are left out.
type writer struct{ b []byte }

func (w *writer) tag(n protowire.Number, t protowire.Type) {
	v := uint64(n)<<3 | uint64(t)
	if v < 0x80 {
		w.b = append(w.b, byte(v))
		return
	}
	w.b = protowire.AppendVarint(w.b, v)
}

func (w *writer) text(n protowire.Number, s string) {
	if s != "" {
		w.element(n, s)
	}
}

// element is an entry of a list: it is written even where it is empty.
func (w *writer) element(n protowire.Number, s string) {
	w.tag(n, protowire.BytesType)
	if len(s) < 0x80 {
		w.b = append(w.b, byte(len(s)))
	} else {
		w.b = protowire.AppendVarint(w.b, uint64(len(s)))
	}
	w.b = append(w.b, s...)
}

func (w *writer) texts(n protowire.Number, list []string) {
	for _, s := range list {
		w.element(n, s)
	}
}

func (w *writer) time(n protowire.Number, t int64) {
	if t != 0 {
		w.tag(n, protowire.Fixed64Type)
		w.b = binary.LittleEndian.AppendUint64(w.b, uint64(t))
	}
}

func (w *writer) integer(n protowire.Number, v int64) {
	if v != 0 {
		w.tag(n, protowire.VarintType)
		w.b = protowire.AppendVarint(w.b, uint64(v))
	}
}

func (w *writer) signed(n protowire.Number, v int64) {
	if v != 0 {
		w.integer(n, int64(protowire.EncodeZigZag(v)))
	}
}

func (w *writer) flag(n protowire.Number, v bool) {
	if v {
		w.integer(n, 1)
	}
}

// begin opens a message; end closes it. Most are shorter than 128 bytes, so that one byte is kept for the length.
func (w *writer) begin(n protowire.Number) int {
	w.tag(n, protowire.BytesType)
	w.b = append(w.b, 0)
	return len(w.b)
}

func (w *writer) end(start int) {
	n := len(w.b) - start
	if n < 128 {
		w.b[start-1] = byte(n)
		return
	}
	extra := protowire.SizeVarint(uint64(n)) - 1
	for range extra {
		w.b = append(w.b, 0)
	}
	copy(w.b[start+extra:], w.b[start:start+n])
	protowire.AppendVarint(w.b[start-1:start-1], uint64(n))
}

// Append appends a lead's stored form to b.
func Append(b []byte, l *core.Lead, beside Beside) []byte {
	w := writer{b}
	w.integer(1, int64(len(l.Profile)))
	w.integer(2, int64(len(l.Items)))
	w.integer(3, int64(len(l.Timeline)))
	w.text(4, l.Parent)
	w.texts(5, l.Absorbed)
	w.run(&l.Run)
	w.deal(&l.Deal)
	w.text(8, l.Stated)
	w.text(9, l.Highest)
	w.text(10, l.Band)
	w.integer(11, int64(l.Fit.Version))
	w.signed(12, int64(l.Fit.Points))
	w.time(13, l.Looked)
	w.time(14, l.LastAt)
	w.text(15, l.Email)
	w.texts(16, l.Emails)
	w.texts(17, l.UserIDs)
	for i := range l.Profile {
		w.field(&l.Profile[i])
	}
	for i := range l.Consent {
		w.consent(&l.Consent[i])
	}
	w.items(l.Items, 20, 21)
	for _, t := range l.Timeline {
		w.element(22, t.Form)
	}
	if l.Entry != nil {
		at := w.begin(23)
		w.b = l.Entry.AppendForm(w.b)
		w.end(at)
	}
	for piece := range l.Seen.Segments {
		w.tag(24, protowire.BytesType)
		w.b = protowire.AppendBytes(w.b, piece)
	}
	w.integer(25, int64(l.Seen.Forgotten))
	for i := range l.Missed {
		w.missed(&l.Missed[i])
	}
	for i := range l.History {
		w.past(&l.History[i])
	}
	if beside.Indexed != (Indexed{}) {
		w.indexed(&beside.Indexed)
	}
	w.time(29, beside.QuarantinedAt)
	w.texts(30, l.Told)
	w.flag(31, l.EntryNews)
	w.flag(32, l.Held)
	w.shadow(l.Shadow)
	w.committee(l)
	w.origins(l)
	w.mail(l.Mail)
	return w.b
}

// items writes the terms that items refer to, each once, and then the items, under the given numbers.
func (w *writer) items(items []core.Item, terms, each protowire.Number) {
	var few [16]*core.Terms
	known := few[:0]
	last := -1
	place := func(t *core.Terms) int {
		if last >= 0 && known[last] == t {
			return last
		}
		return slices.IndexFunc(known, func(k *core.Terms) bool { return k == t || *k == *t })
	}
	for i := range items {
		if last = place(items[i].Terms); last < 0 {
			known = append(known, items[i].Terms)
			w.terms(terms, items[i].Terms)
		}
	}
	for i := range items {
		last = place(items[i].Terms)
		w.item(each, &items[i], last)
	}
}

func (w *writer) run(r *core.Run) {
	if r.Zero() {
		return
	}
	at := w.begin(6)
	w.integer(1, int64(r.Epoch))
	w.text(2, r.Stage)
	w.text(3, r.Handoff)
	w.text(4, r.Lead)
	w.time(5, r.QualifiedAt)
	w.text(6, r.Rep)
	w.text(7, r.Account)
	w.time(8, r.RecycledAt)
	w.text(9, r.Reason)
	w.text(10, r.WakeOn)
	w.time(11, r.WakeAt)
	w.spans(12, r.Stages)
	w.end(at)
}

func (w *writer) deal(d *core.Deal) {
	if *d == (core.Deal{}) {
		return
	}
	at := w.begin(7)
	w.time(1, d.At)
	w.text(2, d.By)
	w.text(3, d.Stage)
	w.text(4, d.ID)
	w.text(5, d.Amount)
	w.text(6, d.Currency)
	w.text(7, d.Reason)
	w.end(at)
}

func (w *writer) field(f *core.Field) {
	at := w.begin(18)
	w.text(1, f.Name)
	w.text(2, f.Value)
	w.time(3, f.At)
	w.text(4, f.By)
	w.end(at)
}

func (w *writer) consent(c *core.Consent) {
	at := w.begin(19)
	w.text(1, c.Key)
	w.text(2, c.Purpose)
	w.text(3, c.Decision)
	w.time(4, c.At)
	w.text(5, c.By)
	w.end(at)
}

func (w *writer) terms(n protowire.Number, t *core.Terms) {
	at := w.begin(n)
	w.text(1, t.Rule)
	w.signed(2, int64(t.Raw))
	w.integer(3, int64(t.HalfLife/time.Second))
	w.integer(4, int64(t.CapCount))
	w.integer(5, int64(t.CapPer/time.Second))
	w.integer(6, int64(t.Version))
	w.integer(7, int64(t.Timeframe/time.Second))
	w.signed(8, int64(t.Limit))
	w.text(9, t.Group)
	w.signed(10, int64(t.GroupLimit))
	w.text(11, t.Score)
	w.end(at)
}

func (w *writer) item(n protowire.Number, i *core.Item, terms int) {
	at := w.begin(n)
	w.time(1, i.At)
	w.text(2, i.ID)
	w.text(3, i.Source)
	w.integer(4, int64(terms))
	w.integer(5, int64(i.Count-1))
	w.text(8, i.Automated)
	w.end(at)
}

func (w *writer) missed(m *core.Missed) {
	at := w.begin(26)
	w.text(1, m.Rule)
	w.text(2, m.Reason)
	w.integer(3, int64(min(m.Times, math.MaxInt32)))
	w.end(at)
}

func (w *writer) past(p *core.PastEpoch) {
	at := w.begin(27)
	w.integer(1, int64(p.Epoch))
	w.text(2, p.Ended)
	w.text(3, p.Reason)
	w.text(4, p.Handoff)
	w.text(5, p.Rep)
	w.time(6, p.At)
	w.spans(7, p.Stages)
	w.end(at)
}

func (w *writer) indexed(x *Indexed) {
	at := w.begin(28)
	w.text(1, x.Stage)
	w.integer(2, x.LastMs)
	w.integer(3, x.Micros)
	w.flag(4, x.Known)
	w.text(5, x.Account)
	w.text(6, x.AccountOf)
	w.flag(7, x.Ownerless)
	w.integer(8, x.QuarantinedMs)
	w.flag(9, x.Held)
	w.end(at)
}

// Split gives a lead's stored form in parts of about most bytes, each a LeadState that holds some of it; together they hold
// all. Each has the terms of all items and the head of the shadow, and is longer where a single entry is. There is at least
// one, and the run and whether it is held are in the first.
func Split(l *core.Lead, most int) [][]byte {
	whole := Append(nil, l, Beside{})
	var terms []byte
	var first []byte // up to the run: the parent, the run, the deal; and whether it is held, which is joined as one with them
	var fields, absorbed [][]byte
	for rest := whole; len(rest) > 0; {
		number, _, n := protowire.ConsumeField(rest)
		if n < 0 { // cannot be: it was written above
			break
		}
		switch {
		case number <= 3: // how much room a whole lead needs
		case number == 20:
			terms = append(terms, rest[:n]...)
		case number == shadowField:
			head, items := splitShadow(rest[:n])
			terms, fields = append(terms, head...), append(fields, items...)
		case number >= ownField && number <= gatheredField && number != leftField: // what it knows by itself stays with it
		case number == 5: // after what it knows: there may be more of them than one part has room for
			absorbed = append(absorbed, rest[:n])
		case number <= 7, number == 32:
			first = append(first, rest[:n]...)
		default:
			fields = append(fields, rest[:n])
		}
		rest = rest[n:]
	}
	parts := [][]byte{append(slices.Clone(terms), first...)}
	for _, f := range append(fields, absorbed...) {
		part := &parts[len(parts)-1]
		if len(*part) > len(terms) && len(*part)+len(f) > most {
			parts = append(parts, slices.Clone(terms))
			part = &parts[len(parts)-1]
		}
		*part = append(*part, f...)
	}
	return parts
}
