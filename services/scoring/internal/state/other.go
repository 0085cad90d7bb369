package state

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// Other is what is kept of an entity that is no lead: which of its inputs were seen, when something of it was
// quarantined last, and of an account its people. It is stored as a baton.scoring.v1.OtherState.
type Other struct {
	Seen          core.Seen
	QuarantinedAt int64
	// IndexedMs is where the index of quarantine records has it; 0 for not at all.
	IndexedMs int64
	// Account is what its people told, where the entity is an account.
	core.Account
}

// Append appends the stored form to b.
func (o *Other) Append(b []byte) []byte {
	w := writer{b}
	for piece := range o.Seen.Segments {
		w.tag(1, protowire.BytesType)
		w.b = protowire.AppendBytes(w.b, piece)
	}
	w.integer(2, int64(o.Seen.Forgotten))
	w.time(3, o.QuarantinedAt)
	w.integer(4, o.IndexedMs)
	w.account(&o.Account)
	return w.b
}

// DecodeOther reads what Append gave. It keeps nothing of blob.
func DecodeOther(blob []byte) (*Other, error) {
	o := &Other{}
	r := newReader(blob)
	for r.next() {
		switch r.num {
		case 1:
			if err := o.Seen.Restore(r.text()); err != nil {
				return nil, fmt.Errorf("entity's state: %w", err)
			}
		case 2:
			o.Seen.Forgotten = int(r.small())
		case 3:
			o.QuarantinedAt = r.time()
		case 4:
			o.IndexedMs = r.integer()
		case 5:
			o.People = append(o.People, core.Person{})
			r.person(&o.People[len(o.People)-1])
		case 6:
			o.Told = core.Micros(r.signed())
		case 7:
			o.Looked = r.time()
		default:
			r.skip()
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("entity's state: %w", r.err)
	}
	return o, nil
}
