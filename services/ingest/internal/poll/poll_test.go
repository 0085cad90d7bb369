package poll_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/ingest/internal/fakejournal"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// process is an ingest service that asks.
type process struct {
	metrics *prometheus.Registry
	log     *bytes.Buffer
	stop    context.CancelFunc
	done    chan error
}

func start(t *testing.T, j *fakejournal.Journal, m *marketo, change ...func(*sender.Poll)) *process {
	t.Helper()
	c := ingest.DefaultConfig()
	p := &sender.Poll{URL: "https://123-abc-456.mktorest.com", ClientID: "id", ClientSecret: config.NewSecret("hush"), Since: "1999-12-31T00:00:00Z"}
	for _, f := range change {
		f(p)
	}
	c.Sources = []ingest.Source{{Name: "mkto", Type: "marketo", Poll: p}}
	out := newProcess()
	s, err := ingest.New(c, ingest.Deps{Journal: j, Metrics: out.metrics, Log: out.logger(), Client: &http.Client{Transport: m}})
	if err != nil {
		t.Fatal(err)
	}
	out.run(t, s)
	return out
}

func newProcess() *process {
	return &process{metrics: prometheus.NewRegistry(), log: &bytes.Buffer{}, done: make(chan error, 1)}
}

func (p *process) logger() *slog.Logger { return slog.New(slog.NewTextHandler(p.log, nil)) }

func (p *process) run(t *testing.T, s *ingest.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p.stop = cancel
	go func() { p.done <- s.Run(ctx) }()
}

// kill ends the process and gives what it has logged.
func (p *process) kill(t *testing.T) string {
	t.Helper()
	p.stop()
	if err := <-p.done; err != nil {
		t.Error(err)
	}
	if strings.Contains(p.log.String(), "hush") || strings.Contains(p.log.String(), "@") {
		t.Errorf("the log has what it must not: %s", p.log)
	}
	return p.log.String()
}

func (p *process) metric(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := p.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == name && (label == "" || strings.Contains(m.String(), `"`+label+`"`)) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

// found gives how often each activity is in the journal.
func found(t *testing.T, j *fakejournal.Journal) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, ev := range j.Events() {
		if ev.Type == "email_opened" {
			out[ev.Body.Id]++
			if ev.Body.Source != "mkto" || ev.Body.Identity.GetExternalIds()["marketo"] == "" {
				t.Errorf("%v", ev.Body)
			}
		}
	}
	return out
}

func progress(j *fakejournal.Journal) (all []*journal.Event) {
	for _, ev := range j.Events() {
		if ev.Type == "poll_progressed" {
			all = append(all, ev)
		}
	}
	return all
}

func leads(from, to int) (out []int) {
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

func each(t *testing.T, j *fakejournal.Journal, wanted, most int) {
	t.Helper()
	got := found(t, j)
	if len(got) != wanted {
		t.Errorf("%d activities are in the journal, want %d", len(got), wanted)
	}
	for id, n := range got {
		if n > most {
			t.Errorf("%s is there %d times", id, n)
		}
	}
}

// Pages that have nothing of the types asked for do not end a round; what comes later is found in the next.
func TestReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, m := &fakejournal.Journal{}, &marketo{scanned: 3}
		m.happened(10, leads(1, 4)...)
		m.happened(37, leads(1, 20)...) // of no interest
		m.happened(10, 5, 1001)         // the latter has been deleted
		p := start(t, j, m)
		time.Sleep(30 * time.Second)
		each(t, j, 6, 1)
		if n := p.metric(t, "baton_ingest_poll_pages_total", "mkto"); n < 9 {
			t.Errorf("%v pages", n)
		}
		mails := 0
		for _, ev := range j.Events() {
			if ev.Body.Identity.GetEmail() != "" {
				mails++
			}
		}
		if mails != 5 {
			t.Errorf("%d have an address, want 5", mails)
		}
		stated := len(progress(j))
		if stated > 5 { // the beginning, and one for each page with events
			t.Errorf("progress is stated %d times", stated)
		}
		m.happened(10, 6)
		time.Sleep(2 * time.Minute)
		each(t, j, 7, 1)
		if lag := p.metric(t, "baton_ingest_poll_lag_seconds", "mkto"); lag < 0 || lag > 61 {
			t.Errorf("a lag of %v s", lag)
		}
		time.Sleep(3 * time.Hour) // tokens run out
		m.happened(10, 7)
		time.Sleep(2 * time.Minute)
		each(t, j, 8, 1)
		if m.granted < 3 || len(m.wrong) > 0 {
			t.Errorf("%d tokens, wrong: %v", m.granted, m.wrong)
		}
		if n := len(progress(j)) - stated; n > 6 {
			t.Errorf("progress is stated %d times in three quiet hours", n)
		}
		if said := p.kill(t); said != "" {
			t.Errorf("something is said: %s", said)
		}
	})
}

// Killed at any moment, once the journal had taken a page and once before, the next process neither loses nor skips.
func TestRestarts(t *testing.T) {
	for seed := range 12 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j, m := &fakejournal.Journal{}, &marketo{scanned: 4}
				m.happened(10, leads(1, 30)...)
				writes := 0
				j.Fail(func([]*journalv1.Event) error {
					if writes++; writes%(seed+2) == 0 {
						return journal.ErrUnavailable
					}
					return nil
				})
				for range 6 {
					p := start(t, j, m)
					time.Sleep(time.Duration(seed+1) * 170 * time.Millisecond)
					p.kill(t)
				}
				m.happened(10, leads(31, 33)...)
				p := start(t, j, m)
				time.Sleep(5 * time.Minute)
				p.kill(t)
				each(t, j, 33, 2)
				// What progress claims was in the journal before it, or with it.
				claimed, seen := 0, map[string]bool{}
				for _, ev := range j.Events() {
					seen[ev.Body.Id] = seen[ev.Body.Id] || ev.Type == "email_opened"
					if ev.Type == "poll_progressed" {
						if _, err := fmt.Sscanf(ev.Body.Properties.Fields["token"].GetStringValue(), "T0-%d", &claimed); err != nil {
							t.Fatal(err)
						}
						for i := range claimed {
							if !seen[fmt.Sprintf("guid-%d", i+1)] {
								t.Fatalf("activity %d of %d is claimed and not there", i+1, claimed)
							}
						}
					}
				}
			})
		})
	}
}

// What Marketo refuses is asked for again, after as long as it says.
func TestFailures(t *testing.T) {
	for code, c := range map[string]struct {
		code   string
		within time.Duration // all is there after it
		not    time.Duration // and no second call is made before it
	}{
		"token refused": {"601", 5 * time.Second, 0},
		"token old":     {"602", 5 * time.Second, 0},
		"rate":          {"606", 30 * time.Second, 20 * time.Second},
		"quota":         {"607", 16 * time.Minute, 15 * time.Minute},
		"at a time":     {"615", 15 * time.Second, 5 * time.Second},
		"system":        {"611", 10 * time.Second, time.Second},
		"unavailable":   {"-503", 10 * time.Second, time.Second},
		"redirected":    {"-302", 10 * time.Second, time.Second},
		"denied":        {"603", 6 * time.Minute, 5 * time.Minute},
	} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j, m := &fakejournal.Journal{}, &marketo{scanned: 300}
				m.happened(10, leads(1, 5)...)
				var at []time.Time
				m.fail = func(_ int, path string) string {
					if path == "/rest/v1/activities.json" {
						if at = append(at, time.Now()); len(at) == 1 {
							return c.code
						}
					}
					return ""
				}
				p := start(t, j, m)
				time.Sleep(c.within)
				each(t, j, 5, 1)
				if len(at) < 2 || at[1].Sub(at[0]) < c.not {
					t.Errorf("asked at %v", at)
				}
				if n := p.metric(t, "baton_ingest_poll_failures_total", strings.Replace(c.code, "-", "http_", 1)); c.not > 0 && n != 1 {
					t.Errorf("%v failures are counted", n)
				}
				if said := p.kill(t); c.not > 0 && strings.Count(said, "level=WARN") != 1 {
					t.Errorf("said: %s", said)
				}
			})
		})
	}
}

// A paging token that is not known any more is replaced by one for the moment up to which all has been read.
func TestAPagingTokenThatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, m := &fakejournal.Journal{}, &marketo{scanned: 300}
		m.happened(10, leads(1, 5)...)
		p := start(t, j, m)
		time.Sleep(time.Hour)
		p.kill(t)
		m.happened(10, leads(6, 9)...)
		m.oldest = 1
		time.Sleep(time.Hour)
		p = start(t, j, m)
		time.Sleep(5 * time.Minute)
		each(t, j, 9, 2)
		if n := p.metric(t, "baton_ingest_poll_failures_total", "1003"); n != 1 {
			t.Errorf("%v failures", n)
		}
		p.kill(t)
	})
}

// Without a beginning it begins now; wrong credentials are told and wait for somebody.
func TestBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, m := &fakejournal.Journal{}, &marketo{scanned: 300}
		m.happened(10, leads(1, 5)...)
		time.Sleep(time.Second)
		p := start(t, j, m, func(p *sender.Poll) { p.Since = "" })
		time.Sleep(10 * time.Second)
		m.happened(10, 6)
		time.Sleep(2 * time.Minute)
		each(t, j, 1, 1)
		p.kill(t)

		m.paths = nil
		p = start(t, &fakejournal.Journal{}, m, func(p *sender.Poll) { p.ClientID = "other" })
		time.Sleep(11 * time.Minute)
		if len(m.paths) != 3 {
			t.Errorf("asked %d times in eleven minutes", len(m.paths))
		}
		if said := p.kill(t); !strings.Contains(said, "client_id or client_secret is refused") {
			t.Errorf("said: %s", said)
		}
	})
}

// One activity that cannot be read is kept, and does not block the others.
func TestWhatCannotBeReadIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, m := &fakejournal.Journal{}, &marketo{scanned: 300}
		m.happened(10, leads(1, 3)...)
		m.log[1].guid = strings.Repeat("x", 300)
		p := start(t, j, m)
		time.Sleep(time.Minute)
		each(t, j, 2, 1)
		kept := 0
		for _, ev := range j.Events() {
			if q := ev.Body.GetQuarantined(); q != nil {
				kept++
				if !strings.Contains(q.Reason, "marketoGUID") || !bytes.Contains(q.Raw, []byte("xxx")) {
					t.Errorf("%v", q)
				}
			}
		}
		if kept != 1 {
			t.Errorf("%d are kept", kept)
		}
		p.kill(t)
	})
}
