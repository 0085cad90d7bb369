package backtest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The margins of a plot, in the units of its drawing: 530 by 260.
const (
	plotLeft, plotTop     = 46.0, 12.0
	plotRight, plotBottom = 506.0, 222.0
)

// chart is one plot, worked out: the page only draws it.
type chart struct {
	Title, X, Y string
	// Empty says why there is nothing to draw, "" where there is.
	Empty  string
	XTicks []tick
	YTicks []tick
	Guides []line
	Series []series
}

type tick struct {
	At    string
	Label string
}

type line struct{ X1, Y1, X2, Y2 string }

// series is one colour: a line, bars, or dots. Class 0 and 1 are the agreements, 2 what really happened.
type series struct {
	Name  string
	Class int
	Path  string
	Bars  []bar
	Dots  []dot
}

type bar struct{ X, Y, Width, Height, Label string }

type dot struct{ X, Y, R, Label string }

func coordinate(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// along gives the place of a share of the width, up of the height.
func along(share float64) float64 { return plotLeft + share*(plotRight-plotLeft) }
func up(share float64) float64    { return plotBottom - share*(plotBottom-plotTop) }

func path(points []Point) string {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%s,%s ", coordinate(along(p.Lost)), coordinate(up(p.Won)))
	}
	return strings.TrimSpace(b.String())
}

// unit are the ticks of an axis of shares.
func unit(place func(float64) float64) []tick {
	var out []tick
	for i := range 5 {
		out = append(out, tick{coordinate(place(float64(i) / 4)), strconv.Itoa(25*i) + " %"})
	}
	return out
}

// scale gives ticks from 0, in steps of 1, 2, 5, 10 and so on, to a number that is at least most, and that number.
func scale(most float64) ([]tick, float64) {
	step := 1.0
	for i := 0; most > 5*step; i++ {
		step *= [...]float64{2, 2.5, 2}[i%3]
	}
	steps := int(max(1, math.Ceil(most/step)))
	top := float64(steps) * step
	var out []tick
	for i := range steps + 1 {
		out = append(out, tick{coordinate(up(float64(i) / float64(steps))), strconv.FormatFloat(float64(i)*step, 'f', -1, 64)})
	}
	return out, top
}

func diagonal() line {
	return line{coordinate(plotLeft), coordinate(plotBottom), coordinate(plotRight), coordinate(plotTop)}
}

func level(share float64) line {
	return line{coordinate(plotLeft), coordinate(up(share)), coordinate(plotRight), coordinate(up(share))}
}

// volumes draws the qualifications of each week, and the capacity.
func volumes(r *Report) chart {
	c := chart{Title: "Qualified by week", X: "week", Y: "leads"}
	if len(r.Weeks) == 0 {
		c.Empty = "No lead qualifies."
		return c
	}
	names := make([]string, 0, len(r.Contenders)+1)
	for i := range r.Contenders {
		names = append(names, r.Contenders[i].Name)
	}
	if r.HandedOver.Handoffs > 0 {
		names = append(names, WhatHappened)
	}
	count := func(w *Week, i int) int {
		if i < len(w.Qualified) {
			return w.Qualified[i]
		}
		return w.HandedOver
	}
	most, capacity := 1, 0
	for i := range r.Weeks {
		for k := range names {
			most = max(most, count(&r.Weeks[i], k))
		}
	}
	if l := r.Contenders[0].Load; l != nil && l.Capacity < 4*most {
		capacity = l.Capacity
		most = max(most, capacity)
	}
	var top float64
	c.YTicks, top = scale(float64(most))
	if capacity > 0 {
		c.Guides = append(c.Guides, level(float64(capacity)/top))
	}
	slot := (plotRight - plotLeft) / float64(len(r.Weeks))
	width := 0.8 * slot / float64(len(names))
	for k, name := range names {
		s := series{Name: name, Class: k}
		if k >= len(r.Contenders) {
			s.Class = reality
		}
		for i := range r.Weeks {
			w := &r.Weeks[i]
			n := count(w, k)
			if n == 0 {
				continue
			}
			y := up(float64(n) / top)
			s.Bars = append(s.Bars, bar{
				coordinate(plotLeft + slot*(float64(i)+0.1) + width*float64(k)), coordinate(y), coordinate(max(width, 0.2)), coordinate(plotBottom - y),
				fmt.Sprintf("%s, %s: %d", w.Week, name, n),
			})
		}
		c.Series = append(c.Series, s)
	}
	every := max(1, (len(r.Weeks)+5)/6)
	for i := 0; i < len(r.Weeks); i += every {
		c.XTicks = append(c.XTicks, tick{coordinate(plotLeft + slot*(float64(i)+0.5)), r.Weeks[i].Week})
	}
	return c
}

// reality is the class of what really happened.
const reality = 2

func rocChart(r *Report) chart {
	c := chart{
		Title: "ROC curve", X: "of all lost, taken along", Y: "of all won, found", XTicks: unit(along), YTicks: unit(up), Guides: []line{diagonal()},
		Empty: "It takes won and lost leads.",
	}
	for i := range r.Contenders {
		if k := r.Contenders[i].Ranking; k != nil && k.AUC != nil {
			c.Empty = ""
			c.Series = append(c.Series, series{Name: r.Contenders[i].Name + ", AUC " + number(k.AUC, 3), Class: i, Path: path(k.ROC)})
		}
	}
	return c
}

func reliability(r *Report) chart {
	c := chart{
		Title: "Reliability", X: "won, as the score promised", Y: "won, as it came", XTicks: unit(along), YTicks: unit(up), Guides: []line{diagonal()},
		Empty: "It takes leads with an outcome.",
	}
	for i := range r.Contenders {
		if r.Contenders[i].Ranking == nil {
			continue
		}
		s := series{Name: r.Contenders[i].Name + ", Brier " + number(r.Contenders[i].Ranking.Brier, 3), Class: i}
		var points []Point
		for _, b := range r.Contenders[i].Ranking.Bins {
			if b.Leads > 0 {
				c.Empty = ""
				points = append(points, Point{*b.Predicted, *b.Observed})
				s.Dots = append(s.Dots, dot{
					coordinate(along(*b.Predicted)), coordinate(up(*b.Observed)), coordinate(3 + 5*math.Sqrt(float64(b.Leads)/float64(r.Contenders[i].Ranking.Leads))),
					fmt.Sprintf("%s, score from %d: %d leads, promised %s, came %s", r.Contenders[i].Name, b.From, b.Leads, share(b.Predicted), share(b.Observed)),
				})
			}
		}
		s.Path = path(points)
		c.Series = append(c.Series, s)
	}
	return c
}

func lift(r *Report) chart {
	c := chart{Title: "Lift by decile", X: "tenth of the leads, the highest scores first", Y: "times as often won as all", Empty: "It takes won leads."}
	if r.Shadow {
		return c
	}
	most := 1.0
	for i := range r.Contenders {
		for _, d := range r.Contenders[i].Ranking.Deciles {
			if d.Lift != nil {
				c.Empty, most = "", max(most, *d.Lift)
			}
		}
	}
	var top float64
	c.YTicks, top = scale(most)
	c.Guides = []line{level(1 / top)}
	slot := (plotRight - plotLeft) / 10
	width := 0.8 * slot / float64(len(r.Contenders))
	for i := range 10 {
		c.XTicks = append(c.XTicks, tick{coordinate(plotLeft + slot*(float64(i)+0.5)), strconv.Itoa(i + 1)})
	}
	for k := range r.Contenders {
		s := series{Name: r.Contenders[k].Name, Class: k}
		for i, d := range r.Contenders[k].Ranking.Deciles {
			if d.Lift == nil {
				continue
			}
			y := up(*d.Lift / top)
			s.Bars = append(s.Bars, bar{
				coordinate(plotLeft + slot*(float64(i)+0.1) + width*float64(k)), coordinate(y), coordinate(width), coordinate(plotBottom - y),
				fmt.Sprintf("%s, tenth %d: %d of %d won, lift %s", s.Name, d.Decile, d.Won, d.Leads, number(d.Lift, 2)),
			})
		}
		c.Series = append(c.Series, s)
	}
	return c
}
