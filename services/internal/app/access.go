package app

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
)

// The roles that a token can have.
const (
	roleAdmin     = "admin"
	roleMarketing = "marketing"
	// roleSales acts as the token's rep and nobody else.
	roleSales   = "sales"
	roleManager = "manager"
	// roleCRM sees handoffs and answers them.
	roleCRM    = "crm"
	roleViewer = "viewer"
)

func allRoles() []string {
	return []string{roleAdmin, roleMarketing, roleSales, roleManager, roleCRM, roleViewer}
}

// access says who may call what; a method that is not here is refused to everybody. Reads, and writes that change nothing
// when they are repeated, may be tried again by clients.
func access() grpcx.Policy {
	var (
		people    = []string{roleAdmin, roleMarketing, roleSales, roleManager, roleViewer}
		everybody = append(people[:len(people):len(people)], roleCRM)
		marketing = []string{roleAdmin, roleMarketing}
		answering = []string{roleAdmin, roleSales, roleManager, roleCRM}
		read      = func(roles []string) grpcx.Rule { return grpcx.Rule{Roles: roles, Retry: true} }
		write     = func(roles []string) grpcx.Rule { return grpcx.Rule{Roles: roles} }
	)
	p := grpcx.Policy{
		"/baton.lead.v1.LeadContextService/GetLead":    read(people),
		"/baton.lead.v1.LeadContextService/ListLeads":  read(people),
		"/baton.lead.v1.LeadContextService/GetContext": read(people),
		"/baton.lead.v1.LeadContextService/GetJournal": read(people),

		"/baton.lead.v1.LeadContextService/ListOrigins": read(people),
		// An origin leaves once: repeating it changes nothing.
		"/baton.lead.v1.LeadContextService/SplitLead": read(marketing),

		"/baton.scoring.v1.ScoringService/GetScore":          read(people),
		"/baton.scoring.v1.ScoringService/GetReconciliation": read(people),
		"/baton.scoring.v1.ScoringService/ListQuarantine":    read(marketing),
		"/baton.scoring.v1.ScoringService/ReleaseHistory":    write(marketing),

		"/baton.agreement.v1.AgreementService/ListAgreements":    read(everybody),
		"/baton.agreement.v1.AgreementService/GetAgreement":      read(everybody),
		"/baton.agreement.v1.AgreementService/DiffAgreements":    read(people),
		"/baton.agreement.v1.AgreementService/BacktestAgreement": write([]string{roleAdmin, roleMarketing, roleManager}),
		// A text, a signature and a version in force are known when they come again: repeating them changes nothing.
		"/baton.agreement.v1.AgreementService/ProposeAgreement":  read([]string{roleAdmin, roleMarketing, roleSales, roleManager}),
		"/baton.agreement.v1.AgreementService/SignAgreement":     read([]string{roleAdmin, roleMarketing, roleSales, roleManager}),
		"/baton.agreement.v1.AgreementService/ActivateAgreement": read([]string{roleAdmin, roleMarketing, roleManager}),
		// So are a run in the shadow and its end.
		"/baton.agreement.v1.AgreementService/ShadowAgreement": read([]string{roleAdmin, roleMarketing, roleSales, roleManager}),
		"/baton.agreement.v1.AgreementService/StopShadow":      read([]string{roleAdmin, roleMarketing, roleSales, roleManager}),
		"/baton.agreement.v1.AgreementService/GetShadow":       write(people),

		// Events are known by their ids, a directory by its hash: repeating either changes nothing.
		"/baton.ingest.v1.IngestService/Append":           read([]string{roleAdmin, roleMarketing, roleCRM}),
		"/baton.ingest.v1.IngestService/ReplayQuarantine": write(marketing),

		"/baton.routing.v1.RoutingService/ListHandoffs":   read(everybody),
		"/baton.routing.v1.RoutingService/WatchHandoffs":  write(everybody),
		"/baton.routing.v1.RoutingService/GetHandoff":     read(everybody),
		"/baton.routing.v1.RoutingService/GetBrief":       read(everybody),
		"/baton.routing.v1.RoutingService/GetBriefText":   read(everybody),
		"/baton.routing.v1.RoutingService/GetBriefPage":   read(everybody),
		"/baton.routing.v1.RoutingService/ListDeliveries": read([]string{roleAdmin, roleMarketing, roleManager, roleViewer}),
		"/baton.routing.v1.RoutingService/ReplayDelivery": write([]string{roleAdmin, roleManager}),
		"/baton.routing.v1.RoutingService/GetDirectory":   read(people),
		// A pause is a state, and looking changes nothing: repeating them is harmless.
		"/baton.routing.v1.RoutingService/ReplayDeliveries":  write([]string{roleAdmin, roleManager}),
		"/baton.routing.v1.RoutingService/ListDestinations":  read([]string{roleAdmin, roleMarketing, roleManager, roleViewer}),
		"/baton.routing.v1.RoutingService/CheckDestination":  read([]string{roleAdmin, roleManager}),
		"/baton.routing.v1.RoutingService/TestDestination":   read([]string{roleAdmin, roleManager}),
		"/baton.routing.v1.RoutingService/PauseDestination":  read([]string{roleAdmin, roleManager}),
		"/baton.routing.v1.RoutingService/ResumeDestination": read([]string{roleAdmin, roleManager}),
		"/baton.routing.v1.RoutingService/PutDirectory":      read([]string{roleAdmin, roleManager}),

		"/baton.routing.v1.RoutingService/PauseHandoff":      write([]string{roleAdmin, roleSales, roleManager}),
		"/baton.routing.v1.RoutingService/ResumeHandoff":     write([]string{roleAdmin, roleSales, roleManager}),
		"/baton.routing.v1.RoutingService/CheckOutreach":     read(everybody),
		"/baton.routing.v1.RoutingService/CheckOutreachList": read(everybody),
		"/baton.routing.v1.RoutingService/GetDesk":           read(people),
		// They write nothing; a simulation reads the whole journal, and is not begun again by itself.
		"/baton.routing.v1.RoutingService/TryRouting":      read(people),
		"/baton.routing.v1.RoutingService/SimulateRouting": write([]string{roleAdmin, roleMarketing, roleManager}),

		// A chunk that is there already is known: repeating it changes nothing.
		"/baton.routing.v1.RoutingService/PutAccounts":  read([]string{roleAdmin, roleManager}),
		"/baton.routing.v1.RoutingService/MatchAccount": read(people),

		"/baton.feedback.v1.FeedbackService/Accept":     write(answering),
		"/baton.feedback.v1.FeedbackService/Reject":     write(answering),
		"/baton.feedback.v1.FeedbackService/Contact":    write(answering),
		"/baton.feedback.v1.FeedbackService/Recycle":    write(answering),
		"/baton.feedback.v1.FeedbackService/Disqualify": write(answering),
		"/baton.feedback.v1.FeedbackService/Qualify":    write(answering),
		"/baton.feedback.v1.FeedbackService/GetFunnel":  read(people),

		"/baton.routing.v1.RoutingService/GetInbox":    read(everybody),
		"/baton.routing.v1.RoutingService/WatchInbox":  write(everybody),
		"/baton.routing.v1.RoutingService/ListReasons": read(everybody),
		// Managers reassign what is their team's: routing decides that with the directory.
		"/baton.feedback.v1.FeedbackService/Reassign":         write([]string{roleAdmin, roleManager}),
		"/baton.feedback.v1.FeedbackService/Release":          write(answering),
		"/baton.feedback.v1.FeedbackService/Bulk":             write(answering),
		"/baton.feedback.v1.FeedbackService/ListDeals":        read(everybody),
		"/baton.feedback.v1.FeedbackService/GetDeal":          read(everybody),
		"/baton.feedback.v1.FeedbackService/RecordDeal":       write(answering),
		"/baton.feedback.v1.FeedbackService/GetRates":         read(people),
		"/baton.feedback.v1.FeedbackService/PutRates":         read([]string{roleAdmin, roleManager}),
		"/baton.feedback.v1.FeedbackService/GetConversion":    read(people),
		"/baton.feedback.v1.FeedbackService/GetVelocity":      read(people),
		"/baton.feedback.v1.FeedbackService/GetCAC":           read(people),
		"/baton.feedback.v1.FeedbackService/GetRetention":     read(people),
		"/baton.feedback.v1.FeedbackService/GetSources":       read(people),
		"/baton.feedback.v1.FeedbackService/GetCampaigns":     read(people),
		"/baton.feedback.v1.FeedbackService/GetSLA":           read(people),
		"/baton.feedback.v1.FeedbackService/GetSpeed":         read(people),
		"/baton.feedback.v1.FeedbackService/GetReasons":       read(people),
		"/baton.feedback.v1.FeedbackService/GetBands":         read(people),
		"/baton.feedback.v1.FeedbackService/GetLeakage":       read(people),
		"/baton.feedback.v1.FeedbackService/GetCohorts":       read(people),
		"/baton.feedback.v1.FeedbackService/GetGoals":         read(people),
		"/baton.feedback.v1.FeedbackService/GetAttribution":   read(people),
		"/baton.feedback.v1.FeedbackService/GetDealStory":     read(people),
		"/baton.feedback.v1.FeedbackService/ListProposals":    read(people),
		"/baton.feedback.v1.FeedbackService/GetProposal":      read(people),
		"/baton.feedback.v1.FeedbackService/BacktestProposal": write([]string{roleAdmin, roleMarketing, roleManager}),
		// A text and a decision are known when they come again: repeating them changes nothing.
		"/baton.feedback.v1.FeedbackService/ProposeProposal": read([]string{roleAdmin, roleMarketing, roleSales, roleManager}),
		"/baton.feedback.v1.FeedbackService/DismissProposal": read([]string{roleAdmin, roleMarketing, roleSales, roleManager}),

		"/baton.feedback.v1.FeedbackService/GetSummary":     read(people),
		"/baton.feedback.v1.FeedbackService/GetSummaryText": read(people),
		"/baton.feedback.v1.FeedbackService/GetSummaryPage": read(people),
		// A stream that broke off must not be tried again into the same file.
		"/baton.feedback.v1.FeedbackService/Export": write(people),
	}
	maps.Copy(p, grpcx.HealthPolicy())
	return p
}

// caller gives who makes a call, for services that record it.
func caller(ctx context.Context) (name, rep string) {
	p, _ := grpcx.PrincipalFrom(ctx)
	return p.Name, p.Rep
}

// actsFor gives the rep whose handoffs alone the caller of a call may list: that of a token which is sales and nothing else. Every other
// role may list them all.
func actsFor(ctx context.Context) (rep string) {
	p, ok := grpcx.PrincipalFrom(ctx)
	others := slices.DeleteFunc(allRoles(), func(r string) bool { return r == roleSales })
	if !ok || p.Has(others...) {
		return ""
	}
	return p.Rep
}

// callerRole gives in which role the caller of a call oversees others: admin, manager, or "" for neither.
func callerRole(ctx context.Context) string {
	p, ok := grpcx.PrincipalFrom(ctx)
	switch {
	case ok && p.Has(roleAdmin): // Baton's own services have every role
		return roleAdmin
	case ok && p.Has(roleManager):
		return roleManager
	}
	return ""
}

// statusOf gives the status of the errors that the journal and the store answer with; nil for others, which nobody
// outside should see.
func statusOf(err error) error {
	switch {
	case errors.Is(err, journal.ErrNotReady):
		return status.Error(codes.Unavailable, err.Error()) // it carries the progress
	case errors.Is(err, journal.ErrOverloaded):
		st, detailErr := status.New(codes.ResourceExhausted, "more is coming in than can be written; try again in a second").
			WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
		if detailErr != nil {
			return status.Error(codes.ResourceExhausted, "more is coming in than can be written; try again in a second")
		}
		return st.Err()
	case errors.Is(err, journal.ErrTooLarge):
		return status.Error(codes.InvalidArgument, "it is too large for the journal")
	case errors.Is(err, journal.ErrBadEvent):
		return status.Error(codes.InvalidArgument, "it is no event that the journal takes")
	case errors.Is(err, journal.ErrConflict):
		return status.Error(codes.Aborted, "somebody else changed it at the same moment; look again")
	case errors.Is(err, journal.ErrUnavailable):
		return status.Error(codes.Unavailable, "the journal does not answer at the moment")
	case errors.Is(err, leadstore.ErrUnavailable), errors.Is(err, leadstore.ErrConflict):
		return status.Error(codes.Unavailable, "the lead store does not answer at the moment")
	}
	return nil
}
