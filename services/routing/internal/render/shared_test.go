package render

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/leadstore"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

// An account's people are asked for once for deliveries that want to know at the same time, and again when three seconds are over.
func TestColleaguesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		ask := func(_ context.Context, account string) ([]*leadv1.Lead, error) {
			n := asked.Add(1)
			time.Sleep(100 * time.Millisecond)
			return []*leadv1.Lead{{Id: fmt.Sprint(account, n)}}, nil
		}
		var known acquaintances
		get := known.of(ask)
		all := func(want string) {
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					if list, err := get(t.Context(), "ac"); err != nil || len(list) != 1 || list[0].Id != want {
						t.Errorf("%v, %v; want %s", list, err, want)
					}
				})
			}
			wg.Wait()
		}
		all("ac1")
		time.Sleep(knownFor - time.Millisecond)
		all("ac1")
		if list, err := get(t.Context(), "other"); err != nil || list[0].Id != "other2" {
			t.Errorf("another account's people: %v, %v", list, err)
		}
		all("ac3")
	})
}

// Who asks first may give up: the others get their answer. A failure is shared for a second, and so is one that takes too long.
func TestColleaguesThatCannotBeKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		known := new(acquaintances)
		get := known.of(func(ctx context.Context, _ string) ([]*leadv1.Lead, error) {
			if asked++; asked == 3 {
				return []*leadv1.Lead{{Id: "ld_found"}}, nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		})
		began := time.Now()
		first, giveUp := context.WithCancel(t.Context())
		giveUp()
		_, _ = get(first, "ac")
		if _, err := get(t.Context(), "ac"); !errors.Is(err, context.DeadlineExceeded) || asked != 1 || time.Since(began) != colleaguesWithin {
			t.Errorf("%v after %v, asked %d times", err, time.Since(began), asked)
		}
		time.Sleep(unknownFor)
		_, _ = get(t.Context(), "ac")
		time.Sleep(unknownFor)
		if list, err := get(t.Context(), "ac"); err != nil || len(list) != 1 || asked != 3 {
			t.Errorf("%v, %v, asked %d times", list, err, asked)
		}
	})
}

// However many accounts there are, few are remembered.
func TestColleaguesAreForgotten(t *testing.T) {
	var known acquaintances
	get := known.of(func(context.Context, string) ([]*leadv1.Lead, error) { return nil, nil })
	for i := range 3 * maxAccounts {
		if _, err := get(t.Context(), fmt.Sprint("ac", i)); err != nil || len(known.accounts) > maxAccounts {
			t.Fatalf("%d accounts are remembered, %v", len(known.accounts), err)
		}
	}
}

// directory is what scoring says of accounts.
type directory struct {
	leadv1.LeadContextServiceClient
	accounts map[string][]*leadv1.Lead
}

func (p directory) ListLeads(_ context.Context, r *leadv1.ListLeadsRequest, _ ...grpc.CallOption) (*leadv1.ListLeadsResponse, error) {
	list, ok := p.accounts[r.GetAccount()]
	if !ok {
		return nil, errors.New("not now")
	}
	return &leadv1.ListLeadsResponse{Leads: list}, nil
}

func lead(id string, engagement float64) *leadv1.Lead {
	return &leadv1.Lead{Id: id, Score: &leadv1.ScoreSummary{Engagement: engagement}}
}

// What is shared is the account's list; each lead's own colleagues are the others on it, and asking leaves the list as it is.
func TestColleaguesOfEach(t *testing.T) {
	key := identity.Key{}
	domain := key.Account("initech.example")
	merged := lead("ld_gone", 99)
	merged.MergedInto = "ld_a"
	r := &Renderer{Key: key, Log: slog.New(slog.DiscardHandler), Leads: directory{accounts: map[string][]*leadv1.Lead{
		"ac-1": {merged, lead("ld_b", 30), lead("ld_a", 10)}, domain: {lead("ld_c", 20), lead("ld_a", 10)},
	}}}
	h := &handoff.Handoff{Account: handoff.Account{ID: "ac-1", Domain: "initech.example"}}
	for _, c := range []struct{ of, want string }{{"ld_a", "ld_b ld_c"}, {"ld_b", "ld_c ld_a"}, {"ld_c", "ld_b ld_a"}, {"ld_a", "ld_b ld_c"}} {
		for name, ask := range map[string]people{"asked": r.askColleagues, "shared": r.known.of(r.askColleagues)} {
			var got []string
			for _, l := range r.colleagues(t.Context(), h, c.of, ask) {
				got = append(got, l.LeadId)
			}
			if have := strings.Join(got, " "); have != c.want {
				t.Errorf("%s, colleagues of %s: %s, want %s", name, c.of, have, c.want)
			}
		}
	}
	h.Account = handoff.Account{ID: "ac-unknown", Domain: "initech.example"}
	if got := r.colleagues(t.Context(), h, "ld_a", r.askColleagues); len(got) != 1 || got[0].LeadId != "ld_c" {
		t.Errorf("where one of two lists cannot be had: %v", got)
	}
}

// shelf is a store of snapshots alone. It counts the reads, and lets each wait.
type shelf struct {
	mu        sync.Mutex
	reads     []int
	snapshots map[string][]byte
	// broken entities spoil whatever is read together with them.
	broken map[string]bool
	took   time.Duration
}

func (s *shelf) Blobs(ctx context.Context, entities ...string) ([][]byte, error) {
	blobs, _, err := s.BlobsAndFields(ctx, entities, nil)
	return blobs, err
}

func (s *shelf) BlobsAndFields(_ context.Context, entities []string, fields []leadstore.PartitionFields) ([][]byte, [][][]byte, error) {
	time.Sleep(s.took)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, len(fields))
	if slices.ContainsFunc(entities, func(e string) bool { return s.broken[e] }) {
		return nil, nil, errors.New("it is being rebuilt")
	}
	var found [][][]byte
	for _, f := range fields {
		found = append(found, [][]byte{s.snapshots[f.Fields[0]]})
	}
	return make([][]byte, len(entities)), found, nil
}

// What many deliveries need is read at once, each gets its own, and one that cannot be read does not hold up the others.
func TestStoriesAreReadTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := identity.Key{}
		s := &shelf{snapshots: map[string][]byte{}, broken: map[string]bool{}, took: time.Millisecond}
		r := &Renderer{Blobs: s}
		const n = 200
		var asked []storyOf
		for i := range n {
			origin := key.Lead(identity.Email, "", fmt.Sprintf("p%d@initech.example", i))
			a := storyOf{origin, identity.Handoff(origin, 1)}
			s.snapshots[a.handoff], _ = proto.Marshal(&journalv1.Qualified{HandoffId: a.handoff})
			switch i {
			case 50: // it stands on another lead by now
				a.entity = key.Lead(identity.Email, "", "other@initech.example")
			case 60: // on another lead, and the one that it came from is being rebuilt
				a.entity, s.broken[origin] = key.Lead(identity.Email, "", "another@initech.example"), true
			case 70:
				s.broken[origin] = true
			case 80:
				delete(s.snapshots, a.handoff)
			case 90:
				a.handoff = ""
			}
			asked = append(asked, a)
		}
		var wg sync.WaitGroup
		for i, a := range asked {
			wg.Go(func() {
				got, err := r.reading.read(t.Context(), a, r.stories)
				switch i {
				case 60, 70:
					if err == nil {
						t.Errorf("%d: what is being rebuilt was read: %v", i, got)
					}
				case 80, 90:
					if err != nil || got.on == nil || got.snapshot != nil {
						t.Errorf("%d: %v, %v", i, got, err)
					}
				default:
					if err != nil || got.on == nil || got.snapshot.GetHandoffId() != a.handoff {
						t.Errorf("%d: %v, %v", i, got, err)
					}
				}
			})
		}
		wg.Wait()
		// Those that are grouped with what cannot be read are read alone: at most two groups of them.
		if most := 2*maxReadings + n/maxReadings + 3; len(s.reads) > most {
			t.Errorf("%d reads for %d, at most %d", len(s.reads), n, most)
		}
		if slices.Max(s.reads) > maxReadings {
			t.Errorf("reads of %v", s.reads)
		}
		// Who gives up does not end the read for the others, and the next one is answered.
		gone, giveUp := context.WithCancel(t.Context())
		giveUp()
		if _, err := r.reading.read(gone, asked[0], r.stories); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got, err := r.reading.read(t.Context(), asked[1], r.stories); err != nil || got.snapshot.GetHandoffId() != asked[1].handoff {
			t.Errorf("%v, %v", got, err)
		}
	})
}
