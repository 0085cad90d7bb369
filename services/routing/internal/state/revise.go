package state

import (
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
)

func encodeVersions(out *routingv1.HandoffState, h *handoff.Handoff) *routingv1.HandoffState {
	for _, v := range h.Versions {
		out.Versions = append(out.Versions, encodeVersion(v))
	}
	if len(h.Pending.Because) > 0 {
		out.Pending = encodeVersion(h.Pending)
	}
	return out
}

func decodeVersions(h *handoff.Handoff, in *routingv1.HandoffState) *handoff.Handoff {
	for _, v := range in.GetVersions() {
		h.Versions = append(h.Versions, decodeVersion(v))
	}
	if in.GetPending() != nil {
		h.Pending = decodeVersion(in.GetPending())
	}
	return h
}

func encodeVersion(v handoff.Version) *routingv1.BriefVersionState {
	out := &routingv1.BriefVersionState{Version: int32(v.Number), At: nanos(v.At)}
	for _, c := range v.Because {
		out.Because = append(out.Because, &routingv1.BriefChangeState{What: c.What, Event: c.Event, At: nanos(c.At), Detail: c.Detail, Lead: c.Lead})
	}
	return out
}

func decodeVersion(in *routingv1.BriefVersionState) handoff.Version {
	v := handoff.Version{Number: int(in.GetVersion()), At: instant(in.GetAt())}
	for _, c := range in.GetBecause() {
		v.Because = append(v.Because, handoff.Change{What: c.GetWhat(), Event: c.GetEvent(), At: instant(c.GetAt()), Detail: c.GetDetail(), Lead: c.GetLead()})
	}
	return v
}

// AccountHandoff is a handoff at an account that a rep has, and the lead that it was made for.
type AccountHandoff struct{ Lead, Handoff string }

func encodeAtAccount(list []AccountHandoff) (out []*routingv1.AccountHandoffState) {
	for _, h := range list {
		out = append(out, &routingv1.AccountHandoffState{Lead: h.Lead, HandoffId: h.Handoff})
	}
	return out
}

func decodeAtAccount(list []*routingv1.AccountHandoffState) (out []AccountHandoff) {
	for _, h := range list {
		out = append(out, AccountHandoff{Lead: h.GetLead(), Handoff: h.GetHandoffId()})
	}
	return out
}
