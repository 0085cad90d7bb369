package fold

import (
	"testing"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
)

// What a shadow would hand over is nothing to route, whoever's subject it stands on.
func TestAShadowRoutesNobody(t *testing.T) {
	lead := identity.Key("0123456789abcdef0123456789abcdef").Lead(identity.Email, "", "ana@initech.example")
	for _, entity := range []string{lead, identity.Desk} {
		h := journal.Head{Entity: entity, Type: "shadow_qualified", Origin: &journal.Origin{Producer: scoring, Entity: lead}}
		if (&Logic{}).Wants(h) {
			t.Errorf("routing looks at %+v", h)
		}
	}
}
