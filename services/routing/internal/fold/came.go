package fold

import (
	"slices"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
)

// came gives the campaigns that a lead came by: the one of its entry, the latest, and all that the snapshot has, oldest first.
func came(p *journalv1.LeadSnapshot) core.CampaignFacts {
	c := core.CampaignFacts{Entry: p.GetEntry().GetCampaign(), EntryChannel: p.GetEntry().GetChannel()}
	add := func(campaign string) {
		if campaign != "" && !slices.Contains(c.All, campaign) {
			c.All = append(c.All, campaign)
		}
	}
	add(c.Entry)
	for _, t := range slices.Backward(p.GetTimeline()) { // newest first
		add(t.GetCampaign())
		if t.GetCampaign() != "" {
			c.Last, c.LastChannel = t.GetCampaign(), t.GetChannel()
		}
	}
	if c.Last == "" {
		c.Last, c.LastChannel = c.Entry, c.EntryChannel
	}
	return c
}
