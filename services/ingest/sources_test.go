package ingest

import (
	"strings"
	"testing"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Everything wrong with a mapping is told at once, each with the source's place and name.
func TestFaultsOfASourceNameIt(t *testing.T) {
	c := DefaultConfig()
	c.Sources = []Source{
		{Name: "app", Type: "baton", Mapping: &sender.Mapping{}},
		{Name: "webinar", Type: "json", Secrets: []config.Secret{config.NewSecret("hush")}, Mapping: &sender.Mapping{
			Facts: []sender.MappedFact{{Type: "event_atended", ID: "event.id", Email: "event.(x"}},
		}},
	}
	err := c.Validate()
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		"sources[0].mapping: sources of type baton have none (source app)",
		"sources[1].mapping.facts[0].email: column 7: ",
		`sources[1].mapping.facts[0].type: "event_atended" is not a known type; the nearest is "event_attended" (source webinar)`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Error("the secret is shown")
	}
}

// The settings as an operator writes them.
func TestAMappingIsReadFromYAML(t *testing.T) {
	var c struct {
		Sources []Source `yaml:"sources"`
	}
	text := `
sources:
  - name: webinar
    type: json
    secrets: ["${KEY}"]
    signature: { header: X-Signature, prefix: "sha256=", content: "{timestamp}.{body}", timestamp: { header: X-Timestamp, tolerance: 3m } }
    mapping:
      events: body.events
      headers: [X-Tenant]
      otherwise: ignore
      facts:
        - when: 'event.kind == "attended"'
          type: event_attended
          id: event.id
          email: event.attendee.email
          external_ids: { zoom: event.attendee.id }
          properties: { event: event.title, channel: '"webinar"' }
`
	if err := config.Parse([]byte(text), &c, "", []string{"KEY=k"}); err != nil {
		t.Fatal(err)
	}
	whole := DefaultConfig()
	whole.Sources = c.Sources
	if err := whole.Validate(); err != nil {
		t.Error(err)
	}
	if err := config.Parse([]byte(strings.Replace(text, "occurred_at", "", 1)+"          ocurred_at: event.at\n"), &c, "", []string{"KEY=k"}); err == nil || !strings.Contains(err.Error(), "ocurred_at") {
		t.Errorf("a misspelt setting: %v", err)
	}
}
