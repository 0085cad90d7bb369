package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"
)

// What the JSON API answers, as far as the tests look at it.

type Lead struct {
	ID           string            `json:"id"`
	Email        string            `json:"email"`
	Stage        string            `json:"stage"`
	HighestStage string            `json:"highest_stage"`
	Epoch        int               `json:"epoch"`
	Owner        string            `json:"owner"`
	MergedInto   string            `json:"merged_into"`
	HandoffID    string            `json:"handoff_id"`
	Absorbed     []string          `json:"absorbed"`
	FirstName    string            `json:"first_name"`
	Consent      map[string]string `json:"consent"`
	Score        struct {
		Fit        float64 `json:"fit"`
		Grade      string  `json:"grade"`
		Engagement float64 `json:"engagement"`
	} `json:"score"`
}

type Leads struct {
	Leads         []Lead `json:"leads"`
	NextPageToken string `json:"next_page_token"`
}

type Contribution struct {
	Side      string    `json:"side"`
	Rule      string    `json:"rule"`
	Points    float64   `json:"points"`
	Because   string    `json:"because"`
	Events    []string  `json:"events"`
	RawPoints float64   `json:"raw_points"`
	Decay     float64   `json:"decay"`
	LimitedBy string    `json:"limited_by"`
	At        time.Time `json:"at"`
	Micros    string    `json:"micros"`
}

type Score struct {
	LeadID           string         `json:"lead_id"`
	Fit              float64        `json:"fit"`
	Grade            string         `json:"grade"`
	Engagement       float64        `json:"engagement"`
	At               time.Time      `json:"at"`
	Contributions    []Contribution `json:"contributions"`
	EngagementMicros string         `json:"engagement_micros"`
	FitMicros        string         `json:"fit_micros"`
	QualifiesBy      string         `json:"qualifies_by"`
}

type JournalEntry struct {
	Sequence string          `json:"sequence"`
	LoggedAt time.Time       `json:"logged_at"`
	Producer string          `json:"producer"`
	Cause    string          `json:"cause"`
	Event    json.RawMessage `json:"event"`
}

type JournalPage struct {
	Entries       []JournalEntry `json:"entries"`
	NextPageToken string         `json:"next_page_token"`
}

type Considered struct{ Rep, Skipped string }

type Owner struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Email  string `json:"email"`
	Team   string `json:"team"`
	Chosen struct {
		Route      string       `json:"route"`
		Considered []Considered `json:"considered"`
	} `json:"chosen"`
}

type Account struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Match struct {
		By         string  `json:"by"`
		Confidence float64 `json:"confidence"`
	} `json:"match"`
}

type SLA struct {
	AcceptBy  time.Time `json:"accept_by"`
	ContactBy time.Time `json:"contact_by"`
}

type Handoff struct {
	ID         string       `json:"id"`
	LeadID     string       `json:"lead_id"`
	Epoch      int          `json:"epoch"`
	Stage      string       `json:"stage"`
	Owner      Owner        `json:"owner"`
	Account    Account      `json:"account"`
	SLA        SLA          `json:"sla"`
	Reason     string       `json:"reason"`
	WaitingFor []Considered `json:"waiting_for"`
	Deliveries []Delivery   `json:"deliveries"`
}

type Handoffs struct {
	Handoffs      []Handoff `json:"handoffs"`
	NextPageToken string    `json:"next_page_token"`
}

type Delivery struct {
	ID          string `json:"id"`
	Destination string `json:"destination"`
	Event       string `json:"event"`
	State       string `json:"state"`
	Attempts    int    `json:"attempts"`
	LastStatus  int    `json:"last_status"`
	LastError   string `json:"last_error"`
	HandoffID   string `json:"handoff_id"`
}

type Deliveries struct {
	Deliveries    []Delivery `json:"deliveries"`
	NextPageToken string     `json:"next_page_token"`
}

// Payload is the `data` of handoff.routed.
type Payload struct {
	HandoffID string `json:"handoff_id"`
	Stage     string `json:"stage"`
	Epoch     int    `json:"epoch"`
	Lead      struct {
		ID          string            `json:"id"`
		Email       string            `json:"email"`
		FirstName   string            `json:"first_name"`
		LastName    string            `json:"last_name"`
		Title       string            `json:"title"`
		ExternalIDs map[string]string `json:"external_ids"`
	} `json:"lead"`
	Account Account `json:"account"`
	Owner   Owner   `json:"owner"`
	Score   struct {
		Fit              float64        `json:"fit"`
		Grade            string         `json:"grade"`
		Engagement       float64        `json:"engagement"`
		AgreementVersion int            `json:"agreement_version"`
		Contributions    []Contribution `json:"contributions"`
	} `json:"score"`
	Brief Brief `json:"brief"`
	SLA   SLA   `json:"sla"`
}

type Brief struct {
	WhyNow      []string                 `json:"why_now"`
	Entry       map[string]any           `json:"entry"`
	Familiarity string                   `json:"familiarity"`
	Interests   []struct{ Topic string } `json:"interests"`
	Content     []struct{ Asset string } `json:"content"`
	Timeline    []struct {
		Type    string    `json:"type"`
		At      time.Time `json:"at"`
		Summary string    `json:"summary"`
	} `json:"timeline"`
	Persona       string `json:"persona"`
	JourneyStage  string `json:"journey_stage"`
	Others        []any  `json:"others_at_account"`
	Campaigns     []struct{ ID, Brief string }
	SuggestedNext []struct{ Asset, Reason string } `json:"suggested_next"`
	Consent       map[string]string                `json:"consent"`
	EarlierEpochs []struct {
		Epoch int    `json:"epoch"`
		Ended string `json:"ended"`
	} `json:"earlier_epochs"`
}

type Disposed struct {
	HandoffID string `json:"handoff_id"`
	Stage     string `json:"stage"`
	Owner     string `json:"owner"`
	Sequence  string `json:"sequence"`
	Status    string `json:"status"`
}

type Problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []FieldError `json:"errors"`
}

type Reconciliation struct {
	OK           bool           `json:"ok"`
	Acknowledged int            `json:"acknowledged"`
	Applied      int            `json:"applied"`
	Duplicates   int            `json:"duplicates"`
	Quarantined  int            `json:"quarantined"`
	Pending      int            `json:"pending"`
	Erased       int            `json:"erased"`
	Drift        int            `json:"drift"`
	Leads        int            `json:"leads"`
	LeadsByStage map[string]int `json:"leads_by_stage"`
	Orphans      []string       `json:"orphans"`
	Problems     []string       `json:"problems"`
}

type Funnel struct {
	Leads  int `json:"leads"`
	Stages []struct {
		Stage   string `json:"stage"`
		Entered int    `json:"entered"`
		Current int    `json:"current"`
		Reached int    `json:"reached"`
	} `json:"stages"`
	BySource []struct {
		Name  string `json:"name"`
		Leads int    `json:"leads"`
		Won   int    `json:"won"`
	} `json:"by_source"`
}

// entered gives how many leads entered a stage.
func (f Funnel) entered(stage string) int {
	for _, s := range f.Stages {
		if s.Stage == stage {
			return s.Entered
		}
	}
	return -1
}

// LeadOf gives the lead of an address as of a sequence ("" for as it is).
func (c *Cluster) LeadOf(who, after string) Lead {
	c.t.Helper()
	list := get[Leads](c, "leads?email="+query(who)+"&after="+after)
	if len(list.Leads) != 1 {
		c.t.Fatalf("%d leads are known by %s", len(list.Leads), who)
	}
	return list.Leads[0]
}

// AwaitLead waits until the lead of an address is as ok says.
func (c *Cluster) AwaitLead(who, what string, ok func(Lead) bool) Lead {
	c.t.Helper()
	var lead Lead
	eventually(c.t, what, func() error {
		list, err := tryGet[Leads](c, "leads?email="+query(who))
		if err != nil {
			return err
		}
		if len(list.Leads) != 1 || !ok(list.Leads[0]) {
			return fmt.Errorf("%+v", list.Leads)
		}
		lead = list.Leads[0]
		return nil
	})
	return lead
}

// AwaitStage waits until the lead of an address is in a stage.
func (c *Cluster) AwaitStage(who, stage string) Lead {
	c.t.Helper()
	return c.AwaitLead(who, "stage "+stage, func(l Lead) bool { return l.Stage == stage })
}

// Dispose answers a handoff; the answer must have the status, and is read if that is 200.
func (c *Cluster) Dispose(handoff, what string, body map[string]any, status int) Disposed {
	c.t.Helper()
	r := c.Call("POST", "/api/v1/handoffs/"+handoff+"/"+what, body)
	if r.Status != status {
		c.t.Fatalf("%s: %s, want %d", what, r, status)
	}
	var d Disposed
	if status == 200 {
		c.decode(r.Body, &d)
	} else {
		c.checkProblem(r, status)
	}
	return d
}

func (c *Cluster) decode(text []byte, into any) {
	c.t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		c.t.Fatalf("%v in %s", err, text)
	}
}

// checkProblem checks that a refusal is a problem document with a status and says why.
func (c *Cluster) checkProblem(r reply, status int) Problem {
	c.t.Helper()
	var p Problem
	if err := json.Unmarshal(r.Body, &p); err != nil || r.Status != status || p.Status != status || p.Title == "" || p.Type == "" ||
		p.Detail == "" && len(p.Errors) == 0 || r.Header.Get("Content-Type") != "application/problem+json" {
		c.t.Errorf("%s (%s), want %d and a problem that says why", r, r.Header.Get("Content-Type"), status)
	}
	return p
}

// Reconciled waits until everything has been read, and gives an account that must be right.
func (c *Cluster) Reconciled() Reconciliation {
	c.t.Helper()
	var r Reconciliation
	eventually(c.t, "reconciliation", func() (err error) {
		r, err = tryGet[Reconciliation](c, "reconciliation")
		if err == nil && (!r.OK || r.Pending > 0) {
			err = fmt.Errorf("%+v", r)
		}
		return err
	})
	leads := 0
	for _, n := range r.LeadsByStage {
		leads += n
	}
	if r.Acknowledged != r.Applied+r.Duplicates+r.Quarantined+r.Pending+r.Erased || r.Drift != 0 || leads != r.Leads || len(r.Orphans) > 0 {
		c.t.Fatalf("the account does not add up: %+v", r)
	}
	return r
}

// micros reads an exact number of micro-points.
func micros(t testing.TB, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatalf("%q is no number of micro-points", s)
	}
	return n
}
