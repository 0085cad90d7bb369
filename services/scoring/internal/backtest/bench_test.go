package backtest

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

const benchYAML = `agreement: lead-handoff
half_life: 14d
engagement:
  - { id: visit, on: page_viewed, points: 1, cap: { count: 5, per: 1d } }
  - { id: pricing, on: page_viewed, when: 'event.properties.url.contains("/pricing")', points: 8, cap: { count: 2, per: 1d } }
  - { id: click, on: email_clicked, points: 3, cap: { count: 3, per: 1d } }
  - { id: ebook, on: asset_downloaded, points: 10, half_life: 30d }
  - { id: webinar, on: event_attended, points: 15, half_life: 30d }
fit:
  - { id: decides, when: 'lead.title.matches("(?i)\\b(vp|chief|head|director)\\b")', points: 40 }
  - { id: size, when: 'account.employees >= 200', points: 40 }
qualify:
  - { id: matrix, when: 'grade in ["a", "b"] && engagement >= 20.0' }
  - { id: fast, on: [demo_requested], when: 'grade != "d"' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// BenchmarkEvent plays a journal of which each lead has 20 events over two months, decoding each as a reader of the log does;
// "decode" is that alone.
func BenchmarkEvent(b *testing.B) {
	a := compile(b, 1, benchYAML)
	for _, contenders := range []int{0, 1, 2} {
		b.Run(fmt.Sprintf("%d contenders", contenders), func(b *testing.B) {
			rules := []Contender{{"now", a}, {"proposed", a}}[:contenders]
			n := max(b.N, 1)
			log := generated(n, max(n/20, 1))
			opt := Options{Key: key, Rules: rules, Scan: log}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			b.ReportAllocs()
			b.ResetTimer()
			if contenders == 0 {
				if err := log(b.Context(), 1, func(*journal.Event) error { return nil }); err != nil {
					b.Fatal(err)
				}
				return
			}
			h, err := replay(b.Context(), &opt, nil)
			if err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(h.players[0].members)), "B/lead")
			b.StartTimer()
			measure(h)
		})
	}
}

// generated gives n events of some leads, made one by one and decoded as the log's would be.
func generated(n, leads int) func(context.Context, uint64, func(*journal.Event) error) error {
	types := []string{"page_viewed", "page_viewed", "page_viewed", "email_clicked", "asset_downloaded", "event_attended", "page_viewed"}
	ids := make([]string, leads)
	for i := range ids {
		ids[i] = key.Lead(identity.Email, "", fmt.Sprint(i))
	}
	step := 60 * 24 * time.Hour / time.Duration(n)
	return func(_ context.Context, _ uint64, f func(*journal.Event) error) error {
		for i := range n {
			at := start.Add(time.Duration(i) * step)
			lead := ids[i*7919%leads]
			body := &journalv1.Event{
				Id: fmt.Sprintf("0b7f5a1e-6b7c-4f6e-9d7e-%012d", i), Source: "site", Entity: lead, Type: types[i%len(types)],
				OccurredAt: timestamppb.New(at), ReceivedAt: timestamppb.New(at), Identity: &journalv1.Identity{Email: lead[3:] + "@initech.example"},
				Properties: &structpb.Struct{Fields: map[string]*structpb.Value{"url": structpb.NewStringValue([]string{"/pricing", "/docs"}[i/leads%2])}},
				Touch:      &journalv1.Touch{Channel: "email", Campaign: "q4-launch", Url: "/pricing"},
			}
			switch i / leads {
			case 1:
				body.Type, body.Traits = "identified", &journalv1.Traits{Title: proto.String("VP Engineering"), Country: proto.String("SE")}
				body.Account = &journalv1.Account{Employees: proto.Int32(int32(i % 400))}
			case 18:
				body.Type = []string{"deal_won", "deal_lost"}[i%2]
			}
			bytes, err := proto.Marshal(body)
			if err != nil {
				return err
			}
			got := &journalv1.Event{}
			if err := proto.Unmarshal(bytes, got); err != nil {
				return err
			}
			ev := &journal.Event{Head: journal.Head{Seq: uint64(i + 1), Logged: at, Entity: lead, Type: got.Type}, Body: got}
			if err := f(ev); err != nil {
				return err
			}
		}
		return nil
	}
}
