package core

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mailAgreement() *Agreement {
	return &Agreement{Version: 1, Grades: [3]Micros{75 * Point, 50 * Point, 25 * Point}, ByType: map[string][]*Rule{
		"email_clicked": {rule("click", 10*Point, 0, 0, 0, nil)},
		"email_opened":  {rule("open", 1*Point, 0, 2, 24*time.Hour, nil)},
		"page_viewed":   {rule("page", 3*Point, 0, 0, 0, nil)},
	}, Qualify: []*QualifyRule{{ID: "clicked", On: []string{"email_clicked"}}}}
}

// mailEvent happens some time after ten o'clock and is heard of a minute later: "click m1 /a +1.5s".
func mailEvent(n int, text string) *Event {
	f := strings.Fields(text)
	types := map[string]string{"click": "email_clicked", "open": "email_opened", "sent": "email_sent", "delivered": "email_delivered", "page": "page_viewed"}
	e := &Event{ID: fmt.Sprintf("e%02d", n), Source: "mail", Type: types[f[0]], Message: f[1], URL: f[2], Now: now + int64(time.Minute)}
	if e.Message == "-" {
		e.Message = ""
	}
	if e.URL == "-" {
		e.URL = ""
	}
	if f[3] == "now" {
		e.At = e.Now
		return e
	}
	after, err := time.ParseDuration(strings.TrimPrefix(f[3], "+"))
	if err != nil {
		panic(err)
	}
	e.At = now + int64(after)
	return e
}

func mailEvents(texts ...string) []*Event {
	out := make([]*Event, len(texts))
	for i, text := range texts {
		out[i] = mailEvent(i, text)
	}
	return out
}

// scannedIn gives which events are a scanner's, by the reasons of the score's lines: "-" for those that count.
func scannedIn(l *Lead, a *Agreement) string {
	short := map[string]string{becauseBurst: "burst", becauseArrival: "arrival", becauseStated: "stated"}
	by := map[string]string{}
	for _, line := range l.Explain(oneBook{a}, now+int64(time.Hour)).Lines {
		why := "-"
		if line.LimitedBy == LimitedByAutomated {
			if why = short[line.Because]; why == "" {
				why = line.Because
			}
			if line.Points != 0 {
				why += " with points"
			}
		}
		by[line.Events[0]] = why
	}
	ids := make([]string, 0, len(by))
	for id := range by {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var out []string
	for _, id := range ids {
		out = append(out, by[id])
	}
	return strings.Join(out, " ")
}

func TestScannersAreToldFromPeople(t *testing.T) {
	a := mailAgreement()
	for name, tc := range map[string]struct {
		events []string
		want   string
	}{
		"every link at once":                  {[]string{"click m /a +0s", "click m /b +0s", "click m /c +0s"}, "burst burst burst"},
		"every link within ten seconds":       {[]string{"click m /a +0s", "click m /b +5s", "click m /c +10s"}, "burst burst burst"},
		"a moment more":                       {[]string{"click m /a +0s", "click m /b +5s", "click m /c +10.000000001s"}, "- - -"},
		"two links":                           {[]string{"click m /a +0s", "click m /b +1s"}, "- -"},
		"two links twice":                     {[]string{"click m /a +0s", "click m /b +1s", "click m /a +2s", "click m /b +3s"}, "- - - -"},
		"a link twice among three":            {[]string{"click m /a +0s", "click m /a +1s", "click m /b +2s", "click m /c +3s"}, "burst burst burst burst"},
		"a click with no link among three":    {[]string{"click m /a +0s", "click m - +1s", "click m /b +2s", "click m /c +3s"}, "burst burst burst burst"},
		"clicks without links":                {[]string{"click m - +0s", "click m - +1s", "click m - +2s"}, "- - -"},
		"three messages":                      {[]string{"click m /a +0s", "click n /b +1s", "click o /c +2s"}, "- - -"},
		"nameless messages":                   {[]string{"click - /a +0s", "click - /b +1s", "click - /c +2s"}, "burst burst burst"},
		"the person comes later":              {[]string{"click m /a +0s", "click m /b +1s", "click m /c +2s", "click m /a +40s"}, "burst burst burst -"},
		"two overlapping windows":             {[]string{"click m /a +0s", "click m /b +6s", "click m /c +9s", "click m /d +14s"}, "burst burst burst burst"},
		"opened on arrival":                   {[]string{"delivered m - +0s", "open m - +2s"}, "arrival"},
		"opened before it is delivered":       {[]string{"delivered m - +2s", "open m - +0s"}, "arrival"},
		"clicked on arrival":                  {[]string{"sent m - +0s", "click m /a +1s"}, "arrival"},
		"opened soon":                         {[]string{"delivered m - +0s", "open m - +2.001s"}, "-"},
		"another message arrives":             {[]string{"delivered n - +0s", "open m - +1s"}, "-"},
		"a nameless message arrives":          {[]string{"delivered - - +0s", "open - - +1s"}, "-"},
		"opened at a time that nobody said":   {[]string{"delivered m - now", "open m - now"}, "-"},
		"visits are no mail":                  {[]string{"page m /a +0s", "page m /b +0s", "page m /c +0s"}, "- - -"},
		"a burst on arrival is named a burst": {[]string{"delivered m - +0s", "click m /a +0s", "click m /b +0s", "click m /c +0s"}, "burst burst burst"},
	} {
		t.Run(name, func(t *testing.T) {
			l := folded(rulesWith(a), mailEvents(tc.events...))
			if got := scannedIn(l, a); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			for _, p := range l.Timeline {
				touch := p.Touch()
				if scanned := slices.ContainsFunc(l.Mail, func(m Mail) bool { return m.is(touch.Source, touch.ID) && m.because() != "" }); touch.Automated != scanned ||
					(touch.AutomatedBecause != "") != scanned {
					t.Errorf("the timeline says %+v", touch)
				}
			}
		})
	}
}

// The words of the reasons say the numbers of the rules.
func TestReasonsSayWhatTheRulesSay(t *testing.T) {
	if burstLinks != 3 || burstWithin != int64(10*time.Second) || arrival != int64(2*time.Second) {
		t.Error("becauseBurst and becauseArrival tell other numbers")
	}
}

func TestThirdClickTakesTheFirstTwoAway(t *testing.T) {
	a := mailAgreement()
	a.Qualify = []*QualifyRule{{ID: "worth", When: worthFrom(25 * Point)}}
	r := rulesWith(a)
	l := &Lead{ID: "ld_e1", Named: true, Lasting: true}
	for i, want := range []Micros{10 * Point, 20 * Point, 0} {
		e := mailEvent(i, fmt.Sprintf("click m /%d +%ds", i, i))
		l.Apply(r, e)
		if got := l.Engagement(e.Now); got != want {
			t.Errorf("after %d clicks: %d, want %d", i+1, got, want)
		}
		for _, f := range l.Decide(r, e) {
			if q, ok := f.(*Qualification); ok {
				t.Errorf("it qualifies by %s", q.Rule)
			}
			if m, ok := f.(*StageMove); ok {
				l.Apply(r, &Event{Type: "stage_changed", Fact: true, Moved: m, Now: e.Now})
			}
		}
	}
	// Points that were taken away use up no cap, and are no reason to wait for anything.
	if len(l.Deadlines(r)) != 0 {
		t.Errorf("deadlines %+v", l.Deadlines(r))
	}
}

type worthFrom Micros

func (w worthFrom) Eval(v *View) Verdict { return Verdict{Holds: v.Engagement() >= Micros(w)} }

func TestAScannersClickQualifiesNobody(t *testing.T) {
	a := mailAgreement()
	r := rulesWith(a)
	for name, tc := range map[string]struct {
		events    []string
		qualifies bool
	}{
		"a person":              {[]string{"delivered m - +0s", "click m /a +30s"}, true},
		"a scanner, on arrival": {[]string{"delivered m - +0s", "click m /a +1s"}, false},
	} {
		l, qualified := &Lead{ID: "ld_e1", Named: true, Lasting: true}, false
		for i, text := range tc.events {
			e := mailEvent(i, text)
			l.Apply(r, e)
			for _, f := range l.Decide(r, e) {
				if m, ok := f.(*StageMove); ok {
					l.Apply(r, &Event{Type: "stage_changed", Fact: true, Moved: m, Now: e.Now})
					qualified = qualified || m.To == MQL
				}
			}
		}
		if qualified != tc.qualifies {
			t.Errorf("%s: qualified %v", name, qualified)
		}
	}
}

func TestStatedAutomatedEventsAreExplained(t *testing.T) {
	a := mailAgreement()
	e := mailEvent(0, "click m /a +0s")
	e.Automated, e.AutomatedBecause = true, "the sender calls it a bot"
	f := mailEvent(1, "open m - +20s")
	f.Automated = true
	l := folded(rulesWith(a), []*Event{e, f, mailEvent(2, "open m - +40s"), mailEvent(3, "open m - +50s")})
	if got, want := scannedIn(l, a), "the sender calls it a bot stated - -"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The cap is two a day: the automated one is not among them.
	if got := l.Engagement(now + int64(time.Hour)); got != 2*Point {
		t.Errorf("engagement %d", got)
	}
	if touch := l.Timeline[3].Touch(); touch.AutomatedBecause != "the sender calls it a bot" {
		t.Errorf("touch %+v", touch)
	}
}

func TestAutomatedContributionsAreBounded(t *testing.T) {
	a := mailAgreement()
	events := make([]*Event, 0, 400)
	for i := range 400 {
		e := mailEvent(i, fmt.Sprintf("page m /a +%dms", i*7))
		e.ID, e.Automated = fmt.Sprintf("e%04d", i), true
		events = append(events, e)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(events), func(i, k int) { events[i], events[k] = events[k], events[i] })
	l := folded(rulesWith(a), events)
	if len(l.Items) != maxAutomated || l.Items[0].ID != "e0300" {
		t.Errorf("%d are kept, from %s on", len(l.Items), l.Items[0].ID)
	}
	var mails []*Event
	for i := range 400 {
		mails = append(mails, mailEvent(i, fmt.Sprintf("delivered m%d - +%ds", i, i)))
	}
	if l := folded(rulesWith(a), mails); len(l.Mail) != MaxMail || l.Mail[0].At != now+300*int64(time.Second) {
		t.Errorf("%d mails are remembered", len(l.Mail))
	}
}

func drawMail(t *rapid.T) []*Event {
	out := make([]*Event, rapid.IntRange(1, 25).Draw(t, "events"))
	for i := range out {
		text := fmt.Sprintf("%s %s %s +%dms", rapid.SampledFrom([]string{"click", "click", "click", "open", "sent", "delivered", "page"}).Draw(t, "kind"),
			rapid.SampledFrom([]string{"m", "m", "n", "-"}).Draw(t, "message"), rapid.SampledFrom([]string{"/a", "/b", "/c", "/d", "-"}).Draw(t, "link"),
			rapid.SampledFrom([]int{0, 1000, 2000, 2001, 3000}).Draw(t, "ms")+1000*rapid.IntRange(0, 30).Draw(t, "s"))
		out[i] = mailEvent(i, text)
		if rapid.IntRange(0, 9).Draw(t, "untimed") == 0 {
			out[i].At = out[i].Now
		}
		if rapid.IntRange(0, 9).Draw(t, "automated") == 0 {
			out[i].Automated, out[i].AutomatedBecause = true, rapid.SampledFrom([]string{"", "flagged"}).Draw(t, "because")
		}
	}
	return out
}

// told is all that others see of what a scanner did.
func told(l *Lead, a *Agreement) (Score, []Packed, Touch, []Mail) {
	var entry Touch
	if l.Entry != nil {
		entry = *l.Entry
	}
	return l.Explain(oneBook{a}, now+int64(time.Hour)), l.Timeline, entry, l.Mail
}

func sameTold(t *rapid.T, what string, a *Agreement, x, y *Lead) {
	xs, xt, xe, xm := told(x, a)
	ys, yt, ye, ym := told(y, a)
	if !reflect.DeepEqual(xs.Lines, ys.Lines) || !slices.Equal(xt, yt) || xe != ye || !slices.Equal(xm, ym) {
		t.Fatalf("%s\n%+v\n%+v\n%+v\n%+v", what, xs.Lines, ys.Lines, xm, ym)
	}
}

func TestScannersAreTheSameInAnyOrder(t *testing.T) {
	a := mailAgreement()
	rapid.Check(t, func(t *rapid.T) {
		events := drawMail(t)
		sameTold(t, "in another order", a, folded(rulesWith(a), events), folded(rulesWith(a), rapid.Permutation(events).Draw(t, "order")))
	})
}

// Two leads of whom each saw a part of it tell the same once they are one.
func TestScannersAreFoundByMerging(t *testing.T) {
	a := mailAgreement()
	rapid.Check(t, func(t *rapid.T) {
		events := drawMail(t)
		var some, others []*Event
		for _, e := range events {
			if rapid.Bool().Draw(t, "first") {
				some = append(some, e)
			} else {
				others = append(others, e)
			}
		}
		r := rulesWith(a)
		r.Shadow, r.ShadowRun = mailAgreement(), 1
		whole := folded(r, events)
		part, joined := folded(r, others), folded(r, some)
		part.ID = "ld_e2"
		joined.Apply(r, &Event{Type: "absorbed", Fact: true, Part: part, Parts: 1, Now: now + int64(2*time.Minute)})
		sameTold(t, "merged", a, whole, joined)
		if whole.Shadow != nil && joined.Shadow != nil && !reflect.DeepEqual(itemsOf(whole.Shadow.Items), itemsOf(joined.Shadow.Items)) {
			t.Fatalf("in the shadow\n%+v\n%+v", whole.Shadow.Items, joined.Shadow.Items)
		}
	})
}

func itemsOf(items []Item) (out []string) {
	for _, it := range items {
		out = append(out, it.ID+it.Rule+it.Automated)
	}
	return out
}

// Of several leads that become one, as many contributions of bots are kept as of one.
func TestWhatBotsDidIsKeptInMeasureWhenLeadsMerge(t *testing.T) {
	parts := []*Lead{{ID: "ld_1"}, {ID: "ld_2"}, {ID: "ld_3"}}
	for n, p := range parts {
		for i := range maxAutomated {
			p.Items = append(p.Items, Item{At: int64(i + 1), ID: fmt.Sprintf("%d-%03d", n, i), Source: "site", Terms: &Terms{Rule: "click", Raw: Point}, Count: 1, Automated: becauseStated})
		}
	}
	parts[0].absorb(parts[1])
	parts[0].absorb(parts[2])
	if l := parts[0]; len(l.Items) != maxAutomated || l.Items[0].At < 60 {
		t.Errorf("got %d, the oldest of %d", len(l.Items), l.Items[0].At)
	}
}
