package crm

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

func TestStages(t *testing.T) {
	s := NewStages(map[string]string{"Closed Won": "deal_won", "Qualified": "sql", "closedlost": "deal_lost"},
		map[string]string{"QUALIFIED": "contacted", "Lost": "deal_lost", "LOST": "churned"})
	for value, want := range map[string]string{
		"Closed Won": "deal_won", " closed won ": "deal_won", "Qualified": "contacted", "qualified": "contacted", "Lost": "deal_lost",
		"LOST": "churned", "lost": "churned", "ClosedLost": "deal_lost", "closed": "", "": "",
	} {
		if got, ok := s.Of(value); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

// Whatever the two tables hold: an exact match of the operator's counts above all else, and a type's own above nothing of it.
func TestStagesOperatorFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SampledFrom([]string{"a", "A", "b", "B", " a"})
		kinds := rapid.SampledFrom([]string{"sql", "deal_won", "deal_lost"})
		own, defaults := rapid.MapOf(value, kinds).Draw(t, "own"), rapid.MapOf(value, kinds).Draw(t, "defaults")
		asked := value.Draw(t, "asked")
		got, ok := NewStages(defaults, own).Of(asked)
		alike := func(m map[string]string) (types []string) {
			for k, v := range m {
				if strings.EqualFold(strings.TrimSpace(k), strings.TrimSpace(asked)) {
					types = append(types, v)
				}
			}
			return types
		}
		in := func(types []string) bool {
			for _, t := range types {
				if t == got {
					return true
				}
			}
			return false
		}
		exact, there := own[asked]
		switch {
		case there && got != exact:
			t.Fatalf("%q: got %s, the operator says %s", asked, got, exact)
		case len(alike(own)) > 0 && !in(alike(own)):
			t.Fatalf("%q: got %s, the operator says one of %v", asked, got, alike(own))
		case len(alike(own)) == 0 && len(alike(defaults)) > 0 && !in(alike(defaults)):
			t.Fatalf("%q: got %s, the type says one of %v", asked, got, alike(defaults))
		case ok != (len(alike(own))+len(alike(defaults)) > 0):
			t.Fatalf("%q: %v", asked, ok)
		}
	})
}

func TestIsHandoffField(t *testing.T) {
	for name, want := range map[string]bool{
		"handoff_id": true, "baton_handoff_id": true, "HandoffId__c": true, "Handoff_Id__c": true, "new_handoffid": true, "cHandoffId": true, "batonHandoffId": true,
		"handoff": false, "handoff_id_old": false, "id": false, "": false,
	} {
		if IsHandoffField(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestTime(t *testing.T) {
	for s, want := range map[string]string{
		"1795161600000": "2026-11-20T08:00:00Z", "1795161600": "2026-11-20T08:00:00Z", "2026-11-20T08:00:00.000+0000": "2026-11-20T08:00:00Z",
		"2026-11-20T10:00:00.5+02:00": "2026-11-20T08:00:00.5Z", "2026-11-20 08:00:00": "2026-11-20T08:00:00Z", "0": "", "-5": "", "99999999999999999999": "", "soon": "", "": "",
	} {
		got := ""
		if at, ok := Time(s); ok {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}

func TestReasonAndMicros(t *testing.T) {
	for s, want := range map[string]string{"No Budget": "no-budget", "NO_BUDGET": "no-budget", "no-fit": "no-fit", "": ""} {
		if got := Reason(s); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
	for s, want := range map[string]string{"12000500000": "12000.5", "1": "0.000001", "0": "0", "1000000": "1", "100000000": "100", "x": "", "": ""} {
		if got := Micros(s); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}

// What is put into an object is found in it, whatever the names and texts; the first of two alike counts.
func TestObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z"\\\n<é{},: ]{0,8}`)
		var o Object
		want := map[string]string{}
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			name, value := text.Draw(t, "name"), text.Draw(t, "value")
			if _, there := want[name]; !there {
				want[name] = value
			}
			o.Text(name, value)
			if !o.Has(name) {
				t.Fatalf("%q is not there", name)
			}
		}
		v, err := o.Value(strictjson.NewDoc())
		if err != nil {
			t.Fatal(err)
		}
		if v.Len() != len(want) {
			t.Fatalf("%d members, want %d", v.Len(), len(want))
		}
		for name, value := range want {
			if got := v.Get(name).Text(); got != value {
				t.Fatalf("%q: got %q, want %q", name, got, value)
			}
		}
	})
}

func TestCheck(t *testing.T) {
	ok := sender.Config{Secrets: []string{"s"}, Map: map[string]string{"a": "custom"}, Stages: map[string]string{"b": "sql"}}
	if err := Check(&ok, "x"); err != nil {
		t.Error(err)
	}
	for field, c := range map[string]sender.Config{
		"secrets": {Secrets: []string{"s", ""}}, "write_key": {WriteKey: "k", Secrets: []string{"s"}},
		"map": {Secrets: []string{"s"}, Map: map[string]string{"a": "?"}}, "stages": {Secrets: []string{"s"}, Stages: map[string]string{"a": "?"}},
	} {
		if err := Check(&c, "x"); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
