package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
)

func testWeek(seed uint64) *Week {
	return NewWeek(seed, time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC), owners())
}

// said gives the week as the senders state it.
func said(t *testing.T, w *Week) string {
	t.Helper()
	var b strings.Builder
	enc := json.NewEncoder(&b)
	for _, e := range w.Events {
		call := map[Via]func(*Event) object{Site: siteCall, Nurture: own, Webinars: webinarCall}[e.Via](e)
		if err := enc.Encode(call); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range w.Leads {
		if err := enc.Encode(l.Story); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestSameSeedSameWeek(t *testing.T) {
	one := said(t, testWeek(7))
	if said(t, testWeek(7)) != one {
		t.Error("the same seed gave another week")
	}
	if said(t, testWeek(8)) == one {
		t.Error("another seed gave the same week")
	}
}

// Whenever the demo is run, the same people do much the same.
func TestTheSeedDecidesWhoAndTheEndWhen(t *testing.T) {
	one := testWeek(7)
	asks := func(w *Week) (n int) {
		for _, e := range w.Events {
			if e.Type == "demo_requested" {
				n++
			}
		}
		return n
	}
	for _, end := range []time.Time{one.To.Add(-9 * time.Hour), one.To.Add(61 * time.Hour), time.Date(2027, 3, 1, 0, 5, 0, 0, time.UTC)} {
		other := NewWeek(7, end, owners())
		for i, l := range other.Leads {
			if !reflect.DeepEqual(l, one.Leads[i]) {
				t.Fatalf("until %s, lead %d is %+v, not %+v", end, i, l, one.Leads[i])
			}
		}
		if n, m := len(one.Events), len(other.Events); m < n*9/10 || m > n*11/10 {
			t.Errorf("until %s there are %d events, not about %d", end, m, n)
		}
		if n, m := asks(one), asks(other); m < n*3/4 || m > n*4/3 {
			t.Errorf("until %s, %d ask for a demonstration, not about %d", end, m, n)
		}
	}
}

func TestTheWeekIsPlausible(t *testing.T) {
	for seed := range uint64(20) {
		w := testWeek(seed)
		if len(w.Leads) != leadCount || len(w.Companies) != companyCount {
			t.Fatalf("seed %d: %d leads of %d companies", seed, len(w.Leads), len(w.Companies))
		}
		if n := len(w.Events); n < 3500 || n > 6500 {
			t.Errorf("seed %d: %d events", seed, n)
		}
		ids := map[string]bool{}
		for i, e := range w.Events {
			if e.At.Before(w.From) || !e.At.Before(w.To) {
				t.Fatalf("seed %d: event at %s lies outside the week", seed, e.At)
			}
			if i > 0 && e.At.Before(w.Events[i-1].At) {
				t.Fatalf("seed %d: events are not in order", seed)
			}
			if ids[e.ID] {
				t.Fatalf("seed %d: id %s is given twice", seed, e.ID)
			}
			ids[e.ID] = true
		}
		posted := 0
		for n := range days {
			posted += len(w.Day(n))
		}
		if posted != len(w.Events) {
			t.Errorf("seed %d: the days hold %d of %d events", seed, posted, len(w.Events))
		}
		far := map[Interest]int{}
		for _, l := range w.Leads {
			far[l.Interest]++
		}
		// Most stay cold, some ask: what the agreement then hands over is about one in ten.
		if far[Glances] < leadCount/2 || far[Asks] < leadCount*4/100 || far[Asks] > leadCount*15/100 || far[Weighs] < leadCount*4/100 {
			t.Errorf("seed %d: interests %v", seed, far)
		}
	}
}

func TestNobodyIsReal(t *testing.T) {
	w := testWeek(1)
	domains, addresses := map[string]bool{}, map[string]bool{}
	for _, c := range w.Companies {
		if !strings.HasSuffix(c.Domain, ".example") || domains[c.Domain] {
			t.Errorf("domain %s", c.Domain)
		}
		domains[c.Domain] = true
	}
	for _, l := range w.Leads {
		_, domain, _ := strings.Cut(l.Email, "@")
		if !domains[domain] || addresses[l.Email] {
			t.Errorf("address %s", l.Email)
		}
		addresses[l.Email] = true
	}
	for _, text := range []string{said(t, w), readFile(t, "baton.yaml"), readFile(t, "agreement.yaml"), readFile(t, "directory.yaml")} {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \"'{}[],()\n", r) }) {
			if host, isURL := strings.CutPrefix(word, "https://"); isURL {
				host, _, _ = strings.Cut(host, "/")
				if !strings.HasSuffix(host, ".example") {
					t.Errorf("%s could be somebody's", word)
				}
			}
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestVisitorsAreAnonymousUntilTheySign(t *testing.T) {
	w := testWeek(3)
	anonymous := 0
	first := map[*Lead]*Event{}
	for _, e := range w.Events {
		if first[e.Lead] == nil {
			first[e.Lead] = e
			if e.Via == Site && !e.Signed {
				anonymous++
			}
		}
		text, err := json.Marshal(siteCall(e))
		if err != nil {
			t.Fatal(err)
		}
		if e.Via == Site && strings.Contains(string(text), e.Lead.Email) != e.Signed {
			t.Fatalf("signed %v, but %s", e.Signed, text)
		}
	}
	if len(first) != leadCount {
		t.Errorf("%d of %d leads did anything", len(first), leadCount)
	}
	if anonymous < leadCount/4 {
		t.Errorf("only %d leads came as nobody", anonymous)
	}
	known := map[*Lead]bool{}
	for _, e := range w.Events {
		known[e.Lead] = known[e.Lead] || e.Via != Site || e.Signed
	}
	for _, l := range w.Leads {
		if !known[l] {
			t.Errorf("%s never said who they are", l.Email)
		}
	}
}

func TestTheLastLeadGoesTheWholeWay(t *testing.T) {
	for seed := range uint64(20) {
		w := testWeek(seed)
		var types []string
		var end time.Time
		for _, e := range w.Events {
			if e.Lead == w.Last() {
				types = append(types, e.Type)
				end = e.At
			}
		}
		for _, want := range []string{"page_viewed", "asset_downloaded", "event_attended", "demo_requested"} {
			if !slices.Contains(types, want) {
				t.Errorf("seed %d: no %s", seed, want)
			}
		}
		if types[len(types)-1] != "demo_requested" || w.To.Sub(end) > lastMinutes || len(w.Last().Story.Answers) > 0 {
			t.Errorf("seed %d: it ends with %s at %s", seed, types[len(types)-1], end)
		}
		colleagues := 0
		for _, l := range w.Leads {
			if l != w.Last() && l.Company == w.Last().Company {
				colleagues++
			}
		}
		if colleagues != 2 {
			t.Errorf("seed %d: %d colleagues", seed, colleagues)
		}
	}
}

// Whatever a rep says must be in the agreement, and in an order that makes sense.
func TestStoriesAreWithinTheAgreement(t *testing.T) {
	a, err := agreement.Parse([]byte(readFile(t, "agreement.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	if !a.Signed() {
		t.Error("the agreement is not signed by both")
	}
	ends := map[string]int{}
	for seed := range uint64(10) {
		for _, l := range testWeek(seed).Leads {
			var did []string
			for _, s := range l.Story.Answers {
				did = append(did, s.Do)
				ok := s.Reason == ""
				switch s.Do {
				case "reject":
					_, ok = a.RejectReason(s.Reason)
				case "recycle":
					_, ok = a.RecycleReason(s.Reason)
				}
				if !ok {
					t.Fatalf("%s with reason %q", s.Do, s.Reason)
				}
			}
			whole := strings.Join(did, " ")
			switch whole {
			case "", "reject", "accept", "accept contact recycle", "accept contact qualify":
			default:
				t.Errorf("a rep says %s", whole)
			}
			if l.Story.Deal != nil {
				whole += " deal"
				if l.Story.Deal.Won && l.Story.Deal.Lost || did[len(did)-1] != "qualify" {
					t.Errorf("deal %+v after %v", l.Story.Deal, did)
				}
			}
			ends[whole]++
		}
	}
	if len(ends) != 6 {
		t.Errorf("not every kind of story is told: %v", ends)
	}
}

func TestWhatIsReadAndRunIsInTheDirectory(t *testing.T) {
	directory := readFile(t, "directory.yaml")
	for _, e := range testWeek(2).Events {
		for _, id := range []string{e.Asset, e.Campaign} {
			if id != "" && !strings.Contains(directory, "id: "+id+"\n") && !strings.Contains(directory, "id: "+id+",") {
				t.Fatalf("%s is not in the directory", id)
			}
		}
	}
}

func TestDealsFollowTheStory(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	types := func(d *Deal) (out []any) {
		for _, e := range dealEvents(&Lead{Email: "a@b.example", Story: Story{Deal: d}}, "ho_1", at) {
			out = append(out, e["type"])
		}
		return out
	}
	for _, c := range []struct {
		deal *Deal
		want []any
	}{
		{nil, nil}, {&Deal{}, []any{"deal_opened"}}, {&Deal{Won: true}, []any{"deal_opened", "deal_won"}}, {&Deal{Lost: true}, []any{"deal_opened", "deal_lost"}},
	} {
		if got := types(c.deal); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v: %v", c.deal, got)
		}
	}
}
