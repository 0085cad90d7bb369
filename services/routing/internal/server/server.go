// Package server is routing's gRPC API: who has which lead, what destinations were told, and the directory.
package server

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/state"
)

// Journal is what the API writes to.
type Journal interface {
	Append(ctx context.Context, events ...*journalv1.Event) (uint64, error)
	AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error)
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
}

// States reads what routing has folded.
type States interface {
	Blobs(ctx context.Context, entities ...string) ([][]byte, error)
	Range(ctx context.Context, q leadstore.RangeQuery) ([]leadstore.Scored, error)
	Wait(ctx context.Context, after string, entities ...string) error
}

// Options of New.
type Options struct {
	Journal   Journal
	States    States
	Renderer  *render.Renderer
	Directory *current.Directory
	Parser    *directory.Parser
	// Answers tells what became of requests about clocks; nil: they answer pending.
	Answers Answers
	// Agreements knows the agreement in force; nil: nobody is kept from turning to a lead but by the lead itself.
	Agreements Agreements
	// Past reads the journal for simulations; nil: there are none.
	Past Past
	// Caller gives the name of who makes a call, and the rep that the token is bound to, "" for none.
	Caller func(context.Context) (name, rep string)
	// Role gives in which role the caller oversees others: admin, manager, or "" for neither. May be nil: nobody does.
	Role func(context.Context) string
	// ActsFor gives the rep whose handoffs alone the caller may list, "" for one who may list all. May be nil: everybody lists all.
	ActsFor func(context.Context) (rep string)
	// History reads what became of the agreement; Key makes ids of addresses.
	History History
	Key     identity.Key
	Now     func() time.Time
	Log     *slog.Logger
	// Heartbeat is how often a watch of an inbox shows that it lives; 0 is every 15 s.
	Heartbeat time.Duration
	Senders   Senders
	// Relist is how often a watch looks again for what another process has folded.
	Relist time.Duration
}

// Server is the RoutingService. Errors without a status of their own are the journal's and the store's; the edge maps them.
type Server struct {
	routingv1.UnimplementedRoutingServiceServer
	opt Options
	hub *Hub

	simulations simulations
}

// New gives a server; hub tells its watches of changes.
func New(opt Options, hub *Hub) *Server { return &Server{opt: opt, hub: hub} }

const (
	defaultPage = 50
	maxPage     = 200
)

// ListHandoffs lists handoffs, the latest qualified first: of a caller who acts for a rep alone that rep's.
func (s *Server) ListHandoffs(ctx context.Context, req *routingv1.ListHandoffsRequest) (*routingv1.ListHandoffsResponse, error) {
	req, err := s.own(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := checkFilter(req); err != nil {
		return nil, err
	}
	if req.GetLead() != "" {
		return s.ofLead(ctx, req)
	}
	if err := s.opt.States.Wait(ctx, req.GetAfter()); err != nil {
		return nil, badAfter(err)
	}
	switch {
	case req.GetEmail() != "":
		return s.ofPerson(ctx, req)
	case req.GetOrder() == orderDue:
		return s.byDue(ctx, req)
	case narrowed(req):
		return s.sifted(ctx, req)
	}
	members, next, err := s.page(ctx, fold.HandoffIndex(req.GetOwner(), req.GetStage()), req.GetPageSize(), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	out := &routingv1.ListHandoffsResponse{NextPageToken: next}
	all, err := s.handoffs(ctx, members)
	for _, h := range all {
		// It may have moved on since the index was read.
		if selects(req, h) {
			out.Handoffs = append(out.Handoffs, h)
		}
	}
	return out, err
}

// selects reports whether a filter selects the handoff.
func selects(req *routingv1.ListHandoffsRequest, h *routingv1.Handoff) bool {
	return sifts(req, h) && (req.GetStage() == "" || req.GetStage() == h.GetStage()) && (req.GetOwner() == "" || req.GetOwner() == h.GetOwner().GetId())
}

// ofLead lists a lead's handoffs, whatever lead it is by now.
func (s *Server) ofLead(ctx context.Context, req *routingv1.ListHandoffsRequest) (*routingv1.ListHandoffsResponse, error) {
	if err := s.opt.States.Wait(ctx, req.GetAfter(), req.GetLead()); err != nil {
		return nil, badAfter(err)
	}
	version, err := s.opt.Directory.Get(ctx, 0)
	if err != nil {
		return nil, err
	}
	out := &routingv1.ListHandoffsResponse{}
	for entity, hops := req.GetLead(), 0; entity != "" && hops < 16; hops++ {
		on, err := s.opt.Renderer.Lead(ctx, entity)
		if err != nil {
			return nil, err
		}
		for i := len(on.Handoffs) - 1; i >= 0; i-- {
			h := on.Handoffs[i]
			if h.Passed {
				continue
			}
			if shown := render.Handoff(h, on, entity, version.Directory); selects(req, shown) {
				out.Handoffs = append(out.Handoffs, shown)
			}
		}
		entity = on.MergedInto // handoffs that stayed with the lead that it was split off from are that one's
	}
	return out, nil
}

// handoffs reads the handoffs that an index names. One that has moved on since is left out: it is listed where it went.
func (s *Server) handoffs(ctx context.Context, members []string) ([]*routingv1.Handoff, error) {
	version, err := s.opt.Directory.Get(ctx, 0)
	if err != nil {
		return nil, err
	}
	ids, entities := make([]string, 0, len(members)), make([]string, 0, len(members))
	for _, m := range members {
		if id, entity, ok := fold.ParseMember(m); ok {
			ids, entities = append(ids, id), append(entities, entity)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	blobs, err := s.opt.States.Blobs(ctx, entities...)
	if err != nil {
		return nil, err
	}
	var out []*routingv1.Handoff
	for i, blob := range blobs {
		on, err := state.DecodeLead(blob)
		if err != nil {
			return nil, err
		}
		if h := on.Handoff(ids[i]); h != nil && !h.Passed {
			out = append(out, render.Handoff(h, on, entities[i], version.Directory))
		}
	}
	return out, nil
}

// GetHandoff gives one handoff.
func (s *Server) GetHandoff(ctx context.Context, req *routingv1.GetHandoffRequest) (*routingv1.Handoff, error) {
	if err := s.await(ctx, req); err != nil {
		return nil, err
	}
	h, on, entity, err := s.opt.Renderer.Find(ctx, req.GetId())
	if err != nil {
		return nil, notFound(err, "there is no such handoff")
	}
	version, err := s.opt.Directory.Get(ctx, 0)
	if err != nil {
		return nil, err
	}
	return render.Handoff(h, on, entity, version.Directory), nil
}

// await waits for the sequence that a request names. Where the handoff stands by now is not known before it is read, so it
// waits for all.
func (s *Server) await(ctx context.Context, req *routingv1.GetHandoffRequest) error {
	if _, _, ok := identity.LeadOfHandoff(req.GetId()); !ok {
		return status.Error(codes.NotFound, "there is no such handoff")
	}
	return badAfter(s.opt.States.Wait(ctx, req.GetAfter()))
}

// page reads one page of an index, the highest first, behind where the token says the last one ended.
func (s *Server) page(ctx context.Context, index string, size int32, token string) (members []string, next string, err error) {
	n := int(size)
	switch {
	case n < 0:
		return nil, "", invalid("page_size", "must not be negative")
	case n == 0:
		n = defaultPage
	}
	n = min(n, maxPage)
	from := leadstore.Scored{Score: topScore}
	if token != "" {
		if from, err = parseToken(token); err != nil {
			return nil, "", err
		}
	}
	for limit := n + 1; ; limit *= 2 {
		got, err := s.opt.States.Range(ctx, leadstore.RangeQuery{Index: index, Min: 0, Max: from.Score, Limit: limit})
		if err != nil {
			return nil, "", err
		}
		var page []leadstore.Scored
		for _, m := range got {
			if token == "" || m.Score < from.Score || m.Member < from.Member {
				page = append(page, m)
			}
		}
		// Members of one score may fill what was read without being new.
		if len(page) <= n && len(got) == limit {
			continue
		}
		if len(page) > n {
			next = formatToken(page[n-1])
			page = page[:n]
		}
		for _, m := range page {
			members = append(members, m.Member)
		}
		return members, next, nil
	}
}

// topScore is above every score: they are milliseconds.
const topScore = 1e20

func formatToken(m leadstore.Scored) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatFloat(m.Score, 'g', -1, 64) + "|" + m.Member))
}

func parseToken(token string) (leadstore.Scored, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	score, member, ok := strings.Cut(string(b), "|")
	f, scoreErr := strconv.ParseFloat(score, 64)
	if err != nil || !ok || scoreErr != nil || !(f >= 0 && f <= topScore) {
		return leadstore.Scored{}, invalid("page_token", "is not one of a page before")
	}
	return leadstore.Scored{Member: member, Score: f}, nil
}

func checkFilter(req *routingv1.ListHandoffsRequest) error {
	switch {
	case req.GetOwner() != "" && !identity.Safe(req.GetOwner()):
		return invalid("owner", "must be a rep's id, or desk for those that wait")
	case req.GetStage() != "" && !fold.IsStage(req.GetStage()):
		return invalid("stage", "must be one of "+strings.Join(fold.Stages(), ", "))
	case req.GetLead() != "" && identity.RankOf(req.GetLead()) == 0:
		return invalid("lead", "must be a lead's id")
	}
	return checkSift(req)
}

func invalid(field, reason string) error {
	return invalidFields(&errdetails.BadRequest_FieldViolation{Field: field, Description: reason})
}

func invalidFields(fields ...*errdetails.BadRequest_FieldViolation) error {
	st := status.New(codes.InvalidArgument, "the request is not valid")
	if full, err := st.WithDetails(&errdetails.BadRequest{FieldViolations: fields}); err == nil {
		st = full
	}
	return st.Err()
}

func badAfter(err error) error {
	if errors.Is(err, journal.ErrBadEvent) {
		return invalid("after", "must be a sequence, as writes give it")
	}
	return err
}

func notFound(err error, why string) error {
	if errors.Is(err, render.ErrGone) {
		return status.Error(codes.NotFound, why)
	}
	return err
}
