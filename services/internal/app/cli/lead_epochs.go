package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
)

// printEpochs shows the way through the stages, a line for each stage, and how long the lead stayed there.
func (v *leadView) printEpochs(env *Env) {
	if len(v.lead.GetEpochs()) == 0 {
		return
	}
	fmt.Fprintln(env.Stdout, "\nStages")
	w := tabwriter.NewWriter(env.Stdout, 0, 8, 2, ' ', 0)
	for i, e := range v.lead.Epochs {
		for k, s := range e.Stages {
			epoch := ""
			if k == 0 && (len(v.lead.Epochs) > 1 || e.Epoch > 1) {
				epoch = fmt.Sprintf("epoch %d", e.Epoch)
			}
			stays := "since then"
			switch {
			case s.LeftAt != nil:
				stays = stayed(s)
			case i < len(v.lead.Epochs)-1:
				stays = ""
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", when(s.EnteredAt), text(s.Stage), stays, reason(s.Reason), epoch)
		}
	}
	_ = w.Flush()
}

func reason(s string) string {
	if s == "" {
		return ""
	}
	return "(" + text(s) + ")"
}

// stayed tells how long, in the largest unit that says something.
func stayed(s *leadv1.StageSpan) string {
	d := s.LeftAt.AsTime().Sub(s.EnteredAt.AsTime())
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d/time.Minute))
	}
	return fmt.Sprintf("%d seconds", int(d/time.Second))
}

// counted tells of how many people an account's engagement is made.
func counted(people int32) string {
	if people == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", people)
}
