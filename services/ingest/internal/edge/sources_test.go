package edge

import (
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders"
)

// What is said with a public write key is anybody's word, whether an SDK posts it or a platform signs and passes it on.
func TestWhoeverHasAWriteKeyIsNotBelieved(t *testing.T) {
	open := map[string]bool{"segment": true, "rudderstack": true, "segment-webhook": true}
	for _, row := range senders.Table() {
		for _, trusted := range []bool{false, true} {
			s := &Source{Config: sender.Config{Name: "s", Trusted: trusted}, Type: row}
			if got := s.Intake(); got.Open != (open[row.Name] && !trusted) || got.Name != "s" {
				t.Errorf("%s, trusted %v: %+v", row.Name, trusted, got)
			}
		}
	}
}
