package crm

import (
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Objects is sender.Objects for CRMs: where read gives a record, the person of that has taken back the consent to e-mail, which
// is an event of its own behind the record's.
func (m *Mapper) Objects(docs *sender.Docs, cfg *sender.Config, d *sender.Delivery, yield func(sender.Item) error,
	read func(v strictjson.Value, item *sender.Item) (withdrawn *Record),
) error {
	var withdrawn *Record
	return sender.Objects(docs, cfg, d, func(item sender.Item) error {
		of := withdrawn
		withdrawn = nil
		if err := yield(item); err != nil || of == nil || item.Errors != nil {
			return err
		}
		item.ID = sender.ID(of.EventID, "consent")
		item.Fact, item.Errors = m.Consent(d.Received, of, "email")
		return yield(item)
	}, func(v strictjson.Value, item *sender.Item) { withdrawn = read(v, item) })
}
