package brief

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/batonhq/baton/services/routing/internal/core"
)

const days = 24 * time.Hour

func act(kind string, before time.Duration) Item {
	return Item{ID: kind + before.String(), Type: kind, At: now.Add(-before)}
}

func acts(list ...Item) Input {
	slices.SortStableFunc(list, func(a, b Item) int { return b.At.Compare(a.At) })
	return Input{At: now, Timeline: list, Engagements: len(list), First: now.Add(-30 * days)}
}

// holds fails unless one of the sentences has all the parts.
func holds(t *testing.T, list []string, parts ...string) {
	t.Helper()
	for _, s := range list {
		if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(strings.ToLower(s), strings.ToLower(p)) }) {
			return
		}
	}
	t.Errorf("nothing says %q:\n%s", parts, strings.Join(list, "\n"))
}

func silent(t *testing.T, list []string, part string) {
	t.Helper()
	for _, s := range list {
		if strings.Contains(strings.ToLower(s), strings.ToLower(part)) {
			t.Errorf("%q should not be said", s)
		}
	}
}

func TestUrgencyIsApartFromTheLevel(t *testing.T) {
	page := func(n int, from time.Duration) (out []Item) {
		for i := range n {
			out = append(out, act("page_viewed", from+time.Duration(i)*time.Hour))
		}
		return out
	}
	for _, tc := range []struct {
		name string
		in   Input
		want string
	}{
		{"twice as much", acts(append(page(6, 0), page(3, 8*days)...)...), Rising},
		{"from nothing", acts(page(3, 0)...), Rising},
		{"half as much", acts(append(page(2, 0), page(4, 8*days)...)...), Falling},
		{"nothing any more", acts(page(3, 8*days)...), Falling},
		{"as before", acts(append(page(4, 0), page(3, 8*days)...)...), Steady},
		{"too little", acts(page(2, 0)...), ""},
		{"long ago", acts(page(9, 30*days)...), ""},
	} {
		b := Write(tc.in, nil)
		if b.Urgency.Trend != tc.want {
			t.Errorf("%s: %+v, want %q", tc.name, b.Urgency, tc.want)
		}
	}
	cut := acts(page(50, 0)...)
	cut.Engagements = 200
	if u := Write(cut, nil).Urgency; u.Trend != "" || !strings.Contains(u.Reason, "at least 50") {
		t.Errorf("what the timeline no longer has is told as nothing: %+v", u)
	}
}

func TestCautions(t *testing.T) {
	in := acts(act("meeting_booked", time.Hour), act("email_bounced", 2*time.Hour), act("email_opened", 3*time.Hour), act("email_unsubscribed", 4*time.Hour))
	in.Consent = map[string]string{"email": "granted", "profiling": "objected", "phone": "denied", "tea": "withdrawn", "odd": "perhaps"}
	in.Colleagues = []Colleague{{Lead: "ld_2", Name: "Bo Ek", Title: "CTO", Owner: "cleo", OwnerName: "Cleo"}, {Lead: "ld_3", Owner: "ana"}}
	in.Owner, in.Contacts = Rep{ID: "ana"}, []Contact{{Rep: "bo", Name: "Bo", At: now.Add(-days)}, {Rep: "ana", At: now}}
	in.AccountName, in.MatchedBy, in.MatchConfidence = "Initech", "account-name", 0.7
	got := Write(in, nil).Cautions
	holds(t, got, "do not score", "objected")
	holds(t, got, "do not call", "denied")
	holds(t, got, "“tea”", "withdrew")
	holds(t, got, "meeting is booked already")
	holds(t, got, "bounced")
	holds(t, got, "unsubscribed", "put them on no list")
	holds(t, got, "Cleo has Bo Ek (CTO)")
	holds(t, got, "Bo spoke to them")
	holds(t, got, "70 % sure", "account name")
	silent(t, got, "do not send e-mail")
	silent(t, got, "odd")
	silent(t, got, "ana spoke")
	if !strings.Contains(got[0], "objected") {
		t.Errorf("the gravest does not come first: %v", got)
	}

	in = acts(act("email_clicked", time.Hour), act("email_bounced", 2*time.Hour), act("meeting_canceled", time.Hour), act("meeting_booked", 2*time.Hour))
	in.Consent, in.Phone = map[string]string{"email": "withdrawn"}, "+46 8"
	b := Write(in, nil)
	silent(t, b.Cautions, "bounced")
	silent(t, b.Cautions, "meeting")
	holds(t, b.Cautions, "do not send e-mail", "withdrew")
	if b.Actions[0].What != "Call them" {
		t.Errorf("next: %+v", b.Actions)
	}
}

func TestNextActions(t *testing.T) {
	whats := func(in Input) (out []string) {
		for _, a := range Write(in, testDirectory()).Actions {
			if a.Reason == "" {
				t.Errorf("%q has no reason", a.What)
			}
			out = append(out, a.What)
		}
		return out
	}
	webinar := act("event_attended", 3*days)
	webinar.Asset = "case-study"
	holds(t, whats(acts(act("demo_requested", time.Hour))), "request for a demo")
	silent(t, whats(acts(act("meeting_booked", 0), act("demo_requested", time.Hour))), "request for a demo")
	holds(t, whats(acts(act("meeting_booked", 0))), "prepare the meeting")
	holds(t, whats(acts(act("meeting_canceled", 0), act("meeting_booked", time.Hour))), "another time")
	silent(t, whats(acts(act("meeting_canceled", 0), act("meeting_booked", time.Hour))), "prepare")
	silent(t, whats(acts(act("meeting_booked", 0), act("meeting_canceled", time.Hour))), "another time")
	holds(t, whats(acts(act("pricing_requested", 0))), "price")
	holds(t, whats(acts(webinar)), "mention “case study”")
	again := act("page_viewed", time.Hour)
	again.Asset = "api-tour"
	holds(t, whats(acts(again, again)), "speak about “api tour”")
	called := acts(act("pricing_requested", 2*time.Hour))
	called.Contacts = []Contact{{Rep: "ana", At: now}}
	silent(t, whats(called), "price")
	if got := whats(acts(act("page_viewed", 0))); len(got) != 0 {
		t.Errorf("of one page follows %v", got)
	}
}

func TestChangesAreTold(t *testing.T) {
	webinar := act("event_attended", time.Hour)
	webinar.Asset = "case-study"
	in := acts(webinar, act("demo_requested", 2*time.Hour), act("page_viewed", 3*days))
	in.Qualified, in.WasEngagement, in.Engagement, in.WasGrade, in.Grade = now.Add(-2*days), 20, 41.26, "b", "a"
	in.Colleagues = []Colleague{{Lead: "ld_2", Name: "Bo Ek", OwnerName: "Cleo", Owner: "cleo"}}
	in.Changes = []Change{
		{What: "demo_requested", Event: in.Timeline[1].ID, At: in.Timeline[1].At}, {What: "event_attended", Event: webinar.ID, At: webinar.At},
		{What: "consent_changed", Detail: "email=withdrawn,sms=granted", At: now}, {What: "email_unsubscribed", Detail: "weekly", At: now},
		{What: Band, Detail: "warm>hot", At: now}, {What: ColleagueRouted, Lead: "ld_2", At: now}, {What: ColleagueRouted, Lead: "ld_9", At: now}, {What: Merged, At: now},
		{What: "meeting_canceled", At: now}, {What: "form_submitted", At: now, Event: "gone"},
	}
	b := Write(in, testDirectory())
	for _, want := range []string{
		"They asked for a demo", "They attended “case study”", "email withdrawn, sms granted", "unsubscribed from “weekly”", "from warm to hot",
		"Bo Ek at the same account was handed to Cleo", "A colleague was handed to sales", "the same person", "cancelled a meeting", "They sent a form",
		"since you were handed the lead they did 2 things", "Engagement went from 20 to 41.3", "The grade went from B to A",
	} {
		holds(t, b.Changed, want)
	}
	if !b.Timeline[0].New || b.Timeline[2].New {
		t.Errorf("what is new: %+v", b.Timeline)
	}
	if !strings.Contains(b.Changed[0], "sent a form") {
		t.Errorf("the latest does not come first: %v", b.Changed)
	}
	in.Changes = nil
	if got := Write(in, nil).Changed; len(got) != 0 {
		t.Errorf("the first version tells changes: %v", got)
	}
}

func TestWhoTheyAre(t *testing.T) {
	in := example()
	in.Language, in.Country, in.Owner.Zone = "sv-SE", "se", time.UTC
	in.Colleagues = []Colleague{{Lead: "ld_2", Persona: "developer"}}
	dir := testDirectory()
	for _, id := range []string{"economic-buyer", "developer", "user"} {
		dir.Personas = append(dir.Personas, core.Persona{ID: id})
	}
	b := Write(in, dir)
	if b.Language != "Swedish" || b.WorkingTime != "09:00 on their clock is 08:00 on your clock" || !slices.Equal(b.Missing, []string{"user"}) {
		t.Errorf("%q, %q, %v", b.Language, b.WorkingTime, b.Missing)
	}
	if !strings.Contains(b.FamiliarityBy, "With sales before") || !strings.Contains(b.FamiliarityBy, "9 things over 20 days") {
		t.Error(b.FamiliarityBy)
	}
	if b.JourneyBy != "Asked for a demo on 20 November 2026." || !strings.Contains(b.PersonaBy, "condition") {
		t.Error(b.JourneyBy, b.PersonaBy)
	}
	if b.Came != "Came by search, campaign “spring”, on 31 October 2026." || b.LastTouch == nil || b.LastTouch.Asset != "pricing-guide" {
		t.Errorf("%s %+v", b.Came, b.LastTouch)
	}
	holds(t, b.Earlier, "epoch 1 ended as recycled (timing)", "since then they did 4 things")

	a, c := act("page_viewed", time.Hour), act("page_viewed", 2*time.Hour)
	a.Asset, c.Asset = "pricing-guide", "roi-sheet"
	b = Write(acts(a, c), dir)
	if b.Persona != "economic-buyer" || !strings.Contains(b.PersonaBy, "closest: 2 of the 2") {
		t.Errorf("%s: %s", b.Persona, b.PersonaBy)
	}
	if b = Write(acts(a), dir); b.Persona != "" {
		t.Errorf("one page makes a persona: %s", b.Persona)
	}
}

// A country with several zones gives none: a guess would call people at night.
func TestWorkingTimeIsCertainOrNotSaid(t *testing.T) {
	for country, want := range map[string]string{
		"US": "", "BR": "", "": "", "Sweden": "", "ES": "", "JP": "09:00 on their clock is 00:00 on UTC's clock", "IS": "09:00", "IN": "03:30",
	} {
		got := workingTime(country, now, nil)
		if country == "IS" {
			want = "their clock is UTC's clock"
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", country, got, want)
		}
	}
	for _, c := range []string{"AE", "AT", "DE", "FR", "KR", "ZA", "VN", "PE"} {
		if workingTime(c, now, nil) == "" {
			t.Errorf("%s has no zone in the tables", c)
		}
	}
}

// Whatever is known and whatever is missing, every sentence is a sentence, and none says what nobody knows.
func TestEverySentenceSaysSomething(t *testing.T) {
	kinds := []string{
		"page_viewed", "demo_requested", "meeting_booked", "meeting_canceled", "event_attended", "email_unsubscribed", "email_bounced", "form_submitted",
		"custom", "trial_started", "pricing_requested", "product_used", "never_heard_of", "",
	}
	text := rapid.SampledFrom([]string{"", "", "pricing-guide", "q4-launch", "https://us.example/pricing", "::", "Ana", "case-study"})
	rapid.Check(t, func(t *rapid.T) {
		draw := func() string { return text.Draw(t, "s") }
		when := func() time.Time {
			return rapid.SampledFrom([]time.Time{{}, now, now.Add(time.Hour), now.Add(-time.Hour), now.Add(-9 * days), now.Add(-900 * days)}).Draw(t, "at")
		}
		in := Input{
			At: now, Qualified: when(), Rule: draw(), Grade: draw(), WasGrade: draw(), Engagements: rapid.IntRange(-1, 60).Draw(t, "n"), First: when(),
			Persona: draw(), Phone: draw(), Language: draw(), Country: rapid.SampledFrom([]string{"", "SE", "US"}).Draw(t, "c"), Behind: rapid.Bool().Draw(t, "behind"),
			Engagement: rapid.Float64Range(0, 100).Draw(t, "e"), AccountName: draw(), MatchedBy: draw(), MatchConfidence: rapid.Float64Range(0, 1).Draw(t, "m"),
			Consent: map[string]string{rapid.SampledFrom([]string{"", "email", "phone", "profiling", "x-y"}).Draw(t, "p"): rapid.SampledFrom([]string{"", "granted", "denied", "objected", "odd"}).Draw(t, "d")},
		}
		for range rapid.IntRange(0, 12).Draw(t, "acts") {
			in.Timeline = append(in.Timeline, Item{
				ID: draw(), Type: rapid.SampledFrom(kinds).Draw(t, "kind"), Name: draw(), Channel: draw(), Campaign: draw(), Asset: draw(), URL: draw(), Title: draw(), At: when(),
				Automated: rapid.Bool().Draw(t, "bot"),
			})
			in.Lines = append(in.Lines, Line{Side: rapid.SampledFrom([]string{"fit", "engagement"}).Draw(t, "side"), Rule: draw(), Because: draw(), Points: rapid.Float64Range(-9, 9).Draw(t, "pts")})
			in.Changes = append(in.Changes, Change{What: rapid.SampledFrom(append(kinds, Band, ColleagueRouted, Merged, "consent_changed")).Draw(t, "what"), Detail: draw(), At: when()})
			in.Colleagues = append(in.Colleagues, Colleague{Lead: draw(), Name: draw(), Title: draw(), Owner: draw()})
			in.Contacts = append(in.Contacts, Contact{Rep: draw(), At: when()})
			in.Earlier = append(in.Earlier, Epoch{Number: 1, Ended: draw(), Reason: draw(), Owner: draw(), At: when()})
		}
		if len(in.Timeline) > 0 {
			in.Entry = &in.Timeline[0]
		}
		b := Write(in, testDirectory())
		said := slices.Concat(b.Changed, b.Cautions, b.Earlier)
		for _, s := range b.Why {
			said = append(said, s.Text)
		}
		for _, a := range b.Actions {
			said = append(said, a.What+".", a.Reason)
		}
		for _, s := range []string{b.FamiliarityBy, b.JourneyBy, b.PersonaBy, b.Came, b.Urgency.Reason} {
			if s != "" {
				said = append(said, s)
			}
		}
		for _, s := range said {
			if len(s) < 4 || !strings.HasSuffix(s, ".") || strings.Contains(s, "  ") || strings.Contains(s, "“”") || strings.Contains(s, "()") ||
				strings.Contains(strings.ToLower(s), "unknown") || strings.Contains(s, "%!") || strings.Contains(s, "0001") || strings.HasPrefix(s, " ") {
				t.Fatalf("%q", s)
			}
		}
		for _, told := range b.Timeline {
			if told.Summary == "" {
				t.Fatalf("nothing is said of %s", fmt.Sprint(told))
			}
		}
	})
}
