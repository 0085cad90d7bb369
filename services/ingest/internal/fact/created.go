package fact

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// created gives when a deal was opened by its sender's clock, where a fact about it says so (`created_at`): CRMs tell it with every change, and
// so it is known of deals whose opening nobody sent. nil where it is not said; what is no moment after 1970 is refused, or, from trackers,
// not said.
func (b *Builder) created(field string, v strictjson.Value) *timestamppb.Timestamp {
	s := b.word(v, "created_at")
	if s == "" {
		return nil
	}
	var at time.Time
	var err error
	if b.loose {
		at, _ = core.AnyTime(s)
	} else {
		at, err = core.ParseTime(s)
	}
	switch {
	case err != nil:
		b.Refuse(field+".created_at", err.Error())
	case at.Unix() > 0:
		return timestamppb.New(at)
	case !b.loose:
		b.Refuse(field+".created_at", "must be after 1970")
	}
	return nil
}
