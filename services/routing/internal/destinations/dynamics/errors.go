package dynamics

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// fault is how the Web API tells of an error.
type fault struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// judged is what an answer that is no success comes to.
type judged struct {
	outcome destination.Outcome
	code    string
}

// The codes that teach something.
const (
	tooLong      = "0x80044331"
	noSuchRow    = "0x80040217"
	noSuchKeyRow = "0x80060891"
)

// judge tells the errors apart.
func judge(a *destination.Answer, now time.Time) judged {
	j := judged{outcome: a.Judge(now)}
	var f fault
	if json.Unmarshal(a.Body, &f) == nil {
		j.code = strings.ToLower(f.Error.Code)
		if strings.HasPrefix(j.code, "0x") {
			j.code = "0x" + strings.ToLower(j.code[2:])
		}
	}
	o := &j.outcome
	verdict := func(v destination.Verdict, sick bool) {
		o.Verdict, o.Sick = v, sick
		if v != destination.Later && !sick {
			o.After = 0
		}
	}
	switch j.code {
	case "0x80072322", "0x80072321", "0x80072326", "0x8005f103":
		// Requests, execution time or parallel requests of the last 5 minutes; the address of the organisation throttled.
		verdict(destination.Later, false)
		o.After = destination.RetryAfter(a.Header, now)
	case "0x80040220", "0x80048306", "0x80040225", "0x80072560", "0x80048405", "0x80042f09", "0x80072559":
		// A privilege is missing, the application's user is disabled or no member of the organisation.
		verdict(destination.Operator, false)
	case "0x80060888", "0x80060893", "0x80060890":
		// The table, the column of a query or the alternate key is not there.
		verdict(destination.Operator, false)
	case "0x80048d19":
		// Of a payload: a column that is not there concerns every lead, a value that does not fit this one.
		if strings.Contains(f.Error.Message, "undeclared property") || strings.Contains(f.Error.Message, "does not exist on type") {
			verdict(destination.Operator, false)
		} else {
			verdict(destination.Never, false)
		}
	case "0x80060892", "0x80040237", "0x80060882":
		// Somebody else wrote the same meanwhile: the next attempt finds it.
		verdict(destination.Again, false)
	case "0x80044150", "0x80044151", "0x80040216", "0x80048544":
		// The database: an error, a time-out, an unexpected end.
		verdict(destination.Again, true)
	case noSuchRow, noSuchKeyRow, "0x80040333", "0x80040265", tooLong:
		// 0x80040333: a duplicate rule; 0x80040265: a plug-in of the organisation's own refused.
		verdict(destination.Never, false)
	default:
		if a.Status == http.StatusPreconditionFailed {
			verdict(destination.Again, false)
		}
	}
	if a.OK() {
		o.Verdict, o.Sick = destination.Again, true
		o.Reason = "the answer cannot be understood"
	}
	j.outcome = o.Because(j.code)
	return j
}

// readRows reads a list.
func readRows(body []byte) ([]map[string]any, bool) {
	var list struct {
		Value []map[string]any `json:"value"`
	}
	if json.Unmarshal(body, &list) != nil || list.Value == nil {
		return nil, false
	}
	return list.Value, true
}
