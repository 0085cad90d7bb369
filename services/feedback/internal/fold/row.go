package fold

import (
	"unique"

	"google.golang.org/protobuf/types/known/timestamppb"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

func rowToProto(r *core.Row) *feedbackv1.LeadRow {
	out := &feedbackv1.LeadRow{
		FirstAt: r.First.At, Source: r.First.Source, Channel: r.First.Channel, Campaign: r.First.Campaign,
		Highest: r.Highest, MergedInto: r.MergedInto, LeftFrom: r.LeftFrom, Cause: r.Last.Cause, N: r.Last.N,
	}
	for _, e := range r.Epochs {
		row := &feedbackv1.EpochRow{Epoch: e.Number, Current: e.Current}
		for _, s := range e.Entered {
			row.Entered = append(row.Entered, &feedbackv1.StageEntry{Stage: s.Stage, At: s.At})
		}
		out.Epochs = append(out.Epochs, row)
	}
	return out
}

func rowFromProto(p *feedbackv1.LeadRow) *core.Row {
	r := &core.Row{
		First:   core.Touch{At: p.GetFirstAt(), Source: intern(p.GetSource()), Channel: intern(p.GetChannel()), Campaign: intern(p.GetCampaign())},
		Highest: intern(p.GetHighest()), MergedInto: p.GetMergedInto(), LeftFrom: p.GetLeftFrom(),
		Last: core.Place{Cause: p.GetCause(), N: p.GetN()},
	}
	if n := len(p.GetEpochs()); n > 0 {
		r.Epochs = make([]core.Epoch, n)
	}
	for i, e := range p.GetEpochs() {
		entered := make([]core.Entry, len(e.GetEntered()))
		for k, s := range e.GetEntered() {
			entered[k] = core.Entry{Stage: intern(s.GetStage()), At: s.GetAt()}
		}
		r.Epochs[i] = core.Epoch{Number: e.GetEpoch(), Entered: entered, Current: intern(e.GetCurrent())}
	}
	return r
}

// intern gives one copy of a string that many rows share: stages, sources, channels and campaigns are few, leads are many.
func intern(s string) string { return unique.Make(s).Value() }

func millis(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixMilli()
}

func nanos(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixNano()
}
