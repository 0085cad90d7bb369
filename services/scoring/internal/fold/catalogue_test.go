package fold_test

import (
	"fmt"
	"testing"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

const topicAgreement = `agreement: topics
half_life: none
engagement:
  - { id: prices,  on: [page_viewed, asset_downloaded], when: 'event.topic == "pricing"', points: 8 }
  - { id: late,    on: asset_downloaded, when: 'event.journey_stage == "decision" && event.persona == "economic-buyer"', points: 20 }
  - { id: paper,   on: asset_downloaded, when: 'event.asset_kind == "white-paper"', points: 3 }
  - { id: unknown, on: asset_downloaded, when: '!has(event.topic)', points: 1 }
qualify:
  - { id: any, when: 'engagement >= 100' }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// directory puts a catalogue into force.
func (w *world) directory(yaml string) {
	w.AppendGlobal("directory", &journalv1.Event{Type: "directory_changed", Payload: &journalv1.Event_DirectoryChanged{
		DirectoryChanged: &journalv1.DirectoryChanged{Yaml: []byte(yaml)},
	}})
}

func asset(id string) func(*journalv1.Event) {
	return func(e *journalv1.Event) { e.Touch = &journalv1.Touch{Asset: id} }
}

func TestRulesSeeWhatTheCatalogueSaysOfAnAsset(t *testing.T) {
	w := newWorld(t, topicAgreement)
	w.sees(ana, "asset_downloaded", asset("guide"))
	w.wantEngagement(ana, 1) // no catalogue yet
	w.directory(`assets: [ {id: guide, kind: white-paper, topic: pricing, stage: decision, persona: economic-buyer} ]`)
	w.sees(ana, "asset_downloaded", asset("guide"))
	w.wantEngagement(ana, 1+8+20+3)
	w.sees(ana, "asset_downloaded", asset("poster")) // not listed
	w.sees(ana, "asset_downloaded")                  // no asset at all
	w.wantEngagement(ana, 32+1+1)
	w.directory(`assets: [ {id: guide, kind: video, topic: support} ]`)
	w.sees(ana, "asset_downloaded", asset("guide"))
	w.wantEngagement(ana, 34) // and what was scored before stays
	w.directory(`assets: 3`)  // cannot be read: what was in force stays
	w.sees(ana, "asset_downloaded", asset("guide"))
	w.wantEngagement(ana, 34)
	w.directory(`assets: [ {id: guide, topic: pricing} ]`)
	w.sees(ana, "page_viewed", asset("guide"))
	w.wantEngagement(ana, 42)
}

func TestAPropertyIsNotTakenForTheCatalogue(t *testing.T) {
	w := newWorld(t, topicAgreement)
	w.directory(`assets: [ {id: guide, topic: support} ]`)
	w.sees(ana, "page_viewed", asset("guide"), property("topic", "pricing"))
	w.sees(ana, "page_viewed", property("topic", "pricing"))
	w.wantEngagement(ana, 0)
}

// What reaches an absorbed lead is scored by its parent, by the catalogue at the place at which the parent is told.
func TestAnAbsorbedLeadsAssetsCountForItsParent(t *testing.T) {
	w := newWorld(t, topicAgreement)
	w.directory(`assets: [ {id: guide, topic: pricing} ]`)
	w.sees(ana, "identified")
	w.sees(device, "page_viewed", asset("guide"))
	w.link(device, ana)
	w.sees(device, "page_viewed", asset("guide"))
	w.wantEngagement(ana, 16)
	if got := fmt.Sprint(w.score(ana).Missed); got != "[]" {
		t.Errorf("rules that were not evaluated: %s", got)
	}
}
