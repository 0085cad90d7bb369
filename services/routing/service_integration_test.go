//go:build integration

package routing

import (
	"testing"

	"github.com/batonhq/baton/pkg/journal/journaltest"
)

func TestServiceRealEngines(t *testing.T) { testService(t, journaltest.Networked) }
