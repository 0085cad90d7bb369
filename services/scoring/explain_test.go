package scoring

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
)

const explainAgreement = `agreement: lead-handoff
half_life: 14d
engagement:
  - { id: pricing, on: page_viewed, when: 'event.properties.url.contains("/pricing")', points: 8, cap: {count: 2, per: 1d} }
  - { id: email,   on: page_viewed, when: 'event.channel == "email"', points: 1 }
  - { id: swedish, on: page_viewed, when: 'event.properties.url.contains("/se/") && lead.country == "SE"', points: 90 }
  - { id: ebook,   on: asset_downloaded, points: 10, half_life: 30d }
fit:
  - { id: senior,  when: 'lead.title.matches("(?i)vp")', points: 40 }
  - { id: size,    when: 'account.employees >= 200', points: 40 }
qualify:
  - { id: matrix,     when: 'grade in ["a","b"] && engagement >= 19' }
  - { id: fast-track, on: [demo_requested], when: 'grade != "d"' }
  - { id: large,      on: [form_submitted], when: 'event.properties.seats > 100 && grade != "d"' }
  - { id: where,      on: [meeting_booked], when: 'lead.country == "SE"' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

func missingTexts(s *leadv1.Score) []string {
	var out []string
	for _, m := range s.MissingToQualify {
		out = append(out, m.QualifyRule+": "+m.Text)
	}
	return out
}

func TestScoreTellsWhatIsMissingAndWhatChanged(t *testing.T) {
	r := newRig(t, journaltest.InProcess)
	if err := os.WriteFile(r.agreement, []byte(explainAgreement), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	score := func(lead, after string, since *timestamppb.Timestamp) *leadv1.Score {
		t.Helper()
		s, err := r.scores.GetScore(t.Context(), &leadv1.GetScoreRequest{Id: lead, After: after, Since: since})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	micros := func(s *leadv1.ScoreChanges) (added int64) {
		for _, c := range s.Added {
			n, err := strconv.ParseInt(c.Micros, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			added += n
		}
		return added
	}
	ana, bo := r.lead("ana@initech.example"), r.lead("bo@initech.example")
	pricing := func(e *journalv1.Event) {
		e.Properties = &structpb.Struct{Fields: map[string]*structpb.Value{"url": structpb.NewStringValue("https://x.example/pricing")}}
	}

	// atOnce: it reaches Baton at the moment at which it happens.
	atOnce := func(e *journalv1.Event) { e.OccurredAt = e.ReceivedAt }

	r.sees(ana, "identified", email("ana@initech.example"), vp, func(e *journalv1.Event) { e.Traits.Country = proto.String("DE") })
	got := score(ana, r.sees(ana, "asset_downloaded", atOnce), nil)
	want := []string{ // nothing that she would have to be in Sweden for
		"fast-track: a demo_requested",
		"matrix: 1 more ebook event (asset_downloaded, 10 points)",
		"large: a form_submitted",
		"matrix: 2 more pricing events (page_viewed, 8 points each)",
		"matrix: 9 more email events (page_viewed, 1 point each)",
	}
	if !slices.Equal(missingTexts(got), want) || got.Changes != nil {
		t.Fatalf("got %q, changes %v", missingTexts(got), got.Changes)
	}
	m := got.MissingToQualify
	if m[0].EventType != "demo_requested" || m[0].Rule != "" || m[3].Rule != "pricing" || m[3].Times != 2 || m[3].Engagement != 16 || m[3].EventType != "" || m[3].Grade != "" {
		t.Errorf("got %v", m)
	}
	got = score(bo, r.sees(bo, "asset_downloaded", email("bo@initech.example")), nil)
	if texts := missingTexts(got); !slices.Contains(texts, "fast-track: a demo_requested and grade c") || !slices.Contains(texts, "matrix: 2 more pricing and grade b") ||
		slices.Contains(texts, "where: a meeting_booked") || got.MissingToQualify[0].Grade != "c" {
		t.Errorf("got %q", texts)
	}

	// It comes true, by the rule that was said.
	r.sees(ana, "page_viewed", pricing, atOnce)
	got = score(ana, r.sees(ana, "page_viewed", pricing, atOnce), nil)
	if got.QualifiesBy != "matrix" || len(got.MissingToQualify) != 0 || got.Changes == nil || len(got.Changes.Added) != 0 || got.Changes.EngagementBefore < 25.9 || got.Changes.Decayed > 0 {
		t.Errorf("got %v", got)
	}
	handed := got.Changes.Since
	got = score(ana, r.sees(ana, "asset_downloaded", atOnce), nil)
	if c := got.Changes; !c.Since.AsTime().Equal(handed.AsTime()) || len(c.Added) != 1 || c.Added[0].Rule != "ebook" {
		t.Errorf("got %v", c)
	}
	full, err := r.leads.GetContext(t.Context(), &leadv1.GetContextRequest{Id: ana})
	if err != nil || len(full.Score.Changes.GetAdded()) != 1 {
		t.Errorf("context: %v, %v", full, err)
	}
	for _, since := range []*timestamppb.Timestamp{{Seconds: -62135596800}, {}, timestamppb.New(handed.AsTime().Add(-time.Hour)), timestamppb.Now()} {
		got = score(ana, "", since)
		c := got.Changes
		sum := int64(math.Round((c.EngagementBefore+c.Decayed)*1e6)) + micros(c)
		if fmt.Sprint(sum) != got.EngagementMicros || !c.Since.AsTime().Equal(since.AsTime()) {
			t.Errorf("since %v: %v, engagement %s", since, c, got.EngagementMicros)
		}
		if n := len(c.Added); n != 4 && n != 0 || (n == 4) != (c.EngagementBefore == 0) {
			t.Errorf("since %v: %v", since.AsTime(), c)
		}
	}
	for _, since := range []*timestamppb.Timestamp{timestamppb.New(time.Now().Add(time.Hour)), {Nanos: -5}, {Seconds: math.MaxInt64}} {
		_, err := r.scores.GetScore(t.Context(), &leadv1.GetScoreRequest{Id: ana, Since: since})
		if status.Code(err) != codes.InvalidArgument || refusedField(err) != "since" {
			t.Errorf("%v: got %v", since, err)
		}
	}
}
