package scoring

import (
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/batonhq/baton/pkg/journal/journaltest"
	agreementv1 "github.com/batonhq/baton/proto/baton/agreement/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// shadowReport gives the report on a version's run, as a text.
func (r *rig) shadowReport(version int32, format, after string) (string, error) {
	stream, err := r.agreements.GetShadow(r.t.Context(), &agreementv1.GetShadowRequest{Version: version, Format: format, After: after})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for {
		switch step, err := stream.Recv(); {
		case errors.Is(err, io.EOF):
			return out.String(), nil
		case err != nil:
			return "", err
		case step.Report != nil:
			out.WriteString(step.Report.String())
		default:
			out.WriteString(step.Text)
		}
	}
}

// TestAShadowBesideTheAgreement: over real engines, through the API, a restart and an emptied store.
func TestAShadowBesideTheAgreement(t *testing.T) {
	r := newRig(t, journaltest.InProcess)
	stop := r.start()
	ctx := t.Context()
	eager := strings.Replace(testAgreement, `grade in ["a","b"] && engagement >= 20`, "engagement >= 5", 1)
	v, err := r.agreements.ProposeAgreement(ctx, &agreementv1.ProposeAgreementRequest{Yaml: eager})
	if err != nil || v.Agreement.Version != 2 {
		t.Fatalf("proposed: %v, %v", v, err)
	}
	shade := func(version int32) (*agreementv1.ChangeAgreementResponse, error) {
		return r.agreements.ShadowAgreement(ctx, &agreementv1.ShadowAgreementRequest{Version: version})
	}
	report := func(version int32, format string) error {
		_, err := r.shadowReport(version, format, "")
		return err
	}
	_, unknown := shade(9)
	_, inForce := shade(1)
	_, stopped := r.agreements.StopShadow(ctx, &agreementv1.StopShadowRequest{Version: 9})
	for name, c := range map[string]struct {
		err  error
		want codes.Code
	}{
		"unknown": {unknown, codes.NotFound}, "in force": {inForce, codes.FailedPrecondition}, "never ran": {report(2, ""), codes.FailedPrecondition},
		"report on nothing": {report(9, ""), codes.NotFound}, "form": {report(2, "pdf"), codes.InvalidArgument}, "stop nothing": {stopped, codes.NotFound},
	} {
		if status.Code(c.err) != c.want {
			t.Errorf("%s: %v, want %v", name, c.err, c.want)
		}
	}
	begun, err := shade(2)
	if err != nil || begun.Sequence == "" || begun.Agreement.ShadowSince == nil || begun.Agreement.State != "proposed" {
		t.Fatalf("begun: %v, %v", begun, err)
	}
	if again, err := shade(2); err != nil || again.Sequence != "" {
		t.Errorf("begun again: %v, %v", again, err)
	}
	ana := r.lead("ana@initech.example")
	after := r.sees(ana, "asset_downloaded", email("ana@initech.example"), vp)
	score, err := r.scores.GetScore(ctx, &leadv1.GetScoreRequest{Id: ana, After: after})
	if s := score.GetShadow(); err != nil || s.GetAgreementVersion() != 2 || s.GetQualifiedBy() != "matrix" || s.GetQualifiedAt() == nil || s.GetEngagement() > 10 || s.GetGrade() != "a" {
		t.Fatalf("score: %v, %v", score, err)
	}
	if lead, err := r.leads.GetLead(ctx, &leadv1.GetLeadRequest{Id: ana}); err != nil || lead.Stage != "inquiry" || lead.HandoffId != "" {
		t.Errorf("live: %v, %v", lead, err)
	}
	before, err := r.shadowReport(2, "csv", after)
	if err != nil || !strings.Contains(before, "shadow,"+ana) {
		t.Fatalf("report: %q, %v", before, err)
	}
	stop()
	r.start()
	for p := range 64 {
		journaltest.Eventually(t, "wipe", func() error { return r.Store.Wipe(ctx, fold.Service, p, "test") })
	}
	library, err := book.NewLibrary()
	if err != nil {
		t.Fatal(err)
	}
	r.Agree(fold.NewLogic(library, r.J.Key()))
	if now, err := r.shadowReport(2, "csv", ""); err != nil || now != before {
		t.Errorf("after a restart the report is %q, %v; it was %q", now, err, before)
	}
	ended, err := r.agreements.StopShadow(ctx, &agreementv1.StopShadowRequest{Version: 2})
	if err != nil || ended.Sequence == "" || ended.Agreement.ShadowUntil == nil {
		t.Fatalf("ended: %v, %v", ended, err)
	}
	if again, err := r.agreements.StopShadow(ctx, &agreementv1.StopShadowRequest{Version: 2}); err != nil || again.Sequence != "" {
		t.Errorf("ended again: %v, %v", again, err)
	}
	if score, err := r.scores.GetScore(ctx, &leadv1.GetScoreRequest{Id: ana, After: ended.Sequence}); err != nil || score.Shadow != nil {
		t.Errorf("score: %v, %v", score.GetShadow(), err)
	}
	if now, err := r.shadowReport(2, "csv", ""); err != nil || now != before {
		t.Errorf("stopped, the report is %q, %v; it was %q", now, err, before)
	}
	for format, want := range map[string]string{"": "qualified_in_window", "text": "Shadow run", "html": "</html>"} {
		if text, err := r.shadowReport(2, format, ""); err != nil || !strings.Contains(text, want) {
			t.Errorf("%q: %v, no %s in %s", format, err, want, text)
		}
	}
}
