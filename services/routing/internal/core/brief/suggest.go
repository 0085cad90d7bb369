package brief

import (
	"cmp"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/core"
)

const maxSuggestions = 3

// suggest picks what the lead has not seen and what fits: its topics, where it is on its way or the step ahead, and who it
// is. Each suggestion says why.
func suggest(b Brief, persona string, dir *core.Directory) []Suggestion {
	if dir == nil {
		return nil
	}
	type candidate struct {
		Suggestion
		score float64
	}
	next := nextStage(b.JourneyStage)
	var all []candidate
	for _, a := range dir.Assets {
		if slices.ContainsFunc(b.Content, func(c Content) bool { return c.Asset == a.ID }) {
			continue
		}
		score, why := 0.0, []string{}
		if i := slices.IndexFunc(b.Interests, func(i Interest) bool { return i.Topic == a.Topic }); i >= 0 {
			score += 1 + 2*b.Interests[i].Weight
			rank := "one of their topics"
			if i == 0 {
				rank = "their main topic"
			}
			why = append(why, "on "+words(a.Topic)+", "+rank)
		}
		switch {
		case a.Stage == "":
		case a.Stage == b.JourneyStage:
			score++
			why = append(why, "for the "+words(a.Stage)+" stage, where they are")
		case a.Stage == next:
			score += 0.75
			why = append(why, "for the "+words(a.Stage)+" stage, which comes next")
		}
		switch {
		case a.Persona == "" || persona == "":
		case a.Persona == persona:
			score++
			why = append(why, "written for their role ("+words(persona)+")")
		default:
			continue // written for somebody else
		}
		if len(why) == 0 {
			continue
		}
		all = append(all, candidate{Suggestion{Asset: a.ID, Title: a.Title, Kind: a.Kind, URL: a.URL, Reason: upper(strings.Join(why, "; ")) + "; not seen yet."}, score})
	}
	slices.SortStableFunc(all, func(x, y candidate) int { return cmp.Compare(y.score, x.score) })
	var out []Suggestion
	for _, c := range all[:min(len(all), maxSuggestions)] {
		out = append(out, c.Suggestion)
	}
	return out
}

func nextStage(stage string) string {
	if i := slices.Index(journey, stage); i >= 0 && i+1 < len(journey) {
		return journey[i+1]
	}
	return ""
}
