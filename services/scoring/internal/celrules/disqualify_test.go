package celrules

import (
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/agreement"
)

// A condition that disqualifies and looks at the event could never hold: it is refused with its line, not accepted in silence.
func TestWhatDisqualifiesDoesNotLookAtTheEvent(t *testing.T) {
	c, err := NewCompiler()
	if err != nil {
		t.Fatal(err)
	}
	for when, refused := range map[string]bool{
		`event.type == "page_viewed"`:                                            true,
		`lead.domain == "x.example" || has(event.url)`:                           true,
		`lead.domain == "event.example" && stage == "inquiry" && fit >= 0.0`:     false,
		`account.domain in ["rival.example"] && engagement > 1.0 && grade > "a"`: false,
	} {
		_, err := c.Compile(&agreement.Agreement{Disqualify: []agreement.DisqualifyRule{{ID: "d", When: when, Because: "why", Line: 5}}}, 1)
		if got := err != nil; got != refused || refused && !strings.Contains(err.Error(), "line 5: disqualify[0].when: looks at event") {
			t.Errorf("%s: %v", when, err)
		}
	}
}
