package fold_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

// unproven states a link that nobody proves.
func (w *world) unproven(lead, to string) {
	w.n++
	w.Append(&journalv1.Event{Id: fmt.Sprintf("e%04d", w.n), Source: "site", Entity: lead, Type: "linked", OccurredAt: timestamppb.New(w.Now),
		Payload: &journalv1.Event_Linked{Linked: &journalv1.Linked{
			To: to, Rank: int32(identity.RankOf(lead)), ToRank: int32(identity.RankOf(to)), Unproven: true,
		}}})
}

// alias says without proof that two user ids are one, as ingest does: to the weaker.
func (w *world) alias(a, b string) {
	if identity.Stronger(a, b) {
		a, b = b, a
	}
	w.unproven(a, b)
}

// Of two user ids that a site calls one, either may be the lead of the person, and the other's events are theirs, whichever
// of the two the order of leads has the link stated on, and whatever came first.
func TestAnAliasWithoutProofBringsTheOldID(t *testing.T) {
	for n := range 8 {
		first, second := key.Lead(identity.UserID, "site", fmt.Sprint("new-", n)), key.Lead(identity.UserID, "site", fmt.Sprint("old-", n))
		known := map[string]func(w *world){
			"identified first": func(w *world) { w.unproven(first, ana); w.alias(first, second) },
			"identified then":  func(w *world) { w.alias(first, second); w.unproven(first, ana) },
			"by a CRM's id":    func(w *world) { w.unproven(first, anaCRM); w.alias(first, second); w.link(anaCRM, ana) },
			"said twice": func(w *world) {
				w.unproven(first, ana)
				w.alias(first, second)
				w.alias(first, second)
			},
			"of three": func(w *world) {
				w.alias(first, second)
				w.alias(key.Lead(identity.UserID, "site", "third"), second)
				w.unproven(first, ana)
			},
		}
		for name, links := range known {
			t.Run(fmt.Sprint(n, " ", name), func(t *testing.T) {
				w := newWorld(t, exampleAgreement)
				w.sees(second, "page_viewed")
				w.sees(ana, "form_submitted")
				links(w)
				late := w.sees(second, "asset_downloaded")
				if w.root(first) != ana || w.root(second) != ana {
					t.Fatalf("%s is %s, %s is %s", first, w.root(first), second, w.root(second))
				}
				if l := w.lead(ana); l.Timeline[0].Touch().ID != late.Id {
					t.Errorf("the old id's later event went elsewhere: %+v", l.Timeline)
				}
			})
		}
	}
}

// An alias without proof joins nobody who has joined somebody: not two people, not what stands behind one of them.
func TestAnAliasWithoutProofNeverJoinsTwoPeople(t *testing.T) {
	for n := range 8 {
		first, second := key.Lead(identity.UserID, "site", fmt.Sprint("new-", n)), key.Lead(identity.UserID, "site", fmt.Sprint("old-", n))
		third := key.Lead(identity.UserID, "site", fmt.Sprint("third-", n))
		w := newWorld(t, exampleAgreement)
		w.sees(ana, "form_submitted")
		w.sees(bo, "form_submitted")
		w.unproven(first, ana)
		w.unproven(second, bo)
		w.alias(first, second)
		w.alias(first, third)
		w.alias(second, third)
		if w.root(ana) == w.root(bo) || w.root(first) != ana || w.root(second) != bo || w.root(third) != ana {
			t.Errorf("%d: %s, %s, %s, %s", n, w.root(ana), w.root(bo), w.root(first), w.root(second))
		}
	}
}
