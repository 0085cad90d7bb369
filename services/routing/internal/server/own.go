package server

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
)

// own gives a request for a list as its caller may make it: whoever acts for one rep alone gets that rep's handoffs, and is refused
// another's. What waits at the desk is nobody's.
func (s *Server) own(ctx context.Context, req *routingv1.ListHandoffsRequest) (*routingv1.ListHandoffsRequest, error) {
	if s.opt.ActsFor == nil {
		return req, nil
	}
	switch rep := s.opt.ActsFor(ctx); {
	case rep == "" || req.GetOwner() == rep:
		return req, nil
	case req.GetOwner() != "":
		return nil, status.Error(codes.PermissionDenied, "the token lists its own rep's handoffs alone")
	default:
		req = proto.CloneOf(req)
		req.Owner = rep
		return req, nil
	}
}
