// Package directory reads the directory's YAML text as far as more than one service needs it: strictly and bounded, with the
// line of each fault, and the catalogue of assets. What else a directory holds is routing's to check.
package directory

import (
	"fmt"

	"github.com/batonhq/baton/pkg/strictyaml"
)

const (
	// MaxBytes is the largest text that is looked at: what fits well into one message of the journal.
	MaxBytes = 4 << 20
	// maxDepth is how deep a text may nest; a directory needs six levels.
	maxDepth = 16
)

// Errors is what was found wrong with a text, the first strictyaml.MaxErrors of it.
type Errors = strictyaml.Errors

// Read decodes a text strictly into a struct. The document knows on which line each value stands. The error wraps an
// Errors.
func Read(text []byte, into any) (*strictyaml.Document, error) {
	doc, err := strictyaml.Parse(text, strictyaml.Limits{Bytes: MaxBytes, Depth: maxDepth})
	if err == nil {
		err = doc.Decode(into)
	}
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	return doc, nil
}

// Asset is a piece of content as the catalogue describes it.
type Asset struct {
	ID    string `yaml:"id"`
	Title string `yaml:"title"`
	// Kind, such as white-paper; Topic, such as pricing.
	Kind  string `yaml:"kind"`
	Topic string `yaml:"topic"`
	// Stage of the buyer's journey that it is made for, and Persona that it is written for.
	Stage   string `yaml:"stage"`
	Persona string `yaml:"persona"`
	URL     string `yaml:"url"`
}

// text is a directory of which the assets alone are looked at.
type text struct {
	Teams     any     `yaml:"teams"`
	Reps      any     `yaml:"reps"`
	Pools     any     `yaml:"pools"`
	Routes    any     `yaml:"routes"`
	Accounts  any     `yaml:"accounts"`
	Assets    []Asset `yaml:"assets"`
	Campaigns any     `yaml:"campaigns"`
	Personas  any     `yaml:"personas"`
	Costs     any     `yaml:"costs"`
	Matching  any     `yaml:"matching"`

	Calendars   any `yaml:"calendars"`
	Territories any `yaml:"territories"`
	Exclude     any `yaml:"exclude"`
	Languages   any `yaml:"languages"`
}

// Assets reads the catalogue of a directory's text, in its order. It checks the form alone: of a directory that routing
// accepted it gives the assets, each with an id of its own. The error wraps an Errors.
func Assets(yamlText []byte) ([]Asset, error) {
	var t text
	if _, err := Read(yamlText, &t); err != nil {
		return nil, err
	}
	return t.Assets, nil
}
