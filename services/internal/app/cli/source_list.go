package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/ingest"
	"github.com/batonhq/baton/services/internal/app"
)

// listSources prints what each source's sender is to be given, what proves it, and what a CRM's stages mean.
func listSources(env *Env, file string, asJSON bool) error {
	c, err := app.LoadConfig(file, env.Environ)
	if err != nil {
		return err
	}
	sources, err := app.DescribeSources(&c)
	if err != nil {
		return err
	}
	base := publicBase(&c)
	if asJSON {
		type described struct {
			ingest.SourceInfo
			URL string `json:"url"`
		}
		out := make([]described, 0, len(sources))
		for _, s := range sources {
			out = append(out, described{s, base + s.Path})
		}
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	if len(sources) == 0 {
		fmt.Fprintln(env.Stdout, "No sources are configured. `baton source NAME` prints one to start with.")
		return nil
	}
	for i, s := range sources {
		if i > 0 {
			fmt.Fprintln(env.Stdout)
		}
		fmt.Fprintf(env.Stdout, "%s (%s)\n  posts to   %s\n  proven by  %s\n", s.Name, s.Type, base+s.Path, s.Proof)
		for k, stage := range slices.Sorted(maps.Keys(s.Stages)) {
			label := ""
			if k == 0 {
				label = "stages"
			}
			fmt.Fprintf(env.Stdout, "  %-9s  %s → %s\n", label, stage, s.Stages[stage])
		}
	}
	return nil
}

// publicBase is what stands before the paths of a configuration, as senders call them.
func publicBase(c *app.Config) string {
	switch {
	case c.HTTP.PublicURL != "":
		return strings.TrimSuffix(c.HTTP.PublicURL, "/")
	case c.HTTP.TLS.On():
		return "https://" + c.HTTP.Addr
	}
	return "http://" + c.HTTP.Addr
}
