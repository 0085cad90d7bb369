package journeys

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/fold"
)

// Book is what feedback's fold makes of the log.
func (l *log) Book(_ context.Context, _ string, see func(*core.Book) error) error {
	erased, dropped := map[string]uint64{}, map[string]bool{}
	for _, ev := range l.events {
		if lead := ev.Body.GetErasureRequested().GetLead(); lead != "" {
			erased[lead] = ev.Seq
		}
		if q := ev.Body.GetQuarantined(); q != nil {
			dropped[q.GetInputSequence()] = true
		}
	}
	leads, globals := map[string]*fold.Lead{}, fold.Logic{}.NewGlobals()
	for _, ev := range l.events {
		if ev.Partition == journal.Global || !(fold.Logic{}).Wants(ev.Head) || ev.Seq < erased[ev.Entity] || ev.Origin == nil && dropped[strconv.FormatUint(ev.Seq, 10)] {
			continue
		}
		if leads[ev.Entity] == nil {
			e, err := fold.Logic{}.Load(ev.Entity, nil)
			if err != nil {
				return err
			}
			leads[ev.Entity] = e.(*fold.Lead)
		}
		leads[ev.Entity].Apply(globals, ev)
	}
	rows := map[string]*core.Row{}
	for id, lead := range leads {
		rows[id] = lead.Row()
	}
	book := core.NewBook()
	if err := book.Update(slices.Sorted(maps.Keys(rows)), func([]string) (map[string]*core.Row, error) { return rows, nil }); err != nil {
		return err
	}
	return see(book)
}

// TestADealIsAsOldAsItsSourceSays: not as the first that was heard of it; and the role is the one that the source's fact states.
func TestADealIsAsOldAsItsSourceSays(t *testing.T) {
	l := &log{}
	l.did(0, ana, "form_submitted", "organic", "")
	made := start.Add(-48 * time.Hour)
	l.add(48, "", &journalv1.Event{Entity: ana, Type: "deal_won", Source: "crm", Payload: &journalv1.Event_DealWon{DealWon: &journalv1.Deal{
		DealId: "d1", Role: "champion", CreatedAt: timestamppb.New(made),
	}}})
	l.entered(ana, "won")
	l.deal(40, ana, "crm", "d1", "deal_opened", "") // told late
	deals, err := l.collector().Deals.Deals(t.Context(), "")
	if err != nil || len(deals) != 1 {
		t.Fatal(deals, err)
	}
	if d := deals[0]; d.Opened != made.UnixMilli() || d.Leads[0] != ana || d.Status != StatusWon {
		t.Errorf("%+v", d)
	}
	s, err := l.collector().Story(t.Context(), StoryQuery{ID: "d1", By: "channel"})
	if err != nil || len(s.People) != 1 || s.People[0].Role != "champion" {
		t.Errorf("%+v %v", s, err)
	}
}

// TestDealsStandAsEverywhere: the last that a CRM says by its own clock holds, in whatever order it comes. A deal that is opened once
// more, after it was won, is open; and what was opened before it was won is not, however late that is told.
func TestDealsStandAsEverywhere(t *testing.T) {
	type said struct {
		hours float64
		what  string
	}
	for name, c := range map[string]struct {
		said []said
		want Status
	}{
		"opened after it was won":       {[]said{{48, "deal_won"}, {60, "deal_opened"}}, StatusOpen},
		"opened before, told behind":    {[]said{{48, "deal_won"}, {40, "deal_opened"}}, StatusWon},
		"opened again, and won again":   {[]said{{48, "deal_won"}, {60, "deal_opened"}, {61, "deal_won"}}, StatusWon},
		"reopened, told before the win": {[]said{{60, "deal_reopened"}, {48, "deal_won"}}, StatusOpen},
		"lost, then opened":             {[]said{{48, "deal_lost"}, {49, "deal_opened"}}, StatusOpen},
	} {
		l := &log{}
		l.did(0, ana, "form_submitted", "organic", "")
		for _, s := range c.said {
			l.deal(s.hours, ana, "crm", "d1", s.what, "10")
		}
		deals, err := l.collector().Deals.Deals(t.Context(), "")
		if err != nil || len(deals) != 1 || deals[0].Status != c.want || (deals[0].Closed == 0) != (c.want == StatusOpen) {
			t.Errorf("%s: %+v %v", name, deals, err)
		}
	}
}

// TestADealWithoutANameEarnsCredit: it is the lead's, here as in every other number.
func TestADealWithoutANameEarnsCredit(t *testing.T) {
	l := &log{}
	l.did(0, ana, "form_submitted", "organic", "")
	l.deal(48, ana, "crm", "", "deal_won", "10")
	if got := credits(t, l, "linear", Query{By: "channel"}); len(got) != 1 || got["organic"] != "10.00" {
		t.Errorf("%v", got)
	}
}

// slowLog is a journal that answers when it is told to.
type slowLog struct {
	*log
	begun, proceed chan struct{}
}

func (s slowLog) Scan(ctx context.Context, from uint64, f func(*journal.Event) error) error {
	s.begun <- struct{}{}
	select {
	case <-s.proceed:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.log.Scan(ctx, from, f)
}

// TestWhatWasReadIsNotLost: who stops waiting does not stop the reading, so that whoever asks again has its answer without another.
func TestWhatWasReadIsNotLost(t *testing.T) {
	s := slowLog{story(), make(chan struct{}, 8), make(chan struct{})}
	c := s.collector()
	c.Cache = NewCache(s, key)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := c.Collect(ctx, Query{By: "channel"})
		failed <- err
	}()
	<-s.begun
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(s.proceed)
	got, err := c.Collect(t.Context(), Query{By: "channel"})
	if err != nil || len(got.Converted) != 1 || len(got.Converted[0].Path.Touches) == 0 {
		t.Fatalf("%+v %v", got, err)
	}
	reads := len(s.begun)
	again, err := c.Collect(t.Context(), Query{By: "channel"})
	if err != nil || len(again.Converted) != 1 || len(s.begun) != reads {
		t.Errorf("%+v %v, %d reads after %d", again, err, len(s.begun), reads)
	}
}
