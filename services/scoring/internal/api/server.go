package api

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/apply"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// States reads what was folded.
type States interface {
	Blobs(ctx context.Context, entities ...string) ([][]byte, error)
	Range(ctx context.Context, q leadstore.RangeQuery) ([]leadstore.Scored, error)
	Wait(ctx context.Context, after string, entities ...string) error
}

// Log reads the journal itself.
type Log interface {
	ReadEntity(ctx context.Context, entity string, from uint64, limit int) ([]*journal.Event, error)
	Head(ctx context.Context) (uint64, error)
	Scan(ctx context.Context, from uint64, f func(*journal.Event) error) error
	Recall(ctx context.Context, logic journal.Logic, entity string, at time.Time) (journal.Entity, journal.Globals, error)
}

// Accounts counts what the journal holds, and what became of it.
type Accounts interface {
	// CountInputs counts the inputs up to a sequence, or up to a later one that was counted before: Counts.Head says which.
	CountInputs(ctx context.Context, to uint64) (journal.Counts, error)
	// Counters gives the outcomes of inputs once everything in the log has been read.
	Counters(ctx context.Context) (journal.Counters, error)
}

// Options of a Server; all are needed.
type Options struct {
	States     States
	Log        Log
	Accounts   Accounts
	Agreements *Agreements
	Contract   *apply.Contract
	// Logic is what the journal is folded by.
	Logic *fold.Logic
	// Inputs takes what is asked for here and concerns leads.
	Inputs Inputs
	// Key gives a lead's id from an address.
	Key identity.Key
	// Now is the clock of scores that are shown.
	Now func() time.Time
}

// Server answers the gRPC services of scoring.
type Server struct {
	leadv1.UnimplementedLeadContextServiceServer
	scoringv1.UnimplementedScoringServiceServer
	agreementv1.UnimplementedAgreementServiceServer

	opt Options
	// backtesting: one at a time, for it takes a processor and as much memory as all leads.
	backtesting atomic.Bool
}

// New gives a server.
func New(opt Options) *Server { return &Server{opt: opt} }

// waitAtMost bounds how long a read waits for the sequence that it names.
const waitAtMost = 2 * time.Second

// wait returns once what was written at sequence after has taken effect, on whatever lead: what reached an absorbed lead was
// passed on by a fact behind it in the log. So it waits for the sequence, and then for all that followed from it.
func (s *Server) wait(ctx context.Context, after string) error {
	if after == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, waitAtMost)
	defer cancel()
	if err := s.opt.States.Wait(ctx, after); err != nil {
		return waited(after, err)
	}
	_, err := s.opt.Accounts.Counters(ctx)
	return waited(after, err)
}

func waited(after string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, journal.ErrBadEvent):
		return invalid("after", "must be a sequence that a write answered with")
	case errors.Is(err, context.DeadlineExceeded):
		return status.Errorf(codes.Unavailable, "sequence %s has not been read yet; try again", after)
	}
	return failed("wait for a sequence", err)
}

// failed gives the status of an error of the journal or the store.
func failed(doing string, err error) error {
	switch {
	case errors.Is(err, journal.ErrNotReady):
		return status.Error(codes.Unavailable, err.Error())
	case errors.Is(err, journal.ErrUnavailable), errors.Is(err, leadstore.ErrUnavailable):
		return status.Errorf(codes.Unavailable, "%s: the journal or the store does not answer at the moment", doing)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// invalid refuses a request for one of its fields.
func invalid(field, reason string) error {
	st, err := status.New(codes.InvalidArgument, field+" "+reason).WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: field, Description: reason}},
	})
	if err != nil {
		return status.Error(codes.InvalidArgument, field+" "+reason)
	}
	return st.Err()
}

func unknownLead() error {
	return status.Error(codes.NotFound, "nothing is known of this lead")
}

func isLead(id string) bool { return identity.RankOf(id) != 0 && identity.Safe(id) }

// maxMerges bounds how far a merged id is followed; every step leads to a stronger identifier.
const maxMerges = 100

// lead gives a lead, or the one that it has become.
func (s *Server) lead(ctx context.Context, id string) (*core.Lead, error) {
	if !isLead(id) {
		return nil, unknownLead()
	}
	for range maxMerges {
		blobs, err := s.opt.States.Blobs(ctx, id)
		if err != nil {
			return nil, failed("read the lead", err)
		}
		if len(blobs) != 1 || blobs[0] == nil {
			return nil, unknownLead()
		}
		l, _, err := fold.DecodeLead(id, blobs[0])
		if err != nil {
			return nil, failed("read the lead", err)
		}
		if l.Parent == "" {
			if !l.Known() {
				return nil, unknownLead()
			}
			return l, nil
		}
		id = l.Parent
	}
	return nil, status.Error(codes.Unavailable, "the lead is being merged; try again")
}
