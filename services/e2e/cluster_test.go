package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/batonhq/baton/pkg/embedded/enginetest"
	"github.com/batonhq/baton/pkg/journal"
)

// services are the four processes; in `baton up` all of them are one.
var services = []string{"ingest", "scoring", "routing", "feedback"}

// Setup is what a test wants to run. The zero value is a Baton with the tests' agreement and directory, the sources `app`
// (signed) and `site` (Segment), and nobody to tell.
type Setup struct {
	// Split runs four processes whatever the suite runs against.
	Split bool
	// Agreement and Directory replace the tests' own.
	Agreement, Directory string
	// CRMs to tell of everything that destinations are told of, each under its name.
	CRMs []*CRM
	// Sources beside `app` and `site`, each as a line of the configuration.
	Sources []string
	// More is more of the configuration file.
	More string
	// Tokens, as the configuration has them; with any, calls need one.
	Tokens []Token
	// Env is set in every process.
	Env []string
}

// Token is one line of the configuration's tokens.
type Token struct{ Name, Text, Roles, Rep string }

// store is the lead store of a cluster of four processes.
type store struct {
	url     string
	process *enginetest.Process // nil where the test holds it
}

// Cluster is a running Baton. Its methods are for one goroutine at a time, but for those that only send and ask.
type Cluster struct {
	t     testing.TB
	dir   string
	setup Setup
	// base is the address of ingest and of the JSON API.
	base   string
	admins map[string]string // by process
	procs  map[string]*process
	nats   *enginetest.NATS // nil in `baton up`
	store  *store           // nil in `baton up`
	token  string           // what calls present
	client *http.Client
}

// Start starts a Baton and waits until it is ready.
func Start(t testing.TB, s Setup) *Cluster {
	t.Helper()
	c := &Cluster{t: t, dir: t.TempDir(), setup: s, admins: map[string]string{}, procs: map[string]*process{}}
	c.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 0}}
	t.Cleanup(c.client.CloseIdleConnections)
	if len(s.Tokens) > 0 {
		c.token = s.Tokens[0].Text
	}
	c.base = "http://" + freeAddr(t)
	if s.Split || suiteSplit {
		c.nats, c.store = enginetest.StartNATS(t), startStore(t)
		c.startServices()
	} else {
		c.startUp()
	}
	c.Ready()
	return c
}

// handedOut remembers the ports given away: they are free until somebody gets round to listening.
var handedOut sync.Map

func freeAddr(t testing.TB) string {
	for {
		port := enginetest.FreePort(t)
		if _, twice := handedOut.LoadOrStore(port, true); !twice {
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
}

func (c *Cluster) startUp() {
	c.t.Helper()
	config := c.writeConfig("")
	c.admins["baton"] = freeAddr(c.t)
	p := newProcess(c.t, "baton", c.dir, append(c.setup.Env,
		"BATON_HTTP_ADDR="+c.addr(), "BATON_GRPC_ADDR="+freeAddr(c.t), "BATON_ADMIN_ADDR="+c.admins["baton"],
	), "up", "--config", config, "--data-dir", c.dataDir())
	c.procs["baton"] = p
	p.start()
}

func (c *Cluster) startServices() {
	c.t.Helper()
	grpc := map[string]string{}
	peers := ""
	for _, s := range services {
		grpc[s] = freeAddr(c.t)
		peers += fmt.Sprintf("  %s: %s\n", s, grpc[s])
	}
	config := c.writeConfig(fmt.Sprintf("nats: { url: %q }\nredis: { url: %q }\npeers:\n%s", c.nats.URL(), c.store.url, peers))
	for _, s := range services {
		c.addProcess(s, s, config, grpc[s])
	}
}

// addProcess runs one more process of a service.
func (c *Cluster) addProcess(name, service, config, grpc string) {
	c.t.Helper()
	c.admins[name] = freeAddr(c.t)
	http := c.addr()
	if name != "ingest" {
		http = freeAddr(c.t)
	}
	p := newProcess(c.t, name, c.dir, append(c.setup.Env,
		"BATON_HTTP_ADDR="+http, "BATON_GRPC_ADDR="+grpc, "BATON_ADMIN_ADDR="+c.admins[name],
	), service, "--config", config)
	c.procs[name] = p
	p.start()
}

// Second starts a second process of a service, as whoever scales it does. It is known as its name and -2.
func (c *Cluster) Second(service string) string {
	c.t.Helper()
	name := service + "-2"
	c.addProcess(name, service, filepath.Join(c.dir, "baton.yaml"), freeAddr(c.t))
	return name
}

func (c *Cluster) addr() string    { return strings.TrimPrefix(c.base, "http://") }
func (c *Cluster) dataDir() string { return filepath.Join(c.dir, "data") }

// Processes lists what can be killed, Baton's alone.
func (c *Cluster) Processes() []string {
	var names []string
	for n := range c.procs {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (c *Cluster) process(service string) *process {
	c.t.Helper()
	if p := c.procs[service]; p != nil {
		return p
	}
	if p := c.procs["baton"]; p != nil && slices.Contains(services, service) {
		return p
	}
	c.t.Fatalf("there is no process %s", service)
	return nil
}

// Kill ends the process of a service at once (SIGKILL).
func (c *Cluster) Kill(service string) { c.process(service).Kill() }

// Restart kills it if it still runs, and starts it again; Ready waits for it.
func (c *Cluster) Restart(service string) {
	p := c.process(service)
	p.Kill()
	p.start()
}

// Stop freezes the process of a service (SIGSTOP), Cont lets it go on.
func (c *Cluster) Stop(service string) { c.process(service).Stop() }

// Cont lets it go on.
func (c *Cluster) Cont(service string) { c.process(service).Cont() }

// RestartAll stops every process in order and starts it again. Each must end by itself, without an error.
func (c *Cluster) RestartAll() {
	c.t.Helper()
	for _, name := range c.Processes() {
		if err := c.procs[name].Terminate(); err != nil {
			c.t.Fatalf("%s, asked to stop, ended with %v\n%s", name, err, c.procs[name].tail(20))
		}
	}
	for _, name := range c.Processes() {
		c.procs[name].start()
	}
	c.Ready()
}

// Ready waits until every process says that it is.
func (c *Cluster) Ready() {
	c.t.Helper()
	for _, name := range c.Processes() {
		eventually(c.t, name+" is ready", func() error {
			if !c.procs[name].running() {
				c.t.Fatalf("%s has ended: %v\n%s", name, c.procs[name].err, c.procs[name].tail(30))
			}
			return c.readyz(name)
		})
	}
}

func (c *Cluster) readyz(name string) error {
	resp, err := c.client.Get("http://" + c.admins[name] + "/readyz")
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	var body json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", resp.StatusCode, body)
	}
	return nil
}

// Flush empties the lead store. `baton up` keeps its own to itself.
func (c *Cluster) Flush() {
	c.t.Helper()
	if c.store == nil {
		c.t.Fatal("the lead store of `baton up` cannot be reached")
	}
	opt, err := redis.ParseURL(c.store.url)
	if err != nil {
		c.t.Fatal(err)
	}
	opt.MaxRetries = 10
	client := redis.NewClient(opt)
	defer func() { _ = client.Close() }()
	if err := client.FlushAll(c.t.Context()).Err(); err != nil {
		c.t.Errorf("empty the lead store: %v", err)
	}
}

// Journal opens the cluster's journal as it is now; of `baton up`, until that is restarted.
func (c *Cluster) Journal() *journal.Journal {
	c.t.Helper()
	url := ""
	if c.nats != nil {
		url = c.nats.URL()
	} else {
		text, err := os.ReadFile(filepath.Join(c.dataDir(), "nats.url"))
		if err != nil {
			c.t.Fatal(err)
		}
		url = strings.TrimSpace(string(text))
	}
	nc, err := nats.Connect(url, journal.ConnectOptions("e2e")...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	var j *journal.Journal
	eventually(c.t, "the journal opens", func() error {
		j, err = journal.Open(c.t.Context(), nc, journal.Options{})
		return err
	})
	return j
}

// Log reads the whole journal.
func (c *Cluster) Log() []*journal.Event {
	c.t.Helper()
	var log []*journal.Event
	err := c.Journal().Scan(c.t.Context(), 1, func(ev *journal.Event) error {
		log = append(log, ev)
		return nil
	})
	if err != nil {
		c.t.Fatalf("read the journal: %v", err)
	}
	return log
}

// Quiet waits until nothing happens any more: every delivery is made, and every service has read the whole journal.
func (c *Cluster) Quiet() {
	c.t.Helper()
	j := c.Journal()
	var last uint64
	eventually(c.t, "nothing happens any more", func() error {
		settled(c)
		before := last
		err := j.Scan(c.t.Context(), last+1, func(ev *journal.Event) error {
			last = ev.Seq
			return nil
		})
		for _, path := range []string{"leads", "handoffs", "metrics/funnel"} {
			if err == nil {
				_, err = tryGet[any](c, fmt.Sprintf("%s?after=%d", path, last))
			}
		}
		if err == nil && last != before {
			err = fmt.Errorf("the journal has grown to %d", last)
		}
		return err
	})
}

// eventually tries until it works and fails with the last error after a minute. It waits for what has no bound of its own;
// it never decides by time whether something is right.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		<-tick.C
	}
}
