//go:build integration

package feedback

import (
	"testing"

	"github.com/batonhq/baton/pkg/journal/journaltest"
)

func TestServiceRealEngines(t *testing.T) { testService(t, journaltest.Networked) }
