package metrics

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// Dimension is something that rows are filtered and grouped by.
type Dimension string

// The dimensions of a lead. Those of the first touch are the same in all its epochs; the others are those of the epoch, and of a whole
// lead those of its latest epoch that has one.
const (
	BySource   Dimension = "source"
	ByChannel  Dimension = "channel"
	ByCampaign Dimension = "campaign"
	ByAccount  Dimension = "account"
	ByCountry  Dimension = "country"
	ByIndustry Dimension = "industry"
	ByPersona  Dimension = "persona"
	ByRep      Dimension = "rep"
	ByTeam     Dimension = "team"
	ByRoute    Dimension = "route"
	// ByRule is the qualify rule that held; ByMember is any rule that contributed to the score.
	ByRule   Dimension = "rule"
	ByMember Dimension = "contributed"
	ByReason Dimension = "reason"
	BySize   Dimension = "size"
	ByGrade  Dimension = "grade"
	// ByFit and ByEngagement are bands of 20 points.
	ByFit        Dimension = "fit"
	ByEngagement Dimension = "engagement"
	ByVersion    Dimension = "version"
	// ByStage is where the epoch is now.
	ByStage Dimension = "stage"
	// ByMonth is the month of the cohort's moment.
	ByMonth Dimension = "month"
)

// Dimensions gives all of them.
func Dimensions() []Dimension {
	return []Dimension{
		BySource, ByChannel, ByCampaign, ByAccount, ByCountry, ByIndustry, ByPersona, ByRep, ByTeam, ByRoute, ByRule, ByMember, ByReason,
		BySize, ByGrade, ByFit, ByEngagement, ByVersion, ByStage, ByMonth,
	}
}

// kind is how a dimension's values are written.
type kind uint8

const (
	byName kind = iota
	bySize
	byGrade
	byBand
	byNumber
	byStage
	byMonth
)

func (d Dimension) kind() kind {
	switch d {
	case BySize:
		return bySize
	case ByGrade:
		return byGrade
	case ByFit, ByEngagement:
		return byBand
	case ByVersion:
		return byNumber
	case ByStage:
		return byStage
	case ByMonth:
		return byMonth
	}
	return byName
}

// reader gives a dimension's value of a row, as a small number.
type reader func(r *table.Row, at table.Time) uint32

func (d Dimension) reader() reader {
	switch d {
	case BySource:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Source) }
	case ByChannel:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Channel) }
	case ByCampaign:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Campaign) }
	case ByAccount:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Account) }
	case ByCountry:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Country) }
	case ByIndustry:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Industry) }
	case ByPersona:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Persona) }
	case ByRep:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Rep) }
	case ByTeam:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Team) }
	case ByRoute:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Route) }
	case ByRule:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Rule) }
	case ByMember:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Rules) }
	case ByReason:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Reason) }
	}
	return d.numberReader()
}

// numberReader is reader for the dimensions that are no names. Those of a lead that never qualified have the value 0, not known.
func (d Dimension) numberReader() reader {
	switch d {
	case BySize:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Size) }
	case ByGrade:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Grade) }
	case ByFit:
		return func(r *table.Row, _ table.Time) uint32 { return band(r, r.Fit) }
	case ByEngagement:
		return func(r *table.Row, _ table.Time) uint32 { return band(r, r.Engagement) }
	case ByVersion:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Version) }
	case ByStage:
		return func(r *table.Row, _ table.Time) uint32 { return uint32(r.Stage) + 1 }
	}
	return func(_ *table.Row, at table.Time) uint32 { return month(at) }
}

func band(r *table.Row, points uint8) uint32 {
	if r.Grade == 0 {
		return 0
	}
	return 1 + min(uint32(points)/20, 4)
}

const dayMillis = 24 * 60 * 60 * 1000

// month gives the number of a moment's month, counted from 1 for January 1970; 0 for 0, not known. The calendar is computed as in Howard
// Hinnant's "chrono-compatible low-level date algorithms" (civil_from_days), in few steps, because it is for every row.
func month(at table.Time) uint32 {
	if at <= 0 {
		return 0
	}
	z := at/dayMillis + 719468
	era := z / 146097
	day := z - era*146097
	year := (day - day/1460 + day/36524 - day/146096) / 365
	inYear := day - (365*year + year/4 - year/100)
	m := (5*inYear + 2) / 153 // from March
	y := year + era*400
	if m < 10 {
		m += 2
	} else {
		m -= 10
		y++
	}
	if months := (y-1970)*12 + m + 1; months > 0 {
		return uint32(months)
	}
	return 0
}

// monthStart gives when a month begins.
func monthStart(m uint32) table.Time {
	return time.Date(1970, time.Month(m), 1, 0, 0, 0, 0, time.UTC).UnixMilli()
}

func monthText(m uint32) string {
	return time.UnixMilli(monthStart(m)).UTC().Format("2006-01")
}

// stageNames in the order of the stages, from NoStage on.
func stageNames() []string {
	return []string{None, "inquiry", "mql", "routed", "accepted", "sql", "opportunity", "won", "lost", "recycled", "disqualified"}
}

func sizeNames() []string {
	return []string{None, "1-10", "11-50", "51-200", "201-1000", "1001-5000", "5001+"}
}

func gradeNames() []string { return []string{None, "a", "b", "c", "d"} }

func bandNames() []string { return []string{None, "0-19", "20-39", "40-59", "60-79", "80-100"} }

func (k kind) list() []string {
	switch k {
	case bySize:
		return sizeNames()
	case byGrade:
		return gradeNames()
	case byBand:
		return bandNames()
	case byStage:
		return stageNames()
	case byName, byNumber, byMonth:
	}
	return nil
}

// text gives the name of a dimension's value.
func (d Dimension) text(n *table.Names, v uint32) string {
	if v == 0 {
		return None
	}
	switch k := d.kind(); k {
	case byName:
		return n.Name(table.Sym(v))
	case byNumber:
		return strconv.Itoa(int(v))
	case byMonth:
		return monthText(v)
	default:
		if list := k.list(); int(v) < len(list) {
			return list[v]
		}
	}
	return None
}

// value gives the number of a value's name. ok is false where no row can have it; the error is for a name that is none.
func (d Dimension) value(n *table.Names, name string) (v uint32, ok bool, err error) {
	if name == None || name == "" {
		return 0, true, nil
	}
	switch k := d.kind(); k {
	case byName:
		s, known := n.Find(name)
		return uint32(s), known, nil
	case byNumber:
		i, err := strconv.ParseUint(name, 10, 16)
		if err != nil || i == 0 {
			return 0, false, fmt.Errorf("%q is not the number of a version", name)
		}
		return uint32(i), true, nil
	case byMonth:
		at, err := time.Parse("2006-01", name)
		if err != nil || at.Year() < 1970 {
			return 0, false, fmt.Errorf("%q is not a month, as in 2026-11", name)
		}
		return uint32((at.Year()-1970)*12) + uint32(at.Month()), true, nil
	default:
		for i, s := range k.list() {
			if s == strings.ToLower(name) {
				return uint32(i), true, nil
			}
		}
		return 0, false, fmt.Errorf("%q is not one of %s", name, strings.Join(k.list(), ", "))
	}
}
