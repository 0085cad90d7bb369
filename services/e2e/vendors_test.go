package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/batonhq/baton/services/routing/fakes/dynamicstest"
	"github.com/batonhq/baton/services/routing/fakes/espocrmtest"
	"github.com/batonhq/baton/services/routing/fakes/hubspottest"
	"github.com/batonhq/baton/services/routing/fakes/odootest"
	"github.com/batonhq/baton/services/routing/fakes/pipedrivetest"
	"github.com/batonhq/baton/services/routing/fakes/salesforcetest"
	"github.com/batonhq/baton/services/routing/fakes/zohotest"
)

// vendorDirectory has reps whom the CRMs know by their addresses, and nobody else.
const vendorDirectory = `teams: [ {id: emea, manager: ana} ]
reps:
  - { id: ana, name: Ana Lind, email: ana@us.example, team: emea, time_zone: UTC }
  - { id: bo, name: Bo Nielsen, email: bo@us.example, team: emea, time_zone: UTC }
pools: [ {id: everybody, reps: [ana, bo]} ]
routes: [ {id: default, to: {pool: everybody}} ]
`

// Vendor is a CRM as its maker built it, on a port of its own, that can be told to fail.
type Vendor struct {
	Kind   string
	config string // of the destination, without its name, type and address; ADDRESS stands for the latter
	// person and brief are the kinds of records that a handoff makes, as counts names them.
	person, brief string
	counts        func() map[string]int
	dump          func() string // all that it holds, for people

	server *httptest.Server
	gone   chan struct{}

	mu    sync.Mutex
	fault func(*http.Request) *VendorFault
}

// VendorFault is an answer that the CRM does not give by itself.
type VendorFault struct {
	Status int
	Header map[string]string
	Body   string
	// Drop does what was asked and breaks the connection instead of answering; Hang does nothing until the caller gives up.
	Drop, Hang bool
}

// allVendors runs one CRM of each kind that there is.
func allVendors(t testing.TB) []*Vendor {
	sf, hs, pd, dyn, zo, es, od := salesforcetest.New(), hubspottest.New(), pipedrivetest.New(), dynamicstest.New(), zohotest.New(), espocrmtest.New(), odootest.New()
	all := []*Vendor{
		newVendor(t, sf, &sf.Mu, &sf.Records, &Vendor{Kind: "salesforce", person: "Lead", brief: "Task", counts: sf.Counts,
			config: `auth: {client_id: consumer, client_secret: very-secret}`}),
		newVendor(t, hs, &hs.Mu, &hs.Objects, &Vendor{Kind: "hubspot", person: "contacts", brief: "notes", counts: hs.Records, config: `auth: {token: pat-secret}`}),
		newVendor(t, pd, &pd.Mu, &pd.All, &Vendor{Kind: "pipedrive", person: "persons", brief: "notes", counts: pd.Records,
			config: `auth: {token: key-secret}, options: {handoff_field: ` + pipedrivetest.Field + `}`}),
		newVendor(t, dyn, &dyn.Mu, &dyn.Tables, &Vendor{Kind: "dynamics", person: "leads", brief: "tasks", counts: dyn.Counts,
			config: `auth: {client_id: application, client_secret: very-secret, tenant: us.example, token_url: ADDRESS/token}`}),
		newVendor(t, zo, &zo.Mu, &zo.Modules, &Vendor{Kind: "zoho", person: "Leads", brief: "Notes", counts: zo.Counts,
			config: `auth: {client_id: 1000.client, client_secret: very-secret, refresh_token: 1000.refresh, token_url: ADDRESS/oauth/v2/token}`}),
		newVendor(t, es, &es.Mu, &es.All, &Vendor{Kind: "espocrm", person: "leads", brief: "notes", counts: es.Records, config: `auth: {token: espo-secret}`}),
		newVendor(t, od, &od.Mu, &od.Models, &Vendor{Kind: "odoo", person: "leads", brief: "messages", counts: od.Records, config: `auth: {token: odoo-secret, database: sales}`}),
	}
	return all
}

// newVendor puts a port before a CRM; records points at what it holds, under its lock.
func newVendor[R any](t testing.TB, inner http.Handler, mu *sync.Mutex, records *R, v *Vendor) *Vendor {
	v.dump = func() string {
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprint(*records)
	}
	v.gone = make(chan struct{})
	v.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.serve(inner, w, r) }))
	t.Cleanup(func() {
		close(v.gone)
		v.server.Close()
	})
	return v
}

func (v *Vendor) serve(inner http.Handler, w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	var f *VendorFault
	if v.fault != nil {
		f = v.fault(r)
	}
	v.mu.Unlock()
	switch {
	case f == nil:
		inner.ServeHTTP(w, r)
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-v.gone:
		}
	case f.Drop:
		inner.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	default:
		for name, value := range f.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body) // whoever called may be gone
	}
}

// Faults makes every request be answered as f says, nil as the CRM would.
func (v *Vendor) Faults(f func(*http.Request) *VendorFault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fault = f
}

// line is the destination in the configuration, as a user writes it.
func (v *Vendor) line() string {
	return fmt.Sprintf("  - { name: %s, type: %s, url: %q, allow_private: true, %s }\n", v.Kind, v.Kind, v.server.URL, strings.ReplaceAll(v.config, "ADDRESS", v.server.URL))
}

// startVendors runs a Baton that tells all of them.
func startVendors(t testing.TB, all []*Vendor) *Cluster {
	t.Helper()
	more := "destinations:\n"
	for _, v := range all {
		more += v.line()
	}
	return Start(t, Setup{Directory: vendorDirectory, More: more})
}

// settledAt waits until every delivery to a CRM is made.
func (v *Vendor) settledAt(c *Cluster) {
	c.t.Helper()
	eventually(c.t, v.Kind+" has everything", func() error {
		for _, d := range c.AllDeliveries("destination=" + v.Kind) {
			if d.State != "delivered" {
				return fmt.Errorf("%+v", d)
			}
		}
		return nil
	})
}

// holds checks how many people and briefs there are, and that the texts given are to be found in what it holds.
func (v *Vendor) holds(t testing.TB, people, briefs int, texts ...string) {
	t.Helper()
	n := v.counts()
	if n[v.person] != people || n[v.brief] != briefs {
		t.Errorf("%s holds %d of %s and %d of %s, want %d and %d: %v", v.Kind, n[v.person], v.person, n[v.brief], v.brief, people, briefs, n)
	}
	all := v.dump()
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("%s does not hold %q", v.Kind, text)
		}
	}
}
