//go:build senders

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
)

// fewest is how many events every SDK delivers before, between and after the restarts.
const fewest = 120

// sendersAgreement gives one point for each event of the scripts, for ever: a lead's points are how many of them counted.
const sendersAgreement = `agreement: senders
engagement:
  - { id: visit, on: page_viewed, points: 1, half_life: none }
  - { id: said, on: identified, points: 1, half_life: none }
  - { id: mail, on: email_delivered, points: 1, half_life: none }
grades: { a: 75, b: 40, c: 20 }
qualify: [ {id: never, when: 'engagement > 99.0'} ]
sla: { accept_within: 4h, contact_within: 24h, clock: elapsed }
reject_reasons: [ {id: bad-data, fixable_by: marketing} ]
recycle_reasons: [ {id: timing, wake_after: 90d} ]
signatures: [ {role: marketing, by: kim}, {role: sales, by: ana} ]
`

// vendor is an SDK: the script that uses it, with its arguments, and the source that it sends to.
type vendor struct{ script, kind, secret, setting, more string }

func vendors(t *testing.T) []vendor {
	const shared, token = "whsec_c2VuZGVyLXNlY3JldC1vZi10aGUtdGVzdHM=", "sender-token-of-the-tests"
	private, public := keyPair(t)
	return []vendor{
		{script: "segment", kind: "segment", secret: "wk_sender", setting: "write_key: wk_sender"},
		{script: "segment-old", kind: "segment", secret: "wk_sender", setting: "write_key: wk_sender"},
		{script: "rudderstack", kind: "rudderstack", secret: "wk_sender", setting: "write_key: wk_sender"},
		{script: "standardwebhooks", kind: "standard-webhooks", secret: shared, setting: "secrets: [" + shared + "]"},
		{script: "svix", kind: "standard-webhooks", secret: shared, setting: "secrets: [" + shared + "]"},
		{script: "cloudevents binary", kind: "cloudevents", secret: token, setting: "secrets: [" + token + "]"},
		{script: "cloudevents structured", kind: "cloudevents", secret: token, setting: "secrets: [" + token + "]"},
		{script: "hubspot", kind: "hubspot", secret: token, setting: "secrets: [" + token + "]", more: `http: { public_url: "https://baton.example" }`},
		{script: "sendgrid", kind: "sendgrid", secret: private, setting: "secrets: [" + public + "]"},
	}
}

// TestSenders runs the vendors' own SDKs, as npm has them. What an SDK says is delivered must be in the journal, and count,
// once: while Baton is stopped and started, and killed and started; and while answers are lost, so that the SDK repeats
// what has arrived, to a Baton that knows it and to one that was killed meanwhile.
func TestSenders(t *testing.T) {
	checkNode(t)
	for _, v := range vendors(t) {
		t.Run(strings.ReplaceAll(v.script, " ", "-"), func(t *testing.T) {
			t.Run("restarts", v.restarts)
			t.Run("lost-answers", v.lostAnswers)
		})
	}
}

func (v vendor) restarts(t *testing.T) {
	t.Parallel()
	c := v.baton(t)
	sdk := v.start(t, c.base)
	sdk.deliver(fewest)
	away := time.Now()
	c.RestartAll()
	t.Logf("stopped, started and ready after %v", time.Since(away).Round(time.Millisecond))
	sdk.deliver(fewest)
	away = time.Now()
	c.Restart("ingest")
	c.Ready()
	t.Logf("killed, started and ready after %v", time.Since(away).Round(time.Millisecond))
	sdk.deliver(fewest)
	checkOnce(c, sdk.stop())
}

func (v vendor) lostAnswers(t *testing.T) {
	t.Parallel()
	c := v.baton(t)
	wire := newLossyWire(t, c.addr())
	sdk := v.start(t, "http://"+wire.addr)
	sdk.deliver(fewest)
	select {
	case <-wire.breaks: // what is repeated now meets a Baton that has forgotten what it has just taken
		c.Restart("ingest")
	case <-time.After(time.Minute):
		t.Fatal("the wire loses nothing")
	}
	c.Ready()
	sdk.deliver(2 * fewest)
	sent := sdk.stop()
	metrics, err := c.metrics(t.Context(), "ingest")
	if err != nil {
		t.Fatal(err)
	}
	repeated := repeats.FindStringSubmatch(metrics)
	if repeated == nil || repeated[1] == "0" {
		t.Errorf("%d answers were lost, and nothing was recognised as a repeat", wire.lost.Load())
	} else {
		t.Logf("%d answers were lost; since the crash %s events were recognised before the journal", wire.lost.Load(), repeated[1])
	}
	checkOnce(c, sent)
}

// repeats finds how many events ingest has recognised as repeats.
var repeats = regexp.MustCompile(`baton_ingest_events_total\{outcome="duplicate",source="sender"\} (\d+)`)

// baton starts a Baton with the vendor's source, and nothing that a score's end would hide.
func (v vendor) baton(t *testing.T) *Cluster {
	return Start(t, Setup{
		Agreement: sendersAgreement, More: v.more,
		Sources: []string{fmt.Sprintf("{ name: sender, type: %s, %s }", v.kind, v.setting)},
	})
}

func (v vendor) start(t *testing.T, url string) *sdk {
	return startSDK(t, strings.Fields(v.script), "BATON_URL="+url, "BATON_SOURCE=sender", "BATON_SECRET="+v.secret)
}

// checkNode ends the test unless there is a Node that runs the scripts, and their packages.
func checkNode(t *testing.T) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "node", "--version").CombinedOutput(); err != nil {
		t.Fatalf("this needs Node 20 or later and npm: %v %s", err, out)
	}
	if _, err := os.Stat(filepath.Join("senders", "node_modules")); err != nil {
		t.Fatalf("the SDKs are not installed: run `make test-senders`, or `npm ci` in services/e2e/senders: %v", err)
	}
}

// keyPair makes a key of ECDSA P-256: the private half in PKCS 8, the public one as SendGrid shows it, both in base64.
func keyPair(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	half, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(half), base64.StdEncoding.EncodeToString(other)
}

// sdk is a script below senders, at work. Its methods are for one goroutine.
type sdk struct {
	t         *testing.T
	cmd       *exec.Cmd
	stdin     io.Closer
	lines     *bufio.Scanner
	errors    bytes.Buffer
	delivered int
	sent      int // how many events there were; -1 until it says so
}

// startSDK starts a script, named without its ending, with arguments. It has two minutes.
func startSDK(t *testing.T, script []string, env ...string) *sdk {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	s := &sdk{t: t, sent: -1}
	s.cmd = exec.CommandContext(ctx, "node", append([]string{filepath.Join("senders", script[0]+".mjs")}, script[1:]...)...)
	s.cmd.Env = append(cleanEnv(), env...)
	s.cmd.Stderr = &s.errors
	s.cmd.SysProcAttr = childAttr()
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdin, s.lines = stdin, bufio.NewScanner(stdout)
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start node: %v", err)
	}
	return s
}

// deliver waits until so many more events are delivered, by what the SDK says.
func (s *sdk) deliver(more int) {
	s.t.Helper()
	for want := s.delivered + more; s.delivered < want; {
		if !s.line() {
			s.t.Fatalf("it ends after %d events, before it was told to: %v\n%s", s.delivered, s.cmd.Wait(), s.errors.String())
		}
	}
}

// stop has it send no more, waits until all is delivered, and gives how many events there were.
func (s *sdk) stop() int {
	s.t.Helper()
	if err := s.stdin.Close(); err != nil {
		s.t.Fatalf("tell the script to stop: %v", err)
	}
	for s.line() {
	}
	if err := s.cmd.Wait(); err != nil || s.sent != s.delivered {
		s.t.Fatalf("of %d events %d are delivered: %v\n%s", s.sent, s.delivered, err, s.errors.String())
	}
	return s.sent
}

// line reads what the script says next. What it does not know is the SDK's own talk.
func (s *sdk) line() bool {
	if !s.lines.Scan() {
		return false
	}
	word, rest, _ := strings.Cut(s.lines.Text(), " ")
	if n, err := strconv.Atoi(rest); err == nil {
		switch word {
		case "delivered":
			s.delivered = n
		case "sent":
			s.sent = n
		}
	}
	return true
}

// markOf finds the number that a script gave an event.
var markOf = regexp.MustCompile(`sdk-event-(\d+)\b`)

// checkOnce checks that each of so many events is in the journal under one id, and that each counted once.
func checkOnce(c *Cluster, sent int) {
	c.t.Helper()
	account := c.Reconciled()
	if account.Quarantined > 0 {
		c.t.Errorf("%d events are in quarantine", account.Quarantined)
	}
	ids, copies := make([]map[string]bool, sent), 0
	for _, ev := range c.Log() {
		text, err := protojson.Marshal(ev.Body)
		if err != nil {
			c.t.Fatal(err)
		}
		mark := markOf.FindSubmatch(text)
		if mark == nil || !ev.Input() {
			continue
		}
		n, err := strconv.Atoi(string(mark[1]))
		if err != nil || n >= sent {
			c.t.Errorf("nobody has sent %s", mark[0])
			continue
		}
		if ids[n] == nil {
			ids[n] = map[string]bool{}
		}
		ids[n][ev.Body.GetSource()+" "+ev.Body.GetId()] = true
		copies++
	}
	for n, under := range ids {
		if len(under) != 1 {
			c.t.Errorf("event %d is in the journal under %d ids: %v", n, len(under), under)
		}
	}
	counted := 0.0
	for _, lead := range c.AllLeads() {
		counted += lead.Score.Engagement
	}
	if counted != float64(sent) {
		c.t.Errorf("%d events were sent, and %v count", sent, counted)
	}
	if !c.t.Failed() {
		c.t.Logf("%d events sent, each counted once; the journal holds %d copies, which were recognised", sent, copies-sent)
	}
}
