// Package rounds reads platforms that keep no log of what happened but lists that can be asked for by time: the leads of each
// form, say. A round asks every list for what came since the round before began, less an overlap, for what a list shows may
// come about late. What the rounds before have given is left out; should that be forgotten (another process goes on), it is given again, and
// recognised by its id.
package rounds

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// overlap is how far each round reaches back into the one before.
const overlap = 10 * time.Minute

// Item is one entry of a list: its id, and what Decode is to be given of it.
type Item struct {
	ID  string
	Raw json.RawMessage
}

// ErrPage says that the platform does not know a page any more: the list is read again from its first one.
var ErrPage = errors.New("the page is not known any more")

// Platform is what can be asked.
type Platform interface {
	// Lists names the lists that there are.
	Lists(ctx context.Context, client *http.Client, now time.Time) ([]string, error)
	// Page gives a page of a list ("" for the first) of what came at since or later, and perhaps more, and the next page's
	// name, "" if there is none.
	Page(ctx context.Context, client *http.Client, now time.Time, list string, since, until time.Time, page string) (items []Item, next string, err error)
	// Put gives the body that Decode is given.
	Put(items []Item) []byte
}

// Reader reads a platform in rounds. It is safe for use by several goroutines.
type Reader struct {
	// Every is the wait between two rounds; Since is where the first one begins, zero for the moment of it.
	Every    time.Duration
	Since    time.Time
	Platform Platform

	mu sync.Mutex
	// given are the ids that were given, and under which cursor.
	given map[string]place
}

type place struct {
	token string
	until int64
}

// token is a cursor's. Times are in seconds since 1970.
type token struct {
	// Since is where the round's time begins, Until where it ends; 0 before it has begun.
	Since int64  `json:"since"`
	Until int64  `json:"until,omitempty"`
	List  string `json:"list,omitempty"`
	Page  string `json:"page,omitempty"`
}

func (t token) cursor(at time.Time) sender.Cursor {
	text, _ := json.Marshal(t) // numbers and texts encode
	return sender.Cursor{Token: string(text), At: at}
}

// Fetch gives the page behind a cursor; see sender.Poller.
func (r *Reader) Fetch(ctx context.Context, client *http.Client, now time.Time, from sender.Cursor) (sender.Page, error) {
	var t token
	if json.Unmarshal([]byte(from.Token), &t) != nil || t.Since == 0 {
		at := from.At
		if at.IsZero() {
			at = r.Since
		}
		if at.IsZero() {
			at = now
		}
		return sender.Page{Next: token{Since: at.Unix()}.cursor(at), More: true}, nil
	}
	lists, err := r.Platform.Lists(ctx, client, now)
	if err != nil {
		return sender.Page{}, err
	}
	slices.Sort(lists)
	// A list may have gone since: then it is the turn of the one behind it.
	i, same := slices.BinarySearch(lists, t.List)
	if !same {
		t.Page = ""
	}
	if t.Until == 0 {
		t.Until = max(now.Unix(), t.Since)
	}
	since, until := time.Unix(t.Since, 0).UTC(), time.Unix(t.Until, 0).UTC()
	done := sender.Page{Next: token{Since: t.Until}.cursor(until)}
	if i == len(lists) {
		return done, nil
	}
	t.List = lists[i]
	items, next, err := r.Platform.Page(ctx, client, now, t.List, since.Add(-overlap), until, t.Page)
	if errors.Is(err, ErrPage) && t.Page != "" {
		items, next, err = r.Platform.Page(ctx, client, now, t.List, since.Add(-overlap), until, "")
	}
	if err != nil {
		return sender.Page{}, err
	}
	page := done
	switch {
	case next != "" && next != t.Page:
		t.Page = next
		page = sender.Page{Next: t.cursor(from.At), More: true}
	case i+1 < len(lists):
		t.List, t.Page = lists[i+1], ""
		page = sender.Page{Next: t.cursor(from.At), More: true}
	}
	if items = r.fresh(items, from.Token, t); len(items) > 0 {
		page.Body = r.Platform.Put(items)
	}
	return page, nil
}

// fresh leaves out what was given under another cursor: whoever asks with this one has kept what the ones before gave.
func (r *Reader) fresh(items []Item, cursor string, t token) []Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.given == nil {
		r.given = map[string]place{}
	}
	for id, p := range r.given {
		if p.until < t.Since-int64(overlap/time.Second) {
			delete(r.given, id)
		}
	}
	return slices.DeleteFunc(items, func(it Item) bool {
		if p, ok := r.given[it.ID]; ok && p.token != cursor {
			return true
		}
		r.given[it.ID] = place{cursor, t.Until}
		return false
	})
}
