// Package fold is routing's side of the journal: what leads and the desk remember, what they decide, and the indexes that
// they are found by.
package fold

import (
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/directory"
)

// Service is the name that routing's facts, checkpoints and contexts stand under.
const Service = "routing"

const scoring = "scoring"

// Types of the events that routing folds or states.
const (
	typeQualified        = "qualified"
	typeMergedInto       = "merged_into"
	typeSplitOff         = "split_off"
	typeStageChanged     = "stage_changed"
	typeScoreBandChanged = "score_band_changed"
	typeMatched          = "matched"
	typeAssigned         = "assigned"
	typeWaiting          = "waiting"
	typeRouted           = "routed"
	typeReassigned       = "reassigned"
	typeAnswered         = "answered"
	typeClosed           = "closed"
	typeDeclined         = "declined"
	typeRecalled         = "recalled"
	typeAbsorbed         = "absorbed"
	typeEscalated        = "escalated"
	typeSLABreached      = "sla_breached"
	typeDeliveryDue      = "delivery_due"
	typeDelivered        = "delivered"
	typeDeliveryFailed   = "delivery_failed"
	typeReplayRequested  = "replay_requested"
	typePauseRequested   = "pause_requested"
	typeResumeRequested  = "resume_requested"
	typeHeld             = "held"
	typeResumed          = "resumed"

	typeDestinationPaused = "destination_paused"
	typeOwnerKnown        = "owner_known"
	typeOwnerAsked        = "owner_asked"
	typeOwnerTold         = "owner_told"

	typeDealOpened       = "deal_opened"
	typeDealStageChanged = "deal_stage_changed"
	typeDealWon          = "deal_won"
	typeDealLost         = "deal_lost"
	typeDealReopened     = "deal_reopened"
	typeChurned          = "churned"

	typeDirectoryChanged    = "directory_changed"
	typeAgreementChanged    = "agreement_changed"
	typeDestinationsChanged = "destinations_changed"
)

// Kinds of global facts that routing folds or states.
const (
	KindDirectory    = "directory"
	KindAgreement    = "agreement"
	KindDestinations = "destinations"
)

// Timers.
const (
	timerLook = "look"
	timerSLA  = "sla"
	timerHeld = "held"
	timerHold = "hold"
)

// Logic is routing's journal.Logic.
type Logic struct {
	key    identity.Key
	parser *directory.Parser
}

// NewLogic gives the logic for a journal's identity key.
func NewLogic(key identity.Key, parser *directory.Parser) *Logic {
	return &Logic{key: key, parser: parser}
}

// Service names the producer.
func (*Logic) Service() string { return Service }

// Wants takes what scoring and routing decide about handoffs, what sales answers, and what senders and operators report
// about deliveries.
func (*Logic) Wants(h journal.Head) bool {
	from := ""
	if h.Origin != nil {
		from = h.Origin.Producer
	}
	if h.Entity == identity.Desk {
		switch h.Type {
		case typeMatched, typeClosed, typeAssigned, typeWaiting, typeDeclined, typeDeliveryDue:
			return from == Service
		case typeDelivered, typeDeliveryFailed, typeReplayRequested, typeDestinationPaused, typeSummaryDue, journal.TypeTimerFired:
			return from == ""
		}
		return false
	}
	if strings.HasPrefix(h.Entity, accountPrefix) {
		return from == Service && (h.Type == typeOwnerKnown || h.Type == typeOwnerAsked || h.Type == typeBriefChanged)
	}
	if identity.RankOf(h.Entity) == 0 {
		return false
	}
	switch h.Type {
	case typeQualified, typeMergedInto, typeSplitOff, typeStageChanged, typeScoreBandChanged:
		return from == scoring
	case typeDelivered, typeDeliveryFailed, typeReplayRequested, journal.TypeTimerFired:
		return from == ""
	case typeAssigned, typeWaiting, typeDeclined, typeAbsorbed, typeRecalled, typeOwnerTold, typeBriefChanged:
		return from == Service
	case typeRouted, typeReassigned, typeAnswered, typeEscalated, typeSLABreached, typeDeliveryDue, typeHeld, typeResumed, typeMatched:
		return journal.OwnToSelf(Service, h)
	}
	if matters, _ := material(h.Type); matters {
		return from == "" || from == scoring
	}
	// What sales answers comes as an input, or is passed on by scoring once the lead it was sent to has merged.
	return (disposition(h.Type) || h.Type == handoff.DoReassign || contact(h.Type) || deal(h.Type)) && (from == "" || from == scoring)
}

// Load gives a lead, an account, or the desk.
func (l *Logic) Load(entity string, blob []byte) (journal.Entity, error) {
	if entity == identity.Desk {
		return loadDesk(blob)
	}
	if strings.HasPrefix(entity, accountPrefix) {
		return loadAccount(entity, blob)
	}
	return loadLead(l.key, entity, blob)
}

// WebhookID names a delivery: the same one each time the same thing is told to the same destination, and readable as to
// whose it is.
func WebhookID(entity, destination, event, what string) string {
	h := fnv.New128a()
	for _, s := range []string{destination, event, what} {
		_, _ = h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	const digits = "abcdefghijklmnopqrstuvwxyz234567"
	name := make([]byte, 16)
	for i, b := range h.Sum(nil) {
		name[i] = digits[b%32]
	}
	return "msg_" + strings.TrimPrefix(entity, "ld_") + "_" + string(name)
}

// EntityOfDelivery gives the entity that a delivery stands on, "" for what is no delivery's id.
func EntityOfDelivery(id string) string {
	rest, ok := strings.CutPrefix(id, "msg_")
	name, hash, both := strings.Cut(rest, "_")
	if !ok || !both || len(hash) != 16 || !identity.Safe(hash) {
		return ""
	}
	if name == identity.Desk {
		return name
	}
	if lead := "ld_" + name; identity.RankOf(lead) != 0 && identity.Safe(lead) {
		return lead
	}
	return ""
}
