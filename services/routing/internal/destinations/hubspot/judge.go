package hubspot

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// failure is an error as HubSpot's API tells it.
type failure struct {
	Category string `json:"category"`
	Message  string `json:"message"`
	Policy   string `json:"policyName"`
	Errors   []struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Context struct {
			Property []string `json:"propertyName"`
		} `json:"context"`
	} `json:"errors"`
}

// Waits that HubSpot names itself, where no header says another.
const (
	waitRolling = 10 * time.Second // the limit of ten seconds
	waitSecond  = time.Second      // the limit of the search
	waitLocked  = 2 * time.Second  // 423: other writes hold the record
	waitMove    = 24 * time.Hour   // 477: the portal moves between data centres, "up to 24 hours"
	moving      = 477
)

// judge gives the outcome of an answer that is no success.
func (h *hubspot) judge(answer *destination.Answer) destination.Outcome {
	o := answer.Judge(h.now())
	var f failure
	answer.JSON(&f)
	switch answer.Status {
	case http.StatusTooManyRequests:
		o.After = max(o.After, h.limited(answer, &f))
		return o.Because(f.Policy)
	case http.StatusLocked:
		return destination.Outcome{Verdict: destination.Again, Status: answer.Status, After: max(waitLocked, o.After), Reason: "the record is locked by other writes"}
	case moving:
		o.Verdict, o.Reason, o.After = destination.Later, "the account is being moved to another data centre", destination.RetryAfter(answer.Header, h.now())
		if o.After == 0 {
			o.After = waitMove
		}
		return o
	}
	return f.outcome(o)
}

// limited gives how long a limit holds. The daily one ends at midnight in the account's time zone.
func (h *hubspot) limited(answer *destination.Answer, f *failure) time.Duration {
	says := strings.ToUpper(f.Policy + " " + f.Message)
	switch {
	case strings.Contains(says, "DAILY"), answer.Header.Get("X-HubSpot-RateLimit-Daily-Remaining") == "0":
		now := h.now().In(h.zone.Load())
		return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, now.Location()).Sub(now)
	case strings.Contains(says, "TEN_SECONDLY"), strings.Contains(says, "TEN SECONDLY"):
		return h.rolling.refused(h.now())
	case strings.Contains(says, "SECONDLY"):
		return waitSecond
	}
	if ms, err := time.ParseDuration(answer.Header.Get("X-HubSpot-RateLimit-Interval-Milliseconds") + "ms"); err == nil && ms > 0 && ms <= time.Minute {
		return ms
	}
	return waitRolling
}

// outcome tells apart why a request was refused. A property that is missing or cannot be written is the operator's to mend; a
// value that is not accepted is the delivery's alone.
func (f *failure) outcome(o destination.Outcome) destination.Outcome {
	code, property := f.code()
	switch code {
	case "PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE", "READ_ONLY_PROPERTY", "MISSING_SCOPES":
		o.Verdict = destination.Operator
	case "INVALID_EMAIL", "INVALID_OPTION", "INVALID_INTEGER", "INVALID_LONG", "INVALID_DATE", "INVALID_OWNER_ID":
		o.Verdict = destination.Never
	case "CONFLICT", "CONFLICTING_UNIQUE_VALUE", "OBJECT_ALREADY_EXISTS":
		// Somebody made it a moment ago: the next attempt finds it.
		o.Verdict = destination.Again
	case "RATE_LIMITS":
		o.Verdict, o.After = destination.Later, max(o.After, waitRolling)
	}
	o = o.Because(code)
	if property != "" {
		o.Reason += " (property " + property + ")"
	}
	return o
}

// code gives the narrowest code that an error has, and the property that it names. Where several values are wrong, HubSpot writes
// them as JSON into the message.
func (f *failure) code() (code, property string) {
	if start := strings.IndexByte(f.Message, '['); start >= 0 {
		var wrong []struct {
			Error string `json:"error"`
			Name  string `json:"name"`
		}
		if json.NewDecoder(strings.NewReader(f.Message[start:])).Decode(&wrong) == nil && len(wrong) > 0 && wrong[0].Error != "" {
			return wrong[0].Error, name(wrong[0].Name)
		}
	}
	for _, e := range f.Errors {
		if e.Code == "" {
			continue
		}
		if len(e.Context.Property) > 0 {
			property = e.Context.Property[0]
		}
		return e.Code, name(property)
	}
	return f.Category, ""
}

// name gives a property's internal name, "" where it is none: it could be anything.
func name(s string) string {
	if regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`).MatchString(s) {
		return s
	}
	return ""
}
