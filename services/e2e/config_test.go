package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// appSecret signs the source `app`; siteKey is the write key of the source `site`.
const (
	appSecret = "whsec_ZTJlLXRlc3Qtc2VjcmV0LW9mLXRoZS1zb3VyY2UtYXBw"
	siteKey   = "wk_e2e_site"
)

// testAgreement has few rules, so that a test can work a score out by hand. Nothing with `half_life: none` decays.
const testAgreement = `agreement: e2e
half_life: 14d
engagement:
  - { id: visit, on: page_viewed, points: 1, half_life: none, because: looks around }
  - { id: pricing, on: page_viewed, when: 'event.properties.url.contains("/pricing")', points: 8, half_life: none, cap: {count: 2, per: 1d}, because: compares prices }
  - { id: download, on: asset_downloaded, points: 10, half_life: 30d, because: asked for something of worth }
  - { id: webinar, on: event_attended, points: 15, half_life: none, because: gave us an hour }
  - { id: demo, on: demo_requested, points: 30, half_life: none, because: asked to be shown }
  - { id: left, on: email_unsubscribed, points: -25, half_life: none }
fit:
  - { id: senior, when: 'lead.title.matches("(?i)\\b(vp|chief|head|director)\\b")', points: 40, because: decides or signs }
  - { id: size, when: 'account.employees >= 200', points: 40, because: large enough }
  - { id: student, when: 'lead.title.matches("(?i)student")', points: -40 }
grades: { a: 75, b: 40, c: 20 }
qualify:
  - { id: matrix, when: 'grade in ["a", "b"] && engagement >= 25.0' }
  - { id: fast-track, on: [demo_requested, meeting_booked], when: 'grade != "d"' }
sla:
  accept_within: 4h
  contact_within: 24h
  clock: elapsed
  ladder: [ {at: 50%, notify: rep}, {at: 100%, notify: manager}, {at: 150%, reassign: true} ]
  max_reassigns: 2
reject_reasons: [ {id: bad-data, fixable_by: marketing}, {id: no-fit, sub: [size, industry, role]}, {id: duplicate} ]
recycle_reasons: [ {id: timing, wake_after: 90d}, {id: unreachable, wake_on: engagement} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// testDirectory has reps who are always there, and one account that a rep owns.
const testDirectory = `teams: [ {id: emea, manager: kim} ]
reps:
  - { id: ana, name: Ana Lind, email: ana@sales.example, team: emea, time_zone: UTC }
  - { id: bo, name: Bo Nielsen, email: bo@sales.example, team: emea, time_zone: UTC }
  - { id: cy, name: Cy Ek, email: cy@sales.example, team: emea, time_zone: UTC }
pools: [ {id: everybody, reps: [ana, bo]} ]
routes:
  - { id: named, when: 'account.owner != ""', to: {owner: account} }
  - { id: default, to: {pool: everybody} }
accounts: [ {id: ac-initech, name: Initech, domain: initech.example, aliases: ["Initech LLC"], owner: cy, target: true} ]
assets:
  - { id: pricing-guide, title: The pricing guide, kind: white-paper, topic: pricing, stage: decision, persona: economic-buyer, url: "https://www.example/pricing-guide" }
  - { id: handbook, title: The handbook, kind: e-book, topic: handoff, stage: awareness, persona: economic-buyer, url: "https://www.example/handbook" }
  - { id: checklist, title: A checklist, kind: white-paper, topic: pricing, stage: decision, persona: economic-buyer, url: "https://www.example/checklist" }
campaigns: [ {id: q4-launch, name: Q4 launch, channel: email, brief: "A set-up within a week."} ]
personas: [ {id: economic-buyer, when: 'lead.title.matches("(?i)\\b(vp|chief)\\b")'} ]
`

// writeConfig writes the configuration file and all that it names; engines is what it says of them.
func (c *Cluster) writeConfig(engines string) string {
	c.t.Helper()
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("agreement: agreement.yaml\ndirectory: directory.yaml\ninternal_token: e2e-internal-token")
	p("sources:")
	p("  - { name: app, type: baton, secrets: [%q] }", appSecret)
	p("  - { name: site, type: segment, write_key: %s }", siteKey)
	for _, source := range c.setup.Sources {
		p("  - %s", source)
	}
	if len(c.setup.CRMs) > 0 {
		p("destinations:")
		for _, crm := range c.setup.CRMs {
			p("  - { name: %s, type: webhook, url: %q, secrets: [%q], events: [%s], allow_private: true }", crm.Name, crm.URL(), crm.Secret, strings.Join(crm.Events, ", "))
		}
	}
	if len(c.setup.Tokens) > 0 {
		p("tokens:")
		for _, t := range c.setup.Tokens {
			p("  - { name: %s, token: %q, roles: [%s], rep: %q }", t.Name, t.Text, t.Roles, t.Rep)
		}
	}
	p("%s", engines)
	p("%s", c.setup.More)
	agreement, directory := c.setup.Agreement, c.setup.Directory
	if agreement == "" {
		agreement = testAgreement
	}
	if directory == "" {
		directory = testDirectory
	}
	for name, text := range map[string]string{"baton.yaml": b.String(), "agreement.yaml": agreement, "directory.yaml": directory} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return filepath.Join(c.dir, "baton.yaml")
}
