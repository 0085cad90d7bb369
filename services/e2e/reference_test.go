package e2e

import (
	"bytes"
	"fmt"

	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/leadstore/redisstore"
	"github.com/batonhq/baton/services/feedback"
	"github.com/batonhq/baton/services/routing"
	"github.com/batonhq/baton/services/scoring"
)

// reference computes, slowly and obviously, what every service must have decided over a settled journal, and compares it
// with the facts that are recorded and with every context in the lead store, byte by byte.
func reference(c *Cluster, log []*journal.Event) (problems []string) {
	c.t.Helper()
	j := c.Journal()
	store, err := redisstore.Open(c.t.Context(), c.store.url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	score, err := scoring.Logic(j.Key())
	if err != nil {
		c.t.Fatal(err)
	}
	route, err := routing.Logic(j.Key())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, logic := range []journal.Logic{score, route, feedback.Logic()} {
		r, err := journaltest.Check(log, logic)
		if err != nil {
			c.t.Fatal(err)
		}
		for kind, lines := range map[string][]string{"missing": r.Missing, "unexpected": r.Unexpected, "differing": r.Differing} {
			for _, line := range lines[:min(len(lines), 10)] {
				problems = append(problems, fmt.Sprintf("%s: %s: %s", logic.Service(), kind, line))
			}
		}
		problems = append(problems, sameContexts(c, journal.NewReader(j, store, logic.Service()), logic.Service(), r)...)
		c.t.Logf("reference of %s: %d facts, %d contexts", logic.Service(), r.Facts, len(r.States))
	}
	return problems
}

func sameContexts(c *Cluster, reader *journal.Reader, service string, r *journaltest.Result) (problems []string) {
	ids := make([]string, 0, len(r.States))
	for id := range r.States {
		ids = append(ids, id)
	}
	var blobs [][]byte
	eventually(c.t, "contexts of "+service, func() (err error) {
		blobs, err = reader.Blobs(c.t.Context(), ids...)
		return err
	})
	for i, id := range ids {
		if !bytes.Equal(blobs[i], r.States[id]) && len(problems) < 10 {
			problems = append(problems, fmt.Sprintf("%s: the context of %s differs from the reference's (%d bytes, want %d)", service, id, len(blobs[i]), len(r.States[id])))
		}
	}
	return problems
}
