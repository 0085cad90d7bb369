package api

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/batonhq/baton/services/feedback/internal/core"
)

// errorDomain marks an ErrorInfo as Baton's.
const errorDomain = "baton"

// invalid refuses a request for what is in it.
func invalid(text string, problems []core.Problem) error {
	bad := &errdetails.BadRequest{}
	for _, p := range problems {
		bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{Field: p.Field, Description: p.Reason})
	}
	return withDetails(status.New(codes.InvalidArgument, text), "invalid", bad)
}

// refusal gives the error of a request that routing refused: what the sender can mend names the field, an unknown handoff
// is not found, and everything else is how things stand.
func refusal(r core.Refusal) error {
	switch r.Code {
	case core.UnknownHandoff:
		return withDetails(status.New(codes.NotFound, r.Says()), r.Code)
	case core.ReasonRequired, core.UnknownReason:
		return withDetails(status.New(codes.InvalidArgument, r.Code+": "+r.Says()), r.Code, &errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "reason", Description: r.Says()}},
		})
	case core.UnknownTarget:
		return withDetails(status.New(codes.InvalidArgument, r.Code+": "+r.Says()), r.Code, &errdetails.BadRequest{
			FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "to", Description: r.Says()}},
		})
	case core.NotYourTeam:
		return withDetails(status.New(codes.PermissionDenied, r.Code+": "+r.Says()), r.Code)
	}
	return withDetails(status.New(codes.FailedPrecondition, r.Code+": "+r.Says()), r.Code)
}

// notYours refuses a caller whose token is bound to one rep and who answers for another.
func notYours() error {
	return withDetails(status.New(codes.PermissionDenied, "the token answers for its own rep alone"), "not_yours")
}

func withDetails(st *status.Status, reason string, details ...protoadapt.MessageV1) error {
	full, err := st.WithDetails(append([]protoadapt.MessageV1{&errdetails.ErrorInfo{Domain: errorDomain, Reason: reason}}, details...)...)
	if err != nil {
		return st.Err()
	}
	return full.Err()
}
