package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/batonhq/baton/pkg/grpcx"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/leadstore"
)

// Every method there is has a rule, and every rule a method: one that was forgotten would be refused to everybody, one
// left behind would hide a misspelling.
func TestEveryMethodHasARule(t *testing.T) {
	methods := map[string]bool{}
	protoregistry.GlobalFiles.RangeFilesByPackage("baton", func(protoreflect.FileDescriptor) bool { return true })
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(f.Package()), "baton.") {
			return true
		}
		for i := range f.Services().Len() {
			s := f.Services().Get(i)
			for j := range s.Methods().Len() {
				methods[fmt.Sprintf("/%s/%s", s.FullName(), s.Methods().Get(j).Name())] = true
			}
		}
		return true
	})
	if len(methods) < 25 {
		t.Fatalf("%d methods: the contracts are not linked in", len(methods))
	}
	policy := access()
	for m := range methods {
		if r, ok := policy[m]; !ok || r.Public || len(r.Roles) == 0 {
			t.Errorf("%s has no rule, or is open to all", m)
		}
	}
	for m, r := range policy {
		if !methods[m] && !strings.HasPrefix(m, "/grpc.health.v1.Health/") {
			t.Errorf("the rule of %s is for no method", m)
		}
		for _, role := range r.Roles {
			if !slices.Contains(allRoles(), role) {
				t.Errorf("%s: there is no role %q", m, role)
			}
		}
		if len(r.Roles) > 0 && !slices.Contains(r.Roles, roleAdmin) {
			t.Errorf("%s: admins may do everything", m)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, c := range []struct {
		role, method string
		may          bool
	}{
		{roleSales, "/baton.feedback.v1.FeedbackService/Accept", true},
		{roleCRM, "/baton.feedback.v1.FeedbackService/Accept", true},
		{roleViewer, "/baton.feedback.v1.FeedbackService/Accept", false},
		{roleMarketing, "/baton.feedback.v1.FeedbackService/Accept", false},
		{roleSales, "/baton.routing.v1.RoutingService/PutDirectory", false},
		{roleManager, "/baton.routing.v1.RoutingService/PutDirectory", true},
		{roleCRM, "/baton.lead.v1.LeadContextService/GetLead", false},
		{roleCRM, "/baton.routing.v1.RoutingService/ListHandoffs", true},
		{roleViewer, "/baton.scoring.v1.ScoringService/GetReconciliation", true},
		{roleSales, "/baton.scoring.v1.ScoringService/ListQuarantine", false},
		{roleSales, "/baton.agreement.v1.AgreementService/ShadowAgreement", true},
		{roleViewer, "/baton.agreement.v1.AgreementService/ShadowAgreement", false},
		{roleViewer, "/baton.agreement.v1.AgreementService/StopShadow", false},
		{roleViewer, "/baton.agreement.v1.AgreementService/GetShadow", true},
		{roleSales, "/baton.feedback.v1.FeedbackService/ListProposals", true},
		{roleSales, "/baton.feedback.v1.FeedbackService/ProposeProposal", true},
		{roleViewer, "/baton.feedback.v1.FeedbackService/DismissProposal", false},
		{roleSales, "/baton.feedback.v1.FeedbackService/BacktestProposal", false},
		{roleCRM, "/baton.feedback.v1.FeedbackService/ListProposals", false},
		{roleViewer, "/baton.ingest.v1.IngestService/Append", false},
	} {
		if got := slices.Contains(access()[c.method].Roles, c.role); got != c.may {
			t.Errorf("%s %s: %v", c.role, c.method, got)
		}
	}
}

// A token that is sales and nothing else lists its own rep's handoffs; whatever else it is opens them all.
func TestWhoseHandoffsAreListed(t *testing.T) {
	for _, c := range []struct {
		name string
		p    grpcx.Principal
		want string
	}{
		{"a rep", grpcx.Principal{Name: "phone", Roles: []string{roleSales}, Rep: "ana"}, "ana"},
		{"a rep who is a manager", grpcx.Principal{Name: "phone", Roles: []string{roleSales, roleManager}, Rep: "ana"}, ""},
		{"a rep who may look at everything", grpcx.Principal{Name: "phone", Roles: []string{roleViewer, roleSales}, Rep: "ana"}, ""},
		{"a CRM", grpcx.Principal{Name: "hub", Roles: []string{roleCRM}}, ""},
		{"a service", grpcx.Principal{Name: "baton", Roles: []string{grpcx.RoleInternal}}, ""},
	} {
		if got := actsFor(grpcx.WithPrincipal(t.Context(), c.p)); got != c.want {
			t.Errorf("%s lists the handoffs of %q, want %q", c.name, got, c.want)
		}
	}
	if got := actsFor(t.Context()); got != "" {
		t.Errorf("nobody acts for %q", got)
	}
}

// What decides a race must not be repeated by a client that only guesses that it was lost.
func TestDispositionsAreNotRepeated(t *testing.T) {
	for m, r := range access() {
		reads := strings.Contains(m, "/Get") || strings.Contains(m, "/List") || strings.HasSuffix(m, "/PutRates") || // rates that are stated again change nothing
			strings.HasSuffix(m, "/ProposeProposal") || strings.HasSuffix(m, "/DismissProposal") // nor do texts and decisions
		if strings.Contains(m, "FeedbackService") && !reads && r.Retry {
			t.Errorf("%s is repeated", m)
		}
	}
}

func TestStatusOfErrors(t *testing.T) {
	for err, want := range map[error]codes.Code{
		journal.ErrNotReady: codes.Unavailable, journal.ErrUnavailable: codes.Unavailable, journal.ErrOverloaded: codes.ResourceExhausted,
		journal.ErrTooLarge: codes.InvalidArgument, journal.ErrBadEvent: codes.InvalidArgument, journal.ErrConflict: codes.Aborted, leadstore.ErrUnavailable: codes.Unavailable,
	} {
		if got := status.Code(statusOf(fmt.Errorf("read the lead: %w", err))); got != want {
			t.Errorf("%v: %v, want %v", err, got, want)
		}
	}
	if statusOf(errors.New("x")) != nil {
		t.Error("an error that nobody outside should see has a status")
	}
	if s := statusOf(fmt.Errorf("%w: 40 %% done", journal.ErrNotReady)).Error(); !strings.Contains(s, "40 %") {
		t.Errorf("%s does not tell the progress", s)
	}
}
