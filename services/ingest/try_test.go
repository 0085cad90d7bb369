package ingest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
)

// A saved request of a program is told from a person's, as it is when it comes in.
func TestTryKnowsPrograms(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Sources = []Source{{Name: "site", Type: "segment", WriteKey: config.NewSecret("wk_1")}}
	for agent, want := range map[string]bool{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                        true,
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36": false,
	} {
		body := `{"type":"page","messageId":"m1","anonymousId":"an-1","context":{"userAgent":"` + agent + `"},"writeKey":"wk_1"}`
		r, err := http.NewRequest(http.MethodPost, "http://baton.example/v1/page", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Try(cfg, "site", r, []byte(body), TryOptions{At: time.Now()})
		if err != nil || len(got.Events) != 1 || got.Events[0].Event.GetAutomated() != want {
			t.Errorf("%s: %v %+v", agent, err, got)
		}
	}
}
