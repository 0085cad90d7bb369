package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"
)

// A score can be asked for as of any moment: it is the very one that was shown then, whatever came after.
func TestScoreOfAPastMoment(t *testing.T) {
	c := Start(t, Setup{})
	const who = "mia.moment@initech.example"
	device := "moment-device"
	anonymous := visit("moment-0", "", "https://www.example/pricing")
	anonymous.Lead = Who{AnonymousID: device}
	c.Send(anonymous)
	lead := ""
	var shown []map[string]any
	for i, e := range []Event{
		visit("moment-1", who, "https://www.example/pricing"),
		buyer("moment-2", who, "initech.example"),
		download("moment-3", who, "pricing-guide"),
		{ID: "moment-4", Type: "page_viewed", Lead: Who{Email: who, AnonymousID: device}},
		{ID: "moment-5", Type: "deal_won", Lead: email(who), Properties: map[string]any{"deal_id": "d-moment"}},
	} {
		after := c.Send(e)
		lead = c.LeadOf(who, after).ID
		shown = append(shown, get[map[string]any](c, "leads/"+lead+"/score?after="+after))
		if i == 3 { // the device's history comes with a fact behind the event
			eventually(t, "the device's visit counts", func() error {
				s := get[map[string]any](c, "leads/"+lead+"/score")
				if shown[3] = s; len(s["contributions"].([]any)) <= len(shown[2]["contributions"].([]any)) {
					return fmt.Errorf("%v", s)
				}
				return nil
			})
		}
	}
	if reflect.DeepEqual(shown[0]["contributions"], shown[3]["contributions"]) {
		t.Fatal("nothing changed in between: this tests nothing")
	}
	for i, then := range shown {
		now := get[map[string]any](c, "leads/"+lead+"/score?at="+url.QueryEscape(then["at"].(string)))
		if !reflect.DeepEqual(now, then) {
			a, _ := json.Marshal(now)
			b, _ := json.Marshal(then)
			t.Errorf("after event %d it was\n%s\nand is told as\n%s", i+1, b, a)
		}
	}
	later := get[Score](c, "leads/"+lead+"/score?at="+url.QueryEscape(time.Now().AddDate(0, 6, 0).Format(time.RFC3339)))
	if before := shown[len(shown)-1]["engagement"].(float64); later.Engagement >= before || later.Engagement <= 0 {
		t.Errorf("%v now, %v in half a year", before, later.Engagement)
	}
	for at, status := range map[string]int{"2001-01-01T00:00:00Z": http.StatusNotFound, "1969-01-01T00:00:00Z": http.StatusBadRequest, "9000-01-01T00:00:00Z": http.StatusBadRequest} {
		if r := c.Call("GET", "/api/v1/leads/"+lead+"/score?at="+at, nil); r.Status != status {
			t.Errorf("as of %s: %s", at, r)
		}
	}
}
