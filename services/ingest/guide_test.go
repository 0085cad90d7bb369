package ingest

import (
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Every type tells whoever connects it where its secret comes from or goes to.
func TestEveryTypeHasAGuide(t *testing.T) {
	for _, name := range SourceTypes() {
		g, ok := GuideTo(name)
		if !ok || g.Type != name || !g.WriteKey && (g.Issued == "") == (g.Entered == "") {
			t.Errorf("%s: %+v %v", name, g, ok)
		}
	}
	if _, ok := GuideTo("none"); ok {
		t.Error("a guide to a type that is not there")
	}
}

// What proves a sender, and where it posts, is told as it is, where it is not a signature in a header.
func TestASourceIsDescribedAsItIsProven(t *testing.T) {
	secrets := []config.Secret{config.NewSecret("an-old-secret-of-16"), config.NewSecret("a-new-secret-of-16")}
	facts := &sender.Mapping{Facts: []sender.MappedFact{{Type: "form_submitted", ID: "event.id", Email: "event.email"}}}
	for _, c := range []struct {
		source      Source
		path, proof string
	}{
		{Source{Type: "hubspot"}, "/webhooks/x", "a signature by any of its secrets (2 configured)"},
		{Source{Type: "pipedrive"}, "/webhooks/x", "Basic"},
		{Source{Type: "dynamics"}, "/webhooks/x", "query parameter"},
		{Source{Type: "mailgun"}, "/webhooks/x", "in its body"},
		{Source{Type: "marketo"}, "/webhooks/x", "X-Baton-Token"},
		{Source{Type: "mailchimp"}, "/webhooks/x/{secret}", "token at the end of the address"},
		{Source{Type: "segment-webhook"}, "/webhooks/x/{secret}", "of a batch also the secret"},
		{Source{Type: "segment-webhook", VerifyToken: config.NewSecret("t")}, "/webhooks/x/{verify_token}", "of a batch also the verify_token"},
		{Source{Type: "json", Mapping: facts}, "/webhooks/x/{secret}", "token"},
		{Source{Type: "json", Mapping: facts, Signature: &sender.Signature{Header: "X-Sig"}}, "/webhooks/x", "a signature in X-Sig"},
	} {
		cfg := DefaultConfig()
		c.source.Name, c.source.Secrets = "x", secrets
		cfg.Sources = []Source{c.source}
		got, err := Describe(cfg)
		if err != nil || got[0].Path != c.path || !strings.Contains(got[0].Proof, c.proof) {
			t.Errorf("%s: %+v %v", c.source.Type, got, err)
		}
	}
}

// A setting that would bound nothing is refused: whoever wrote it believes that strangers' accounts are kept out.
func TestASettingThatATypeHasNotIsRefused(t *testing.T) {
	for kind, has := range map[string]string{
		"hubspot": "accounts", "linkedin": "accounts", "espocrm": "", "mautic": "", "baton": "", "typeform": "",
		"meta": "accounts verify_token", "segment-webhook": "verify_token",
	} {
		cfg := DefaultConfig()
		cfg.Sources = []Source{{
			Name: "x", Type: kind, Secrets: []config.Secret{config.NewSecret("65f0c1:key")},
			Accounts: []string{"7"}, VerifyToken: config.NewSecret("t"),
		}}
		err := cfg.Validate()
		for _, setting := range []string{"accounts", "verify_token"} {
			refused := err != nil && strings.Contains(err.Error(), "sources[0]."+setting+": sources of type "+kind+" have none")
			if refused == strings.Contains(has, setting) {
				t.Errorf("%s, %s: %v", kind, setting, err)
			}
		}
	}
}
