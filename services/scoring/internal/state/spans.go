package state

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/batonhq/baton/services/scoring/internal/core"
)

// spans writes the stages of an epoch.
func (w *writer) spans(n protowire.Number, spans []core.StageSpan) {
	for i := range spans {
		at := w.begin(n)
		w.text(1, spans[i].Stage)
		w.time(2, spans[i].Entered)
		w.text(3, spans[i].Reason)
		w.end(at)
	}
}

func (r *reader) span(v *core.StageSpan) {
	for outer := r.enter(); ; {
		if !r.next() {
			r.leave(outer)
			return
		}
		switch r.num {
		case 1:
			v.Stage = r.text()
		case 2:
			v.Entered = r.time()
		case 3:
			v.Reason = r.text()
		default:
			r.skip()
		}
	}
}
