package odoo

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// exception gives the name of the Python exception that an answer tells of, "" where it tells of none.
func exception(a *destination.Answer) string {
	var f struct {
		Name string `json:"name"`
	}
	a.JSON(&f)
	return f.Name
}

// judge gives the outcome of an answer that is no success. The exception's name says more than the status: what Odoo did not
// foresee is a 500, whether the database was busy or a field is missing.
func (o *odoo) judge(a *destination.Answer) destination.Outcome {
	out := a.Judge(o.now())
	var f struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	}
	if !a.JSON(&f) || f.Name == "" || a.OK() || out.Verdict == destination.Later {
		if a.Status == http.StatusNotFound {
			out.Verdict, out.Reason = destination.Operator, out.Reason+": there is no such API: Odoo 19 or later is needed, and the right database"
		}
		return out
	}
	decide := func(v destination.Verdict, sick bool) {
		out.Verdict, out.Sick = v, sick
	}
	name := f.Name
	switch {
	case name == "odoo.exceptions.AccessError", name == "odoo.exceptions.AccessDenied", name == "werkzeug.exceptions.Unauthorized", name == "werkzeug.exceptions.Forbidden":
		decide(destination.Operator, false)
	case name == "werkzeug.exceptions.NotFound":
		decide(destination.Operator, false)
		out.Reason += ": the database, the model or the method is not there: is the CRM app installed?"
	case strings.Contains(f.Message, "Invalid field"):
		decide(destination.Operator, false)
		if m := regexp.MustCompile(`Invalid field ['"]?([a-z][a-z0-9_]{0,62})\b`).FindStringSubmatch(f.Message); m != nil {
			out.Reason += ": there is no field " + m[1]
		}
	case name == "odoo.exceptions.ValidationError", name == "odoo.exceptions.UserError", name == "odoo.exceptions.RedirectWarning", name == "odoo.exceptions.MissingError",
		name == "werkzeug.exceptions.UnprocessableEntity", name == "werkzeug.exceptions.BadRequest", name == "builtins.ValueError", name == "builtins.TypeError",
		strings.HasSuffix(name, "Violation"), strings.HasSuffix(name, "DataError"), strings.HasSuffix(name, "StringDataRightTruncation"):
		decide(destination.Never, false)
	case strings.HasSuffix(name, "SerializationFailure"), strings.HasSuffix(name, "LockNotAvailable"), strings.HasSuffix(name, "DeadlockDetected"), strings.HasSuffix(name, "ConcurrencyError"):
		decide(destination.Again, false)
	}
	return out.Because(name)
}

// fieldName gives a field's technical name, "" where it is none.
func fieldName(s string) string {
	if regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`).MatchString(s) {
		return s
	}
	return ""
}
