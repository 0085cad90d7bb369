package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/journal"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/pkg/links"
)

const salesDirectory = `
teams: [ {id: emea, manager: kim} ]
reps: [ {id: ana, name: Ana, team: emea}, {id: bo, name: Bo, team: emea}, {id: di, team: emea, active: false} ]
pools: [ {id: all, reps: [ana, bo]} ]
routes: [ {id: named, when: 'account.owner != ""', to: {owner: account}}, {id: default, to: {pool: all}} ]
accounts: [ {id: ac-1, name: Initech, domain: initech.example, owner: ana} ]
`

const salesAgreement = `
agreement: sales-side
engagement: [ {id: demo, on: demo_requested, points: 30} ]
qualify: [ {id: hot, when: 'engagement >= 20'} ]
sla: {accept_within: 4h, contact_within: 24h, clock: elapsed, ladder: [{at: 50%, notify: rep}]}
reject_reasons:  [ {id: bad-data, fixable_by: marketing}, {id: no-fit, sub: [size]} ]
recycle_reasons: [ {id: timing, wake_after: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// sales is a whole Baton with reps.
type sales struct {
	t    *testing.T
	addr Addrs
	out  *logs
	dir  string
}

func newSales(t *testing.T) *sales {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"directory.yaml": salesDirectory, "agreement.yaml": salesAgreement} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &sales{t: t, dir: filepath.Join(dir, "data")}
	c := anyPorts(s.dir)
	c.Directory, c.Agreement = config.Path(filepath.Join(dir, "directory.yaml")), config.Path(filepath.Join(dir, "agreement.yaml"))
	for _, token := range []TokenConfig{
		{Name: "ana-phone", Roles: []string{roleSales}, Rep: "ana"}, {Name: "bo-phone", Roles: []string{roleSales}, Rep: "bo"},
		{Name: "kim", Roles: []string{roleManager}}, {Name: "root", Roles: []string{roleAdmin}}, {Name: "other", Roles: []string{roleManager}},
	} {
		token.Token = config.NewSecret("tok-" + token.Name)
		c.Tokens = append(c.Tokens, token)
	}
	s.addr, s.out, _ = begin(t, Up, c)
	journaltest.Eventually(t, "everything is ready, the agreement in force", func() error {
		if code, got := ask(t, s.addr.Admin, "/readyz", nil); code != http.StatusOK {
			return fmt.Errorf("%v", got)
		}
		if code, got := s.call("root", http.MethodGet, "/api/v1/reasons", nil); code != http.StatusOK {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	return s
}

// call asks as somebody and reads the answer.
func (s *sales) call(as, method, path string, body any) (int, map[string]any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.addr.HTTP+path, strings.NewReader(string(text)))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer tok-"+as)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	var got map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		s.t.Fatalf("%s %s: %d, %v", method, path, resp.StatusCode, err)
	}
	return resp.StatusCode, got
}

// handoff makes a lead of Initech, which is ana's, ask for a demo, and gives its handoff once she has it.
func (s *sales) handoff(n int) (id string) {
	s.t.Helper()
	post(s.t, s.addr.HTTP, fmt.Sprintf(`{"id":"evt-%d","type":"demo_requested","occurred_at":%q,"lead":{"email":"x%d@initech.example"}}`,
		n, time.Now().UTC().Format(time.RFC3339), n))
	journaltest.Eventually(s.t, "ana has it", func() error {
		code, got := s.call("root", http.MethodGet, fmt.Sprintf("/api/v1/handoffs?owner=ana&email=X%d@Initech.example", n), nil)
		list, _ := got["handoffs"].([]any)
		if code != 200 || len(list) != 1 {
			return fmt.Errorf("%d %v", code, got)
		}
		id = list[0].(map[string]any)["id"].(string)
		return nil
	})
	return id
}

func (s *sales) want(wantCode int, fields map[string]any, code int, got map[string]any) {
	s.t.Helper()
	if code != wantCode {
		s.t.Fatalf("%d, want %d: %v", code, wantCode, got)
	}
	for k, v := range fields {
		if fmt.Sprint(got[k]) != fmt.Sprint(v) {
			s.t.Fatalf("%s is %v, want %v: %v", k, got[k], v, got)
		}
	}
}

func TestTheSalesSide(t *testing.T) {
	s := newSales(t)
	var ids []string
	for n := range 5 {
		ids = append(ids, s.handoff(n))
	}
	type m = map[string]any

	// What there is to do, and what can be answered.
	code, got := s.call("ana-phone", http.MethodGet, "/api/v1/inbox", nil)
	s.want(200, m{"owner": "ana"}, code, got)
	if c := got["counts"].(m); c["open"] != 5.0 || c["routed"] != 5.0 || c["overdue"] != 0.0 {
		t.Errorf("counts %v", c)
	}
	first := got["handoffs"].([]any)[0].(m)
	if first["id"] != ids[0] || first["due_clock"] != "accept" || first["next_step"] != "rep" || first["attempt"] != 0.0 || first["breached"] != false {
		t.Errorf("first %v", first)
	}
	code, got = s.call("ana-phone", http.MethodGet, "/api/v1/inbox?owner=bo", nil)
	s.want(403, nil, code, got)
	code, got = s.call("kim", http.MethodGet, "/api/v1/inbox?team=emea&page_size=2", nil)
	s.want(200, nil, code, got)
	seen := len(got["handoffs"].([]any))
	for token := got["next_page_token"]; token != ""; token = got["next_page_token"] {
		_, got = s.call("kim", http.MethodGet, "/api/v1/inbox?team=emea&page_size=2&page_token="+token.(string), nil)
		seen += len(got["handoffs"].([]any))
	}
	if seen != 5 {
		t.Errorf("the team has %d in all", seen)
	}
	for query, want := range map[string]int{
		"team=emea&stage=routed": 5, "team=apac": 0, "account=ac-1": 5, "account=ac-2": 0, "breached=true": 0, "breached=false": 5,
		"due_before=2020-01-01T00:00:00Z": 0, "due_before=2100-01-01T00:00:00Z&order=due": 5, "email=x3@initech.example": 1, "email=nobody@initech.example": 0,
	} {
		code, got = s.call("kim", http.MethodGet, "/api/v1/handoffs?"+query, nil)
		if list, _ := got["handoffs"].([]any); code != 200 || len(list) != want {
			t.Errorf("%s: %d, %d, want %d", query, code, len(list), want)
		}
	}
	for _, query := range []string{"email=nobody", "order=size", "team=a.b", "account=*", "page_token=x&order=due"} {
		if code, got = s.call("kim", http.MethodGet, "/api/v1/handoffs?"+query, nil); code != 400 {
			t.Errorf("%s: %d %v", query, code, got)
		}
	}
	code, got = s.call("ana-phone", http.MethodGet, "/api/v1/reasons", nil)
	s.want(200, m{"agreement_version": 1.0}, code, got)
	if r := got["reject"].([]any); len(r) != 2 || r[0].(m)["leads_to"] != "recycled" || r[1].(m)["leads_to"] != "disqualified" || fmt.Sprint(r[1].(m)["sub"]) != "[size]" {
		t.Errorf("reasons %v", got)
	}
	if r := got["recycle"].([]any)[0].(m); r["wake_after"] != "90d" {
		t.Errorf("recycle %v", r)
	}

	// Reassigning, and who may.
	to := func(rep string) m { return m{"to": rep, "reason": "knows them"} }
	code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/"+ids[0]+"/reassign", to("bo"))
	s.want(403, nil, code, got)
	code, got = s.call("other", http.MethodPost, "/api/v1/handoffs/"+ids[0]+"/reassign", to("bo"))
	s.want(403, nil, code, got)
	code, got = s.call("kim", http.MethodPost, "/api/v1/handoffs/"+ids[0]+"/reassign", to("di"))
	s.want(400, nil, code, got)
	code, got = s.call("kim", http.MethodPost, "/api/v1/handoffs/"+ids[0]+"/reassign", to("bo"))
	s.want(200, m{"status": "done", "owner": "bo", "previous_owner": "ana", "outcome": "reassigned", "stage": "routed"}, code, got)
	code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/"+ids[0]+"/accept", m{})
	s.want(409, m{"detail": "taken_over: it went to bo"}, code, got)
	code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/"+ids[1]+"/release", m{})
	s.want(400, nil, code, got)
	code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/"+ids[1]+"/release", m{"reason": "on leave", "request_id": "r1"})
	s.want(200, m{"owner": "bo", "outcome": "reassigned"}, code, got)
	code, again := s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/"+ids[1]+"/release", m{"reason": "on leave", "request_id": "r1"})
	s.want(200, m{"sequence": got["sequence"], "owner": "bo"}, code, again)

	// Many at once: each by itself.
	bulk := m{"ids": []string{ids[0], ids[2], ids[3], ids[3], "ho_nothing"}, "do": "accept", "request_id": "b1"}
	for range 2 {
		code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/bulk", bulk)
		s.want(200, m{"done": 2.0, "refused": 2.0, "pending": 0.0, "failed": 0.0}, code, got)
	}
	var lines []string
	for _, r := range got["results"].([]any) {
		r := r.(m)
		lines = append(lines, fmt.Sprint(r["status"], " ", r["code"]))
	}
	if want := "refused taken_over;done ;done ;refused unknown_handoff"; strings.Join(lines, ";") != want {
		t.Errorf("results %v, want %s", lines, want)
	}
	code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/bulk", m{"filter": m{"owner": "bo"}, "do": "accept"})
	s.want(403, nil, code, got)
	code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/bulk", m{"ids": ids, "do": "reassign", "to": "ana"})
	s.want(200, m{"refused": 5.0}, code, got)
	for _, bad := range []m{{"do": "accept"}, {"ids": ids, "do": "frob"}, {"ids": ids, "do": "reject"}, {"filter": m{}, "do": "accept"}} {
		code, got = s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/bulk", bad)
		s.want(400, nil, code, got)
	}
	// Ana is away: all of hers go to whoever is there, those that she has accepted, too.
	code, got = s.call("kim", http.MethodPost, "/api/v1/handoffs/bulk", m{"filter": m{"owner": "ana"}, "do": "reassign", "to": "all", "reason": "ill"})
	s.want(200, m{"done": 3.0, "refused": 0.0}, code, got)
	journaltest.Eventually(t, "bo has all", func() error {
		_, got := s.call("bo-phone", http.MethodGet, "/api/v1/inbox", nil)
		if c := got["counts"].(m); c["open"] != 5.0 || c["routed"] != 5.0 {
			return fmt.Errorf("bo has %v", c)
		}
		return nil
	})
	if code, got = s.call("root", http.MethodGet, "/api/v1/reconciliation", nil); code != 200 || got["drift"] != 0.0 || len(got["orphans"].([]any)) != 0 {
		t.Errorf("reconciliation: %d %v", code, got)
	}
	if strings.Contains(s.out.String(), "initech.example") {
		t.Error("the log names people")
	}
}

// A watch tells what there is, that this was all, what changes, and that it lives.
func TestTheInboxIsWatchedOverHTTP(t *testing.T) {
	s := newSales(t)
	id := s.handoff(1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr.HTTP+"/api/v1/inbox/watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer tok-ana-phone")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() (kind, stage, owner string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		var line struct {
			Result struct {
				Type    string
				Handoff struct {
					ID, Stage string
					Owner     struct{ ID string }
				}
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if h := line.Result.Handoff; h.ID != "" && h.ID != id {
			t.Fatalf("of %s: %s", h.ID, lines.Bytes())
		}
		return line.Result.Type, line.Result.Handoff.Stage, line.Result.Handoff.Owner.ID
	}
	until := func(kind, stage, owner string) {
		t.Helper()
		for {
			k, st, o := next()
			if k == kind && st == stage && o == owner {
				return
			}
			if k != "handoff" && k != "heartbeat" { // deliveries and the like may change it in between
				t.Fatalf("%s %s %s", k, st, o)
			}
		}
	}
	until("handoff", "routed", "ana")
	until("listed", "", "")
	code, got := s.call("ana-phone", http.MethodPost, "/api/v1/handoffs/"+id+"/accept", map[string]any{})
	s.want(200, nil, code, got)
	until("handoff", "accepted", "ana")
	s.call("kim", http.MethodPost, "/api/v1/handoffs/"+id+"/reassign", map[string]any{"to": "bo"})
	until("handoff", "routed", "bo") // it has left
}

// One click in a mail accepts; the link of an assignment that is over says who has it; no log has a token.
func TestOneClickLinks(t *testing.T) {
	s := newSales(t)
	id, other := s.handoff(1), s.handoff(2)
	text, err := os.ReadFile(NATSURLPath(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	j, err := journal.Open(t.Context(), nc, journal.Options{Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	signer, err := links.New(j.Key())
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	link := func(id string, action links.Action) string {
		token, err := signer.Make(id, "ana", 0, action, time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
		return links.URL("http://"+s.addr.HTTP, token)
	}
	open := func(method, address string, form url.Values) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	accept := link(id, links.Accept)
	for range 100 {
		if code, body := open(http.MethodGet, accept, nil); code != 200 || !strings.Contains(body, "Accept this handoff?") {
			t.Fatalf("%d %s", code, body)
		}
	}
	if _, got := s.call("root", http.MethodGet, "/api/v1/handoffs/"+id, nil); got["stage"] != "routed" {
		t.Fatalf("opened, and it is %v", got["stage"])
	}
	if code, body := open(http.MethodPost, accept, url.Values{"note": {"from my phone"}}); code != 200 || !strings.Contains(body, "It is yours") {
		t.Fatalf("%d %s", code, body)
	}
	if code, body := open(http.MethodPost, accept, nil); code != 200 || !strings.Contains(body, "You accepted it already") {
		t.Errorf("again: %d %s", code, body)
	}
	if _, got := s.call("root", http.MethodGet, "/api/v1/handoffs/"+id, nil); got["stage"] != "accepted" || got["note"] != "from my phone" {
		t.Errorf("%v", got)
	}
	reject := link(other, links.Reject)
	if code, body := open(http.MethodGet, reject, nil); code != 200 || !strings.Contains(body, `value="no-fit/size"`) {
		t.Errorf("%d %s", code, body)
	}
	give := func(rep string) {
		t.Helper()
		code, got := s.call("kim", http.MethodPost, "/api/v1/handoffs/"+other+"/reassign", map[string]any{"to": rep})
		s.want(200, map[string]any{"owner": rep}, code, got)
		code, got = s.call("kim", http.MethodGet, "/api/v1/handoffs/"+other+"?after="+fmt.Sprint(got["sequence"]), nil)
		s.want(200, nil, code, got)
	}
	give("bo")
	if code, body := open(http.MethodPost, reject, url.Values{"reason": {"no-fit"}}); code != 409 || !strings.Contains(body, "Bo has this handoff now.") {
		t.Errorf("reassigned: %d %s", code, body)
	}
	give("ana")
	if code, body := open(http.MethodPost, reject, url.Values{"reason": {"no-fit"}}); code != 409 || !strings.Contains(body, "assigned to you anew") {
		t.Errorf("an older link: %d %s", code, body)
	}
	for _, token := range tokens {
		if strings.Contains(s.out.String(), token) {
			t.Error("the log has a token")
		}
	}
}
