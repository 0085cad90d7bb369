// Package rpc is ingest's gRPC side.
package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	ingestv1 "github.com/batonhq/baton/proto/baton/ingest/v1"
	"github.com/batonhq/baton/services/ingest/internal/edge"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/intake"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Server is the IngestService. Errors of the journal are returned as they are; the gRPC server gives them their status.
type Server struct {
	ingestv1.UnimplementedIngestServiceServer

	edge   *edge.Edge
	intake *intake.Intake
	now    func() time.Time
	docs   sender.Docs
}

// New makes the server. Its sources are the edge's, as they are in force at each call.
func New(e *edge.Edge, in *intake.Intake, now func() time.Time) *Server {
	return &Server{edge: e, intake: in, now: now}
}

// Append puts events of our own form into the journal, as of one of the configured sources, whatever its type. Success means
// that all but the rejected ones are on disk. The same limits and the same rate count as over HTTP.
func (s *Server) Append(ctx context.Context, req *ingestv1.AppendRequest) (*ingestv1.AppendResponse, error) {
	src := s.edge.Sources().Get(req.GetSource())
	switch {
	case src == nil:
		return nil, status.Error(codes.NotFound, "no source of this name is configured")
	case len(req.GetEvents()) == 0:
		return nil, status.Error(codes.InvalidArgument, "events: at least one is needed")
	case len(req.GetEvents()) > src.Config.MaxEvents:
		return nil, status.Errorf(codes.InvalidArgument, "events: more than %d in one request", src.Config.MaxEvents)
	}
	if wait := src.Wait(s.now()); wait > 0 {
		return nil, exhausted("this source sends more events a second than it may", wait)
	}
	result, err := s.edge.Take(ctx, src, func(batch *intake.Batch) error { return s.add(batch, src, req.GetEvents()) })
	if err != nil {
		return nil, err
	}
	resp := &ingestv1.AppendResponse{
		Accepted: int32(result.Accepted), Duplicates: int32(result.Duplicates), Sequence: strconv.FormatUint(result.Sequence, 10),
	}
	for _, r := range result.Rejected {
		rejection := &ingestv1.Rejection{Index: int32(r.Index)}
		for _, e := range r.Errors {
			rejection.Errors = append(rejection.Errors, &ingestv1.FieldError{Field: e.Field, Reason: e.Reason})
		}
		resp.Rejected = append(resp.Rejected, rejection)
	}
	return resp, nil
}

// add reads events through their JSON form, so that the same rules hold for them as for everybody's.
func (s *Server) add(batch *intake.Batch, src *edge.Source, events []*structpb.Struct) error {
	doc := s.docs.Get()
	defer s.docs.Put(doc)
	form := fact.Form{Source: src.Config.Name, Received: fact.At(s.now())}
	for i, ev := range events {
		f, errs := read(doc, form, ev, src.Config.MaxEvent)
		if errs != nil {
			batch.Reject(i, errs)
			continue
		}
		if err := batch.Add(f); err != nil {
			return err
		}
	}
	return nil
}

func read(doc *strictjson.Doc, form fact.Form, ev *structpb.Struct, maxEvent int) (fact.Fact, fact.Errors) {
	text, err := json.Marshal(ev.AsMap())
	if err != nil { // NaN and infinities, which JSON does not have
		return fact.Fact{}, fact.Errors{{Reason: "holds a number that is none"}}
	}
	if errs := sender.TooLarge(len(text), maxEvent); errs != nil {
		return fact.Fact{}, errs
	}
	v, err := doc.Parse(text, 0, len(text), sender.Limits())
	if err != nil {
		return fact.Fact{}, fact.Fault(err)
	}
	return form.Read(v)
}

// ReplayQuarantine decodes what ingest has quarantined again, as its sender reads now. NOT_FOUND: ingest has quarantined
// nothing under that id. FAILED_PRECONDITION: nothing has changed, or the source is gone from the configuration.
func (s *Server) ReplayQuarantine(ctx context.Context, req *ingestv1.ReplayQuarantineRequest) (*ingestv1.ReplayQuarantineResponse, error) {
	sources := s.edge.Sources()
	name := s.intake.SourceOf(req.GetId(), sources.Names())
	if name == "" {
		return nil, status.Error(codes.NotFound, "nothing that came in under a configured source is quarantined under this id")
	}
	src := sources.Get(name)
	result, err := s.intake.Replay(ctx, req.GetId(), src.Intake(), src.Sender)
	switch {
	case errors.Is(err, intake.ErrNoQuarantine):
		return nil, status.Error(codes.NotFound, "nothing is quarantined under this id")
	case errors.Is(err, intake.ErrStillUnreadable):
		return nil, status.Error(codes.FailedPrecondition, err.Error())
	case err != nil:
		return nil, err
	}
	return &ingestv1.ReplayQuarantineResponse{Accepted: int32(result.Accepted), Sequence: strconv.FormatUint(result.Sequence, 10)}, nil
}

func exhausted(reason string, wait time.Duration) error {
	st, err := status.New(codes.ResourceExhausted, reason).WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	if err != nil {
		return status.Error(codes.ResourceExhausted, reason)
	}
	return st.Err()
}
