package ingest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/identity"
)

func withCRM(c *Config) {
	c.Sources = append(c.Sources,
		Source{Name: "sfdc", Type: "salesforce", Secrets: []config.Secret{config.NewSecret("t0ken")}, Stages: map[string]string{"Gewonnen": "deal_won"}},
	)
}

func outbound(session, record string) string {
	return `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000001EAA</OrganizationId><SessionId>` +
		session + `</SessionId>` + record + `</notifications></e:Body></e:Envelope>`
}

// Salesforce is answered in its own way whatever became of the message, and what it lends is nowhere.
func TestSalesforceIsAcknowledgedAndItsSessionForgotten(t *testing.T) {
	b := newBench(t, withCRM)
	const session = "00Dmade.up.session"
	handoff := identity.Handoff(b.journal.Key().Lead(identity.Email, "", "ana@initech.example"), 1)
	won := `<Notification><Id>04l1</Id><sObject xmlns:x="i" x:type="sf:Opportunity"><Id>006000000000001AAA</Id><StageName>gewonnen</StageName><HandoffId__c>` + handoff + `</HandoffId__c></sObject></Notification>`
	for _, tc := range []struct {
		name, path, body    string
		status, events, bad int
	}{
		{"no token", "/webhooks/sfdc", outbound(session, won), 401, 0, 0},
		{"another token", "/webhooks/sfdc/t0keN", outbound(session, won), 401, 0, 0},
		{"won", "/webhooks/sfdc/t0ken", outbound(session, won), 200, 2, 0}, // the deal's event, and that the deal is the lead's
		{"won, again", "/webhooks/sfdc/t0ken", outbound(session, won), 200, 0, 0},
		{"cut off", "/webhooks/sfdc/t0ken", outbound(session, won[:40]), 200, 1, 1},
		{"of nobody", "/webhooks/sfdc/t0ken", outbound(session, `<Notification><Id>04l2</Id><sObject><Email>x</Email></sObject></Notification>`), 200, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(b.journal.Events())
			r := b.do(t, b.request(t, http.MethodPost, tc.path, tc.body, "Content-Type", "text/xml"))
			if r.status != tc.status {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if tc.status == 200 && (!strings.Contains(r.body, "<Ack>true</Ack>") || !strings.HasPrefix(r.header.Get("Content-Type"), "text/xml")) {
				t.Errorf("%v %s", r.header, r.body)
			}
			news := b.journal.Events()[before:]
			if len(news) != tc.events {
				t.Fatalf("%d events: %v", len(news), news)
			}
			bad := 0
			for _, ev := range news {
				if strings.Contains(ev.Body.String(), session) {
					t.Errorf("the session is kept: %v", ev.Body)
				}
				if ev.Type == "quarantined" {
					bad++
				}
			}
			if bad != tc.bad {
				t.Errorf("%d quarantined", bad)
			}
		})
	}
	first := b.journal.Events()[0].Body
	if first.Type != "deal_won" || first.Entity != b.journal.Key().Lead(identity.Email, "", "ana@initech.example") {
		t.Errorf("%v", first)
	}
}
