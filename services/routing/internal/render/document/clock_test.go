package document

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// Whoever reads a brief reads times on the own clock, summer time and the day's end included.
func TestTimesAreOnTheOwnersClock(t *testing.T) {
	winter, summer := time.Date(2026, 11, 20, 23, 30, 0, 0, time.UTC), time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for zone, want := range map[string][]string{
		"Europe/Stockholm":  {"Sat 21 Nov 2026, 00:30 Europe/Stockholm", "Wed 1 Jul 2026, 14:00 Europe/Stockholm", "Sat 21 Nov, 00:30", "on 21 November 2026, 00:30 Europe/Stockholm.", "times in Europe/Stockholm"},
		"America/Sao_Paulo": {"Fri 20 Nov 2026, 20:30 America/Sao_Paulo", "Fri 20 Nov, 20:30"},
		"":                  {"Fri 20 Nov 2026, 23:30 UTC", "Wed 1 Jul 2026, 12:00 UTC", "Fri 20 Nov, 23:30", "on 20 November 2026, 23:30 UTC."},
		"Local":             {"Fri 20 Nov 2026, 23:30 UTC"},
		"Mars/Olympus":      {"Fri 20 Nov 2026, 23:30 UTC"},
	} {
		p := &routingv1.Payload{
			HandoffId: "ho_1", Stage: "routed", Lead: &routingv1.PayloadLead{Id: "ld_1", FirstName: "Ana"}, Owner: &routingv1.Owner{Id: "bo", TimeZone: zone},
			Sla: &routingv1.Sla{AcceptBy: timestamppb.New(winter), ContactBy: timestamppb.New(summer)},
			Brief: &routingv1.Brief{
				WhyNow:    []string{"Asked for a demo on 20 November 2026, 23:30 UTC."},
				Timeline:  []*routingv1.TimelineEntry{{Type: "demo_requested", Summary: "Asked for a demo", At: timestamppb.New(winter)}},
				Campaigns: []*routingv1.CampaignBrief{{Id: "q4", Brief: "The offer ends on 1 January 2027, 00:00 UTC."}},
			},
		}
		text, page := Text(p), HTML(p)
		plain := strings.Join(strings.Fields(text), " ")
		for _, w := range append(want, "ends on 1 January 2027, 00:00 UTC.") { // what marketing wrote stays as it is
			if !strings.Contains(plain, w) || !strings.Contains(page, w) {
				t.Errorf("%s: no %q in\n%s", zone, w, text)
			}
		}
		if zone == "" && strings.Contains(text, "times in") {
			t.Errorf("a note of the zone where it is UTC:\n%s", text)
		}
		if Text(p) != text || HTML(p) != page {
			t.Errorf("%s: written twice it is another", zone)
		}
	}
}
