package fold

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// partBytes is how much of a lead goes into one absorbed fact; the journal takes messages of up to 1 MB gladly.
const partBytes = 512 << 10

// state gives what a lead decided to the journal.
func (l *leadEntity) state(f core.Fact, ev *journal.Event, d *journal.Decision) {
	id := l.lead.ID
	switch f := f.(type) {
	case *core.StageMove:
		d.Fact(id, &journalv1.Event{Type: "stage_changed", Payload: &journalv1.Event_StageChanged{StageChanged: l.stageChanged(f)}})
	case *core.Qualification:
		d.Fact(id, &journalv1.Event{Type: "qualified", Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
			Epoch: f.Epoch, HandoffId: f.Handoff, Rule: f.Rule, AgreementVersion: f.Version, Score: Snapshot(&f.Score), Lead: LeadSnapshot(l.lead),
		}}})
	case *core.BandChange:
		d.Fact(id, &journalv1.Event{Type: "score_band_changed", Payload: &journalv1.Event_ScoreBandChanged{ScoreBandChanged: &journalv1.ScoreBandChanged{
			From: f.From, To: f.To, EngagementMicros: f.Engagement.String(), Fit: int32(f.Fit / core.Point), History: f.History,
		}}})
	case *core.ShadowQualification:
		d.Fact(id, &journalv1.Event{Type: "shadow_qualified", Payload: &journalv1.Event_ShadowQualified{ShadowQualified: &journalv1.ShadowQualified{
			Epoch: f.Epoch, Rule: f.Rule, AgreementVersion: f.Version, Fit: f.Fit.Points(), Grade: f.Grade, Engagement: f.Engagement.Points(),
		}}})
	case *core.Join:
		parts := state.Split(l.lead, partBytes)
		rank := int32(identity.RankOf(id))
		for i, p := range parts {
			d.Fact(f.Into, &journalv1.Event{Type: "absorbed", History: ev.Body.GetHistory(), Payload: &journalv1.Event_Absorbed{Absorbed: &journalv1.Absorbed{
				From: id, Rank: rank, Chunk: int32(i), Chunks: int32(len(parts)), Items: p,
			}}})
		}
		d.Fact(id, &journalv1.Event{Type: "merged_into", Payload: &journalv1.Event_MergedInto{MergedInto: &journalv1.MergedInto{
			Into: f.Into, IntoRank: int32(identity.RankOf(f.Into)), ByEvent: f.Event, BySource: f.Source,
		}}})
	case *core.Tell:
		d.Fact(f.Lead, &journalv1.Event{Type: "linked", History: ev.Body.GetHistory(), Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{
			To: f.To, Rank: int32(identity.RankOf(f.Lead)), ToRank: int32(identity.RankOf(f.To)), ByEvent: f.Event, BySource: f.Source,
			Unproven: f.Unproven, Joined: f.Joined,
		}}})
	case *core.SplitOff, *core.Ask, *core.Tellings:
		stateSplit(id, f, d)
	case *core.Engaged:
		l.engaged(f, d)
	case *core.PassOn:
		d.Fact(f.To, proto.CloneOf(ev.Body))
	}
}

func (l *leadEntity) stageChanged(m *core.StageMove) *journalv1.StageChanged {
	s := &journalv1.StageChanged{
		From: m.From, To: m.To, Epoch: m.Epoch, Reason: m.Reason, HandoffId: m.Handoff, Highest: m.Highest, At: stamp(m.At),
		History: m.History,
	}
	if m.Deal != nil {
		s.DealId, s.Amount, s.Currency = m.Deal.ID, m.Deal.Amount, m.Deal.Currency
	}
	if e := l.lead.Entry; e != nil {
		s.Channel, s.Campaign, s.Source, s.FirstAt = e.Channel, e.Campaign, e.Source, stamp(e.At)
	}
	return s
}

// Snapshot gives a score as it travels and is shown.
func Snapshot(s *core.Score) *journalv1.ScoreSnapshot {
	return &journalv1.ScoreSnapshot{
		Fit: s.Fit.Points(), Grade: s.Grade, Engagement: s.Engagement.Points(), AgreementVersion: s.Version,
		Contributions: Contributions(s.Lines), At: stamp(s.At), Scores: NamedScores(s.Named),
	}
}

// NamedScores gives the scores beside the main one.
func NamedScores(scores []core.NamedScore) []*journalv1.NamedScore {
	var out []*journalv1.NamedScore
	for i := range scores {
		n := &scores[i]
		out = append(out, &journalv1.NamedScore{
			Id: n.ID, Engagement: n.Engagement.Points(), Micros: n.Engagement.String(), Contributions: Contributions(n.Lines),
		})
	}
	return out
}

// Contributions gives the lines of a score.
func Contributions(lines []core.Line) []*journalv1.Contribution {
	out := make([]*journalv1.Contribution, len(lines))
	for i := range lines {
		n := &lines[i]
		out[i] = &journalv1.Contribution{
			Side: n.Side, Rule: n.Rule, Points: n.Points.Points(), Because: n.Because, Events: n.Events, RawPoints: n.Raw.Points(), Decay: n.Decay,
			LimitedBy: n.LimitedBy, At: stamp(n.At), AgreementVersion: n.Version, Micros: n.Points.String(),
			Group: n.Group,
		}
	}
	return out
}

// LeadSnapshot gives what sales should know of a lead.
func LeadSnapshot(l *core.Lead) *journalv1.LeadSnapshot {
	p := l.Profile
	s := &journalv1.LeadSnapshot{
		Id: l.ID, Email: l.PrimaryEmail(), FirstName: p.Text("first_name"), LastName: p.Text("last_name"), Title: p.Text("title"),
		Country: p.Text("country"), Phone: p.Text("phone"), Language: p.Text("language"), ExternalIds: ExternalIDs(l),
		AccountName: AccountName(l), AccountDomain: p.Text(core.AccountPrefix + "domain"), AccountEmployees: Employees(l),
		AccountIndustry: p.Text(core.AccountPrefix + "industry"), Consent: l.Purposes(), Engagements: int32(l.Seen.Engagements()),
		LastAt: stamp(l.LastAt), OtherEmails: OtherEmails(l),
	}
	for _, prefix := range []string{"", core.AccountPrefix} { // the company's where the person's own is not known
		parts := addressFields()
		if s.Street, s.City, s.PostalCode, s.State = p.Text(prefix+parts[0]), p.Text(prefix+parts[1]), p.Text(prefix+parts[2]), p.Text(prefix+parts[3]); s.Street+s.City+s.PostalCode+s.State != "" {
			break
		}
	}
	if l.Entry != nil {
		s.Entry, s.FirstAt = timelineItem(l.Entry), stamp(l.Entry.At)
	}
	for _, p := range l.Timeline {
		t := p.Touch()
		s.Timeline = append(s.Timeline, timelineItem(&t))
	}
	for _, h := range l.History {
		s.EarlierEpochs = append(s.EarlierEpochs, &journalv1.EarlierEpoch{
			Epoch: h.Epoch, Ended: h.Ended, Reason: h.Reason, At: stamp(h.At), HandoffId: h.Handoff, Owner: h.Rep,
		})
	}
	return s
}

func timelineItem(t *core.Touch) *journalv1.TimelineItem {
	return &journalv1.TimelineItem{
		EventId: t.ID, Type: t.Type, Name: t.Name, At: stamp(t.At), Channel: t.Channel, Campaign: t.Campaign, Asset: t.Asset, Url: t.URL,
		Source: t.Source, Title: t.Title, Automated: t.Automated, AutomatedBecause: t.AutomatedBecause,
	}
}

// ExternalIDs gives a lead's ids in other systems.
func ExternalIDs(l *core.Lead) map[string]string {
	out := map[string]string{}
	for _, f := range l.Profile.Under(core.ExternalPrefix) {
		out[strings.TrimPrefix(f.Name, core.ExternalPrefix)] = f.Value
	}
	return out
}

// OtherEmails gives a lead's addresses besides the primary one.
func OtherEmails(l *core.Lead) []string {
	var out []string
	for _, e := range l.Emails {
		if e != l.PrimaryEmail() {
			out = append(out, e)
		}
	}
	return out
}

// AccountName gives the account's name as it was said of the account, or else of the person.
func AccountName(l *core.Lead) string {
	if name := l.Profile.Text(core.AccountPrefix + "name"); name != "" {
		return name
	}
	return l.Profile.Text("company")
}

// Employees gives the account's head count, 0 where it is not known.
func Employees(l *core.Lead) int32 {
	n := int32(0)
	for _, c := range l.Profile.Text(core.AccountPrefix + "employees") {
		if c < '0' || c > '9' || n > 200_000_000 {
			return 0
		}
		n = n*10 + (c - '0')
	}
	return n
}

// stamp gives a time, nil for none.
func stamp(ns int64) *timestamppb.Timestamp {
	if ns == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, ns))
}
