package sendertest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Told tells what becomes of each event of a body, a line each: Tell's, and behind it where there are any the consent, the page,
// what its payload is about and what is known of the person; or why it is ignored or cannot be read.
func (v *Vendor) Told(t testing.TB, body []byte) []string {
	t.Helper()
	s := v.New(t, v.Secret)
	r := v.Request(body, v.Secret, Now())
	id, err := s.Verify(r)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	d := v.Delivery(r, id)
	Check(t, s, d)
	var lines []string
	err = s.Decode(d, func(item sender.Item) error {
		switch {
		case item.Ignored != "":
			lines = append(lines, "ignored: "+item.Ignored)
		case item.Errors != nil:
			lines = append(lines, "unreadable: "+item.Errors.Error())
		default:
			lines = append(lines, tellMore(item))
		}
		return nil
	})
	if err != nil {
		lines = append(lines, "unreadable: "+err.Error())
	}
	return lines
}

func tellMore(item sender.Item) string {
	ev := item.Fact.Event
	var b strings.Builder
	b.WriteString(Tell(item.Fact))
	say := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, " %s=%q", name, value)
		}
	}
	purposes := ev.GetConsentChanged().GetPurposes()
	for _, purpose := range slices.Sorted(maps.Keys(purposes)) {
		say(purpose, purposes[purpose])
	}
	say("url", ev.GetTouch().GetUrl())
	say("list", ev.GetEmailUnsubscribed().GetList())
	say("reason", ev.GetEmailBounced().GetReason())
	say("form", ev.GetFormSubmitted().GetForm())
	say("title", ev.GetPageViewed().GetTitle())
	t := ev.GetTraits()
	say("name", strings.TrimSpace(t.GetFirstName()+" "+t.GetLastName()))
	say("position", t.GetTitle())
	say("phone", t.GetPhone())
	say("country", t.GetCountry())
	say("company", ev.GetAccount().GetName())
	say("agent", ev.GetProperties().GetFields()["user_agent"].GetStringValue())
	return b.String()
}

// Maps checks what becomes of bodies, one event each.
func (v *Vendor) Maps(t *testing.T, cases map[string]string) {
	for body, want := range cases {
		if got := strings.Join(v.Told(t, []byte(body)), "\n"); got != want {
			t.Errorf("%s\n got %s\nwant %s", body, got, want)
		}
	}
}
