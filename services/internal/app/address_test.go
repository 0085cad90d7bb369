package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/journal/journaltest"
)

// An address that a source states of a person speaks for the account whose it is: from the webhook to the match on the handoff.
func TestAnAddressSpeaksForTheAccount(t *testing.T) {
	s := newSales(t)
	code, got := s.call("root", http.MethodPut, "/api/v1/directory", map[string]string{"yaml": strings.Replace(salesDirectory, "accounts: [", "accounts: [ "+
		"{id: ac-2, name: Umbra Logistics, address: {street: Storgatan 1, city: Malmö, postal_code: '21142', country: SE}},", 1)})
	s.want(http.StatusOK, nil, code, got)
	post(t, s.addr.HTTP, fmt.Sprintf(`{"id":"evt-1","type":"demo_requested","occurred_at":%q,"lead":{"email":"ana@gmail.com"},
		"traits":{"company":"Umbra Logistic","address":{"street":"Storgatan 1","city":"Malmö","postalCode":"21142","country":"SE"}}}`, time.Now().UTC().Format(time.RFC3339)))
	journaltest.Eventually(t, "the match names the street", func() error {
		_, got := s.call("root", http.MethodGet, "/api/v1/handoffs?email=ana@gmail.com", nil)
		list, _ := got["handoffs"].([]any)
		if len(list) != 1 {
			return fmt.Errorf("%v", got)
		}
		account, _ := list[0].(map[string]any)["account"].(map[string]any)
		match, _ := account["match"].(map[string]any)
		support := fmt.Sprint(match["support"])
		if account["id"] != "ac-2" || match["by"] != "close-name" || support != "[street postal-code city]" {
			return fmt.Errorf("%v", account)
		}
		return nil
	})
}
