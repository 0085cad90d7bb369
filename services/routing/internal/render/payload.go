package render

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/brief"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// ask says which payload is wanted.
type ask struct {
	// seen is when what is told of was read: the directory is none of before. The zero time is any moment.
	seen time.Time
	// attempt whose owner it names, -1 for the current one.
	attempt int
	// version of the brief, 0 for the latest.
	version int
	// after is the journal's sequence that what is read of the lead must know of, "" for none.
	after string
	// must: where what is known of the lead by now cannot be read, there is nothing to tell.
	must bool
	// people gives who is known at an account, nil for as scoring knows them now.
	people people
}

// Payload gives all that is told of a handoff, as it stands, or, if attempt is not negative, with the owner of that attempt.
func (r *Renderer) Payload(ctx context.Context, h *handoff.Handoff, entity string, attempt int) (*routingv1.Payload, error) {
	return r.told(ctx, h, entity, ask{attempt: attempt})
}

// told reads what the store has of a handoff, and gives the payload of it.
func (r *Renderer) told(ctx context.Context, h *handoff.Handoff, entity string, a ask) (*routingv1.Payload, error) {
	told, err := r.stories(ctx, []storyOf{{entity, h.ID}})[0].decode()
	if err != nil {
		return nil, err
	}
	return r.payload(ctx, h, told, entity, a)
}

// Version gives the payload with a version of the brief: the first as the lead qualified, a later one as far as the lead's
// doings up to it tell, the latest (0) with all that is known. ErrNoVersion where there is none such.
func (r *Renderer) Version(ctx context.Context, h *handoff.Handoff, entity string, version int) (*routingv1.Payload, error) {
	oldest := h.Version() - max(0, len(h.Versions)-1)
	if version < 0 || version > h.Version() || version > 1 && version < oldest {
		return nil, fmt.Errorf("%w: the brief has the versions 1 and %d to %d", ErrNoVersion, min(oldest, h.Version()), h.Version())
	}
	return r.told(ctx, h, entity, ask{attempt: -1, version: version})
}

// payload gives what is told of a handoff, with what was read of its lead. ErrGone where nothing was known of it when it qualified.
func (r *Renderer) payload(ctx context.Context, h *handoff.Handoff, read story, entity string, a ask) (*routingv1.Payload, error) {
	version, err := r.Directory.Since(ctx, a.seen)
	if err != nil {
		return nil, err
	}
	q := read.snapshot
	if q == nil {
		return nil, ErrGone
	}
	dir := version.Directory
	if a.version == 0 {
		a.version = h.Version()
	}
	known, err := r.known(ctx, q, h, entity, a)
	if err != nil {
		return nil, err
	}
	lead := known.q.GetLead()
	p := &routingv1.Payload{
		HandoffId: h.ID, Stage: string(h.Stage), Epoch: int32(h.Epoch),
		Lead: &routingv1.PayloadLead{
			Id: entity, Email: lead.GetEmail(), FirstName: lead.GetFirstName(), LastName: lead.GetLastName(), Title: lead.GetTitle(),
			ExternalIds: lead.GetExternalIds(), Phone: lead.GetPhone(), Country: lead.GetCountry(),
			Street: lead.GetStreet(), City: lead.GetCity(), PostalCode: lead.GetPostalCode(), State: lead.GetState(),
		},
		Account: account(h), Score: known.q.GetScore(), Sla: sla(h.AcceptBy, h.ContactBy), Reason: h.Reason, History: history(h), Version: int32(a.version),
	}
	assignment := h.Current()
	if a.attempt >= 0 {
		for i := range h.Assignments {
			if at := &h.Assignments[i]; at.Attempt == a.attempt {
				assignment = at
				p.Sla = sla(at.AcceptBy, at.ContactBy)
				if i > 0 {
					p.PreviousOwner = h.Assignments[i-1].Rep
				}
			}
		}
	}
	p.Owner = owner(assignment, dir)
	p.LastContact = LastContact(read.on)
	if a.people == nil {
		a.people = r.askColleagues
	}
	p.Brief = r.brief(ctx, known, h, entity, dir, p.GetOwner().GetId(), a.version, a.people)
	return p, nil
}

// narrow narrows what is said to be new down to what a version was made for.
func narrow(p *routingv1.Payload, version int) {
	p.Version = int32(max(1, version))
	for _, v := range p.GetBrief().GetVersions() {
		if int(v.GetVersion()) == version {
			p.Because = v.GetChanged()
		}
	}
}

// knowledge is what a version of a brief is written from.
type knowledge struct {
	// q is what was known when the lead qualified, with what has come since over it; was is the score of then.
	q   *journalv1.Qualified
	was *journalv1.ScoreSnapshot
	// at is the version's moment.
	at time.Time
	// behind: what has come since could not be read.
	behind bool
}

// knownWithin bounds the wait for what scoring knows of a lead: reads that name a sequence wait up to 2 s for it.
const knownWithin = 3 * time.Second

// known gives what a version tells of. The first is what scoring stated when the lead qualified; for any later one scoring is
// asked, and what the lead did after the version was told is left out.
func (r *Renderer) known(ctx context.Context, q *journalv1.Qualified, h *handoff.Handoff, entity string, a ask) (knowledge, error) {
	k := knowledge{q: q, was: q.GetScore(), at: h.QualifiedAt}
	if a.version <= 1 {
		return k, nil
	}
	latest := a.version == h.Version()
	for _, v := range h.Versions {
		if v.Number == a.version {
			k.at = v.At
		}
	}
	if r.Leads == nil {
		k.behind = true
		return k, nil
	}
	ctx, cancel := context.WithTimeout(ctx, knownWithin)
	defer cancel()
	live, err := r.Leads.GetContext(ctx, &leadv1.GetContextRequest{Id: entity, After: a.after})
	switch {
	case err != nil && a.must && status.Code(err) != codes.NotFound:
		return k, fmt.Errorf("read the lead's context: %w", err)
	case err != nil:
		r.Log.WarnContext(ctx, "what is known of a lead by now could not be read; its brief says so", "handoff", h.ID, "code", status.Code(err).String())
		k.behind = true
		return k, nil
	}
	k.q = over(q, live, k.at, latest)
	return k, nil
}

// over puts what is known by now over what was known when the lead qualified. Of a version that is not the latest the lead's
// doings end with it, and the score is that of then: how it stood in between nobody keeps.
func over(q *journalv1.Qualified, live *leadv1.LeadContext, at time.Time, latest bool) *journalv1.Qualified {
	out := &journalv1.Qualified{Epoch: q.GetEpoch(), HandoffId: q.GetHandoffId(), Rule: q.GetRule(), AgreementVersion: q.GetAgreementVersion(), Score: q.GetScore(), Lead: q.GetLead()}
	snapshot := live.GetSnapshot()
	if snapshot == nil {
		return out
	}
	out.Lead = proto.CloneOf(snapshot)
	// Epochs that ended before this handoff's are earlier; this one's own end is not.
	out.Lead.EarlierEpochs = slices.DeleteFunc(out.Lead.EarlierEpochs, func(e *journalv1.EarlierEpoch) bool {
		return e.GetEpoch() >= q.GetEpoch() || e.GetHandoffId() == q.GetHandoffId()
	})
	if s := live.GetScore(); latest && s != nil {
		out.Score = &journalv1.ScoreSnapshot{
			Fit: s.GetFit(), Grade: s.GetGrade(), Engagement: s.GetEngagement(), AgreementVersion: s.GetAgreementVersion(), Contributions: s.GetContributions(),
			At: s.GetAt(), Scores: s.GetScores(),
		}
	}
	if latest {
		return out
	}
	before := len(out.Lead.Timeline)
	out.Lead.Timeline = slices.DeleteFunc(out.Lead.Timeline, func(i *journalv1.TimelineItem) bool { return instant(i.GetAt()).After(at) })
	out.Lead.Engagements = max(0, out.Lead.GetEngagements()-int32(before-len(out.Lead.Timeline)))
	return out
}

func item(i *journalv1.TimelineItem) brief.Item {
	return brief.Item{
		ID: i.GetEventId(), Type: i.GetType(), Name: i.GetName(), Channel: i.GetChannel(), Campaign: i.GetCampaign(), Asset: i.GetAsset(), URL: i.GetUrl(),
		Title: i.GetTitle(), At: instant(i.GetAt()), Automated: i.GetAutomated(),
	}
}

// repName gives a rep's name for sentences, or the id of one who is not in the directory any more.
func repName(dir *core.Directory, id string) string {
	if r := dir.Rep(id); r != nil && r.Name != "" {
		return r.Name
	}
	return id
}
