// Package plantest makes configurations of CRMs for tests, as the service would make them of a configuration file.
package plantest

import (
	"maps"
	"testing"

	"github.com/batonhq/baton/services/routing/internal/celrules"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Config gives a type's defaults with options and fields put in their place; a field mapped to "" is taken out.
func Config(t testing.TB, kind destination.Type, url string, options map[string]string, fields map[string]map[string]string) destination.Config {
	t.Helper()
	compiler, err := celrules.NewFieldCompiler()
	if err != nil {
		t.Fatal(err)
	}
	c := destination.Config{Name: "crm", Type: kind.Name, URL: url, Options: maps.Clone(kind.Options), Fields: map[string]destination.Fields{}}
	for name, v := range options {
		if _, ok := c.Options[name]; !ok {
			t.Fatalf("%s has no option %s", kind.Name, name)
		}
		c.Options[name] = v
	}
	for object, defaults := range kind.Fields {
		sources := maps.Clone(defaults)
		if sources == nil {
			sources = map[string]string{}
		}
		maps.Copy(sources, fields[object])
		c.Fields[object] = destination.Fields{}
		for name, source := range sources {
			if source == "" {
				continue
			}
			e, err := compiler.Compile(source)
			if err != nil {
				t.Fatalf("fields.%s.%s: %v", object, name, err)
			}
			c.Fields[object][name] = e
		}
	}
	return c
}
