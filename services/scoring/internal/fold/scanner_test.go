package fold_test

import (
	"fmt"
	"testing"
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

const mailYAML = `
agreement: mail
engagement:
  - { id: click, on: email_clicked, points: 10, half_life: none, because: follows what we write }
qualify:
  - { id: keen, when: engagement >= 25 }
`

func click(message, link string, when time.Time) func(*journalv1.Event) {
	return func(e *journalv1.Event) {
		url(link)(e)
		e.Touch = &journalv1.Touch{Url: link}
		at(when)(e)
		e.Payload = &journalv1.Event_EmailClicked{EmailClicked: &journalv1.EmailClicked{EmailId: message}}
	}
}

// A gateway clicks everything in a message; the first clicks score until the third shows it, and nobody is handed over.
func TestAMailScannerHandsNobodyOver(t *testing.T) {
	w := newWorld(t, mailYAML)
	w.Now = w.Now.Add(time.Minute)
	arrived := w.Now
	w.Now = w.Now.Add(30 * time.Second)
	for i, want := range []float64{10, 20, 0, 0} {
		w.sees(ana, "email_clicked", click("m1", fmt.Sprintf("https://initech.example/%d", i), arrived.Add(time.Duration(i)*time.Second)))
		w.wantEngagement(ana, want)
	}
	w.wantStages(ana, "inquiry")
	s := w.score(ana)
	shown := fold.Contributions(s.Lines)
	if len(shown) != 4 {
		t.Fatalf("got %v", shown)
	}
	for _, c := range shown {
		if c.Points != 0 || c.RawPoints != 10 || c.LimitedBy != "automated" || c.Because == "" || c.Because == "follows what we write" {
			t.Errorf("got %v", c)
		}
	}
	for _, item := range fold.LeadSnapshot(w.lead(ana)).Timeline {
		if !item.Automated || item.AutomatedBecause != shown[0].Because {
			t.Errorf("got %v", item)
		}
	}

	// The person reads it later, and counts.
	w.Now = w.Now.Add(hour)
	for i := range 3 {
		w.Now = w.Now.Add(time.Minute)
		w.sees(ana, "email_clicked", click("m1", fmt.Sprintf("https://initech.example/%d", i), w.Now.Add(-time.Second)))
	}
	w.wantEngagement(ana, 30)
	w.wantStages(ana, "inquiry", "mql")
}

// What its sender flags is explained with the sender's reason, beside what counts.
func TestFlaggedEventsAreExplained(t *testing.T) {
	w := newWorld(t, mailYAML)
	w.sees(ana, "email_clicked", func(e *journalv1.Event) { e.Automated, e.AutomatedBecause = true, "machine open" })
	w.sees(ana, "email_clicked")
	w.wantEngagement(ana, 10)
	lines := w.score(ana).Lines
	if len(lines) != 2 || lines[0].LimitedBy != "automated" || lines[0].Because != "machine open" || lines[1].LimitedBy != "" {
		t.Errorf("got %+v", lines)
	}
	item := fold.LeadSnapshot(w.lead(ana)).Timeline[1]
	if !item.Automated || item.AutomatedBecause != "machine open" {
		t.Errorf("got %v", item)
	}
}
