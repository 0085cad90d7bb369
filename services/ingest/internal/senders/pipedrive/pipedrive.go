// Package pipedrive receives Pipedrive's webhooks of version 2: unsigned, with Basic authentication.
package pipedrive

import (
	"cmp"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/crm"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

const vendor = "pipedrive"

// Type is the table's row. Pipedrive counts refusals towards a ban of the webhook: what it means but cannot be read is kept and
// acknowledged.
func Type() sender.Type {
	return sender.Type{
		Name: vendor, Path: sender.Webhooks,
		Rules:  sender.Rules{Refused: sender.Quarantine, Unavailable: sender.Retry, Reply: sender.OK},
		Stages: stages(),
		New:    New,
	}
}

// stages are the statuses of a deal; its stages have numbers that are each account's own.
func stages() map[string]string {
	return map[string]string{"won": "deal_won", "lost": "deal_lost"}
}

type source struct {
	cfg    sender.Config
	docs   sender.Docs
	mapper crm.Mapper
}

// New makes the sender of a source; its secrets are user:password, or a password alone, which goes with any user.
func New(cfg sender.Config) (sender.Sender, error) {
	if err := crm.Check(&cfg, "user:password as the webhook has them, or the password alone"); err != nil {
		return nil, err
	}
	return &source{cfg: cfg, mapper: crm.NewMapper(vendor, &cfg, stages())}, nil
}

// Verify checks the user and the password.
func (s *source) Verify(r *sender.Request) (string, error) {
	user, password, ok := (&http.Request{Header: r.Header}).BasicAuth()
	if !ok {
		return "", sender.ErrUnsigned
	}
	// Hashes: neither what differs nor how long a secret is can be told from the time that this takes.
	both, alone := sha256.Sum256([]byte(user+":"+password)), sha256.Sum256([]byte(password))
	right := sender.SignedBy(s.cfg.Secrets, []byte("right"), func(secret string) []byte {
		sum, shown := sha256.Sum256([]byte(secret)), alone
		if strings.Contains(secret, ":") {
			shown = both
		}
		if sender.SignedBy([]string{secret}, shown[:], func(string) []byte { return sum[:] }) {
			return []byte("right")
		}
		return []byte("wrong")
	})
	if !right {
		return "", sender.ErrToken
	}
	return "", nil
}

// Decode reads one event: {"meta", "data", "previous"}.
func (s *source) Decode(d *sender.Delivery, yield func(sender.Item) error) error {
	spare := s.docs.Get()
	defer s.docs.Put(spare)
	return s.mapper.Objects(&s.docs, &s.cfg, d, yield, func(v strictjson.Value, item *sender.Item) *crm.Record {
		e := event{source: s, meta: v.Get("meta"), data: v.Get("data"), previous: v.Get("previous")}
		return e.read(v, spare, d.Received, item)
	})
}

// eventID is the event's own id. Early events of version 2 have the record's id there, which says nothing of the event: then
// it is what happened to which record and when.
func eventID(meta, data strictjson.Value, raw []byte) string {
	id, entityID := crm.First(meta, "id"), crm.First(meta, "entity_id")
	if id != "" && id != entityID && id != crm.First(data, "id") {
		return id
	}
	if stamp := crm.First(meta, "timestamp"); stamp != "" {
		return sender.ID(crm.First(meta, "entity", "object"), cmp.Or(entityID, id), stamp, crm.First(meta, "action"))
	}
	return sender.BodyID(raw)
}

func personField(name string) string {
	switch name {
	case "first_name", "last_name", "country", "company":
		return name
	case "job_title":
		return "title"
	case "id":
		return fact.Drop
	}
	return name
}
