// Package crmtest tells what a CRM's payload becomes, for the tables of its sender's tests.
package crmtest

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

// Handoff is a handoff's id, and Lead the lead that it was made for.
const (
	Handoff = "ho_eabcdefghijklmnopqrstuvwxy_1"
	Lead    = "ld_eabcdefghijklmnopqrstuvwxy"
)

// Case is one payload and what becomes of it.
type Case struct {
	Name   string
	Config sender.Config
	// Query is what stands behind the address's question mark, Header what else is sent.
	Query  string
	Header map[string]string
	Body   string
	// Want tells the facts as Tell does; "ignored: …" and "refused: …" for what is none, by a part of the reason.
	Want []string
}

// Run decodes each case's payload as if it had been verified.
func Run(t *testing.T, v *sendertest.Vendor, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			check(t, Told(t, v, c), c.Want)
		})
	}
}

func check(t *testing.T, got, want []string) {
	t.Helper()
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		told, what := got[i], want[i]
		for _, kind := range []string{"ignored: ", "refused: "} {
			if part, ok := strings.CutPrefix(what, kind); ok && strings.HasPrefix(told, kind) && strings.Contains(told, part) {
				told = what
			}
		}
		same = told == what
	}
	if !same {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// Told tells what becomes of a case's payload.
func Told(t *testing.T, v *sendertest.Vendor, c Case) (told []string) {
	t.Helper()
	with := *v
	with.Config = c.Config
	if with.URL == "" {
		with.URL = "https://baton.example/webhooks/s"
	}
	if c.Query != "" {
		u, err := url.Parse(with.URL)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		for name, values := range must(t, c.Query) {
			q[name] = values
		}
		u.RawQuery = q.Encode()
		with.URL = u.String()
	}
	s := with.New(t, v.Secret)
	r := with.Request([]byte(c.Body), v.Secret, sendertest.Now())
	for name, value := range c.Header {
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	id, err := s.Verify(r)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	d := with.Delivery(r, id)
	sendertest.Check(t, s, d)
	err = s.Decode(d, func(item sender.Item) error {
		switch {
		case item.Ignored != "":
			told = append(told, "ignored: "+item.Ignored)
		case item.Errors != nil:
			told = append(told, "refused: "+item.Errors.Error())
		default:
			told = append(told, Tell(item.Fact))
		}
		return nil
	})
	var unreadable *sender.Unreadable
	if errors.As(err, &unreadable) {
		return append(told, "refused: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return told
}

func must(t *testing.T, query string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// Tell tells a fact: as sendertest.Tell does, and then the deal (id, stage, amount, currency, reason), the answer (handoff, reason),
// the consent or the list, and what is said of the person.
func Tell(f fact.Fact) string {
	ev := f.Event
	told := []string{sendertest.Tell(f)}
	say := func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }
	if d := deal(ev); d != nil {
		say("deal[%s %s %s %s %s]", d.DealId, d.Stage, d.GetAmount().GetAmount(), d.GetAmount().GetCurrency(), d.Reason)
	}
	if owner := deal(ev).GetOwner(); owner != "" {
		say("owner=%s", owner)
	}
	if created := deal(ev).GetCreatedAt(); created != nil {
		say("created=%s", created.AsTime().Format(time.RFC3339))
	}
	if d := disposition(ev); d != nil {
		say("answer[%s %s]", d.HandoffId, d.Reason)
	}
	consents := ev.GetConsentChanged().GetPurposes()
	for _, purpose := range slices.Sorted(maps.Keys(consents)) {
		say("%s=%s", purpose, consents[purpose])
	}
	if list := ev.GetEmailUnsubscribed().GetList(); list != "" {
		say("list=%s", list)
	}
	if form := ev.GetFormSubmitted().GetForm(); form != "" {
		say("form=%s", form)
	}
	t := ev.GetTraits()
	for _, trait := range []struct{ name, value string }{
		{"first_name", t.GetFirstName()}, {"last_name", t.GetLastName()}, {"title", t.GetTitle()}, {"country", t.GetCountry()},
		{"phone", t.GetPhone()}, {"company", t.GetCompany()},
	} {
		if trait.value != "" {
			say("%s=%s", trait.name, trait.value)
		}
	}
	if other := t.GetOther().GetFields(); len(other) > 0 {
		say("other[%s]", strings.Join(slices.Sorted(maps.Keys(other)), " "))
	}
	return strings.Join(told, " ")
}

func deal(ev *journalv1.Event) *journalv1.Deal {
	for _, d := range []*journalv1.Deal{
		ev.GetDealOpened(), ev.GetDealStageChanged(), ev.GetDealWon(), ev.GetDealLost(), ev.GetDealReopened(), ev.GetChurned(), ev.GetRenewed(),
	} {
		if d != nil {
			return d
		}
	}
	return nil
}

func disposition(ev *journalv1.Event) *journalv1.Disposition {
	for _, d := range []*journalv1.Disposition{
		ev.GetAccepted(), ev.GetRejected(), ev.GetContacted(), ev.GetRecycled(), ev.GetDisqualified(), ev.GetSql(),
	} {
		if d != nil {
			return d
		}
	}
	return nil
}
