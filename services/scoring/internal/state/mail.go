package state

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

const (
	mailField = 42
	// A piece of mail: its time, three hashes, and a byte of flags, little-endian.
	mailSize = 8 + 3*4 + 1

	mailKind    = 3
	mailStated  = 1 << 2
	mailBurst   = 1 << 3
	mailArrival = 1 << 4
)

func (w *writer) mail(mail []core.Mail) {
	if len(mail) == 0 {
		return
	}
	w.tag(mailField, protowire.BytesType)
	w.b = protowire.AppendVarint(w.b, uint64(len(mail)*mailSize))
	for i := range mail {
		m := &mail[i]
		w.b = binary.LittleEndian.AppendUint64(w.b, uint64(m.At))
		w.b = binary.LittleEndian.AppendUint32(w.b, m.Message)
		w.b = binary.LittleEndian.AppendUint32(w.b, m.Link)
		w.b = binary.LittleEndian.AppendUint32(w.b, m.Event)
		flags := byte(m.Kind) & mailKind
		for _, f := range [...]struct {
			set bool
			bit byte
		}{{m.Stated, mailStated}, {m.Burst, mailBurst}, {m.Arrival, mailArrival}} {
			if f.set {
				flags |= f.bit
			}
		}
		w.b = append(w.b, flags)
	}
}

func (r *reader) mail(l *core.Lead) {
	s := r.text()
	if len(s)%mailSize != 0 {
		r.fail()
		return
	}
	if len(s) == 0 {
		return
	}
	l.Mail = make([]core.Mail, 0, len(s)/mailSize+1)
	for b := []byte(s); len(b) > 0; b = b[mailSize:] {
		flags := b[mailSize-1]
		l.Mail = append(l.Mail, core.Mail{
			At:      int64(binary.LittleEndian.Uint64(b)),
			Message: binary.LittleEndian.Uint32(b[8:]), Link: binary.LittleEndian.Uint32(b[12:]), Event: binary.LittleEndian.Uint32(b[16:]),
			Kind: core.MailKind(flags & mailKind), Stated: flags&mailStated != 0, Burst: flags&mailBurst != 0, Arrival: flags&mailArrival != 0,
		})
	}
}
