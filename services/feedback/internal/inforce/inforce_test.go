package inforce

import (
	"context"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

type globals []*journal.Event

func (g globals) LastGlobal(context.Context, string) (*journal.Event, error) {
	if len(g) == 0 {
		return nil, nil
	}
	return g[len(g)-1], nil
}

func (g globals) ReadGlobals(context.Context, string) ([]*journal.Event, error) { return g, nil }

func TestSpends(t *testing.T) {
	r := New(globals{{Head: journal.Head{Seq: 7}, Body: &journalv1.Event{Payload: &journalv1.Event_DirectoryChanged{DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(`
campaigns: [ {id: q4, name: Q4, channel: email, spend: [{month: 2026-11, amount: "12000.5", currency: EUR}]} ]
costs: [ {kind: sales, month: 2026-10, amount: "900", currency: USD, team: emea} ]
`)}}}}})
	got, err := r.Spends(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if s := got[0]; s.Campaign != "q4" || s.Channel != "email" || s.Amount != 12_000_500_000 || s.Kind != "marketing" || time.UnixMilli(s.Month).UTC().Month() != time.November {
		t.Errorf("%+v", s)
	}
	if s := got[1]; s.Team != "emea" || s.Kind != "sales" || s.Currency != "USD" || s.Amount != 900e6 {
		t.Errorf("%+v", s)
	}
}

func TestGoalsKeepTheirWindows(t *testing.T) {
	changed := func(seq uint64, c *journalv1.AgreementChanged, at time.Time) *journal.Event {
		return &journal.Event{Head: journal.Head{Seq: seq, Logged: at}, Body: &journalv1.Event{Payload: &journalv1.Event_AgreementChanged{AgreementChanged: c}}}
	}
	text := func(target string) []byte {
		return []byte("agreement: a\ngoals: [ {id: m, metric: mql_to_sql_rate, target: " + target + ", window: 90d} ]\n")
	}
	first, second := time.UnixMilli(1_000_000), time.UnixMilli(2_000_000)
	g := globals{
		changed(1, &journalv1.AgreementChanged{Version: 1, Change: "proposed", Yaml: text("0.3")}, first),
		changed(2, &journalv1.AgreementChanged{Version: 1, Change: "activated"}, first),
		changed(3, &journalv1.AgreementChanged{Version: 2, Change: "proposed", Yaml: text("0.4")}, second),
	}
	goals, version, err := New(g).Goals(t.Context())
	if err != nil || version != 1 || len(goals) != 1 || goals[0].Target != 0.3 {
		t.Fatal(goals, version, err)
	}
	goals, version, err = New(append(g, changed(4, &journalv1.AgreementChanged{Version: 2, Change: "activated"}, second))).Goals(t.Context())
	if err != nil || version != 2 || goals[0].Target != 0.4 || goals[0].Since != 1_000_000 || goals[0].Window != 90*24*3_600_000 {
		t.Error(goals, version, err)
	}
}

func TestMicros(t *testing.T) {
	for s, want := range map[string]int64{"12000.5": 12_000_500_000, "0": 0, "1.000001": 1_000_001, "9000000000000": 9_000_000_000_000_000_000} {
		if got, err := micros(s); err != nil || got != want {
			t.Errorf("%s is %d %v", s, got, err)
		}
	}
	for _, s := range []string{"", "-1", "1.0000001", "1e3", "99999999999999", ".5", "1,5"} {
		if got, err := micros(s); err == nil {
			t.Errorf("%q is %d", s, got)
		}
	}
}
