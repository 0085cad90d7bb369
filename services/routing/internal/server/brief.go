package server

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/render"
	"github.com/batonhq/baton/services/routing/internal/render/document"
)

// GetBrief gives all that sales needs to speak to the lead: the brief's latest version, or the one that is asked for.
func (s *Server) GetBrief(ctx context.Context, req *routingv1.GetHandoffRequest) (*routingv1.Payload, error) {
	if req.GetVersion() < 0 {
		return nil, invalid("version", "must be a version's number, or 0 for the latest")
	}
	if err := s.await(ctx, req); err != nil {
		return nil, err
	}
	h, _, entity, err := s.opt.Renderer.Find(ctx, req.GetId())
	if err != nil {
		return nil, notFound(err, "there is no such handoff")
	}
	p, err := s.opt.Renderer.Version(ctx, h, entity, int(req.GetVersion()))
	switch {
	case errors.Is(err, render.ErrNoVersion):
		return nil, status.Error(codes.NotFound, err.Error())
	case err != nil:
		return nil, notFound(err, "nothing is known of this handoff's lead")
	}
	return p, nil
}

// GetBriefText gives the brief as plain text.
func (s *Server) GetBriefText(ctx context.Context, req *routingv1.GetHandoffRequest) (*httpbody.HttpBody, error) {
	p, err := s.GetBrief(ctx, req)
	if err != nil {
		return nil, err
	}
	return &httpbody.HttpBody{ContentType: "text/plain; charset=utf-8", Data: []byte(document.Text(p))}, nil
}

// GetBriefPage gives the brief as a page.
func (s *Server) GetBriefPage(ctx context.Context, req *routingv1.GetHandoffRequest) (*httpbody.HttpBody, error) {
	p, err := s.GetBrief(ctx, req)
	if err != nil {
		return nil, err
	}
	return &httpbody.HttpBody{ContentType: "text/html; charset=utf-8", Data: []byte(document.HTML(p))}, nil
}
