//go:build integration

package feedback

import (
	"testing"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
)

func TestServiceRealEngines(t *testing.T) { testService(t, enginetest.Networked) }
