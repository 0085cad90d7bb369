// Package apply puts what stands outside the journal into force: the directory, and who is told what.
package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/directory"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Where a directory came from.
const (
	OriginFile = "file"
	OriginAPI  = "api"
)

// Globals reads and writes global facts.
type Globals interface {
	LastGlobal(ctx context.Context, kind string) (*journal.Event, error)
	AppendGlobal(ctx context.Context, kind string, body *journalv1.Event, last uint64) (uint64, error)
}

// History reads all global facts of a kind.
type History interface {
	ReadGlobals(ctx context.Context, kind string) ([]*journal.Event, error)
}

// Hash names a text.
func Hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Directory puts a directory in force, unless the same text is, and gives its sequence. The text must have been checked.
func Directory(ctx context.Context, g Globals, text []byte, origin string, now func() time.Time) (uint64, error) {
	hash := Hash(text)
	return replace(ctx, g, fold.KindDirectory, now, func(last *journalv1.Event) *journalv1.Event {
		if last.GetDirectoryChanged().GetHash() == hash {
			return nil
		}
		return &journalv1.Event{Id: "directory." + hash, Type: "directory_changed", Source: origin, Payload: &journalv1.Event_DirectoryChanged{
			DirectoryChanged: &journalv1.DirectoryChanged{Yaml: text, Hash: hash, Origin: origin, Turns: directory.TurnsExact},
		}}
	})
}

// DirectoryFile puts a file's directory in force if it differs from the last one that was applied from the file: what was
// changed over the API since is kept through a restart with an old file. applied says whether it was.
func DirectoryFile(ctx context.Context, g Globals, h History, text []byte, now func() time.Time) (applied bool, err error) {
	all, err := h.ReadGlobals(ctx, fold.KindDirectory)
	if err != nil {
		return false, fmt.Errorf("read the directory's versions: %w", err)
	}
	for _, ev := range slices.Backward(all) {
		if d := ev.Body.GetDirectoryChanged(); d.GetOrigin() == OriginFile {
			if d.GetHash() == Hash(text) {
				return false, nil
			}
			break
		}
	}
	if _, err := Directory(ctx, g, text, OriginFile, now); err != nil {
		return false, err
	}
	return true, nil
}

// Destinations states who is told what, if that is not what is stated already.
func Destinations(ctx context.Context, g Globals, list []*journalv1.Destination, now func() time.Time) error {
	var text strings.Builder
	for _, d := range list {
		fmt.Fprintf(&text, "%q %q %q\n", d.GetName(), d.GetType(), d.GetEvents())
	}
	fmt.Fprintf(&text, "decides %d\n", fold.Decides)
	hash := Hash([]byte(text.String()))
	_, err := replace(ctx, g, fold.KindDestinations, now, func(last *journalv1.Event) *journalv1.Event {
		if d := last.GetDestinationsChanged(); d.GetHash() == hash && d.GetDecides() >= fold.Decides && d.GetBriefVersions() >= fold.BriefVersions {
			return nil
		}
		return &journalv1.Event{Id: "destinations." + hash + ".1", Type: "destinations_changed", Source: OriginFile, Payload: &journalv1.Event_DestinationsChanged{
			DestinationsChanged: &journalv1.DestinationsChanged{Destinations: list, Hash: hash, Decides: fold.Decides, BriefVersions: fold.BriefVersions},
		}}
	})
	return err
}

// replace appends what next makes of the last global fact of a kind (nil: it is good as it is), trying again where somebody
// else was faster. It gives the sequence of the fact that is last then.
func replace(ctx context.Context, g Globals, kind string, now func() time.Time, next func(last *journalv1.Event) *journalv1.Event) (uint64, error) {
	for {
		ev, err := g.LastGlobal(ctx, kind)
		if err != nil {
			return 0, fmt.Errorf("read the %s in force: %w", kind, err)
		}
		var last *journalv1.Event
		var seq uint64
		if ev != nil {
			last, seq = ev.Body, ev.Seq
		}
		body := next(last)
		if body == nil {
			return seq, nil
		}
		at := timestamppb.New(now())
		body.OccurredAt, body.ReceivedAt = at, at
		seq, err = g.AppendGlobal(ctx, kind, body, seq)
		switch {
		case err == nil:
			return seq, nil
		case !errors.Is(err, journal.ErrConflict) || ctx.Err() != nil:
			return 0, fmt.Errorf("put the %s in force: %w", kind, err)
		}
	}
}
