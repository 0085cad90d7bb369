package rows

import (
	"cmp"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/table"
)

// reference counts the slow way: for every lead and every deal it goes through the whole journal again.
type reference struct{ log []*journal.Event }

// of gives the events of a type on a lead's subject, each once.
func (ref reference) of(lead string, types ...string) (out []*journal.Event) {
	last := map[string]uint64{}
	for _, ev := range ref.log {
		if ev.Entity != lead || !slices.Contains(types, ev.Type) {
			continue
		}
		if ev.Origin != nil { // what a service has stated before, it states no more
			if ev.Origin.Cause <= last[ev.Origin.Producer+ev.Type] {
				continue
			}
			last[ev.Origin.Producer+ev.Type] = ev.Origin.Cause
		} else if slices.ContainsFunc(out, func(b *journal.Event) bool {
			return b.Body.GetId() == ev.Body.GetId() && b.Type == ev.Type && dealID(b) == dealID(ev)
		}) {
			continue
		}
		out = append(out, ev)
	}
	return out
}

func (ref reference) into(lead string) string {
	into := ""
	for _, ev := range ref.of(lead, "merged_into", "split_off") {
		into = ev.Body.GetMergedInto().GetInto()
	}
	return into
}

func (ref reference) root(lead string) string {
	for ref.into(lead) != "" {
		lead = ref.into(lead)
	}
	return lead
}

type move struct {
	to    string
	epoch int32
	at    int64
	first core.Touch
	again bool
	hist  bool
	high  string
}

func (ref reference) moves(lead string) (out []move) {
	current := map[int32]string{}
	for _, ev := range ref.of(lead, "stage_changed") {
		s := ev.Body.GetStageChanged()
		m := move{to: s.GetTo(), epoch: s.GetEpoch(), at: s.GetAt().AsTime().UnixMilli(), hist: s.GetHistory(), high: s.GetHighest()}
		m.first = core.Touch{Source: s.GetSource(), Channel: s.GetChannel(), Campaign: s.GetCampaign()}
		if s.GetFirstAt() != nil {
			m.first.At = s.GetFirstAt().AsTime().UnixMilli()
		}
		m.again = s.GetFrom() == s.GetTo() && current[m.epoch] == m.to
		current[m.epoch] = m.to
		out = append(out, m)
	}
	return out
}

func (ref reference) epochs(lead string) (out []int32) {
	for _, m := range ref.moves(lead) {
		if !slices.Contains(out, m.epoch) {
			out = append(out, m.epoch)
		}
	}
	slices.Sort(out)
	return out
}

// firstOf gives a lead's own first touch, and when it was first seen.
func (ref reference) firstOf(lead string) (touch core.Touch, seen int64) {
	for _, m := range ref.moves(lead) {
		if m.first != (core.Touch{}) && (touch.At == 0 || m.first.At != 0 && m.first.At <= touch.At) {
			touch = m.first
		}
		if !m.again && (seen == 0 || m.at < seen) {
			seen = m.at
		}
	}
	return touch, cmp.Or(touch.At, seen)
}

// rows gives a lead's rows with names for numbers.
func (ref reference) rows(lead string, leads []string) (out []namedRow) {
	epochs := ref.epochs(lead)
	if len(epochs) == 0 || ref.into(lead) != "" {
		return nil
	}
	group := []string{lead} // the lead first, the others by id
	for _, l := range leads {
		if l != lead && ref.root(l) == lead {
			group = append(group, l)
		}
	}
	mine := func(n int32) int32 {
		at := epochs[0]
		for _, e := range epochs {
			if e <= n {
				at = e
			}
		}
		return at
	}
	starts := map[int32]int64{}
	for _, m := range ref.moves(lead) {
		if !m.again && (starts[m.epoch] == 0 || m.at < starts[m.epoch]) {
			starts[m.epoch] = m.at
		}
	}
	touch, seen := ref.firstOf(lead)
	for _, l := range group[1:] {
		t, s := ref.firstOf(l)
		if s != 0 && (seen == 0 || s < seen) {
			seen = s
		}
		if t.At != 0 && (touch.At == 0 || t.At < touch.At || t.At == touch.At && t.Source+"\x00"+t.Channel < touch.Source+"\x00"+touch.Channel) {
			touch = t
		}
	}
	furthest := table.Inquiry
	for i, e := range epochs {
		r := namedRow{Epoch: e, First: seen, Source: touch.Source, Channel: touch.Channel, Campaign: touch.Campaign, Flags: table.History}
		for _, m := range ref.moves(lead) {
			if m.epoch == e {
				r.Stage = table.Stage(slices.Index(append(core.Way(), core.Ends()...), m.to))
			}
		}
		for _, l := range group {
			ref.stages(&r, l, e, mine)
			ref.pass(&r, l, e, mine)
			for _, ev := range ref.of(l, "call_logged") {
				at, began := ev.OccurredAt().UnixMilli(), epochs[0]
				for _, n := range epochs {
					if starts[n] <= at {
						began = n
					}
				}
				if began == e && (r.Contacted == 0 || at < r.Contacted) {
					r.Contacted = at
				}
			}
		}
		for s := range r.Entered {
			if r.Entered[s] != 0 {
				furthest = max(furthest, table.Stage(s))
			}
		}
		if i == len(epochs)-1 {
			for _, l := range group {
				high := ""
				for _, m := range ref.moves(l) {
					high = cmp.Or(m.high, high)
				}
				furthest = max(furthest, table.Stage(slices.Index(core.Way(), high)))
			}
		}
		r.Furthest = furthest
		if won := r.Entered[table.Won]; won != 0 && won < seen {
			r.Flags |= table.WonBeforeSeen
		}
		out = append(out, r)
	}
	return out
}

func (ref reference) stages(r *namedRow, lead string, epoch int32, mine func(int32) int32) {
	for _, m := range ref.moves(lead) {
		if m.again || mine(m.epoch) != epoch {
			continue
		}
		if !m.hist {
			r.Flags &^= table.History
		}
		if i := slices.Index(core.Way(), m.to); i >= 0 && (r.Entered[i] == 0 || m.at < r.Entered[i]) {
			r.Entered[i] = m.at
		}
		if i := slices.Index(core.Ends(), m.to); i >= 0 {
			r.Flags |= []table.Flags{table.WasLost, table.WasRecycled, table.WasDisqualified}[i]
			r.Ended = max(r.Ended, m.at)
		}
	}
}

// pass fills what the lead's own facts of each of its epochs say, where no lead before it has said it, by epochs of theirs.
func (ref reference) pass(r *namedRow, lead string, epoch int32, mine func(int32) int32) {
	for n := int32(1); n <= 3; n++ {
		if mine(n) != epoch {
			continue
		}
		var q *journalv1.Qualified
		var rep, team, route, persona, account, reason string
		for _, ev := range ref.of(lead, "qualified") {
			if ev.Body.GetQualified().GetEpoch() == n {
				q = ev.Body.GetQualified()
			}
		}
		handoff := identity.Handoff(lead, n)
		moved := 0
		for _, ev := range ref.of(lead, "routed", "reassigned") {
			switch ro, re := ev.Body.GetRouted(), ev.Body.GetReassigned(); {
			case ro.GetHandoffId() == handoff:
				rep, team, route, persona, account = ro.GetRep(), ro.GetTeam(), ro.GetRoute(), ro.GetPersona(), ro.GetAccount()
			case re.GetHandoffId() == handoff:
				rep, team = re.GetTo(), ""
				moved++
			}
		}
		for _, ev := range ref.of(lead, "sla_breached") {
			if b := ev.Body.GetSlaBreached(); b.GetHandoffId() == handoff {
				r.Flags |= map[string]table.Flags{"accept": table.AcceptBreached, "contact": table.ContactBreached}[b.GetClock()]
			}
		}
		fixable := false
		for _, ev := range ref.of(lead, "answered") {
			a := ev.Body.GetAnswered()
			if !a.GetOk() || a.GetHandoffId() != handoff {
				continue
			}
			switch a.GetDisposition() {
			case "contacted":
				if at := ev.OccurredAt().UnixMilli(); r.Contacted == 0 || at < r.Contacted {
					r.Contacted = at
				}
			case "rejected":
				r.Flags |= table.Rejected
				fixable, reason = a.GetStage() == "recycled", a.GetReason()
			case "recycled":
				reason = a.GetReason()
			}
		}
		if fixable {
			r.Flags |= table.Fixable
		}
		if r.Rule == "" && q != nil {
			r.Rule, r.Rules, r.Version = q.GetRule(), "ebook,senior", uint16(q.GetAgreementVersion())
			r.Grade, r.Fit, r.Engagement = uint8(strings.Index("?abcd", q.GetScore().GetGrade())), uint8(q.GetScore().GetFit()), uint8(q.GetScore().GetEngagement())
			r.Country, r.Industry, r.Size = strings.ToUpper(q.GetLead().GetCountry()), q.GetLead().GetAccountIndustry(), table.UpTo1000
		}
		if r.Rep == "" {
			r.Rep, r.Team = rep, team
		}
		r.Route, r.Persona, r.Account = cmp.Or(r.Route, route), cmp.Or(r.Persona, persona), cmp.Or(r.Account, account)
		r.Reason = cmp.Or(r.Reason, reason)
		r.Reassigns += uint8(moved)
	}
}

func dealID(ev *journal.Event) string {
	for _, d := range []*journalv1.Deal{
		ev.Body.GetDealOpened(), ev.Body.GetDealStageChanged(), ev.Body.GetDealWon(), ev.Body.GetDealLost(), ev.Body.GetDealReopened(),
		ev.Body.GetChurned(), ev.Body.GetRenewed(),
	} {
		if d != nil {
			return ev.Body.GetSource() + "/" + cmp.Or(d.GetDealId(), ev.Entity)
		}
	}
	return ""
}
