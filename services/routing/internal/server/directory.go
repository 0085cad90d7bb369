package server

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/apply"
	"github.com/batonhq/baton/services/routing/internal/current"
	"github.com/batonhq/baton/services/routing/internal/directory"
)

// GetDirectory gives the directory in force.
func (s *Server) GetDirectory(ctx context.Context, req *routingv1.GetDirectoryRequest) (*routingv1.Directory, error) {
	var after uint64
	if req.GetAfter() != "" {
		var err error
		if after, err = strconv.ParseUint(req.GetAfter(), 10, 64); err != nil {
			return nil, invalid("after", "must be a sequence, as writes give it")
		}
	}
	v, err := s.opt.Directory.Get(ctx, after)
	if err != nil {
		return nil, err
	}
	if v.Seq == 0 {
		return nil, status.Error(codes.NotFound, "there is no directory yet")
	}
	return shown(v), nil
}

// PutDirectory puts a directory in force, for everybody and from one place in the journal on. One that is in force already
// is left alone.
func (s *Server) PutDirectory(ctx context.Context, req *routingv1.PutDirectoryRequest) (*routingv1.Directory, error) {
	if _, err := s.opt.Parser.Parse([]byte(req.GetYaml())); err != nil {
		return nil, faults(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	seq, err := apply.Directory(ctx, s.opt.Journal, []byte(req.GetYaml()), apply.OriginAPI, s.opt.Now)
	if err != nil {
		return nil, err
	}
	v, err := s.opt.Directory.Get(ctx, seq)
	if err != nil {
		return nil, err
	}
	name, _ := s.opt.Caller(ctx)
	s.opt.Log.InfoContext(ctx, "the directory was changed", "by", name, "sequence", seq)
	return shown(v), nil
}

func shown(v current.Version) *routingv1.Directory {
	return &routingv1.Directory{Yaml: v.YAML, Hash: v.Hash, Sequence: strconv.FormatUint(v.Seq, 10)}
}

// faults tells what is wrong with a directory, field by field.
func faults(err error) error {
	var errs directory.Errors
	if !errors.As(err, &errs) {
		return err
	}
	var fields []*errdetails.BadRequest_FieldViolation
	for _, e := range errs {
		field, reason := e.Field, e.Reason
		if field == "" {
			field = "yaml"
		}
		if e.Line > 0 {
			reason = "line " + strconv.Itoa(e.Line) + ": " + reason
		}
		fields = append(fields, &errdetails.BadRequest_FieldViolation{Field: field, Description: reason})
	}
	return invalidFields(fields...)
}
