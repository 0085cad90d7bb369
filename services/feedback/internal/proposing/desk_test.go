package proposing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

const text = `agreement: a # both of us
engagement:
  - { id: ebook, on: asset_downloaded, points: 10 } # too many?
  - { id: visit, on: page_viewed, points: 4 }
qualify:
  - { id: matrix, matrix: { a: 20 } }
`

var start = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

const oneDay = int64(24 * 60 * 60 * 1000)

// office is scoring's AgreementService, the journal's globals and the leads, in memory.
type office struct {
	now       time.Time
	versions  []*agreementv1.Agreement
	facts     []*journal.Event
	conflicts int
	tried     *agreementv1.BacktestAgreementRequest
	asked     metadata.MD
	views     int
	leads     *table.Table
}

func (o *office) ListAgreements(ctx context.Context, _ *agreementv1.ListAgreementsRequest, _ ...grpc.CallOption) (*agreementv1.ListAgreementsResponse, error) {
	o.asked, _ = metadata.FromOutgoingContext(ctx)
	return &agreementv1.ListAgreementsResponse{Agreements: o.versions}, nil
}

func (o *office) ProposeAgreement(_ context.Context, in *agreementv1.ProposeAgreementRequest, _ ...grpc.CallOption) (*agreementv1.ProposeAgreementResponse, error) {
	for _, v := range o.versions {
		if v.Yaml == in.Yaml {
			return &agreementv1.ProposeAgreementResponse{Agreement: v}, nil
		}
	}
	v := &agreementv1.Agreement{Version: int32(len(o.versions) + 1), State: "proposed", Yaml: in.Yaml}
	o.versions = append(o.versions, v)
	return &agreementv1.ProposeAgreementResponse{Agreement: v}, nil
}

func (o *office) BacktestAgreement(_ context.Context, in *agreementv1.BacktestAgreementRequest, _ ...grpc.CallOption) (grpc.ServerStreamingClient[agreementv1.BacktestAgreementResponse], error) {
	o.tried = in
	return nil, nil
}

func (o *office) LastGlobal(context.Context, string) (*journal.Event, error) {
	if len(o.facts) == 0 {
		return nil, nil
	}
	return o.facts[len(o.facts)-1], nil
}

func (o *office) ReadGlobals(context.Context, string) ([]*journal.Event, error) { return o.facts, nil }

func (o *office) AppendGlobal(_ context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error) {
	if o.conflicts > 0 {
		o.conflicts--
		return 0, fmt.Errorf("%w: another", journal.ErrConflict)
	}
	if kind != Kind || last != uint64(len(o.facts)) {
		return 0, errors.New("not appended as it is to be")
	}
	o.facts = append(o.facts, &journal.Event{Head: journal.Head{Seq: last + 1, Type: body.GetType()}, Body: body})
	return last + 1, nil
}

func (o *office) View(_ context.Context, _ string, see func(*table.Table) error) error {
	o.views++
	return see(o.leads)
}

// activate puts a version in force.
func (o *office) activate(version int32) {
	for _, v := range o.versions {
		if v.State == "active" {
			v.State = "superseded"
		}
	}
	v := o.versions[version-1]
	v.State, v.ActivatedAt = "active", timestamppb.New(o.now)
}

// qualify adds leads of the version in force that qualified in the hundred days up to a moment long ago enough: half had the e-book, and one
// in a hundred of those is won; of the others one in ten.
func (o *office) qualify(n int, version uint16, before time.Time) {
	t := o.leads
	for i := range n {
		r := table.Row{Epoch: 1, Stage: table.MQL, Rule: t.Names.Sym("matrix"), Version: version, Source: t.Names.Sym("site"), Grade: 1, Engagement: 30}
		mql := before.UnixMilli() - int64(i%100)*oneDay
		r.Entered[table.MQL] = mql
		every := 10
		r.Rules = t.Names.Set([]string{"visit"})
		if i%2 == 0 {
			every, r.Rules = 100, t.Names.Set([]string{"visit", "ebook"})
		}
		if i/2%every == 0 {
			r.Entered[table.Won] = mql + 10*oneDay
		}
		t.Replace(t.Lead(fmt.Sprintf("ld_%d_%d", t.Leads(), i)), []table.Row{r})
	}
}

func newOffice() (*office, *Desk) {
	o := &office{now: start, leads: table.New(), versions: []*agreementv1.Agreement{{Version: 1, Yaml: text}}}
	o.activate(1)
	o.now = start.Add(300 * 24 * time.Hour)
	o.qualify(2000, 1, start.Add(200*24*time.Hour))
	return o, New(Options{Tables: o, Agreements: o, Globals: o, Now: func() time.Time { return o.now }, MaxAge: time.Minute})
}

// ebook finds the proposal about the e-book, whatever its state.
func ebook(t *testing.T, d *Desk) *Item {
	t.Helper()
	list, err := d.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range list.Items {
		if it.Key == "points/ebook" {
			return it
		}
	}
	return nil
}

func TestProposedSignedInForceAndDone(t *testing.T) {
	o, d := newOffice()
	it := ebook(t, d)
	if it == nil || it.State != Open || it.Version != 1 || len(it.Differences) != 1 || it.Differences[0].ID != "ebook" {
		t.Fatalf("%+v", it)
	}
	if want := strings.Replace(text, "points: 10 }", "points: 5 }", 1); string(it.Text) != want {
		t.Errorf("%s", it.Text)
	}
	o.conflicts = 1
	got, seq, err := d.Propose(t.Context(), it.ID, "kim")
	if err != nil || seq != 1 || got.State != Proposed || got.Decision.Became != 2 {
		t.Fatalf("%v %d %+v", err, seq, got)
	}
	if again, seq, err := d.Propose(t.Context(), it.ID, "ana"); err != nil || seq != 0 || again.Decision.By != "kim" || len(o.versions) != 2 || len(o.facts) != 1 {
		t.Errorf("again: %v %d %+v", err, seq, again)
	}
	if ebook(t, New(d.opt)).State != Proposed {
		t.Error("it is forgotten when everything begins anew")
	}
	// Both sign, and it comes into force: what led there leads no further.
	o.activate(2)
	if it := ebook(t, d); it != nil {
		t.Errorf("the same evidence once more: %+v", it.Sentence)
	}
	// The rule is still too dear by what is seen under the new version.
	o.qualify(2000, 2, o.now.Add(150*24*time.Hour))
	o.now = o.now.Add(300 * 24 * time.Hour)
	if it := ebook(t, d); it == nil || it.State != Open || it.Change.From != "5" || it.ID == got.ID {
		t.Errorf("%+v", it)
	}
}

func TestAnotherVersionComesInto(t *testing.T) {
	o, d := newOffice()
	if _, _, err := d.Propose(t.Context(), ebook(t, d).ID, "kim"); err != nil {
		t.Fatal(err)
	}
	o.versions = append(o.versions, &agreementv1.Agreement{Version: 3, Yaml: text + "sla: { accept_within: 4h }\n"})
	o.activate(3)
	if it := ebook(t, d); it == nil || it.State != Open || it.Version != 3 {
		t.Errorf("%+v", it)
	}
}

func TestDismissed(t *testing.T) {
	o, d := newOffice()
	it := ebook(t, d)
	if _, seq, err := d.Dismiss(t.Context(), it.ID, "the fair in May", "ana"); err != nil || seq != 1 {
		t.Fatal(err)
	}
	if _, seq, err := d.Dismiss(t.Context(), it.ID, "the fair in May", "ana"); err != nil || seq != 0 {
		t.Errorf("again: %d %v", seq, err)
	}
	o.versions = append(o.versions, &agreementv1.Agreement{Version: 2, Yaml: text + "sla: { accept_within: 4h }\n"})
	o.activate(2)
	o.qualify(1000, 2, start.Add(200*24*time.Hour))
	if it := ebook(t, New(d.opt)); it == nil || it.State != Dismissed || it.Decision.Reason != "the fair in May" || it.Decision.By != "ana" {
		t.Fatalf("under another version, with half as many leads more: %+v", it)
	}
	o.qualify(1000, 2, start.Add(200*24*time.Hour))
	if it := ebook(t, New(d.opt)); it == nil || it.State != Open {
		t.Errorf("with twice as many: %+v", it)
	}
}

func TestBacktestIsOfTheChangedText(t *testing.T) {
	o, d := newOffice()
	it := ebook(t, d)
	if _, err := d.Backtest(t.Context(), it.ID, &agreementv1.BacktestAgreementRequest{Format: "text"}); err != nil {
		t.Fatal(err)
	}
	a, err := agreement.Parse([]byte(o.tried.GetYaml()))
	if err != nil || a.Engagement[0].Points != 5*agreement.Point || o.tried.GetVersion() != 0 || o.tried.GetFormat() != "text" {
		t.Errorf("%v %+v", err, o.tried)
	}
}

func TestWhatCannotBe(t *testing.T) {
	o, d := newOffice()
	if _, err := d.Get(t.Context(), "pr_0", ""); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	for _, it := range func() []*Item { l, _ := d.List(t.Context(), ""); return l.Items }() {
		if it.Change.Op != "" {
			continue
		}
		// visit is had by everybody: there is nothing to write, and so nothing to propose or try.
		if _, _, err := d.Propose(t.Context(), it.ID, "kim"); !errors.Is(err, ErrNoEdit) {
			t.Errorf("%s: %v", it.Key, err)
		}
		if _, err := d.Backtest(t.Context(), it.ID, &agreementv1.BacktestAgreementRequest{}); !errors.Is(err, ErrNoEdit) {
			t.Errorf("%s: %v", it.Key, err)
		}
	}
	o.versions[0].State, o.versions[0].ActivatedAt = "proposed", nil
	if list, err := d.List(t.Context(), ""); err != nil || list.Version != 0 || len(list.Items) != 0 {
		t.Errorf("%v %+v", err, list)
	}
	if _, err := New(Options{}).List(t.Context(), ""); !errors.Is(err, ErrNoAgreements) {
		t.Error(err)
	}
}

func TestCallsAreTheCallers(t *testing.T) {
	o, d := newOffice()
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer kims", "other", "x"))
	if _, err := d.List(ctx, ""); err != nil || len(o.asked.Get("authorization")) != 1 || len(o.asked.Get("other")) != 0 {
		t.Errorf("%v %v", err, o.asked)
	}
	views := o.views
	if _, err := d.List(ctx, ""); err != nil || o.views != views {
		t.Errorf("%v: looked at the leads again at once", err)
	}
	if _, err := d.List(ctx, "7"); err != nil || o.views != views+1 {
		t.Errorf("%v: what was asked for as of a sequence is old", err)
	}
	o.now = o.now.Add(2 * time.Minute)
	if _, err := d.List(ctx, ""); err != nil || o.views != views+2 {
		t.Errorf("%v: it is never looked at again", err)
	}
}
