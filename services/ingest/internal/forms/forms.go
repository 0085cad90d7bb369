// Package forms finds the person in what somebody entered in a form, whoever made the form: which answer is the e-mail address,
// which the name, and how the visitor came.
package forms

import (
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

// Kind is what the form itself says that a field is for.
type Kind int

// The kinds. Text is every field that is no more than that.
const (
	Text Kind = iota
	Email
	Phone
)

// Field is one field of a form, filled in.
type Field struct {
	Kind Kind
	// Labels are the names that the field has, the most telling first: a key, a reference, the question.
	Labels []string
	// Entered is what the person entered.
	Entered string
}

// Person sets what the fields say of the person, as far as it is not set yet: the e-mail address, the name, the title, the
// phone, the country, the company. The caller keeps the answers themselves.
func Person(b *fact.Builder, fields []Field) {
	if !b.HasEmail() {
		b.Email("email", Address(fields))
	}
	for _, f := range fields {
		switch name := f.means(); name {
		case "":
		case "name":
			b.Trait("first_name", given(f.Entered))
			b.Trait("last_name", family(f.Entered))
		case "company":
			b.Trait("company", f.Entered)
			b.Company(f.Entered, "")
		default:
			b.Trait(name, f.Entered)
		}
	}
}

// Name sets the person's name from its parts, or from the whole where there are none.
func Name(b *fact.Builder, first, last, whole string) {
	b.Trait("first_name", first)
	b.Trait("last_name", last)
	if strings.TrimSpace(first+last) == "" {
		b.Trait("first_name", given(whole))
		b.Trait("last_name", family(whole))
	}
}

// Address gives the e-mail address of who filled the form in, "" where none can be told: what was entered in a field for
// one (the one for work before the private one), else in a field that is called so, else the only address that was entered at all. An address that is
// asked of somebody else is not taken.
func Address(fields []Field) string {
	var work, declared, named, only string
	count := 0
	for _, f := range fields {
		if _, ok := identity.NormalizeEmail(f.Entered); !ok {
			continue
		}
		asked := f.Kind == Email
		called, forWork, others := false, false, false
		for _, label := range f.Labels {
			l := core.Snake(label)
			called = called || strings.Contains(l, "email") || strings.Contains(l, "e_mail")
			forWork = forWork || hasWord(l, "work", "business", "corporate")
			others = others || hasWord(l, "colleague", "colleagues", "friend", "manager", "boss", "referral", "referred", "guest", "guests")
		}
		if others {
			continue
		}
		count++
		only = f.Entered
		switch {
		case (asked || called) && forWork:
			first(&work, f.Entered)
		case asked:
			first(&declared, f.Entered)
		case called:
			first(&named, f.Entered)
		}
	}
	switch {
	case work != "":
		return work
	case declared != "":
		return declared
	case named != "":
		return named
	case count == 1:
		return only
	}
	return ""
}

func first(p *string, s string) {
	if *p == "" {
		*p = s
	}
}

func hasWord(snake string, words ...string) bool {
	for part := range strings.SplitSeq(snake, "_") {
		for _, w := range words {
			if part == w {
				return true
			}
		}
	}
	return false
}

// maxWords is how many words a label may have to be believed: a long question that mentions a company asks something else.
const maxWords = 6

// means gives our name for the field: one of the traits, name, or "" for anything else.
func (f Field) means() string {
	if strings.TrimSpace(f.Entered) == "" {
		return ""
	}
	for _, label := range f.Labels {
		l := core.Snake(label)
		if strings.Count(l, "_") >= maxWords {
			continue
		}
		switch l {
		case "first_name", "firstname", "given_name", "fname":
			return "first_name"
		case "last_name", "lastname", "surname", "family_name", "lname":
			return "last_name"
		case "name", "full_name", "fullname", "your_name", "what_is_your_name", "what_s_your_name":
			return "name"
		case "job_title", "jobtitle", "title", "position", "role", "job":
			return "title"
		case "company", "company_name", "organization", "organisation", "employer", "organization_name":
			return "company"
		case "country", "country_code":
			return "country"
		case "phone", "phone_number", "mobile", "mobile_number", "telephone", "work_phone", "work_phone_number", "mobile_phone":
			return "phone"
		}
		for _, part := range [...][2]string{
			{"first_name", "first_name"}, {"last_name", "last_name"}, {"job_title", "title"}, {"company_name", "company"},
			{"full_name", "name"}, {"phone_number", "phone"},
		} {
			if strings.Contains(l, part[0]) {
				return part[1]
			}
		}
	}
	if f.Kind == Phone {
		return "phone"
	}
	return ""
}

// given and family split a name that is not "Lind, Ana" at its first blank.
func given(name string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(name), " ")
	if strings.Contains(first, ",") {
		return ""
	}
	return first
}

func family(name string) string {
	first, last, _ := strings.Cut(strings.TrimSpace(name), " ")
	if strings.Contains(first, ",") {
		return ""
	}
	return last
}

// Came states the campaign and the channel that utm_ parameters tell, v having them as members.
func Came(b *fact.Builder, v strictjson.Value) {
	b.Say("campaign", v.Get("utm_campaign").Text())
	b.Say("channel", v.Get("utm_medium").Text())
}

// Keep keeps the members of v as properties, but for those named.
func Keep(b *fact.Builder, v strictjson.Value, but ...string) {
	for m := v.Members(); ; {
		key, value, ok := m.Next()
		if !ok {
			return
		}
		if value.Given() && !isOne(key, but) {
			b.SetProperty(key.Text(), fact.Value(value))
		}
	}
}

func isOne(key strictjson.Value, names []string) bool {
	for _, n := range names {
		if key.Is(n) {
			return true
		}
	}
	return false
}
