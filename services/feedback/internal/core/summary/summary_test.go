package summary

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/feedback/internal/core/metrics"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

func at(day int) int64 { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC).UnixMilli() }

// story: 40 leads in each of the weeks of 9 and 16 November; sales confirmed 8 of the first and 28 of the second, all from the fair.
func story() *table.Table {
	t := table.New()
	for week, confirmed := range map[int]int{10: 8, 17: 28} {
		for i := range 40 {
			r := table.Row{
				Epoch: 1, First: at(week), Stage: table.Routed, Source: t.Names.Sym([]string{"fair", "ads"}[i*2/60]), Campaign: t.Names.Sym("<autumn> & co"),
				Flags: table.AcceptBreached,
			}
			r.Entered[table.MQL], r.Entered[table.Routed] = r.First, r.First
			if i < confirmed {
				r.Entered[table.Accepted], r.Entered[table.SQL], r.Stage, r.Flags = r.First+1000, r.First+2000, table.SQL, 0
			}
			if i >= 38 {
				r.Flags |= table.Rejected | table.Fixable | table.WasRecycled
				r.Stage, r.Reason = table.Recycled, t.Names.Sym("no-fit/size")
				r.Ended = r.First + 3000
			}
			t.Replace(t.Lead(fmt.Sprint(week, "-", i)), []table.Row{r})
		}
	}
	return t
}

func of(t *testing.T, tab *table.Table) *Summary {
	t.Helper()
	monday, err := Parse("2026-W47")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Of(Input{
		Table: tab, Week: monday, Now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC),
		Goals:     []metrics.Goal{{ID: "confirm", Metric: metrics.GoalMQLToSQL, Target: 0.4, Since: at(1), Window: 90 * 86_400_000}},
		Proposals: []Proposal{{ID: "pr_1", Title: "rule ebook: 10 to 4 points", Sentence: "Leads with it close at 1.1 % against 4.0 % without, n = 812."}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAWeekInWords(t *testing.T) {
	text := of(t, story()).Text()
	for _, want := range []string{
		"week 2026-W47 (2026-11-16 to 2026-11-22)",
		"MQL to SQL: 28 of 40 (70.0 %)", "the week before 8 of 40 (20.0 %)", "this quarter so far 36 of 80 (45.0 %)", "clearly more than the week before",
		"moved by the sources fair (+50.0 points)",
		"no new customer", "no deal closed", "no customer to keep yet",
		"no-fit/size (2)", "2 of 2 rejections were for a reason that marketing can mend",
		"Best by what became of its leads", "of 80 leads 36 were confirmed",
		"leads with a rep, not accepted yet, the oldest since 2026-11-10 12:00 UTC",
		"confirm (mql to sql rate): 45.0 % of 40.0 %, on track", "1 proposed change of the agreement waits for your answer.",
		"rule ebook: 10 to 4 points: Leads with it close at 1.1 % against 4.0 % without, n = 812. (pr_1)", "baton proposals",
		"Marketing: Sales confirmed a clearly larger share",
		"Sales: ", "accepted in time",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestAWeekWithoutLeads(t *testing.T) {
	tab := table.New()
	r := table.Row{Epoch: 1, First: at(10), Stage: table.Inquiry}
	tab.Replace(tab.Lead("ld_1"), []table.Row{r})
	text := of(t, tab).Text()
	for _, want := range []string{"Lead conversion: no lead was first seen; the week before 0 of 1", "MQL to SQL: marketing qualified no lead; the week before none"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q in\n%s", want, text)
		}
	}
}

func TestProposalsAreNamed(t *testing.T) {
	of := func(n int, unread bool) string {
		in := Input{Table: story(), Week: Monday(time.UnixMilli(at(17))), Now: time.UnixMilli(at(23)), Unread: unread}
		for i := range n {
			in.Proposals = append(in.Proposals, Proposal{ID: fmt.Sprint("pr_", i), Title: fmt.Sprint("change ", i)})
		}
		s, err := Of(in)
		if err != nil {
			t.Fatal(err)
		}
		return s.Text()
	}
	if text := of(0, false); strings.Contains(text, "Proposed changes") {
		t.Error(text)
	}
	if text := of(7, false); !strings.Contains(text, "7 proposed changes of the agreement wait for") || !strings.Contains(text, "- change 4 (pr_4)") ||
		strings.Contains(text, "change 5") || !strings.Contains(text, "And 2 more") {
		t.Error(text)
	}
	if text := of(0, true); !strings.Contains(text, "could not be read") {
		t.Error(text)
	}
}

func TestSmallNumbersAreSaidToBe(t *testing.T) {
	tab := table.New()
	r := table.Row{Epoch: 1, First: at(17), Stage: table.MQL}
	r.Entered[table.MQL] = r.First
	tab.Replace(tab.Lead("a"), []table.Row{r})
	text := of(t, tab).Text()
	if !strings.Contains(text, "MQL to SQL: 0 of 1 ") || !strings.Contains(text, "small numbers") || strings.Contains(text, "clearly") ||
		!strings.Contains(text, "1 lead qualified, with nobody to go to yet") || !strings.Contains(text, "Marketing: nothing stands out") {
		t.Error(text)
	}
}

// TestNamesFromOutsideAreNoMarkup: nor in Slack's way of writing.
func TestNamesFromOutsideAreNoMarkup(t *testing.T) {
	s := of(t, story())
	page, err := s.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{page, s.Slack()} {
		if strings.Contains(written, "<autumn>") || !strings.Contains(written, "&lt;autumn&gt; &amp; co") {
			t.Error(written)
		}
	}
	if !strings.Contains(s.Text(), "<autumn> & co") {
		t.Error("the text has its own")
	}
}

// TestMovesAddUp: what moved a share adds up to how far it moved.
func TestMovesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (list []metrics.RateOf, k, n int) {
			for _, name := range []string{"a", "b", "c"} {
				of := rapid.IntRange(0, 50).Draw(t, label+name)
				if of == 0 {
					continue
				}
				count := rapid.IntRange(0, of).Draw(t, label+name+"k")
				list = append(list, metrics.RateOf{Key: []string{name}, Share: metrics.Share{Count: count, Of: of, Value: float64(count) / float64(of)}})
				k, n = k+count, n+of
			}
			return list, k, n
		}
		now, k1, n1 := draw("now")
		was, k0, n0 := draw("was")
		sum := 0.0
		for _, m := range moved(now, was) {
			sum += m.delta
		}
		want := 0.0
		if n1 > 0 && n0 > 0 {
			want = float64(k1)/float64(n1) - float64(k0)/float64(n0)
		}
		if math.Abs(sum-want) > 1e-12 {
			t.Fatalf("%g, not %g", sum, want)
		}
	})
}

func TestWeeks(t *testing.T) {
	for week, monday := range map[string]string{"2026-W47": "2026-11-16", "2026-W01": "2025-12-29", "2026-W53": "2026-12-28", "2027-W01": "2027-01-04"} {
		m, err := Parse(week)
		if err != nil || m.Format(time.DateOnly) != monday || Name(m.Add(7*24*time.Hour-1)) != week {
			t.Errorf("%s begins on %s: %v", week, m, err)
		}
	}
	for _, bad := range []string{"", "2026-47", "2025-W53", "2026-W00", "2026-W99", "2026-W4x", "0001-W01"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q is taken for a week", bad)
		}
	}
}

// TestWhatIsNotKnownIsNotZero: a cost without any spend stated, a share of nobody, and deals without an amount are told as what they are.
func TestWhatIsNotKnownIsNotZero(t *testing.T) {
	tab := table.New()
	at := at(17)
	for i := range 40 {
		n := tab.Lead(fmt.Sprint("ld_", i))
		r := table.Row{Epoch: 1, Stage: table.Won, First: at, Source: tab.Names.Sym("site")}
		r.Entered[table.Inquiry], r.Entered[table.Won] = at, at+1000
		tab.Replace(n, []table.Row{r})
		tab.PutDeal(table.Deal{ID: tab.Names.Sym(fmt.Sprint("crm/", i)), Lead: n, Epoch: 1, Status: table.DealWon, Opened: at, Closed: at + 1000})
	}
	text := of(t, tab).Text()
	for _, want := range []string{
		"40 new customers, and no spend is stated", "no deal closed with its amount and its opening known (40 deals left out)",
		"nothing to tell yet, for there is nobody yet", "40 new customers came out of them",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "moved by the sources") {
		t.Errorf("one source alone is said to have moved a number:\n%s", text)
	}
}
