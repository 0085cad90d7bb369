package server

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/identity"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/apply"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/lists"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// maxChunks bounds a list: with it the largest has some 5 GB of text.
const maxChunks = 2500

// PutAccounts takes one chunk of a list of accounts. The list replaces the one before it once its last chunk is there; a list that
// is in force, and a chunk that is there, are left alone.
func (s *Server) PutAccounts(ctx context.Context, req *routingv1.PutAccountsRequest) (*routingv1.PutAccountsResponse, error) {
	switch {
	case len(req.GetRevision()) != 64 || strings.Trim(req.GetRevision(), "0123456789abcdef") != "":
		return nil, invalid("revision", "must be a SHA-256 of 64 hexadecimal digits")
	case req.GetChunks() < 1 || req.GetChunks() > maxChunks:
		return nil, invalid("chunks", "must be from 1 to "+strconv.Itoa(maxChunks))
	case req.GetChunk() < 0 || req.GetChunk() >= req.GetChunks():
		return nil, invalid("chunk", "must be from 0 to the number of chunks, less one")
	case len(req.GetRecords()) > lists.MaxChunk:
		return nil, invalid("records", "must be at most "+strconv.Itoa(lists.MaxChunk)+" bytes: send more chunks")
	}
	p, err := apply.Accounts(ctx, s.opt.Journal, apply.AccountChunk{
		Revision: req.GetRevision(), Chunk: req.GetChunk(), Chunks: req.GetChunks(), Records: req.GetRecords(),
	}, s.opt.Parser.Domains(), s.opt.Now)
	switch {
	case errors.Is(err, apply.ErrOtherList):
		return nil, status.Error(codes.Aborted, apply.ErrOtherList.Error())
	case errors.Is(err, apply.ErrWrongRevision):
		return nil, invalid("revision", apply.ErrWrongRevision.Error())
	case err != nil:
		return nil, recordFaults(err)
	}
	if p.InForce {
		name, _ := s.opt.Caller(ctx)
		s.opt.Log.InfoContext(ctx, "a list of accounts is in force", "by", name, "sequence", p.Seq)
	}
	return &routingv1.PutAccountsResponse{Next: p.Next, InForce: p.InForce, Sequence: strconv.FormatUint(p.Seq, 10)}, nil
}

// recordFaults tells what is wrong with records, line by line.
func recordFaults(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var fields []*errdetails.BadRequest_FieldViolation
	for _, e := range joined.Unwrap() {
		var f lists.Fault
		if !errors.As(e, &f) {
			return err
		}
		fields = append(fields, &errdetails.BadRequest_FieldViolation{
			Field: strings.TrimSuffix("records."+f.Field, "."), Description: "line " + strconv.Itoa(f.Line) + ": " + f.Reason,
		})
	}
	return invalidFields(fields...)
}

const (
	defaultCandidates = 10
	maxAccountPage    = 100
	maxQuery          = 500
)

// MatchAccount tells which account a lead would be matched to if it qualified now, what speaks for it, and who else was looked at.
func (s *Server) MatchAccount(ctx context.Context, req *routingv1.MatchAccountRequest) (*routingv1.MatchAccountResponse, error) {
	n := int(req.GetPageSize())
	if n < 0 || n > maxAccountPage {
		return nil, invalid("page_size", "must be from 1 to "+strconv.Itoa(maxAccountPage))
	}
	if n == 0 {
		n = defaultCandidates
	}
	q, err := accountQuery(req)
	if err != nil {
		return nil, err
	}
	v, err := s.opt.Directory.Get(ctx, 0)
	if err != nil {
		return nil, err
	}
	if v.Directory == nil {
		return nil, status.Error(codes.NotFound, "there is no directory yet")
	}
	m := v.Directory.FindAccount(q, s.opt.Renderer.Key.Account)
	out := &routingv1.MatchAccountResponse{
		Account: state.AccountRef(fold.MatchedAccount(m)), Normalized: accounts.Normalize(q.Company), Decide: v.Directory.Matching.Decide, Propose: v.Directory.Matching.Propose,
	}
	for _, c := range v.Directory.Candidates(q, n) {
		out.Candidates = append(out.Candidates, &routingv1.MatchCandidate{
			Id: c.Account.ID, Name: c.Account.Name, Domain: c.Account.Domain, By: c.By, Confidence: c.Confidence, Similarity: c.Similarity, Support: c.Support,
			Owner: v.Directory.OwnerOf(&c.Account), Parent: c.Account.Parent,
		})
	}
	return out, nil
}

func accountQuery(req *routingv1.MatchAccountRequest) (accounts.Query, error) {
	q := accounts.Query{
		Email: req.GetEmail(), Company: req.GetCompany(), Domain: strings.ToLower(req.GetDomain()), Phone: req.GetPhone(),
		Address: accounts.Address{Street: req.GetStreet(), City: req.GetCity(), PostalCode: req.GetPostalCode(), Country: req.GetCountry()},
	}
	for _, f := range []struct{ name, value string }{
		{"query", req.GetQuery()}, {"email", q.Email}, {"company", q.Company}, {"domain", q.Domain}, {"phone", q.Phone},
		{"street", q.Address.Street}, {"city", q.Address.City}, {"postal_code", q.Address.PostalCode}, {"country", q.Address.Country},
	} {
		if len(f.value) > maxQuery {
			return q, invalid(f.name, "must be at most "+strconv.Itoa(maxQuery)+" bytes")
		}
	}
	if text := strings.TrimSpace(req.GetQuery()); text != "" {
		switch low := strings.ToLower(text); {
		case strings.Contains(text, "@") && q.Email == "":
			q.Email = text
		case accounts.IsDomain(low) && q.Domain == "":
			q.Domain = low
		case q.Company == "":
			q.Company = text
		}
	}
	if q.Email != "" {
		email, ok := identity.NormalizeEmail(q.Email)
		if !ok {
			return q, invalid("email", "must be an e-mail address")
		}
		q.Email = email
	}
	if q.Email == "" && q.Company == "" && q.Domain == "" {
		return q, invalid("query", "is missing: an e-mail address, a domain or a company's name")
	}
	return q, nil
}
