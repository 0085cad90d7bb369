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
