package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
)

// Where the sender signs another address than Baton believes it to call, as behind a proxy, the refusal names the address, so that
// nobody looks for the mistake in the secret.
func TestASignatureOverAnotherAddressSaysWhichWasMeant(t *testing.T) {
	cfg := DefaultConfig()
	cfg.PublicURL = "https://leads.example/hooks"
	cfg.Sources = []Source{{Name: "crm", Type: "hubspot", Secrets: []config.Secret{config.NewSecret("client-secret")}}}
	const body = `[]`
	for address, want := range map[string]string{
		"https://leads.example/hooks/webhooks/crm?tenant=7": "",
		"http://10.0.0.7/webhooks/crm?tenant=7":             "with https://leads.example/hooks/webhooks/crm as the address",
	} {
		at := time.Now()
		stamp := strconv.FormatInt(at.UnixMilli(), 10)
		mac := hmac.New(sha256.New, []byte("client-secret"))
		mac.Write([]byte("POST" + address + body + stamp))
		r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/webhooks/crm?tenant=7", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		r.Header.Set("X-HubSpot-Request-Timestamp", stamp)
		got, err := Try(cfg, "crm", r, []byte(body), TryOptions{At: at})
		if err != nil || got.Verified != (want == "") || !strings.Contains(got.Unverified, want) || strings.Contains(got.Unverified, "tenant") {
			t.Errorf("%s: %+v %v", address, got, err)
		}
	}
}

// A mistake in stages is told once.
func TestAMistakeInStagesIsToldOnce(t *testing.T) {
	for _, kind := range []string{"hubspot", "marketo", "activecampaign"} {
		cfg := DefaultConfig()
		cfg.Sources = []Source{{Name: "crm", Type: kind, Secrets: []config.Secret{config.NewSecret("s")}, Stages: map[string]string{"7": "deal_wonn"}}}
		err := cfg.Validate()
		if err == nil || strings.Count(err.Error(), "deal_wonn") != 1 || !strings.Contains(err.Error(), "(source crm)") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
