package server

import (
	"cmp"
	"context"
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// The orders of a list.
const (
	orderQualified = "qualified"
	orderDue       = "due"
)

const (
	// maxSifted is how many handoffs one call looks at for those that a filter without an index selects; the page may then be
	// short, and the token goes on.
	maxSifted = 2000
	// maxOpen is how many open handoffs can be put in order of what is due.
	maxOpen = 5000
)

// narrowed reports whether a filter asks for what no index has.
func narrowed(req *routingv1.ListHandoffsRequest) bool {
	return req.GetTeam() != "" || req.GetAccount() != "" || req.GetDueBefore() != nil || req.Breached != nil
}

func checkSift(req *routingv1.ListHandoffsRequest) error {
	_, goodEmail := identity.NormalizeEmail(req.GetEmail())
	switch {
	case req.GetTeam() != "" && !identity.Safe(req.GetTeam()):
		return invalid("team", "must be a team's id")
	case req.GetAccount() != "" && !identity.Safe(req.GetAccount()):
		return invalid("account", "must be an account's id")
	case req.GetEmail() != "" && !goodEmail:
		return invalid("email", "must be an e-mail address")
	case req.GetDueBefore() != nil && !req.GetDueBefore().IsValid():
		return invalid("due_before", "is not a time")
	case req.GetOrder() != "" && req.GetOrder() != orderDue && req.GetOrder() != orderQualified:
		return invalid("order", "must be qualified or due")
	}
	return nil
}

// sifts reports whether the handoff is what a filter asks for beyond owner and stage.
func sifts(req *routingv1.ListHandoffsRequest, h *routingv1.Handoff) bool {
	return (req.GetTeam() == "" || req.GetTeam() == h.GetOwner().GetTeam()) &&
		(req.GetAccount() == "" || req.GetAccount() == h.GetAccount().GetId()) &&
		(req.Breached == nil || req.GetBreached() == h.GetBreached()) &&
		(req.GetDueBefore() == nil || h.GetDueAt() != nil && h.GetDueAt().AsTime().Before(req.GetDueBefore().AsTime()))
}

// ofPerson lists the handoffs of the person with an address. It waits for nothing: its caller has.
func (s *Server) ofPerson(ctx context.Context, req *routingv1.ListHandoffsRequest) (*routingv1.ListHandoffsResponse, error) {
	email, _ := identity.NormalizeEmail(req.GetEmail())
	q := proto.CloneOf(req)
	q.Lead, q.Email, q.After = s.opt.Key.Lead(identity.Email, "", email), "", ""
	return s.ofLead(ctx, q)
}

// sifted reads on until a page is full of what the filter selects, or enough was looked at.
func (s *Server) sifted(ctx context.Context, req *routingv1.ListHandoffsRequest) (*routingv1.ListHandoffsResponse, error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	out := &routingv1.ListHandoffsResponse{NextPageToken: req.GetPageToken()}
	for looked := 0; ; {
		members, next, err := s.page(ctx, fold.HandoffIndex(req.GetOwner(), req.GetStage()), int32(size-len(out.GetHandoffs())), out.GetNextPageToken())
		if err != nil {
			return nil, err
		}
		all, err := s.handoffs(ctx, members)
		if err != nil {
			return nil, err
		}
		for _, h := range all {
			if selects(req, h) {
				out.Handoffs = append(out.Handoffs, h)
			}
		}
		looked += len(members)
		if out.NextPageToken = next; next == "" || len(out.GetHandoffs()) >= size || looked >= maxSifted {
			return out, nil
		}
	}
}

func pageSize(size int32) (int, error) {
	switch {
	case size < 0:
		return 0, invalid("page_size", "must not be negative")
	case size == 0:
		return defaultPage, nil
	}
	return min(int(size), maxPage), nil
}

// byDue lists open handoffs, what is due first.
func (s *Server) byDue(ctx context.Context, req *routingv1.ListHandoffsRequest) (*routingv1.ListHandoffsResponse, error) {
	size, err := pageSize(req.GetPageSize())
	if err != nil {
		return nil, err
	}
	var from *duePlace
	if req.GetPageToken() != "" {
		if from, err = parseDue(req.GetPageToken()); err != nil {
			return nil, err
		}
	}
	all, err := s.open(ctx, req)
	if err != nil {
		return nil, err
	}
	if from != nil {
		all = slices.DeleteFunc(all, func(h *routingv1.Handoff) bool { return placeOfDue(h).compare(*from) <= 0 })
	}
	out := &routingv1.ListHandoffsResponse{Handoffs: all}
	if len(all) > size {
		out.Handoffs = all[:size]
		out.NextPageToken = placeOfDue(all[size-1]).token()
	}
	return out, nil
}

// open gives all open handoffs that a filter selects, what is due first.
func (s *Server) open(ctx context.Context, req *routingv1.ListHandoffsRequest) ([]*routingv1.Handoff, error) {
	stages := []string{req.GetStage()}
	if req.GetStage() == "" {
		stages = []string{string(handoff.Waiting), string(handoff.Routed), string(handoff.Accepted), string(handoff.SQL)}
	}
	owners := []string{req.GetOwner()}
	if req.GetTeam() != "" && req.GetOwner() == "" {
		v, err := s.opt.Directory.Get(ctx, 0)
		if err != nil {
			return nil, err
		}
		owners = nil
		if v.Directory != nil {
			for i := range v.Directory.Reps {
				if v.Directory.Reps[i].Team == req.GetTeam() {
					owners = append(owners, v.Directory.Reps[i].ID)
				}
			}
		}
	}
	var members []string
	for _, owner := range owners {
		for _, stage := range stages {
			got, err := s.opt.States.Range(ctx, leadstore.RangeQuery{Index: fold.HandoffIndex(owner, stage), Max: topScore, Limit: maxOpen + 1})
			if err != nil {
				return nil, err
			}
			for _, m := range got {
				members = append(members, m.Member)
			}
			if len(members) > maxOpen {
				return nil, invalid("order", "more than "+strconv.Itoa(maxOpen)+" are selected: narrow it by owner, team or stage")
			}
		}
	}
	all, err := s.handoffs(ctx, members)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(h *routingv1.Handoff) bool { return !selects(req, h) })
	slices.SortFunc(all, func(a, b *routingv1.Handoff) int { return placeOfDue(a).compare(placeOfDue(b)) })
	// One that changed its stage between two reads may be there twice.
	return slices.CompactFunc(all, func(a, b *routingv1.Handoff) bool { return a.GetId() == b.GetId() }), nil
}

// duePlace is a handoff's place in the order of what is due.
type duePlace struct {
	at int64
	id string
}

func placeOfDue(h *routingv1.Handoff) duePlace {
	if h.GetDueAt() == nil {
		return duePlace{math.MaxInt64, h.GetId()}
	}
	return duePlace{h.GetDueAt().AsTime().UnixNano(), h.GetId()}
}

func (p duePlace) compare(o duePlace) int {
	return cmp.Or(cmp.Compare(p.at, o.at), cmp.Compare(p.id, o.id))
}

func (p duePlace) token() string {
	return base64.RawURLEncoding.EncodeToString([]byte("due|" + strconv.FormatInt(p.at, 10) + "|" + p.id))
}

func parseDue(token string) (*duePlace, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	parts := strings.SplitN(string(b), "|", 3)
	if err != nil || len(parts) != 3 || parts[0] != orderDue {
		return nil, invalid("page_token", "is not one of a page before")
	}
	at, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return nil, invalid("page_token", "is not one of a page before")
	}
	return &duePlace{at, parts[2]}, nil
}
