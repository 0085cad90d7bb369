package scoring

import (
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/journal/journaltest"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	leadv1 "github.com/batonhq/baton/proto/baton/lead/v1"
)

const modelAgreement = `agreement: lead-handoff
groups: [ {id: content, limit: 15} ]
scores: [ {id: payroll} ]
engagement:
  - { id: ebook, on: asset_downloaded, points: 10, group: content }
  - { id: tour,  on: form_submitted, points: 25, score: payroll }
fit:
  - { id: size, when: 'account.employees >= 200', points: 80 }
qualify:
  - { id: payroll, when: 'scores.payroll >= 40.0 && grade == "a"' }
disqualify:
  - { id: rival, when: 'account.domain == "rival.example"', because: sells the same }
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

func TestScoreShowsGroupsOtherScoresAndWhatDisqualifies(t *testing.T) {
	r := newRig(t, journaltest.InProcess)
	if err := os.WriteFile(r.agreement, []byte(modelAgreement), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	score := func(lead, after string) *leadv1.Score {
		t.Helper()
		s, err := r.scores.GetScore(t.Context(), &leadv1.GetScoreRequest{Id: lead, After: after})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	of := func(domain string) func(*journalv1.Event) {
		return func(e *journalv1.Event) {
			e.Account = &journalv1.Account{Domain: proto.String(domain), Employees: proto.Int32(420)}
		}
	}
	ana := r.lead("ana@initech.example")
	r.sees(ana, "asset_downloaded", email("ana@initech.example"), of("initech.example"))
	r.sees(ana, "asset_downloaded")
	got := score(ana, r.sees(ana, "form_submitted"))
	if c := got.Contributions; got.Engagement != 15 || len(c) != 4 || c[0].Group != "content" || c[2].LimitedBy != "group_limit" || c[2].Micros != "-5000000" || c[2].Rule != "content" {
		t.Errorf("got %v", got)
	}
	if s := got.Scores; len(s) != 1 || s[0].Id != "payroll" || s[0].Engagement != 25 || s[0].Micros != "25000000" || len(s[0].Contributions) != 1 {
		t.Errorf("got %v", got.Scores)
	}
	if m := got.MissingToQualify; len(m) != 1 || m[0].Text != "1 more tour event (form_submitted, 25 points of payroll)" || got.DisqualifiedBy != nil {
		t.Errorf("got %v", got)
	}
	bo := r.lead("bo@rival.example")
	got = score(bo, r.sees(bo, "form_submitted", email("bo@rival.example"), of("rival.example")))
	if d := got.DisqualifiedBy; len(d) != 1 || d[0].Rule != "rival" || d[0].Because != "sells the same" || got.MissingToQualify != nil {
		t.Errorf("got %v", got)
	}
}
