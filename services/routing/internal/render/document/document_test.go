package document

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

var now = time.Date(2026, 11, 20, 12, 30, 0, 0, time.UTC)

func ago(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(now.Add(-d)) }

// full has something in every place.
func full() *routingv1.Payload {
	return &routingv1.Payload{
		HandoffId: "ho_1", Stage: "routed", Epoch: 2, Version: 2, Because: []string{"They booked a meeting."},
		Lead: &routingv1.PayloadLead{
			Id: "ld_1", Email: "hedda@norvane.example", FirstName: "Hedda", LastName: "Birchmere", Title: "VP Sales", Country: "SE", Phone: "+46 8 000 00",
		},
		Account: &routingv1.AccountRef{Id: "ac-0", Name: "Norvane Logistics", Domain: "norvane.example", Match: &routingv1.AccountMatch{By: "email-domain", Confidence: 1}},
		Owner: &routingv1.Owner{Id: "cleo", Name: "Cleo Marlshaw", Chosen: &routingv1.Chosen{
			Route: "named-account", Pool: "europe", Considered: []*journalv1.Considered{{Rep: "bo", Skipped: "away"}},
		}},
		Score: &journalv1.ScoreSnapshot{Fit: 100, Grade: "a", Engagement: 68.33, Contributions: []*journalv1.Contribution{
			{Side: "engagement", Rule: "visit", Because: "looks around", Points: 1.2}, {Side: "engagement", Rule: "visit", Because: "looks around", Points: 1.2},
			{Side: "engagement", Rule: "demo", Because: "asked to be shown", Points: 34.7}, {Side: "fit", Rule: "size", Because: "large enough", Points: 35},
		}},
		Sla: &routingv1.Sla{AcceptBy: ago(-4 * time.Hour), ContactBy: ago(-24 * time.Hour)},
		Brief: &routingv1.Brief{
			WhyNow: []string{"They asked for a demo 20 minutes before they qualified."}, Cautions: []string{"Do not send e-mail: consent was withdrawn."},
			Changed: []string{"They booked a meeting.", "They came to a webinar."}, Version: 2,
			NextActions: []*routingv1.NextAction{{What: "Answer the demo request", Reason: "It is what they asked for last."}},
			Came:        "They came by a paid search, to /blog/first-hour.", LastTouch: &routingv1.Entry{Summary: "Clicked in a mail", At: ago(time.Hour)},
			Timeline: []*routingv1.TimelineEntry{
				{Type: "meeting_booked", Summary: "Booked a meeting", At: ago(0), New: true}, {Type: "demo_requested", Summary: "Asked for a demo", At: ago(2 * time.Hour)},
				{Type: "page_viewed", Summary: "Viewed /docs", At: ago(2*time.Hour + time.Minute)}, {Type: "page_viewed", Summary: "Viewed /pricing", At: ago(2*time.Hour + 2*time.Minute)},
			},
			Content: []*routingv1.Content{{Asset: "pricing-guide", Title: "The pricing guide", Kind: "white-paper", Topic: "pricing", Stage: "decision", Times: 2, At: ago(time.Hour)}},
			Persona: "economic-buyer", PersonaReason: "Their title fits.", JourneyStage: "decision", JourneyReason: "They asked for a demo.",
			Familiarity: "familiar", FamiliarityReason: "First seen in May.", Urgency: &routingv1.Urgency{Trend: "rising", Reason: "9 things in the last week."},
			Interests: []*routingv1.Interest{{Topic: "pricing", Weight: 0.6}}, Consent: map[string]string{"email": "withdrawn"}, Language: "sv",
			OthersAtAccount: []*routingv1.Colleague{{LeadId: "ld_2", Name: "Bo Ek", Title: "CTO", Engagement: 12, LastAt: ago(time.Hour), OwnerName: "Ana"}},
			MissingRoles:    []string{"technical-buyer"}, Campaigns: []*routingv1.CampaignBrief{{Id: "q4", Name: "Q4 launch", Brief: "Twenty percent off."}},
			SuggestedNext: []*routingv1.Suggestion{{Asset: "roi", Title: "What it saves", Kind: "calculator", Reason: "On pricing.", Url: "https://us.example/roi"}},
			Earlier:       []string{"Epoch 1 ended as recycled (timing)."}, WorkingTime: "their 09:00 is 08:00 UTC",
		},
	}
}

func TestBothFormsSayEverything(t *testing.T) {
	text, page := Text(full()), visible(t, HTML(full()))
	for _, want := range []string{
		"Hedda Birchmere", "VP Sales at Norvane Logistics", "hedda@norvane.example", "+46 8 000 00", "Cleo Marlshaw", "Fri 20 Nov 2026, 16:30 UTC",
		"They booked a meeting.", "They came to a webinar.", "They asked for a demo 20 minutes", "Do not send e-mail", "Answer the demo request",
		"paid search", "Clicked in a mail", "Booked a meeting", "Viewed /pricing; Asked for a demo; 1 other page", "The pricing guide", "2 times, last",
		"economic buyer", "decision", "rising", "pricing 60 %", "email withdrawn", "Bo Ek, CTO", "Ana has them", "technical buyer", "Twenty percent off.",
		"What it saves", "Epoch 1 ended", "68.3", "looks around ×2 +2.4", "100, grade A", "named account", "away", "Brief version 2", "their 09:00 is 08:00 UTC",
	} {
		for form, got := range map[string]string{"text": text, "page": page} {
			flat := strings.Join(strings.Fields(got), " ")
			if !strings.Contains(strings.ToLower(flat), strings.ToLower(want)) {
				t.Errorf("the %s does not say %q:\n%s", form, want, got)
			}
		}
	}
	if n := strings.Count(text, "They booked a meeting."); n != 1 {
		t.Errorf("what is new is said %d times", n)
	}
	if strings.Index(text, "MIND") > strings.Index(text, "HOW THEY CAME") || strings.Index(text, "WHY NOW") > strings.Index(text, "WHAT THEY READ") {
		t.Errorf("what matters does not come first:\n%s", text)
	}
	if !strings.Contains(HTML(full()), `href="https://us.example/roi"`) || !strings.Contains(text, "https://us.example/roi") {
		t.Error("the asset's address is missing")
	}
}

func TestSubject(t *testing.T) {
	p := full()
	if got := Subject(p); got != "Hedda Birchmere (Norvane Logistics): new: They booked a meeting" {
		t.Error(got)
	}
	p.Because = nil
	if got := Subject(p); got != "Hedda Birchmere (Norvane Logistics): they asked for a demo 20 minutes before they qualified" {
		t.Error(got)
	}
	p.Stage = "recalled"
	if got := Subject(p); got != "Hedda Birchmere (Norvane Logistics): taken back" {
		t.Error(got)
	}
	if got := Subject(nil); got != "a lead" {
		t.Error(got)
	}
	p.Lead.FirstName = "Eve\r\nBcc: all@norvane.example\x00"
	if got := Subject(p); strings.ContainsAny(got, "\r\n\x00") {
		t.Errorf("%q", got)
	}
}

func TestWhatIsOverSaysSo(t *testing.T) {
	p := full()
	p.Stage, p.Reason = "recalled", "merged"
	if text := Text(p); !strings.Contains(text, "taken back (merged)") || strings.Contains(text, "Accept by") || strings.Contains(text, "Contact by") {
		t.Error(text)
	}
}

func TestNothingKnown(t *testing.T) {
	for _, p := range []*routingv1.Payload{nil, {}, {HandoffId: "ho_1", Brief: &routingv1.Brief{}}} {
		for _, got := range []string{Text(p), visible(t, HTML(p))} {
			if low := strings.ToLower(got); strings.Contains(low, "unknown") || strings.Contains(low, "why now") || strings.Contains(low, "score") {
				t.Errorf("%q says something of nothing", got)
			}
		}
	}
}

// An address that is no web address is not linked.
func TestOnlyWebAddressesAreLinked(t *testing.T) {
	p := full()
	for _, u := range []string{"javascript:alert(1)", " https://x", "data:text/html,x", "//evil.example", "ftp://x.example"} {
		p.Brief.SuggestedNext[0].Url = u
		if page := HTML(p); strings.Contains(page, "<a ") {
			t.Errorf("%q is linked", u)
		}
	}
}

// hostile draws what somebody may have typed into a form.
func hostile() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "{{.Name}}", "</td></table><b>", "a\x1b[31m\u202eb\r\nc", "'\"&<>`", "unkn\u00f6wn", "javascript:alert(1)",
			"<!--", "]]>", "https://x.example/\"onmouseover=\"y", strings.Repeat("x", 300), strings.Repeat("word ", 80), "\xff\xfe", "日本語の名前",
		}),
		rapid.String(),
	)
}

func drawn(t *rapid.T) *routingv1.Payload {
	word := func() string { return hostile().Draw(t, "s") }
	list := func() (out []string) {
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			out = append(out, word())
		}
		return out
	}
	when := func() *timestamppb.Timestamp {
		return rapid.SampledFrom([]*timestamppb.Timestamp{nil, ago(0), ago(time.Hour), {Seconds: -1 << 60}, ago(1000 * time.Hour)}).Draw(t, "at")
	}
	number := func() float64 { return rapid.Float64().Draw(t, "f") }
	p := &routingv1.Payload{}
	some := func(set func()) {
		if rapid.Bool().Draw(t, "some") {
			set()
		}
	}
	p.HandoffId, p.Reason, p.Because = word(), word(), list()
	p.Stage = rapid.SampledFrom([]string{"", "routed", "recalled", "won", "waiting"}).Draw(t, "stage")
	some(func() {
		p.Lead = &routingv1.PayloadLead{Id: word(), Email: word(), FirstName: word(), LastName: word(), Title: word(), Country: word(), Phone: word()}
	})
	some(func() {
		p.Account = &routingv1.AccountRef{Id: word(), Name: word(), Domain: word(), Match: &routingv1.AccountMatch{By: word()}}
	})
	some(func() {
		p.Owner = &routingv1.Owner{Id: word(), Name: word(), Chosen: &routingv1.Chosen{Route: word(), Pool: word(), Considered: []*journalv1.Considered{{Rep: word(), Skipped: word()}, nil}}}
	})
	some(func() { p.Sla = &routingv1.Sla{AcceptBy: when(), ContactBy: when()} })
	some(func() {
		p.Score = &journalv1.ScoreSnapshot{Fit: number(), Grade: word(), Engagement: number(), Contributions: []*journalv1.Contribution{
			{Side: "engagement", Rule: word(), Because: word(), Points: number()}, {Side: "fit", Rule: word(), Because: word(), Points: number()}, nil,
		}}
	})
	some(func() {
		p.Brief = &routingv1.Brief{
			WhyNow: list(), Changed: list(), Cautions: list(), Version: rapid.Int32Range(-1, 3).Draw(t, "version"), Came: word(), Persona: word(), PersonaReason: word(),
			JourneyStage: word(), JourneyReason: word(), Familiarity: word(), FamiliarityReason: word(), MissingRoles: list(), Earlier: list(), Language: word(), WorkingTime: word(),
			Entry: &routingv1.Entry{Channel: word(), Campaign: word(), At: when()}, LastTouch: &routingv1.Entry{Summary: word(), At: when()},
			NextActions: []*routingv1.NextAction{{What: word(), Reason: word()}, nil}, SuggestedNext: []*routingv1.Suggestion{{Asset: word(), Title: word(), Reason: word(), Url: word()}, nil},
			Timeline:        []*routingv1.TimelineEntry{{Type: word(), Summary: word(), At: when()}, nil, {Type: "page_viewed", Summary: word(), At: when(), New: true}},
			Content:         []*routingv1.Content{{Asset: word(), Title: word(), Kind: word(), Topic: word(), At: when(), Times: 3, Url: word()}, nil},
			Interests:       []*routingv1.Interest{{Topic: word(), Weight: number()}, nil},
			Urgency:         &routingv1.Urgency{Trend: word(), Reason: word()},
			Consent:         map[string]string{word(): word()},
			OthersAtAccount: []*routingv1.Colleague{{Name: word(), Title: word(), Engagement: number(), LastAt: when(), Owner: word()}, nil},
			Campaigns:       []*routingv1.CampaignBrief{{Id: word(), Name: word(), Brief: word()}, nil},
		}
	})
	return p
}

// Whatever people typed into forms, and whatever is missing: the page has no other elements than its own, the text fits and
// upsets no terminal, and no line says nothing.
func TestWhateverIsKnown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawn(t)
		page := HTML(p)
		if !strings.HasSuffix(page, "</html>\n") {
			t.Fatalf("the page ends early: %q", page)
		}
		checkPage(t, page)
		_, below, _ := strings.Cut(Text(p), "=\n")
		for line := range strings.Lines(below) {
			line = strings.TrimSuffix(line, "\n")
			if n := utf8.RuneCountInString(line); n > Width {
				words := strings.Fields(line)
				longest := 0
				for _, w := range words {
					longest = max(longest, utf8.RuneCountInString(w))
				}
				if longest <= Width/2 {
					t.Fatalf("%d characters: %q", n, line)
				}
			}
			for _, r := range line {
				if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
					t.Fatalf("%q would upset a terminal", line)
				}
			}
			if line == "-" || line == "!" {
				t.Fatalf("a line says nothing: %q", Text(p))
			}
		}
		if s := Subject(p); s == "" || strings.ContainsAny(s, "\r\n") || utf8.RuneCountInString(s) > 120 {
			t.Fatalf("subject %q", s)
		}
	})
}

// checkPage refuses elements and attributes that the page's own form does not have.
func checkPage(t *rapid.T, page string) {
	elements := map[string]bool{"html": true, "head": true, "meta": true, "title": true, "style": true, "body": true, "table": true, "tr": true, "td": true, "span": true, "a": true}
	attributes := map[string]bool{
		"lang": true, "charset": true, "name": true, "content": true, "style": true, "role": true, "width": true, "cellpadding": true, "cellspacing": true,
		"border": true, "align": true, "valign": true, "class": true, "colspan": true, "href": true,
	}
	for d := xml.NewDecoder(strings.NewReader(page)); ; { // the page is well-formed XML, too, so that a strict parser can judge
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, page)
		}
		switch tok := tok.(type) {
		case xml.Comment:
			t.Fatalf("a comment: %s", tok)
		case xml.StartElement:
			if !elements[tok.Name.Local] {
				t.Fatalf("an element %q", tok.Name.Local)
			}
			for _, a := range tok.Attr {
				if !attributes[a.Name.Local] {
					t.Fatalf("an attribute %s of %s", a.Name.Local, tok.Name.Local)
				}
				if l := strings.ToLower(a.Value); a.Name.Local == "href" && !strings.HasPrefix(l, "https://") && !strings.HasPrefix(l, "http://") {
					t.Fatalf("a link to %q", a.Value)
				}
			}
		}
	}
}

// visible gives what a page shows, as text.
func visible(t *testing.T, page string) string {
	t.Helper()
	var out strings.Builder
	for d := xml.NewDecoder(strings.NewReader(page)); ; {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := tok.(xml.CharData); ok {
			out.Write(text)
		}
	}
}
