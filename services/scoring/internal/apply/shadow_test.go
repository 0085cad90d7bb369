package apply_test

import (
	"errors"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/agreement"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/book"
)

// must gives the version that a change answers with.
func must(t *testing.T) func(*agreementv1.Agreement, uint64, error) *agreementv1.Agreement {
	return func(v *agreementv1.Agreement, _ uint64, err error) *agreementv1.Agreement {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAShadowNeedsNoSignature(t *testing.T) {
	g := &globals{}
	c := newContract(t, g)
	ctx := t.Context()
	for _, text := range []string{"agreement: one", "agreement: two", "agreement: three"} {
		if _, _, err := c.Propose(ctx, []byte(text), "kim"); err != nil {
			t.Fatal(err)
		}
	}
	v := must(t)(c.Shadow(ctx, 2, "ana"))
	if v.ShadowSince == nil || v.ShadowUntil != nil || v.State != book.StateProposed {
		t.Errorf("got %v", v)
	}
	must(t)(c.Shadow(ctx, 2, "kim")) // again
	must(t)(c.Shadow(ctx, 3, "kim")) // in its place
	must(t)(c.StopShadow(ctx, 2, "kim"))
	if v = must(t)(c.StopShadow(ctx, 3, "kim")); v.ShadowUntil == nil {
		t.Errorf("got %v", v)
	}
	must(t)(c.StopShadow(ctx, 3, "kim"))
	for _, role := range []string{"marketing", "sales"} {
		must(t)(c.Sign(ctx, 1, agreement.Hash([]byte("agreement: one")), apply.Signer{Name: role, Role: role}))
	}
	must(t)(c.Activate(ctx, 1, time.Time{}, "kim"))
	if _, _, err := c.Shadow(ctx, 1, "kim"); !errors.Is(err, apply.ErrInForce) {
		t.Errorf("in force: %v", err)
	}
	if _, _, err := c.Shadow(ctx, 9, "kim"); !errors.Is(err, apply.ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
	wantSaid(t, g, "1 proposed", "2 proposed", "3 proposed", "2 shadowed", "3 shadowed", "3 unshadowed", "1 signed", "1 signed", "1 activated")
}
