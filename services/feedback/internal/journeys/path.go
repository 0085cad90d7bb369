package journeys

import (
	"cmp"
	"slices"
	"sort"
	"time"
	"unique"

	"github.com/batonhq/baton/services/feedback/internal/core/attribution"
	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
)

// session is how long after a page view or a use of the product another one still belongs to it.
const session = int64(30 * time.Minute / time.Millisecond)

// contacts makes touches of the contacts that took effect.
func (p *Person) contacts() {
	if p.Refused {
		return
	}
	for _, m := range p.Marks {
		if m.Type == "contacted" {
			p.touches = append(p.touches, touch{
				seq: m.seq, at: m.At, event: m.event, times: 1, what: unique.Make(What{Type: "contacted", Channel: channelSales, Source: channelSales, Side: Sales}),
			})
		}
	}
}

// sessions makes one touch of page views, and of uses of the product, that belong together. It stands at the first of them.
func (p *Person) sessions() {
	open := map[unique.Handle[What]]*struct {
		touch int
		last  int64
	}{}
	kept := make([]touch, 0, len(p.touches))
	for _, t := range p.touches {
		w := t.what.Value()
		if w.Type != "page_viewed" && w.Type != "product_used" {
			kept = append(kept, t)
			continue
		}
		w.Name = ""
		key := unique.Make(w)
		s := open[key]
		if s != nil && t.at-s.last <= session {
			s.last = t.at
			kept[s.touch].times++
			continue
		}
		open[key] = &struct {
			touch int
			last  int64
		}{len(kept), t.at}
		kept = append(kept, t)
	}
	p.touches = kept
}

// Dimensions are what credit can be divided over.
func Dimensions() []string { return []string{"channel", "campaign", "asset", "source", "sales"} }

// Keys numbers what credit goes to.
type Keys struct {
	// By is one of Dimensions. Sales counts sales' touches where By would leave them out.
	By    string
	Sales bool

	names  []string
	number map[string]int
	known  map[unique.Handle[What]]int
}

const (
	// Unknown is the key of touches that do not say, as metrics.None is of rows. Some sources state "unknown" themselves, and what they
	// say is theirs.
	Unknown = metrics.None
	// BySales is the key of all that sales did, in dimensions of marketing's; ByMarketing the other way round.
	BySales     = "sales"
	ByMarketing = "marketing"
)

// NewKeys gives Keys without any.
func NewKeys(by string, sales bool) *Keys {
	return &Keys{By: by, Sales: sales || by == "sales", number: map[string]int{}, known: map[unique.Handle[What]]int{}}
}

// Names gives the keys by number.
func (k *Keys) Names() []string { return k.names }

// of gives the key of a touch, attribution.None for one that does not count in this dimension.
func (k *Keys) of(h unique.Handle[What]) int {
	if n, ok := k.known[h]; ok {
		return n
	}
	name, ok := k.name(h.Value())
	n := attribution.None
	if ok {
		if n, ok = k.number[name]; !ok {
			n = len(k.names)
			k.number[name] = n
			k.names = append(k.names, name)
		}
	}
	k.known[h] = n
	return n
}

func (k *Keys) name(w What) (string, bool) {
	if k.By == "sales" {
		if w.Side == Sales {
			return w.Type, true
		}
		return ByMarketing, true
	}
	if w.Side == Sales {
		return BySales, k.Sales
	}
	name := map[string]string{"channel": w.Channel, "campaign": w.Campaign, "asset": w.Asset, "source": w.Source}[k.By]
	return cmp.Or(name, Unknown), true
}

// step is a touch on a path, and whose it is.
type step struct {
	touch  *touch
	person *Person
}

// steps gives the touches of some people that count in a dimension, in the order of time: those at or before end and not longer before
// it than lookback (0: however long).
func steps(people []*Person, keys *Keys, end, lookback int64) []step {
	var out []step
	for _, p := range people {
		from := 0
		if lookback > 0 {
			from = sort.Search(len(p.touches), func(i int) bool { return p.touches[i].at >= end-lookback })
		}
		for i := from; i < len(p.touches) && p.touches[i].at <= end; i++ {
			if keys.of(p.touches[i].what) != attribution.None {
				out = append(out, step{&p.touches[i], p})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.touch.at, b.touch.at), cmp.Compare(a.touch.seq, b.touch.seq))
	})
	return out
}

// path makes a path of steps. opened is when the opportunity was, 0 for never.
func path(s []step, keys *Keys, people []*Person, opened, end int64) attribution.Path {
	p := attribution.Path{Lead: attribution.None, Opportunity: attribution.None, End: end}
	known := int64(0)
	for _, x := range people {
		known = earlier(known, x.Known)
	}
	for i, t := range s {
		p.Touches = append(p.Touches, attribution.Touch{Key: keys.of(t.touch.what), At: t.touch.at})
		if known != 0 && t.touch.at <= known {
			p.Lead = i
		}
		if opened != 0 && t.touch.at <= opened {
			p.Opportunity = i
		}
	}
	return p
}
