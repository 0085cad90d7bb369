package routing

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// testSecretsInFiles changes the file that a destination's secret stands in: what is sent next is signed with the new one. A file that is
// gone, empty or no secret leaves the one in force.
func (r *rig) testSecretsInFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "crm.secret")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const old = "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ="
	write(old + "\n")
	var c struct {
		Secrets []config.Secret `yaml:"secrets"`
	}
	if err := config.Parse([]byte("secrets: ['file:crm.secret']"), &c, dir, nil); err != nil {
		t.Fatal(err)
	}
	other := newCRM(t)
	next := r.cfg.Destinations[0]
	next.URL, next.Secrets, next.Events = other.URL, c.Secrets, []string{fold.EventRouted}
	if err := r.service.Reload([]Destination{next}, Outbound{}); err != nil {
		t.Fatal(err)
	}
	inForce := func() string {
		r.service.reload.Lock()
		defer r.service.reload.Unlock()
		return r.service.cfg.Destinations[0].Secrets[0].Reveal()
	}
	for _, bad := range []string{"", "whsec_!!"} {
		write(bad)
		if _, err := r.service.rereadSecrets(); err == nil || inForce() != old {
			t.Errorf("a file with %q: %v", bad, err)
		}
	}
	write(old)
	if changed, err := r.service.rereadSecrets(); err != nil || len(changed) != 0 {
		t.Errorf("nothing new: %v, %v", changed, err)
	}
	write(testSecret)
	journaltest.Eventually(t, "the new secret is in force", func() error {
		if inForce() != testSecret {
			return fmt.Errorf("the old one is")
		}
		return nil
	})
	r.handoff(t, r.qualify(t, "rotated@initech.example"), delivered)
	if n := len(other.received(fold.EventRouted)); n != 1 {
		t.Errorf("%d deliveries with the new secret", n)
	}
}
