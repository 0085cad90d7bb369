package api

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/proposing"
)

// TestTheWeekNamesWhatIsProposed: open ones alone; a service that does not answer keeps nobody from the rest, and is told of.
func TestTheWeekNamesWhatIsProposed(t *testing.T) {
	s := metricsServer()
	_, desk := proposalServer()
	desk.list.Items[0].Title, desk.list.Items[0].Sentence = "Rule ebook: 10 → 5 points", "Leads with rule ebook do worse: 1.1 % of them became customers."
	desk.list.Items[1].Title = "Rule old never takes part"
	s.opt.Proposals, s.opt.Log = desk, slog.New(slog.DiscardHandler)
	monday := time.Date(2001, 9, 3, 0, 0, 0, 0, time.UTC)
	text := func() string {
		sum, err := s.Weekly(t.Context(), monday)
		if err != nil {
			t.Fatal(err)
		}
		return sum.Text()
	}
	if got := text(); !strings.Contains(got, "1 proposed change of the agreement waits") ||
		!strings.Contains(got, "Rule ebook: 10 → 5 points: Leads with rule ebook do worse: 1.1 % of them became customers. (pr_1)") || strings.Contains(got, "Rule old") {
		t.Error(got)
	}
	desk.err = proposing.ErrNoAgreements
	if got := text(); strings.Contains(got, "Proposed changes") {
		t.Error(got)
	}
	desk.err = errors.New("gone")
	if got := text(); !strings.Contains(got, "could not be read") || !strings.Contains(got, "leads first seen became customers") {
		t.Error(got)
	}
}
