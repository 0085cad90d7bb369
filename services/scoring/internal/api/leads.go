package api

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// GetLead gives one lead in short form.
func (s *Server) GetLead(ctx context.Context, req *leadv1.GetLeadRequest) (*leadv1.Lead, error) {
	l, b, err := s.look(ctx, req.GetId(), req.GetAfter())
	if err != nil {
		return nil, err
	}
	return s.shown(l, b, req.GetId()), nil
}

// look waits, and gives a lead together with the agreement's versions.
func (s *Server) look(ctx context.Context, id, after string) (*core.Lead, *book.Book, error) {
	if err := s.wait(ctx, after); err != nil {
		return nil, nil, err
	}
	l, err := s.lead(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	b, err := s.opt.Agreements.Book(ctx)
	if err != nil {
		return nil, nil, failed("read the agreement", err)
	}
	return l, b, nil
}

// shown gives a lead as lists show it. asked is the id that it was asked for by.
func (s *Server) shown(l *core.Lead, b *book.Book, asked string) *leadv1.Lead {
	p := l.Profile
	out := &leadv1.Lead{
		Id: l.ID, Email: l.PrimaryEmail(), Stage: l.Stage(), HighestStage: l.Highest, Epoch: max(1, l.Run.Epoch), Score: s.summary(l, b),
		Account: s.account(l), Owner: l.Owner(), Consent: l.Purposes(),
		FirstName: p.Text("first_name"), LastName: p.Text("last_name"), Title: p.Text("title"), Country: p.Text("country"),
		ExternalIds: fold.ExternalIDs(l), HandoffId: l.Run.Handoff, LastAt: stamp(l.LastAt), Absorbed: l.Absorbed, OtherEmails: fold.OtherEmails(l),
		Held: l.Held, Epochs: epochs(l),
	}
	if l.Entry != nil {
		out.FirstAt = stamp(l.Entry.At)
	}
	if asked != l.ID {
		out.Id, out.MergedInto = asked, l.ID
	}
	return out
}

func (s *Server) summary(l *core.Lead, b *book.Book) *leadv1.ScoreSummary {
	out := &leadv1.ScoreSummary{
		Fit: l.FitScore().Points(), Grade: "d", Engagement: l.Engagement(s.opt.Now().UnixNano()).Points(), AgreementVersion: l.Fit.Version,
	}
	if a := b.Version(l.Fit.Version); a != nil {
		out.Grade = a.Grade(l.FitScore())
	}
	return out
}

func (s *Server) account(l *core.Lead) *leadv1.LeadAccount {
	out := &leadv1.LeadAccount{
		Id: fold.AccountID(s.opt.Key, l), Name: fold.AccountName(l), Domain: l.Profile.Text(core.AccountPrefix + "domain"),
		Employees: fold.Employees(l), Industry: l.Profile.Text(core.AccountPrefix + "industry"),
	}
	return out
}

func stamp(ns int64) *timestamppb.Timestamp {
	if ns == 0 {
		return nil
	}
	return timestamppb.New(time.Unix(0, ns))
}

// GetContext gives everything that is known of a lead, as of now.
func (s *Server) GetContext(ctx context.Context, req *leadv1.GetContextRequest) (*leadv1.LeadContext, error) {
	l, b, err := s.look(ctx, req.GetId(), req.GetAfter())
	if err != nil {
		return nil, err
	}
	return &leadv1.LeadContext{Lead: s.shown(l, b, req.GetId()), Score: explained(l, b.Rules(), s.opt.Now(), handedOver(l)), Snapshot: fold.LeadSnapshot(l)}, nil
}

// ListLeads gives leads by address, by account, by stage, or all by engagement.
func (s *Server) ListLeads(ctx context.Context, req *leadv1.ListLeadsRequest) (*leadv1.ListLeadsResponse, error) {
	if stage := req.GetStage(); stage != "" && !slices.Contains(core.Stages(), stage) {
		return nil, invalid("stage", "must be one of "+strings.Join(core.Stages(), ", "))
	}
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	if err := s.wait(ctx, req.GetAfter()); err != nil {
		return nil, err
	}
	b, err := s.opt.Agreements.Book(ctx)
	if err != nil {
		return nil, failed("read the agreement", err)
	}
	if req.GetEmail() != "" {
		return s.byEmail(ctx, req, b)
	}
	index := fold.IndexScore
	switch {
	case req.GetAccount() != "":
		index = fold.IndexAccount(req.GetAccount())
	case req.GetStage() != "":
		index = fold.IndexStage(req.GetStage())
	}
	found, next, err := s.page(ctx, index, req.GetPageToken(), size)
	if err != nil {
		return nil, err
	}
	out := &leadv1.ListLeadsResponse{NextPageToken: next}
	leads, err := s.leads(ctx, found)
	if err != nil {
		return nil, err
	}
	for _, l := range leads {
		if l.Known() && (req.GetStage() == "" || l.Stage() == req.GetStage()) {
			out.Leads = append(out.Leads, s.shown(l, b, l.ID))
		}
	}
	return out, nil
}

func (s *Server) byEmail(ctx context.Context, req *leadv1.ListLeadsRequest, b *book.Book) (*leadv1.ListLeadsResponse, error) {
	email, ok := identity.NormalizeEmail(req.GetEmail())
	if !ok {
		return nil, invalid("email", "is not an address")
	}
	l, err := s.lead(ctx, s.opt.Key.Lead(identity.Email, "", email))
	if notFound(err) {
		return &leadv1.ListLeadsResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	if req.GetStage() != "" && l.Stage() != req.GetStage() || req.GetAccount() != "" && fold.AccountID(s.opt.Key, l) != req.GetAccount() {
		return &leadv1.ListLeadsResponse{}, nil
	}
	return &leadv1.ListLeadsResponse{Leads: []*leadv1.Lead{s.shown(l, b, l.ID)}}, nil
}

// leads reads what an index names. Leads that are gone since are left out.
func (s *Server) leads(ctx context.Context, found []leadstore.Scored) ([]*core.Lead, error) {
	ids := make([]string, len(found))
	for i, f := range found {
		ids[i] = f.Member
	}
	blobs, err := s.opt.States.Blobs(ctx, ids...)
	if err != nil {
		return nil, failed("read leads", err)
	}
	var out []*core.Lead
	for i, blob := range blobs {
		if blob == nil {
			continue
		}
		l, _, err := fold.DecodeLead(ids[i], blob)
		if err != nil {
			return nil, failed("read leads", err)
		}
		out = append(out, l)
	}
	return out, nil
}

// GetJournal gives every event of a lead and of those it absorbed, in the order of the log.
func (s *Server) GetJournal(ctx context.Context, req *leadv1.GetJournalRequest) (*leadv1.GetJournalResponse, error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	from := uint64(1)
	if t := req.GetPageToken(); t != "" {
		if from, err = strconv.ParseUint(t, 10, 64); err != nil || from == 0 {
			return nil, invalid("page_token", "is not one that a page ended with")
		}
	}
	if err := s.wait(ctx, req.GetAfter()); err != nil {
		return nil, err
	}
	l, err := s.lead(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	var events []*journal.Event
	for _, id := range append([]string{l.ID}, l.Absorbed...) {
		part, err := s.opt.Log.ReadEntity(ctx, id, from, size+1)
		if err != nil {
			return nil, failed("read the journal", err)
		}
		events = append(events, part...)
	}
	slices.SortFunc(events, func(a, b *journal.Event) int {
		if a.Seq < b.Seq {
			return -1
		}
		return 1
	})
	out := &leadv1.GetJournalResponse{}
	if len(events) > size {
		out.NextPageToken = strconv.FormatUint(events[size].Seq, 10)
		events = events[:size]
	}
	for _, ev := range events {
		out.Entries = append(out.Entries, entry(ev))
	}
	return out, nil
}

func entry(ev *journal.Event) *leadv1.JournalEntry {
	e := &leadv1.JournalEntry{Sequence: strconv.FormatUint(ev.Seq, 10), LoggedAt: timestamppb.New(ev.Logged), Producer: "input", Event: ev.Body}
	if o := ev.Origin; o != nil {
		e.Producer, e.Cause = o.Producer, strconv.FormatUint(o.Cause, 10)
	}
	return e
}
