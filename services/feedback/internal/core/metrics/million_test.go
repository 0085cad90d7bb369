package metrics

import (
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core"
)

// BenchmarkQueries asks a table of a million leads everything that the API can be asked: each number over all times, a year and a month, with
// filters, and by each dimension. It reports percentiles of the time and the processor time that a question took: the latter
// depends less on what else runs. A number that takes longer than it may fails, with -benchtime of 20 questions or more.
func BenchmarkQueries(b *testing.B) {
	const leads = 1_000_000
	var empty, full runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&empty)
	t := world(leads, 1)
	runtime.GC()
	runtime.ReadMemStats(&full)
	b.Logf("%d B a lead", (full.HeapAlloc-empty.HeapAlloc)/leads)
	var worst slowest
	year := Query{From: testNow - 365*dayMillis, To: testNow, Now: testNow}
	month := Query{From: testNow - 60*dayMillis, To: testNow - 30*dayMillis, Now: testNow}
	day := Query{From: testNow - 31*dayMillis, To: testNow - 30*dayMillis, Now: testNow}
	filtered := year
	filtered.Filter = map[Dimension][]string{BySource: {"source-1", "source-2", "source-3"}, ByGrade: {"a", "b", None}}
	for _, c := range queryBenches() {
		queries := []struct {
			name string
			q    Query
		}{{"all", Query{Now: testNow}}, {"year", year}, {"month", month}, {"day", day}, {"filtered", filtered}}
		if c.name == "cac" { // it is known by a few dimensions alone
			queries[len(queries)-1].q.Filter = map[Dimension][]string{ByCampaign: {"campaign-1", "campaign-2", "campaign-3"}}
		}
		for _, d := range c.by {
			queries = append(queries, struct {
				name string
				q    Query
			}{"by-" + string(d), with(year, d)})
		}
		for _, q := range queries {
			b.Run(c.name+"/"+q.name, func(b *testing.B) {
				worst.take(b, measure(b, func() error { return c.run(t, q.q) }))
			})
		}
	}
	for _, q := range []struct {
		name string
		q    core.Query
	}{{"all", core.Query{}}, {"year", core.Query{From: year.From, To: year.To}}, {"source", core.Query{Source: "source-1"}}} {
		b.Run("funnel/"+q.name, func(b *testing.B) {
			measure(b, func() error {
				core.Count(t, q.q)
				return nil
			})
		})
	}
	goals := make([]Goal, 0, len(GoalMetrics()))
	for _, m := range GoalMetrics() {
		goals = append(goals, Goal{ID: m, Metric: m, Target: 0.1, Since: testNow - 700*dayMillis, Window: 90 * dayMillis})
	}
	b.Logf("the slowest number is %s: p99 %.1f ms", worst.name, worst.p99)
	b.Run("goals/all-kinds", func(b *testing.B) {
		measure(b, func() error {
			_, err := Track(t, goals, testNow, nil, "EUR", nil)
			return err
		})
	})
}

func queryBenches() []bench {
	list := benchmarks()
	rows := slices.DeleteFunc(Dimensions(), func(d Dimension) bool { return d == ByMember })
	for i := range list {
		switch list[i].name {
		case "cohorts":
		case "campaigns", "cac":
			list[i].by = spendDimensions()
		case "reasons":
			list[i].by = slices.DeleteFunc(slices.Clone(rows), func(d Dimension) bool { return d == ByReason })
		case "leakage":
			list[i].by = slices.DeleteFunc(slices.Clone(rows), func(d Dimension) bool { return d == ByStage })
		default:
			list[i].by = rows
		}
	}
	return slices.DeleteFunc(list, func(c bench) bool { return c.name == "conversion2" })
}

// slowest is the question that took longest.
type slowest struct {
	name string
	p99  float64
}

// bound is how long an answer may take, in milliseconds, and enough how many answers a percentile is taken of before it is held to that.
const bound, enough = 50, 20

func (s *slowest) take(b *testing.B, p99 float64) {
	b.Helper()
	if p99 > s.p99 {
		s.name, s.p99 = b.Name(), p99
	}
	if b.N >= enough && p99 > bound {
		b.Errorf("p99 is %.1f ms, over the %d ms that any number may take", p99, bound)
	}
}

// measure runs a question b.N times, and gives the 99th percentile of the time that it took in milliseconds.
func measure(b *testing.B, ask func() error) float64 {
	b.Helper()
	times := make([]float64, 0, b.N)
	before := processor(b)
	for b.Loop() {
		start := time.Now()
		if err := ask(); err != nil {
			b.Fatal(err)
		}
		times = append(times, float64(time.Since(start))/1e6)
	}
	b.ReportMetric((processor(b)-before)/float64(len(times)), "cpu-ms")
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "p50-ms")
	p99 := times[len(times)*99/100]
	b.ReportMetric(p99, "p99-ms")
	return p99
}

// processor gives the processor time that this process has taken, in milliseconds.
func processor(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
