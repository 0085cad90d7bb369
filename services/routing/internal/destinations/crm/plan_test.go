package crm

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// A text that fits stays; a longer one is the longest beginning that fits with an ellipsis.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := rapid.String().Draw(t, "s"), rapid.IntRange(1, 20).Draw(t, "n")
		got, cut := Cut(s, n)
		units := func(s string) int { return len(utf16.Encode([]rune(s))) }
		switch fits := units(s) <= n; {
		case fits != !cut:
			t.Fatalf("%q to %d: cut %t", s, n, cut)
		case fits && got != s:
			t.Fatalf("%q to %d became %q", s, n, got)
		case fits:
			return
		}
		head, ok := strings.CutSuffix(got, "…")
		if !ok || !strings.HasPrefix(s, head) || !utf8.ValidString(got) || units(got) > n {
			t.Fatalf("%q to %d became %q", s, n, got)
		}
		next, _ := utf8.DecodeRuneInString(s[len(head):])
		if units(head)+utf16.RuneLen(next)+1 <= n {
			t.Fatalf("%q to %d became %q: more fits", s, n, got)
		}
	})
}

func TestBase(t *testing.T) {
	for _, tc := range []struct{ address, from, want string }{
		{"https://initech.my.salesforce.example/", "https://login.example/token", "https://initech.my.salesforce.example"},
		{"https://initech.my.salesforce.example", "http://127.0.0.1:1/token", "https://initech.my.salesforce.example"},
		{"http://127.0.0.1:1", "http://127.0.0.1:1/token", "http://127.0.0.1:1"},
		{"http://initech.my.salesforce.example", "https://login.example/token", ""},
		{"https://user:pw@initech.example", "https://login.example/token", ""},
		{"https://initech.example/?a=b", "https://login.example/token", ""},
		{"file:///etc/passwd", "https://login.example/token", ""},
		{"", "https://login.example/token", ""},
		{"%", "https://login.example/token", ""},
	} {
		if got := Base(tc.address, tc.from); got != tc.want {
			t.Errorf("%s from %s: %q", tc.address, tc.from, got)
		}
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for raw, want := range map[string]time.Duration{"3599": 3599 * time.Second, `"3600"`: time.Hour, "": 0, "-5": 0, "null": 0, "1e99": 0} {
		got := Granted{ExpiresIn: []byte(raw)}.Until(now)
		if want == 0 && !got.IsZero() || want != 0 && got.Sub(now) != want {
			t.Errorf("%s: %s", raw, got)
		}
	}
}

// What was found holds for an hour, that nobody was found for a minute, and an error not at all.
func TestOwners(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	asked, found, failing := 0, "", false
	o := &Owners{
		Keys: []string{"crm", "kind"}, Now: func() time.Time { return now }, Valid: func(id string) bool { return strings.HasPrefix(id, "u") },
		Find: func(context.Context, string) (string, destination.Outcome, bool) {
			asked++
			return found, destination.Outcome{Reason: "failed"}, !failing
		},
	}
	ana := &routingv1.Owner{Id: "ana", Email: "Ana@us.example"}
	step := func(wantID string, wantOK bool, wantAsked int) {
		t.Helper()
		id, why, ok := o.ID(t.Context(), ana)
		if id != wantID || ok != wantOK || asked != wantAsked || !ok && (why.Reason == "" || why.Verdict != destination.Again) {
			t.Fatalf("%q, %t, %+v after %d questions", id, ok, why, asked)
		}
	}
	failing = true
	step("", false, 1)
	failing = false
	step("", false, 2)
	found = "u1"
	step("", false, 2)
	now = now.Add(missingFor + time.Second)
	step("u1", true, 3)
	found = "u2"
	step("u1", true, 3)
	o.Forget(ana)
	step("u2", true, 4)
	now = now.Add(foundFor + time.Second)
	found = ""
	o.Fallback = "u9"
	step("u9", true, 5)
	ana.ExternalIds = map[string]string{"kind": "u7", "other": "u8"}
	step("u7", true, 5)
	ana.ExternalIds["crm"] = "u6"
	step("u6", true, 5)
	ana.ExternalIds["crm"] = "what"
	step("", false, 5)
	if id, _, ok := o.ID(t.Context(), nil); id != "" || !ok {
		t.Errorf("nobody: %q, %t", id, ok)
	}
}

// Every event that a CRM can be told of has a plan, and the stages that have a status are asked for by some event.
func TestPlans(t *testing.T) {
	for _, e := range Events() {
		job := &destination.Job{Event: e, Lead: &routingv1.LeadEvent{To: "won"}}
		if _, ok := PlanOf(job); !ok {
			t.Errorf("%s has no plan", e)
		}
	}
	if _, ok := PlanOf(&destination.Job{Event: "agreement.activated"}); ok {
		t.Error("agreement.activated has a plan")
	}
	for to, want := range map[string]Plan{
		"routed":   {Mapping: OnChange},
		"accepted": {Stage: "accepted", Mapping: OnChange},
		"lost":     {Stage: "lost", Mapping: OnChange, Closing: Over},
		"recycled": {Stage: "recycled", Mapping: OnChange, Closing: Over},
	} {
		if got, _ := PlanOf(&destination.Job{Event: "lead.stage_changed", Lead: &routingv1.LeadEvent{To: to}}); got != want {
			t.Errorf("to %s: %+v", to, got)
		}
	}
}
