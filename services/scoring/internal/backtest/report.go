package backtest

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Report is what a backtest found. Shares are between 0 and 1; a share of nothing is null. Definitions says what each figure
// means.
type Report struct {
	// Shadow: it is of a run beside the agreement in force, not of a backtest.
	Shadow bool `json:"shadow,omitempty"`
	// From and To of the window that was measured; absent where it has no bound.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Read is how many events the journal holds, Inputs how many of them were played.
	Read   uint64 `json:"events_read"`
	Inputs uint64 `json:"inputs_played"`
	// Until is when the last input was received.
	Until time.Time `json:"until,omitzero"`
	// OpenIsLost: leads without an outcome counted as lost.
	OpenIsLost bool       `json:"open_counts_as_lost"`
	People     People     `json:"leads"`
	Contenders []Result   `json:"agreements"`
	HandedOver HandedOver `json:"really_handed_over"`
	Weeks      []Week     `json:"weeks"`
	// Comparison of two contenders, or of one with what really happened; absent where nothing was handed over then.
	Comparison *Comparison `json:"comparison,omitempty"`

	predictions [][]prediction
	differences []difference
}

// People are the leads that were measured.
type People struct {
	// Seen are the people that were first heard of in the window; a merged lead is one.
	Seen int `json:"seen"`
	// Devices that no person was ever linked to: they cannot qualify and are in no other figure.
	Devices int     `json:"devices"`
	Won     int     `json:"won"`
	Lost    int     `json:"lost"`
	Open    int     `json:"open"`
	Money   []Money `json:"money_won"`
	// WonBeforeTouch were won before their first engagement, WonWithoutTouch never had one: no agreement on engagement
	// could have known.
	WonBeforeTouch  int `json:"won_before_first_touch"`
	WonWithoutTouch int `json:"won_without_touch"`
}

// Outcomes of some leads.
type Outcomes struct {
	Won  int `json:"won"`
	Lost int `json:"lost"`
	Open int `json:"open"`
}

// Answers are what sales last said of some leads.
type Answers struct {
	Accepted     int `json:"accepted"`
	SQL          int `json:"sql"`
	Rejected     int `json:"rejected"`
	Recycled     int `json:"recycled"`
	Disqualified int `json:"disqualified"`
}

// Quality is how a choice of leads compares with how they ended.
type Quality struct {
	// Chosen are those that qualified before their outcome, Passed over the others.
	Chosen     Outcomes `json:"qualified"`
	PassedOver Outcomes `json:"not_qualified"`
	// Late is how many of those passed over did qualify, after their outcome.
	Late        int      `json:"qualified_after_outcome"`
	Precision   *float64 `json:"precision"`
	Recall      *float64 `json:"recall"`
	MissedMoney []Money  `json:"money_won_missed"`
	// Answers of sales to the leads chosen, where it really had them.
	Answers Answers `json:"answers_of_sales"`
}

// Result is what one agreement would have done.
type Result struct {
	Name      string `json:"name"`
	Agreement string `json:"agreement"`
	Version   int32  `json:"version"`
	// Qualified is how many leads qualified in the window, whenever they were first heard of.
	Qualified int     `json:"qualified_in_window"`
	Load      *Load   `json:"load,omitempty"`
	Quality   Quality `json:"quality"`
	// Ranking is absent where the scores of those who did not qualify are not known.
	Ranking  *Ranking  `json:"ranking,omitempty"`
	LeadTime LeadTimes `json:"lead_time"`
}

// Load is what qualified against what sales can take.
type Load struct {
	Reps     int `json:"reps"`
	Capacity int `json:"capacity_per_week"`
	// Busiest is the most in one week; Mean over all weeks of the table.
	Busiest    int      `json:"busiest_week"`
	Mean       float64  `json:"mean_per_week"`
	WeeksAbove int      `json:"weeks_above"`
	Above      []string `json:"above"`
	// MeanShare and BusiestShare of the capacity, null where that is 0.
	MeanShare    *float64 `json:"mean_share"`
	BusiestShare *float64 `json:"busiest_share"`
}

// LeadTimes are how long things took.
type LeadTimes struct {
	// ToQualify is from the first touch to qualification; ToWin, of won leads, from qualification to the win.
	ToQualify Days `json:"first_touch_to_qualified"`
	ToWin     Days `json:"qualified_to_won"`
	// BeforeTouch qualified before their first touch, WithoutTouch never had one: they have no such time.
	BeforeTouch  int `json:"qualified_before_first_touch"`
	WithoutTouch int `json:"qualified_without_touch"`
}

// Days sums up durations, in days.
type Days struct {
	Leads  int      `json:"leads"`
	Median *float64 `json:"median"`
	P75    *float64 `json:"p75"`
	P90    *float64 `json:"p90"`
}

// HandedOver is what really happened, as the journal recorded it.
type HandedOver struct {
	// Leads that were handed over in the window, each once; Handoffs with repeated ones.
	Leads    int       `json:"leads"`
	Handoffs int       `json:"handoffs"`
	Quality  Quality   `json:"quality"`
	LeadTime LeadTimes `json:"lead_time"`
}

// Week is one ISO week, in UTC.
type Week struct {
	Week string `json:"week"`
	// Monday, as 2006-01-02.
	Monday string `json:"monday"`
	// Qualified by each agreement, in their order.
	Qualified  []int `json:"qualified"`
	HandedOver int   `json:"really_handed_over"`
}

// Comparison sets one choice of leads against another.
type Comparison struct {
	Base string `json:"base"`
	With string `json:"with"`
	// Both qualified under both.
	Both int `json:"both"`
	// Gained would have qualified under With and did not under Base; Dropped are the reverse.
	Gained  Change `json:"gained"`
	Dropped Change `json:"dropped"`
	// Of those in both.
	Earlier int `json:"earlier"`
	Later   int `json:"later"`
	Same    int `json:"same_time"`
	// MedianEarlier is by how many days With was earlier; below 0 it was later.
	MedianEarlier *float64 `json:"median_days_earlier"`
}

// Change is the leads of one side alone.
type Change struct {
	Leads    int      `json:"leads"`
	Outcomes Outcomes `json:"outcomes"`
	// Examples are at most 50: won before lost before open, the highest score first.
	Examples []Example `json:"examples"`
}

// Example is one lead.
type Example struct {
	Lead        string    `json:"lead"`
	FirstSeen   time.Time `json:"first_seen"`
	QualifiedAt time.Time `json:"qualified_at"`
	Rule        string    `json:"rule"`
	// Micros is the prediction score in millionths of a point, under the agreement that qualified it; of what really
	// happened, under the one that is compared with it.
	Micros    core.Micros `json:"score_micros"`
	Outcome   string      `json:"outcome"`
	OutcomeAt time.Time   `json:"outcome_at,omitzero"`
}

// Ranking is how well the prediction score tells won leads from lost ones, over leads with a known outcome.
type Ranking struct {
	Leads int `json:"leads"`
	Won   int `json:"won"`
	// AUC is null where all won or all lost.
	AUC *float64 `json:"roc_auc"`
	// ROC has at most 200 points of the curve; AUC is made of all.
	ROC     []Point  `json:"roc"`
	Deciles []Decile `json:"deciles"`
	Brier   *float64 `json:"brier"`
	Bins    []Bin    `json:"reliability"`
}

// Point of an ROC curve: shares of the lost and of the won with at least a score.
type Point struct {
	Lost float64 `json:"lost"`
	Won  float64 `json:"won"`
}

// Decile is a tenth of the leads, the highest scores first.
type Decile struct {
	Decile int `json:"decile"`
	Leads  int `json:"leads"`
	Won    int `json:"won"`
	// Lift is its share of won over everybody's; Captured is the share of all won in it and those above.
	Lift     *float64 `json:"lift"`
	Captured *float64 `json:"captured"`
}

// Bin is the leads with a score from From on, up to the next bin; the last one includes 100.
type Bin struct {
	From  int `json:"from"`
	Leads int `json:"leads"`
	Won   int `json:"won"`
	// Predicted is the mean score / 100, Observed the share that was won.
	Predicted *float64 `json:"predicted"`
	Observed  *float64 `json:"observed"`
}

// JSON writes the report as indented JSON.
func (r *Report) JSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("backtest: write report: %w", err)
	}
	return nil
}
