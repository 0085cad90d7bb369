package cli

import (
	"fmt"
	"text/tabwriter"

	"google.golang.org/protobuf/proto"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
)

// printMetric prints a number: all together first, and then each group.
func printMetric(env *Env, m proto.Message) {
	switch r := m.(type) {
	case *feedbackv1.ConversionReport:
		rateSheet(r.LeadConversionRate).show(env)
		fmt.Fprintln(env.Stdout)
		rateSheet(r.MqlToSqlRate).show(env)
	case *feedbackv1.VelocityReport:
		s := &sheet{head: r.Head, title: "A DAY\tOPPORTUNITIES\tWON\tVALUE\tCYCLE DAYS"}
		for _, g := range append([]*feedbackv1.VelocityGroup{r.Total}, r.Groups...) {
			s.line(keyed(g.GetKey()), sumText(g.GetVelocityPerDay()), number(g.GetOpportunities()), percent(g.GetWinRate()), sumText(g.GetAverageValue()), fmt.Sprintf("%.1f", g.GetCycleDays()))
		}
		s.show(env)
	case *feedbackv1.CACReport:
		s := &sheet{head: r.Head, title: "A CUSTOMER\tLAGGED\tCUSTOMERS\tSPEND"}
		for _, g := range append([]*feedbackv1.CACGroup{r.Total}, r.Groups...) {
			s.line(keyed(g.GetKey()), sumText(g.GetCac()), sumText(g.GetLaggedCac()), number(g.GetCustomers()), sumText(g.GetSpend()))
		}
		s.show(env)
		fmt.Fprintf(env.Stdout, "lagged by %.1f days, the median to win\n", r.LagDays)
	case *feedbackv1.RetentionReport:
		s := &sheet{head: r.Head, title: "RETAINED\tSTART\tEND\tNEW\tCHURNED\tRENEWED\tAMOUNT RETAINED"}
		for _, g := range append([]*feedbackv1.RetentionGroup{r.Total}, r.Groups...) {
			amount := "–"
			if g != nil && g.AmountRetention != nil {
				amount = fmt.Sprintf("%.1f %%", g.GetAmountRetention()*100)
			}
			s.line(keyed(g.GetKey()), percent(g.GetRetention()), number(g.GetStart()), number(g.GetEnd()), number(g.GetNew()), number(g.GetChurned()), number(g.GetRenewed()), amount)
		}
		s.show(env)
	default:
		printMore(env, m)
	}
}

func rateSheet(r *feedbackv1.ConversionRate) *sheet {
	s := &sheet{head: r.GetHead(), title: "RATE\tCOUNT\tOF\tMEDIAN DAYS\tWITHIN 30 D\tWITHIN 90 D"}
	for _, g := range append([]*feedbackv1.ConversionGroup{r.GetTotal()}, r.GetGroups()...) {
		young := ""
		if g.GetMaturity().GetImmature() {
			young = "~"
		}
		s.line(keyed(g.GetKey()), young+percent(g.GetRate()), number(g.GetRate().GetCount()), number(g.GetRate().GetOf()), lasted(g.GetDaysToOutcome()),
			fmt.Sprintf("%.1f %%", g.GetWithin_30Days()*100), fmt.Sprintf("%.1f %%", g.GetWithin_90Days()*100))
	}
	return s
}

func printMore(env *Env, m proto.Message) {
	switch r := m.(type) {
	case *feedbackv1.QualityReport:
		s := &sheet{head: r.Head, title: "LEADS\tMQL\tSQL\tWON\tAMOUNT\tCOST\tA WIN"}
		for _, g := range append([]*feedbackv1.QualityGroup{r.Total}, r.Groups...) {
			s.line(keyed(g.GetKey()), number(g.GetLeads()), percent(g.GetMql()), percent(g.GetSql()), percent(g.GetWon()), sumText(g.GetAmount()), sumText(g.GetCost()), sumText(g.GetCostPerWin()))
		}
		s.show(env)
	case *feedbackv1.SLAReport:
		s := &sheet{head: r.Head, title: "ROUTED\tACCEPTED IN TIME\tCONTACTED IN TIME\tREASSIGNED"}
		for _, g := range append([]*feedbackv1.SLAGroup{r.Total}, r.Groups...) {
			s.line(keyed(g.GetKey()), number(g.GetRouted()), percent(g.GetAcceptKept()), percent(g.GetContactKept()), percent(g.GetReassigned()))
		}
		s.show(env)
	case *feedbackv1.SpeedReport:
		s := &sheet{head: r.Head, title: "CONTACT\tLEADS\tSHARE\tWON"}
		for _, g := range append([]*feedbackv1.SpeedGroup{r.Total}, r.Groups...) {
			s.line(keyed(g.GetKey()), "median "+lasted(g.GetHoursToContact())+" h", number(g.GetContacted().GetOf()), percent(g.GetContacted()), "")
			for _, b := range g.GetBuckets() {
				if b.GetLeads().GetCount() > 0 {
					s.line("", text(b.Name), number(b.Leads.Count), percent(b.Leads), percent(b.WinRate))
				}
			}
		}
		s.show(env)
	case *feedbackv1.ReasonsReport:
		s := &sheet{head: r.Head, title: "HANDED OVER\tREJECTED\tREASON\tTIMES\tSHARE"}
		for _, g := range append([]*feedbackv1.ReasonsGroup{r.Total}, r.Groups...) {
			s.line(keyed(g.GetKey()), number(g.GetHandedOver()), percent(g.GetRejected()), "", "", "")
			for _, x := range g.GetReasons() {
				s.line("", "", "", text(x.Reason), number(x.GetShare().GetCount()), percent(x.Share))
			}
		}
		s.show(env)
	case *feedbackv1.LeakageReport:
		s := &sheet{head: r.Head, title: "STAGE\tREACHED\tSTOPPED\tHERE\tMEDIAN DAYS\tLOST\tRECYCLED\tDISQUALIFIED"}
		for _, g := range append([]*feedbackv1.LeakageGroup{r.Total}, r.Groups...) {
			for i, x := range g.GetStages() {
				name := ""
				if i == 0 {
					name = keyed(g.Key)
				}
				s.line(name, text(x.Stage), percent(x.Reached), percent(x.Stopped), number(x.Here), lasted(x.DaysHere), number(x.Lost), number(x.Recycled), number(x.Disqualified))
			}
		}
		s.show(env)
	case *feedbackv1.CohortsReport:
		s := &sheet{head: r.Head, title: "LEADS\tWON\tBY AGE OF 30, 60, … DAYS (~ NOT ALL THAT OLD)"}
		for _, c := range r.Cohorts {
			cells := ""
			for _, x := range c.Cells {
				young := " "
				if !x.Complete {
					young = "~"
				}
				cells += fmt.Sprintf("%s%.1f ", young, x.GetWon().GetValue()*100)
			}
			s.line(text(c.Month), number(c.Leads), percent(c.Won), cells)
		}
		s.show(env)
	case *feedbackv1.GoalsReport:
		printGoals(env, r)
	}
}

func printGoals(env *Env, r *feedbackv1.GoalsReport) {
	if len(r.Goals) == 0 {
		fmt.Fprintln(env.Stdout, "the agreement in force states no goals")
		return
	}
	for i, g := range r.Goals {
		if i > 0 {
			fmt.Fprintln(env.Stdout)
		}
		fmt.Fprintf(env.Stdout, "%s: %s is %.4g, the target %.4g: %s\n", text(g.Id), text(g.Metric), g.Value, g.Target, text(g.Status))
		if g.Problem != "" {
			fmt.Fprintln(env.Stdout, text(g.Problem))
			continue
		}
		if g.From != nil {
			fmt.Fprintf(env.Stdout, "window %s to %s, %.0f %% of it gone\n", when(g.From), when(g.To), g.Elapsed*100)
		}
		if g.Projection != nil {
			fmt.Fprintf(env.Stdout, "at its end %.4g", g.GetProjection())
			if g.ProjectionLow != nil {
				fmt.Fprintf(env.Stdout, " (%.4g–%.4g)", g.GetProjectionLow(), g.GetProjectionHigh())
			}
			fmt.Fprintf(env.Stdout, ": %s\n", text(g.Method))
		}
		w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
		if len(g.Contributions) > 0 {
			fmt.Fprintln(w, "\tWHO\tOWN SHARE\tADDS\tAGAINST THE TARGET")
		}
		for _, c := range g.Contributions {
			fmt.Fprintf(w, "%s\t%s\t%s\t%.4g\t%+.4g\n", text(c.By), text(c.Name), percent(c.Share), c.Value, c.AgainstTarget)
		}
		_ = w.Flush()
		fmt.Fprintln(env.Stdout, text(g.Statement))
	}
}
