package api

import (
	"context"
	"errors"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	scoringv1 "github.com/batonhq/baton/proto/baton/scoring/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// Inputs puts inputs into the journal: all of one call or none, on disk when it returns.
type Inputs interface {
	Append(ctx context.Context, events ...*journalv1.Event) (sequence uint64, err error)
}

const (
	// releasePage is how many leads are looked at, and released in one write.
	releasePage = maxPage
	// releaseSource names the source of releases. With an id made from the lead's it makes a repeat recognisable.
	releaseSource = "api"
	// overloadPause is how long a release waits where the journal has more to write than it can.
	overloadPause = 200 * time.Millisecond
)

// ReleaseHistory has every held lead looked at like any other from now on, a page at a time, with progress after each. A lead
// that is released is held no more: a call that ended too early is made again, and goes on with the rest.
func (s *Server) ReleaseHistory(req *scoringv1.ReleaseHistoryRequest, stream grpc.ServerStreamingServer[scoringv1.ReleaseHistoryResponse]) error {
	ctx := stream.Context()
	// What has been loaded by now is to be known, too.
	if _, err := s.opt.Accounts.Counters(ctx); err != nil {
		return failed("read what was loaded", err)
	}
	b, err := s.opt.Agreements.Book(ctx)
	if err != nil {
		return failed("read the agreement", err)
	}
	done := &scoringv1.ReleaseHistoryResponse{}
	for token := ""; ; {
		members, next, err := s.page(ctx, fold.IndexHeld, token, releasePage)
		if err != nil {
			return err
		}
		ids := make([]string, len(members))
		for i, m := range members {
			ids[i] = m.Member
		}
		held, err := s.heldOf(ctx, ids, b.Rules(), done)
		if err != nil {
			return err
		}
		if len(held) > 0 && !req.GetDryRun() {
			seq, err := s.release(ctx, held)
			if err != nil {
				return failed("release leads", err)
			}
			done.Released += float64(len(held))
			done.Sequence = strconv.FormatUint(seq, 10)
		}
		done.Done = next == ""
		if err := stream.Send(done); err != nil || done.Done {
			return err
		}
		token = next
	}
}

// heldOf gives those of some leads that are held still, and counts them, and those of them that qualify now.
func (s *Server) heldOf(ctx context.Context, ids []string, rules *core.Rules, count *scoringv1.ReleaseHistoryResponse) ([]string, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	blobs, err := s.opt.States.Blobs(ctx, ids...)
	if err != nil {
		return nil, failed("read leads", err)
	}
	now := s.opt.Now().UnixNano()
	var held []string
	for i, blob := range blobs {
		if blob == nil {
			continue
		}
		l, _, err := fold.DecodeLead(ids[i], blob)
		if err != nil {
			return nil, failed("read a lead", err)
		}
		if !l.Held {
			continue
		}
		held = append(held, ids[i])
		count.Held++
		if l.QualifiesOnRelease(rules, now) != "" {
			count.Qualifying++
		}
	}
	return held, nil
}

// release asks that leads be looked at. Where the journal has more to write than it can, it is asked again until it has not.
func (s *Server) release(ctx context.Context, leads []string) (uint64, error) {
	now, by := timestamppb.New(s.opt.Now()), callerName(ctx)
	events := make([]*journalv1.Event, len(leads))
	for i, lead := range leads {
		events[i] = &journalv1.Event{
			Id: "release:" + lead, Entity: lead, Type: "history_released", Source: releaseSource, OccurredAt: now, ReceivedAt: now,
			Payload: &journalv1.Event_HistoryReleased{HistoryReleased: &journalv1.HistoryReleased{By: by}},
		}
	}
	for {
		seq, err := s.opt.Inputs.Append(ctx, events...)
		if !errors.Is(err, journal.ErrOverloaded) {
			return seq, err
		}
		pause := time.NewTimer(overloadPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return 0, ctx.Err()
		}
	}
}
