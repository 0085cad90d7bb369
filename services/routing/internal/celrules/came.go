package celrules

import "github.com/batonhq/baton/services/routing/internal/core"

// campaign gives what is known of how a lead came; all is empty, not absent, where it came by none.
func campaign(f core.CampaignFacts) map[string]any {
	out := map[string]any{"all": f.All}
	for name, v := range map[string]string{
		"entry": f.Entry, "last": f.Last, "entry_channel": f.EntryChannel, "last_channel": f.LastChannel,
	} {
		if v != "" {
			out[name] = v
		}
	}
	return out
}

func handoff(f core.HandoffFacts) map[string]any {
	out := map[string]any{}
	if f.Rule != "" {
		out["rule"] = f.Rule
	}
	if f.Epoch != 0 {
		out["epoch"] = f.Epoch
	}
	return out
}
