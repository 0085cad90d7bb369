package api

import (
	"context"
	"math"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// GetScore gives a score as of a moment, with every line of it, what was missing to qualify, and what had changed.
func (s *Server) GetScore(ctx context.Context, req *leadv1.GetScoreRequest) (*leadv1.Score, error) {
	now := s.opt.Now()
	at := now
	if t := req.GetAt(); t != nil {
		if !t.IsValid() || t.AsTime().Unix() < 0 || t.AsTime().After(now.AddDate(100, 0, 0)) {
			return nil, invalid("at", "must be a time from 1970 to a hundred years from now")
		}
		at = t.AsTime()
	}
	if t := req.GetSince(); t != nil {
		switch {
		case !t.IsValid():
			return nil, invalid("since", "must be a time of the years 1 to 9999")
		case t.AsTime().After(at):
			return nil, invalid("since", "must not be later than the score's own moment")
		}
	}
	l, rules, err := s.asOf(ctx, req.GetId(), req.GetAfter(), at, now)
	if err != nil {
		return nil, err
	}
	since := req.GetSince()
	if since == nil {
		since = handedOver(l)
	}
	return explained(l, rules, at, since), nil
}

// asOf gives a lead as Baton knew it at a moment, or as it knows it now where that is still to come, and what decisions
// depended on then.
func (s *Server) asOf(ctx context.Context, id, after string, at, now time.Time) (*core.Lead, *core.Rules, error) {
	if !at.Before(now) {
		l, b, err := s.look(ctx, id, after)
		if err != nil {
			return nil, nil, err
		}
		return l, b.Rules(), nil
	}
	if err := s.wait(ctx, after); err != nil {
		return nil, nil, err
	}
	if !isLead(id) {
		return nil, nil, unknownLead()
	}
	for range maxMerges {
		e, globals, err := s.opt.Log.Recall(ctx, s.opt.Logic, id, at)
		if err != nil {
			return nil, nil, failed("read the lead's journal", err)
		}
		l := fold.LeadOf(e)
		switch {
		case l.Parent != "":
			id = l.Parent
		case !l.Known():
			return nil, nil, status.Error(codes.NotFound, "nothing was known of this lead at that time")
		default:
			return l, fold.RulesOf(globals), nil
		}
	}
	return nil, nil, status.Error(codes.Unavailable, "the lead was being merged at that time")
}

// handedOver gives when the lead's present epoch was handed to sales, nil where it was not.
func handedOver(l *core.Lead) *timestamppb.Timestamp { return stamp(l.Run.QualifiedAt) }

func explained(l *core.Lead, r *core.Rules, moment time.Time, since *timestamppb.Timestamp) *leadv1.Score {
	at := moment.UnixNano()
	e := l.Explain(r.Book, at)
	out := &leadv1.Score{
		LeadId: l.ID, Fit: e.Fit.Points(), Grade: e.Grade, Engagement: e.Engagement.Points(), AgreementVersion: e.Version, At: stamp(e.At),
		Contributions: fold.Contributions(e.Lines), QualifiesBy: e.QualifiesBy, EngagementMicros: e.Engagement.String(), FitMicros: e.Fit.String(),
		Changes: changes(l, r.Book, at, since), Scores: fold.NamedScores(e.Named), Shadow: inShadow(l, r, moment), Account: rating(l),
	}
	for _, d := range e.Disqualified {
		out.DisqualifiedBy = append(out.DisqualifiedBy, &leadv1.Disqualified{Rule: d.Rule, Because: d.Because})
	}
	for _, m := range e.Missed {
		out.NotEvaluated = append(out.NotEvaluated, &leadv1.NotEvaluated{Rule: m.Rule, Reason: m.Reason, Times: int32(min(m.Times, math.MaxInt32))})
	}
	for _, m := range l.Missing(r.Active, at) {
		out.MissingToQualify = append(out.MissingToQualify, &leadv1.MissingToQualify{
			QualifyRule: m.Qualify, Text: m.Text, Engagement: m.Engagement.Points(), Rule: m.Rule, Times: int32(m.Times), Grade: m.Grade, EventType: m.Waits,
		})
	}
	return out
}

// changes compares a lead's engagement at a time with what it was, nil where there is nothing to compare it with.
func changes(l *core.Lead, b core.Book, at int64, since *timestamppb.Timestamp) *leadv1.ScoreChanges {
	if since == nil {
		return nil
	}
	// Before 1970 nothing has happened; far before it, nanoseconds do not reach.
	from := int64(0)
	if t := since.AsTime(); t.Unix() >= 0 {
		from = min(t.UnixNano(), at)
	}
	c := l.Changes(b, from, at)
	return &leadv1.ScoreChanges{
		Since: since, EngagementBefore: c.Before.Points(), Added: fold.Contributions(c.Added), Decayed: c.Decayed.Points(),
	}
}
