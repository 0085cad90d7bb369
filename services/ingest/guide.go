package ingest

import (
	"fmt"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Guide is what somebody who connects a sender of a type has to know before there is a source.
type Guide struct {
	Type string
	// WriteKey: its senders prove themselves by a write key, and have no secret.
	WriteKey bool
	// Issued is what the source's secret is where the platform gives it out, and where it is shown; "" where the operator may
	// choose one.
	Issued string
	// Entered is where a secret that the operator chose is entered on the platform; "" where Issued is given.
	Entered string
	// Standard: a secret that is chosen is one of Standard Webhooks (whsec_).
	Standard bool
	// Signs: the platform signs the address that it calls, too, so that http.public_url must be right.
	Signs bool
	// VerifyToken: the source has a second secret of the operator's choice, verify_token.
	VerifyToken bool
	// Accounts: its events say of which account of the platform they are, so that a source can be bounded to some.
	Accounts bool
	// More are settings that a source of the type cannot do without, as they stand in its YAML; "" for none.
	More string
}

// inAddress is where tokens are entered of platforms that can carry one in the address alone.
const inAddress = "it is the end of the address"

// guides has what differs from type to type. The places are those that the platforms' consoles and documentation name.
func guides() map[string]Guide {
	return map[string]Guide{
		"segment":           {WriteKey: true},
		"rudderstack":       {WriteKey: true},
		"baton":             {Standard: true, Entered: "your program signs with it, as `baton send` does"},
		"standard-webhooks": {Standard: true, Entered: "the sender signs with it"},
		"json": {
			Entered: "the sender shows it as a Bearer, in X-Baton-Token or at the end of the address, unless `signature` says how it signs",
			More: "mapping:\n  facts:            # an example: see \"Anybody else\" in services/ingest/SENDERS.md\n" +
				"    - { type: form_submitted, id: event.id, email: event.email }",
		},
		"marketo":         {Entered: "give it to the webhook as the custom header X-Baton-Token; a source that asks Marketo for its activities has `poll` instead"},
		"mautic":          {Entered: "enter it as Secret under Settings, Webhooks"},
		"sendgrid":        {Issued: "the verification key that Settings, Mail Settings, Event Webhook shows once Signed Event Webhook is on"},
		"mailchimp":       {Entered: inAddress},
		"activecampaign":  {Entered: inAddress},
		"customerio":      {Issued: "the signing key that Integrations, Reporting webhooks shows"},
		"mailgun":         {Issued: "the HTTP webhook signing key, not the API key"},
		"klaviyo":         {Entered: "give it to the webhooks API as `secret_key`", Accounts: true},
		"hubspot":         {Issued: "the client secret of the HubSpot app", Signs: true, Accounts: true},
		"salesforce":      {Entered: inAddress, Accounts: true},
		"pipedrive":       {Entered: "enter it as the HTTP Auth password of the webhook, with any user name", Accounts: true},
		"dynamics":        {Entered: "register the webhook with it as the value of an HttpHeader, an HttpQueryString or as WebhookKey", Accounts: true},
		"espocrm":         {Issued: "the webhook's id and its secret key with a colon between them, for each webhook"},
		"twenty":          {Entered: "enter it as Secret under Settings, Webhooks", Accounts: true},
		"segment-webhook": {Entered: "enter it as the shared secret of the destination", VerifyToken: true},
		"cloudevents":     {Entered: "the sender shows it as a Bearer, or at the end of the address"},
		"calendly":        {Entered: "give it to the webhook subscription as `signing_key`"},
		"typeform":        {Entered: "enter it as Secret under Connect, Webhooks"},
		"formstack":       {Entered: "enter it as the HMAC key of the webhook"},
		"linkedin":        {Issued: "the client secret of the LinkedIn application", Accounts: true},
		"meta":            {Issued: "the app secret of the Meta app", VerifyToken: true, Accounts: true},
	}
}

// InAddress reports whether a secret that the operator chose stands at the end of the address, and nowhere else.
func (g Guide) InAddress() bool { return g.Entered == inAddress }

// GuideTo gives the guide to a type; false if there is no such type.
func GuideTo(name string) (Guide, bool) {
	if _, ok := typeOf(name); !ok {
		return Guide{}, false
	}
	g := guides()[name]
	g.Type = name
	return g, true
}

// describe gives the path that a source's sender posts to, and what proves who it is.
func (s *Source) describe(t sender.Type) (path, proof string) {
	path = "/webhooks/" + s.Name
	n := len(s.Secrets)
	switch {
	case t.Path == sender.Tracking:
		return "/v1/{identify,track,page,screen,group,alias,batch}", "its write key"
	case n == 0 && s.Poll != nil:
		return path, "nobody posts: no secret is configured, and it is asked for its events"
	case n == 0:
		return path, "nothing: no secret is configured, and it is taken from this machine alone"
	}
	of := fmt.Sprintf("any of its secrets (%d configured)", n)
	switch s.Type {
	case "pipedrive":
		return path, "the password of Basic authorization, " + of
	case "dynamics":
		return path, "a header or a query parameter, of any name, whose value is " + of
	case "mailgun":
		return path, "a signature in its body by " + of
	case "marketo":
		return path, "the header X-Baton-Token, " + of
	case "segment-webhook":
		if s.VerifyToken.IsZero() {
			return path + "/{secret}", "a signature by " + of + ", of a batch also the secret at the end of the address"
		}
		return path + "/{verify_token}", "a signature by " + of + ", of a batch also the verify_token at the end of the address"
	case "json":
		if s.Signature != nil {
			return path, "a signature in " + s.Signature.Header + " by " + of
		}
	}
	if t.Token {
		return path + "/{secret}", "a token at the end of the address, in X-Baton-Token or in Authorization: " + of
	}
	return path, "a signature by " + of
}
