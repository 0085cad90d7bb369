package grpcx

import (
	"net/http"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// unknownParam gives a parameter of the address that its path does not take, the first by name, "" where there is none.
func (g *Gateway) unknownParam(r *http.Request) string {
	if g.opt.Params == nil || r.URL.RawQuery == "" {
		return ""
	}
	known := g.opt.Params(r.URL.Path)
	if known == nil {
		return ""
	}
	unknown := ""
	for name := range r.URL.Query() {
		if !slices.Contains(known, name) && (unknown == "" || name < unknown) {
			unknown = name
		}
	}
	return unknown
}

func invalidParam(name string) error {
	s := status.New(codes.InvalidArgument, "the request cannot be read")
	if with, err := s.WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: name, Description: "is not known"}},
	}); err == nil {
		s = with
	}
	return s.Err()
}
