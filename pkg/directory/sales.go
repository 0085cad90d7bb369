package directory

import (
	"regexp"
	"strconv"

	"github.com/batonhq/baton/pkg/strictyaml"
)

// Campaign is what marketing does, promises and spends.
type Campaign struct {
	ID      string `yaml:"id"`
	Name    string `yaml:"name"`
	Channel string `yaml:"channel"`
	Brief   string `yaml:"brief"`
	// Spend by month.
	Spend []Spend `yaml:"spend"`
}

// Spend is what was spent in one month (2026-11); the amount is an exact decimal, in a currency of ISO 4217.
type Spend struct {
	Month    string `yaml:"month"`
	Amount   string `yaml:"amount"`
	Currency string `yaml:"currency"`
}

// Cost is what sales or marketing cost in one month beside the campaigns: salaries, tools, fairs.
type Cost struct {
	// Kind is sales or marketing.
	Kind     string `yaml:"kind"`
	Month    string `yaml:"month"`
	Amount   string `yaml:"amount"`
	Currency string `yaml:"currency"`
	// Team whose cost it is, "" where it is no team's alone.
	Team string `yaml:"team"`
}

// The kinds of costs.
const (
	CostOfSales     = "sales"
	CostOfMarketing = "marketing"
)

// Rep is somebody who takes handoffs, as far as others than routing need to know.
type Rep struct {
	ID, Team, Email string
	// ExternalIDs say who the rep is elsewhere: a system's name to its id of the user.
	ExternalIDs map[string]string
}

// Sales is who sells, and what selling and marketing cost.
type Sales struct {
	Reps      []Rep
	Campaigns []Campaign
	Costs     []Cost
}

// salesText is a directory of which the reps, the campaigns and the costs are looked at.
type salesText struct {
	Teams     any              `yaml:"teams"`
	Reps      []map[string]any `yaml:"reps"`
	Pools     any              `yaml:"pools"`
	Routes    any              `yaml:"routes"`
	Accounts  any              `yaml:"accounts"`
	Assets    any              `yaml:"assets"`
	Campaigns []Campaign       `yaml:"campaigns"`
	Personas  any              `yaml:"personas"`
	Costs     []Cost           `yaml:"costs"`
}

// ReadSales reads who sells and what it costs out of a directory's text. It checks the form alone: of a directory that routing
// accepted every part is right. The error wraps an Errors.
func ReadSales(yamlText []byte) (*Sales, error) {
	var t salesText
	if _, err := Read(yamlText, &t); err != nil {
		return nil, err
	}
	s := &Sales{Campaigns: t.Campaigns, Costs: t.Costs}
	for _, r := range t.Reps {
		rep := Rep{ID: word(r["id"]), Team: word(r["team"]), Email: word(r["email"])}
		if ids, ok := r["external_ids"].(map[string]any); ok {
			rep.ExternalIDs = make(map[string]string, len(ids))
			for system, id := range ids {
				rep.ExternalIDs[system] = word(id)
			}
		}
		s.Reps = append(s.Reps, rep)
	}
	return s, nil
}

// word gives a scalar as it reads; ids may look like numbers.
func word(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case uint64:
		return strconv.FormatUint(v, 10)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

var (
	monthShape    = regexp.MustCompile(`^[0-9]{4}-(0[1-9]|1[0-2])$`)
	amountShape   = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,6})?$`)
	currencyShape = regexp.MustCompile(`^[A-Z]{3}$`)
)

// CheckCosts notes what is wrong with a directory's costs. known reports whether there is a team.
func CheckCosts(doc *strictyaml.Document, costs []Cost, known func(team string) bool) {
	for i, c := range costs {
		path := "costs[" + strconv.Itoa(i) + "]"
		if c.Kind != CostOfSales && c.Kind != CostOfMarketing {
			doc.Fail(path+".kind", "must be sales or marketing")
		}
		if !monthShape.MatchString(c.Month) {
			doc.Fail(path+".month", "must be a month such as 2026-11")
		}
		if !amountShape.MatchString(c.Amount) {
			doc.Fail(path+".amount", "must be a decimal number such as 12000.50")
		}
		if !currencyShape.MatchString(c.Currency) {
			doc.Fail(path+".currency", "must be an ISO 4217 code such as EUR")
		}
		if c.Team != "" && !known(c.Team) {
			doc.Fail(path+".team", "there is no team %q in this directory", strictyaml.Clip(c.Team))
		}
	}
}
