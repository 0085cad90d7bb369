package api

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/journal"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/lint"
)

// ListAgreements gives all versions, the newest first.
func (s *Server) ListAgreements(ctx context.Context, req *agreementv1.ListAgreementsRequest) (*agreementv1.ListAgreementsResponse, error) {
	b, err := s.versions(ctx, req.GetAfter())
	if err != nil {
		return nil, err
	}
	versions := slices.Clone(b.Versions())
	slices.Reverse(versions)
	return &agreementv1.ListAgreementsResponse{Agreements: versions}, nil
}

// GetAgreement gives one version.
func (s *Server) GetAgreement(ctx context.Context, req *agreementv1.GetAgreementRequest) (*agreementv1.Agreement, error) {
	b, err := s.versions(ctx, req.GetAfter())
	if err != nil {
		return nil, err
	}
	if v := b.Find(req.GetVersion()); v != nil {
		return v, nil
	}
	return nil, refused(apply.ErrUnknown)
}

// versions gives the agreement's versions, with what was written at sequence after.
func (s *Server) versions(ctx context.Context, after string) (*book.Book, error) {
	if err := s.wait(ctx, after); err != nil {
		return nil, err
	}
	b, err := s.opt.Agreements.Book(ctx)
	if err != nil {
		return nil, failed("read the agreement", err)
	}
	return b, nil
}

// ProposeAgreement states a text as the next version, or only checks it.
func (s *Server) ProposeAgreement(ctx context.Context, req *agreementv1.ProposeAgreementRequest) (*agreementv1.ProposeAgreementResponse, error) {
	text := []byte(req.GetYaml())
	parsed, err := s.opt.Contract.Library.Check(text)
	if err != nil {
		return nil, mistakes(err)
	}
	resp := &agreementv1.ProposeAgreementResponse{Findings: findings(parsed)}
	if req.GetCheck() {
		b, err := s.versions(ctx, "")
		if err != nil {
			return nil, err
		}
		resp.Agreement = b.Same(agreement.Hash(text))
		if resp.Agreement == nil {
			resp.Agreement = &agreementv1.Agreement{
				Version: b.Next(), Name: parsed.Name, State: book.StateProposed, Yaml: req.GetYaml(), Hash: agreement.Hash(text), Origin: apply.OriginAPI,
			}
		}
		return resp, nil
	}
	v, seq, err := s.opt.Contract.Propose(ctx, text, callerName(ctx))
	if err != nil {
		return nil, refused(err)
	}
	resp.Agreement, resp.Sequence = v, sequence(seq)
	return resp, nil
}

// findings tells what is legal in a text and probably not meant.
func findings(a *agreement.Agreement) (out []*agreementv1.Finding) {
	for _, f := range lint.Check(a) {
		out = append(out, &agreementv1.Finding{Line: int32(f.Line), Field: f.Field, Text: f.Text})
	}
	if len(a.Signatures) > 0 {
		out = append(out, &agreementv1.Finding{Field: "signatures", Text: "count in the configured file alone: here, each team signs the version"})
	}
	return out
}

// SignAgreement signs a version for one of the two teams.
func (s *Server) SignAgreement(ctx context.Context, req *agreementv1.SignAgreementRequest) (*agreementv1.ChangeAgreementResponse, error) {
	p, _ := grpcx.PrincipalFrom(ctx)
	switch role := req.GetRole(); {
	case role != agreement.RoleMarketing && role != agreement.RoleSales:
		return nil, invalid("role", "must be marketing or sales")
	case !p.Has(role) && !(role == agreement.RoleSales && p.Has(roleManager)):
		return nil, status.Errorf(codes.PermissionDenied, "%s cannot sign for %s: its token does not have that role", p.Name, role)
	case req.GetHash() == "":
		return nil, invalid("hash", "is missing: the SHA-256 of the text that is signed, as the version has it")
	}
	v, seq, err := s.opt.Contract.Sign(ctx, req.GetVersion(), req.GetHash(), apply.Signer{Name: p.Name, Role: req.GetRole(), Alone: p.Has()})
	return changed(v, seq, err)
}

// roleManager may sign for sales, too.
const roleManager = "manager"

// ActivateAgreement puts a version in force, now or from a later moment on.
func (s *Server) ActivateAgreement(ctx context.Context, req *agreementv1.ActivateAgreementRequest) (*agreementv1.ChangeAgreementResponse, error) {
	var from time.Time
	if t := req.GetFrom(); t != nil {
		if err := t.CheckValid(); err != nil {
			return nil, invalid("from", "is not a time")
		}
		if from = t.AsTime(); from.After(s.opt.Now().Add(maxPlan)) {
			return nil, invalid("from", "is more than a year ahead")
		}
	}
	v, seq, err := s.opt.Contract.Activate(ctx, req.GetVersion(), from, callerName(ctx))
	return changed(v, seq, err)
}

// maxPlan is how far ahead a version may be planned to come into force.
const maxPlan = 366 * 24 * time.Hour

// DiffAgreements tells what differs between two versions, in words.
func (s *Server) DiffAgreements(ctx context.Context, req *agreementv1.DiffAgreementsRequest) (*agreementv1.DiffAgreementsResponse, error) {
	b, err := s.versions(ctx, "")
	if err != nil {
		return nil, err
	}
	to, err := textOf(b, req.GetVersion())
	if err != nil {
		return nil, err
	}
	against, from := req.GetAgainst(), &agreement.Agreement{}
	if active := b.Active(); against == 0 && active != nil {
		against = active.Version
	}
	if against != 0 {
		if from, err = textOf(b, against); err != nil {
			return nil, err
		}
	}
	resp := &agreementv1.DiffAgreementsResponse{Version: req.GetVersion(), Against: against}
	for _, d := range agreement.Diff(from, to) {
		resp.Differences = append(resp.Differences, &agreementv1.Difference{Part: d.Part, Id: d.ID, Kind: d.Kind, Text: d.Text})
	}
	return resp, nil
}

func textOf(b *book.Book, version int32) (*agreement.Agreement, error) {
	v := b.Find(version)
	if v == nil {
		return nil, refused(apply.ErrUnknown)
	}
	a, err := agreement.Parse([]byte(v.Yaml))
	if err != nil {
		return nil, mistakes(err)
	}
	return a, nil
}

func callerName(ctx context.Context) string {
	p, _ := grpcx.PrincipalFrom(ctx)
	return p.Name
}

// sequence gives a sequence as the API shows it, "" for none.
func sequence(seq uint64) string {
	if seq == 0 {
		return ""
	}
	return strconv.FormatUint(seq, 10)
}

func changed(v *agreementv1.Agreement, seq uint64, err error) (*agreementv1.ChangeAgreementResponse, error) {
	if err != nil {
		return nil, refused(err)
	}
	return &agreementv1.ChangeAgreementResponse{Agreement: v, Sequence: sequence(seq)}, nil
}

// refused gives the status of a change that was not made.
func refused(err error) error {
	switch {
	case errors.Is(err, apply.ErrUnknown):
		return status.Error(codes.NotFound, err.Error())
	case errors.Is(err, apply.ErrOtherText), errors.Is(err, apply.ErrSameSigner), errors.Is(err, apply.ErrNotSigned),
		errors.Is(err, apply.ErrInForce), errors.Is(err, apply.ErrNotReady):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, journal.ErrTooLarge):
		return invalid("yaml", "is too large")
	}
	return failed("change the agreement", err)
}

// mistakes tells everything that is wrong with a text, by line and field.
func mistakes(err error) error {
	var errs agreement.Errors
	if !errors.As(err, &errs) {
		return err
	}
	bad := &errdetails.BadRequest{}
	for _, e := range errs {
		field, reason := e.Field, e.Reason
		if field == "" {
			field = "yaml"
		}
		if e.Line > 0 {
			reason = "line " + strconv.Itoa(e.Line) + ": " + reason
		}
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: field, Description: reason})
	}
	st, detailErr := status.New(codes.InvalidArgument, "this is no agreement").WithDetails(bad)
	if detailErr != nil {
		return status.Error(codes.InvalidArgument, errs.Error())
	}
	return st.Err()
}
