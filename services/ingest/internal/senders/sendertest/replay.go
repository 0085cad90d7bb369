package sendertest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// replays quarantines every event of a body, by a limit that none keeps, and decodes what is kept of each as a replay does once
// the limit is raised: the facts are those that the body would have given at once.
func (v *Vendor) replays(t *testing.T, s sender.Sender, body []byte) {
	t.Helper()
	narrow := *v
	narrow.Config.MaxEvent = 1
	var secrets []string
	if v.Secret != "" {
		secrets = []string{v.Secret}
	}
	r := v.Request(body, v.Secret, Now())
	id, err := s.Verify(r)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	d := v.Delivery(r, id)
	want := all(t, s, d)
	var got []fact.Fact
	for _, q := range quarantined(t, narrow.New(t, secrets...), d) {
		got = append(got, all(t, s, q)...)
	}
	if len(got) != len(want) {
		t.Fatalf("%d facts from the quarantine, %d at once:\n%s", len(got), len(want), body)
	}
	for _, f := range want {
		if !slices.ContainsFunc(got, func(g fact.Fact) bool {
			return proto.Equal(f.Event, g.Event) && f.Lead == g.Lead && f.Previous == g.Previous && f.Unproven == g.Unproven
		}) {
			t.Errorf("%s is not what the quarantine gives:\n%v", Tell(f), f.Event)
		}
	}
}

// quarantined gives what a replay has of each event that cannot be read, as intake keeps it.
func quarantined(t *testing.T, s sender.Sender, d *sender.Delivery) (out []*sender.Delivery) {
	t.Helper()
	keep := func(item sender.Item) {
		q := &sender.Delivery{ID: item.ID, Header: d.Header, Body: bytes.Clone(item.Raw), Received: d.Received}
		if q.ID == "" {
			q.ID = "raw-1"
		}
		if item.Single {
			q.ContentType = d.ContentType
		}
		out = append(out, q)
	}
	err := s.Decode(d, func(item sender.Item) error {
		if item.Errors != nil {
			keep(item)
		} else if item.Ignored == "" {
			t.Errorf("%s is taken, and has more than one byte", Tell(item.Fact))
		}
		return nil
	})
	var unreadable *sender.Unreadable
	switch {
	case errors.As(err, &unreadable):
		keep(sender.Item{Single: true, ID: d.ID, Raw: d.Body})
	case err != nil:
		t.Fatal(err)
	}
	return out
}

// all gives the facts of a delivery.
func all(t *testing.T, s sender.Sender, d *sender.Delivery) (facts []fact.Fact) {
	t.Helper()
	err := s.Decode(d, func(item sender.Item) error {
		if item.Fact.Event != nil {
			facts = append(facts, item.Fact)
		}
		return nil
	})
	var unreadable *sender.Unreadable
	if err != nil && !errors.As(err, &unreadable) {
		t.Fatal(err)
	}
	return facts
}
