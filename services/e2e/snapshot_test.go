package e2e

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"
)

// Snapshot is all that a user can ask for, apart from what decays with the clock.
type Snapshot map[string]any

// Snapshot asks for everything: all leads with their scores, all handoffs, the funnel.
func (c *Cluster) Snapshot() Snapshot {
	c.t.Helper()
	s := Snapshot{}
	for _, l := range c.AllLeads() {
		l.Score.Engagement = 0 // decays
		s["lead "+l.ID] = l
		score := get[Score](c, "leads/"+l.ID+"/score")
		for i := range score.Contributions {
			k := &score.Contributions[i]
			k.Points, k.Decay, k.Micros = 0, 0, ""
			if k.LimitedBy == "clamp" { // what lies over 100 is of this moment
				k.RawPoints, k.At = 0, time.Time{}
			}
			s[fmt.Sprintf("contribution %d of %s", i, l.ID)] = *k
		}
	}
	for _, h := range c.AllHandoffs("") {
		s["handoff "+h.ID] = h
	}
	s["funnel"] = get[Funnel](c, "metrics/funnel")
	return s
}

// SameSnapshot waits until everything is as it was.
func (c *Cluster) SameSnapshot(want Snapshot) {
	c.t.Helper()
	eventually(c.t, "everything is as it was", func() error { return differ(c.Snapshot(), want) })
}

func differ(got, want Snapshot) error {
	for k, v := range want {
		if !reflect.DeepEqual(got[k], v) {
			return fmt.Errorf("%s is %+v, was %+v", k, got[k], v)
		}
	}
	for k, v := range got {
		if want[k] == nil {
			return fmt.Errorf("%s is new: %+v", k, v)
		}
	}
	return nil
}

// AllLeads lists every lead, page by page; none may come twice.
func (c *Cluster) AllLeads() []Lead {
	c.t.Helper()
	var all []Lead
	seen := map[string]bool{}
	for token := ""; ; {
		page := get[Leads](c, "leads?page_size=200&page_token="+query(token))
		for _, l := range page.Leads {
			if seen[l.ID] {
				c.t.Errorf("%s is listed twice", l.ID)
			}
			seen[l.ID] = true
		}
		all = append(all, page.Leads...)
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

// AllHandoffs lists every handoff that a filter lets through, page by page.
func (c *Cluster) AllHandoffs(filter string) []Handoff {
	c.t.Helper()
	var all []Handoff
	for token := ""; ; {
		page := get[Handoffs](c, "handoffs?page_size=100&"+filter+"&page_token="+query(token))
		all = append(all, page.Handoffs...)
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

// AllDeliveries lists every delivery that a filter lets through, page by page.
func (c *Cluster) AllDeliveries(filter string) []Delivery {
	c.t.Helper()
	var all []Delivery
	for token := ""; ; {
		page := get[Deliveries](c, "deliveries?page_size=100&"+filter+"&page_token="+query(token))
		all = append(all, page.Deliveries...)
		if token = page.NextPageToken; token == "" {
			return all
		}
	}
}

func equal[T comparable](got, want []T) error {
	if !slices.Equal(got, want) {
		return fmt.Errorf("%v, want %v", got, want)
	}
	return nil
}

func readAll(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
