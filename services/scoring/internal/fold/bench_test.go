package fold_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// BenchmarkEvent folds one page view into a lead of ten scored engagements: read, apply, decide, deadlines, write. The lead is
// cold, or warm, or (shadow) cold with another agreement in the shadow since before its first event.
func BenchmarkEvent(b *testing.B) {
	for _, name := range []string{"cold", "warm", "shadow"} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, exampleAgreement)
			if name == "shadow" {
				w.shades(2, tried)
			}
			w.sees(ana, "identified", func(e *journalv1.Event) {
				e.Traits = &journalv1.Traits{Title: proto.String("Engineer"), FirstName: proto.String("Ana"), LastName: proto.String("Lind"), Country: proto.String("SE")}
				e.Account = &journalv1.Account{Name: proto.String("Initech"), Domain: proto.String("initech.example"), Employees: proto.Int32(420)}
			})
			for i := range 10 {
				w.Now = w.Now.Add(day / 2)
				w.sees(ana, "page_viewed", url("https://initech.example/pricing"), func(e *journalv1.Event) {
					e.Id = fmt.Sprintf("0b7f5a1e-6b7c-4f6e-9d7e-%012d", i)
					e.Touch = &journalv1.Touch{Channel: "email", Campaign: "q4-launch", Url: "https://initech.example/pricing"}
				})
			}
			if name == "warm" {
				w.sees(ana, "event_attended")
			}
			blob := w.Entity(fold.Service, ana).Save(&leadstore.Mutation{})
			g := w.Globals(fold.Service)
			logic := fold.NewLogic(sharedLibrary(b), key)
			w.Now = w.Now.Add(day)
			ev := &journal.Event{Head: journal.Head{Seq: 1000, Logged: w.Now, Entity: ana, Type: "page_viewed"}, Body: &journalv1.Event{
				Id: "0b7f5a1e-6b7c-4f6e-9d7e-999999999999", Source: "site", Entity: ana, Type: "page_viewed",
				OccurredAt: timestamppb.New(w.Now), ReceivedAt: timestamppb.New(w.Now), Identity: &journalv1.Identity{Email: "ana@initech.example"},
				Properties: &structpb.Struct{Fields: map[string]*structpb.Value{"url": structpb.NewStringValue("https://initech.example/pricing")}},
				Touch:      &journalv1.Touch{Channel: "email", Campaign: "q4-launch", Url: "https://initech.example/pricing"},
			}}
			b.ReportAllocs()
			b.ReportMetric(float64(len(blob)), "bytes")
			for b.Loop() {
				e, err := logic.Load(ana, blob)
				if err != nil {
					b.Fatal(err)
				}
				if e.Apply(g, ev) == journal.Duplicate {
					b.Fatal("a duplicate")
				}
				var d journal.Decision
				e.Decide(g, ev, &d)
				e.Deadlines(g)
				var m leadstore.Mutation
				e.Save(&m)
			}
		})
	}
}
