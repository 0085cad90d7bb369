package espocrm

import (
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

func TestNoKeyBehindTheID(t *testing.T) {
	if _, err := New(sender.Config{Name: "s", Secrets: []string{"w1:"}}); err == nil {
		t.Error("a webhook's id without a key: anybody can sign")
	}
}
