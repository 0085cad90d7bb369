package journal_test

import (
	"testing"

	"github.com/batonhq/baton/pkg/journal/journaltest"
)

// TestConformanceEmbedded runs the suite on the engines of `baton up`.
func TestConformanceEmbedded(t *testing.T) { journaltest.Conformance(t, journaltest.InProcess) }
