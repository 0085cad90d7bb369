package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type version struct {
	Version    int
	State      string
	Hash       string
	ActivateAt *time.Time `json:"activate_at"`
	Signatures []struct{ Role, By string }
}

// change posts a change of the agreement, which must be answered with a status, and gives the version.
func (c *Cluster) change(token, path, body string, status int) (v version, sequence string) {
	c.t.Helper()
	r := c.as(token, "POST", "agreements"+path, body)
	if r.Status != status {
		c.t.Fatalf("POST agreements%s as %s: %s, want %d", path, token, r, status)
	}
	if status != 200 {
		c.checkProblem(r, status)
		return v, ""
	}
	var done struct {
		Agreement version
		Sequence  string
	}
	if err := json.Unmarshal(r.Body, &done); err != nil {
		c.t.Fatal(err)
	}
	return done.Agreement, done.Sequence
}

// TestAgreementsLife: proposed by one, signed by both teams and nobody for both, in force from a moment on; what was scored
// before keeps its points, and a backtest tells beforehand what the new version would have done.
func TestAgreementsLife(t *testing.T) {
	c := Start(t, Setup{Tokens: []Token{
		{Name: "root", Text: "t-admin", Roles: "admin"}, {Name: "mia", Text: "t-marketing", Roles: "marketing"},
		{Name: "ana-phone", Text: "t-ana", Roles: "sales", Rep: "ana"}, {Name: "kim", Text: "t-both", Roles: "manager, marketing"},
		{Name: "wall", Text: "t-viewer", Roles: "viewer"},
	}})
	c.token = "t-admin"
	c.Send(download("life-1", "ana@life.example", "pricing-guide"))
	before := c.AwaitLead("ana@life.example", "is known", func(l Lead) bool { return l.Stage == "inquiry" })

	text := strings.Replace(testAgreement, "points: 10, half_life: 30d", "points: 60, half_life: none", 1)
	body, err := json.Marshal(map[string]any{"yaml": text})
	if err != nil {
		t.Fatal(err)
	}
	c.change("t-viewer", "", string(body), 403)
	c.change("t-marketing", "", `{"yaml":"agreement: x\nfit: [{id: a, points: 1, when: 'lead.title >'}]\nx: 1"}`, 400)
	v, _ := c.change("t-marketing", "", string(body), 200)
	if v.Version != 2 || v.State != "proposed" {
		t.Fatalf("proposed: %+v", v)
	}
	if again, seq := c.change("t-ana", "", string(body), 200); again.Version != 2 || seq != "" {
		t.Errorf("proposed again: %+v, %s", again, seq)
	}

	// What it would have done, before anybody signs it.
	r := c.as("t-marketing", "POST", "agreements/2/backtest", `{"format":"text"}`)
	if r.Status != 200 || !strings.Contains(string(r.Body), "version 2") || !strings.Contains(string(r.Body), `"done":true`) {
		t.Errorf("backtest: %s", r)
	}
	c.checkProblem(c.as("t-marketing", "POST", "agreements/9/backtest", "{}"), 404)
	c.checkProblem(c.as("t-viewer", "POST", "agreements/2/backtest", "{}"), 403)

	diff := string(c.as("t-viewer", "GET", "agreements/2/diff", "").Body)
	if !strings.Contains(diff, "10 → 60 points") {
		t.Errorf("diff: %s", diff)
	}
	sign := func(token, role, hash string, status int) version {
		t.Helper()
		v, _ := c.change(token, "/2/sign", fmt.Sprintf(`{"role":%q,"hash":%q}`, role, hash), status)
		return v
	}
	c.change("t-marketing", "/2/activate", "{}", 409)
	sign("t-admin", "sales", v.Hash, 403)
	sign("t-ana", "marketing", v.Hash, 403)
	sign("t-ana", "everybody", v.Hash, 400)
	sign("t-ana", "sales", strings.Repeat("0", 64), 409)
	sign("t-both", "marketing", v.Hash, 200)
	sign("t-both", "sales", v.Hash, 409)
	if v = sign("t-ana", "sales", v.Hash, 200); v.State != "signed" || len(v.Signatures) != 2 {
		t.Fatalf("signed: %+v", v)
	}
	from := time.Now().Add(2 * time.Second).UTC()
	if v, _ = c.change("t-marketing", "/2/activate", fmt.Sprintf(`{"from":%q}`, from.Format(time.RFC3339Nano)), 200); v.State != "signed" || v.ActivateAt == nil {
		t.Fatalf("planned: %+v", v)
	}
	name := "scoring"
	if !suiteSplit {
		name = "baton"
	}
	c.Kill(name) // the plan outlives whoever took it
	c.Restart(name)
	eventually(t, "the version is in force", func() error {
		v, err := tryGet[version](c, "agreements/2")
		if err == nil && v.State != "active" {
			err = fmt.Errorf("version 2 is %s", v.State)
		}
		return err
	})
	if now := time.Now(); now.Before(from) {
		t.Errorf("in force %v too early", from.Sub(now))
	}
	c.Send(download("life-2", "bo@life.example", "pricing-guide"))
	c.AwaitLead("bo@life.example", "has 60 points", func(l Lead) bool { return l.Score.Engagement == 60 })
	if now := c.AwaitLead("ana@life.example", "is there", func(Lead) bool { return true }); now.Score.Engagement > before.Score.Engagement {
		t.Errorf("what was scored before has changed: %v, was %v", now.Score.Engagement, before.Score.Engagement)
	}

	// The same on the command line.
	file := filepath.Join(t.TempDir(), "next.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(testAgreement, "agreement: e2e", "agreement: next", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"check", file}, "ok: next"}, {[]string{"propose", file}, "version 3"}, {[]string{"diff", "3"}, "60 → 10 points"},
		{[]string{"list"}, "active"}, {[]string{"show", "3"}, "agreement: next"}, {[]string{"backtest", "3"}, "version 3"},
		{[]string{"backtest", "3", "1", "--format", "html"}, "</html>"}, {[]string{"backtest", "3", "--json"}, `"qualified"`},
	} {
		out, err := c.Baton(append([]string{"agreement"}, step.args...)...)
		if err != nil || !strings.Contains(out, step.want) {
			t.Errorf("baton agreement %v: %v, no %q in\n%s", step.args, err, step.want, out)
		}
	}
	if out, err := c.Baton("agreement", "sign", "3", "--role", "sales", "--file", file); err == nil || !strings.Contains(out, "does not have that role") {
		t.Errorf("an admin signed for sales: %v\n%s", err, out)
	}
}
