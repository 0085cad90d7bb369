package directory

import (
	"regexp"
	"slices"
	"strings"

	"github.com/batonhq/baton/pkg/strictyaml"
	"github.com/batonhq/baton/services/routing/internal/core"
)

// languagesText says what language a lead speaks where nobody stated it.
type languagesText struct {
	ByCountry map[string]string `yaml:"by_country"`
	Default   string            `yaml:"default"`
}

// needsText is what a pool or a route asks of a rep.
type needsText struct {
	Skills []string `yaml:"skills"`
	// lead, or a list of tags.
	Languages any      `yaml:"languages"`
	Fallback  []string `yaml:"fallback"`
}

var (
	tagShape     = regexp.MustCompile(`^[a-z]{2,3}$`)
	countryShape = regexp.MustCompile(`^[A-Z]{2}$`)
)

const (
	tagReason     = "must be a language's tag of two or three letters such as sv"
	countryReason = "must be a country's code of two letters such as SE"
)

func (b *builder) languages(t *languagesText) {
	if t == nil {
		return
	}
	l := core.Languages{ByCountry: map[string]string{}, Default: strings.ToLower(t.Default)}
	for country, tag := range t.ByCountry {
		if !countryShape.MatchString(country) {
			b.Fail("languages.by_country", "%q %s", strictyaml.Clip(country), countryReason)
		}
		if tag = strings.ToLower(tag); !tagShape.MatchString(tag) {
			b.Fail("languages.by_country."+strictyaml.Clip(country), tagReason)
		}
		l.ByCountry[country] = tag
	}
	if l.Default != "" && !tagShape.MatchString(l.Default) {
		b.Fail("languages.default", tagReason)
	}
	b.dir.Languages = l
}

// tags reads languages: of sv-SE the primary tag counts.
func (b *builder) tags(path string, list []string) (out []string) {
	for i, s := range list {
		tag, _, _ := strings.Cut(strings.ToLower(s), "-")
		if !tagShape.MatchString(tag) {
			b.Fail(at(path, i), tagReason)
		}
		out = append(out, tag)
	}
	return out
}

func (b *builder) needs(path string, t *needsText) core.Needs {
	if t == nil {
		return core.Needs{}
	}
	n := core.Needs{Skills: b.words(path+".skills", t.Skills), Fallback: b.tags(path+".fallback", t.Fallback)}
	switch v := t.Languages.(type) {
	case nil:
	case string:
		if n.LeadLanguage = v == "lead"; !n.LeadLanguage {
			b.Fail(path+".languages", "must be lead (the lead's own), or a list of languages of which one must be spoken")
		}
	case []any:
		var list []string
		for _, item := range v {
			s, _ := item.(string)
			list = append(list, s)
		}
		n.Languages = b.tags(path+".languages", list)
	default:
		b.Fail(path+".languages", "must be lead (the lead's own), or a list of languages of which one must be spoken")
	}
	if len(n.Fallback) > 0 && !n.LeadLanguage && len(n.Languages) == 0 {
		b.Fail(path+".fallback", "is nothing without languages")
	}
	if n.IsZero() {
		b.Fail(path, "asks for nothing: give skills or languages, or leave it out")
	}
	// A skill that nobody has would keep everything waiting.
	for i, s := range n.Skills {
		if !b.anybody(func(r *core.Rep) bool { return slices.Contains(r.Skills, s) }) {
			b.Fail(at(path+".skills", i), "no rep has skill %q", strictyaml.Clip(s))
		}
	}
	return n
}

func (b *builder) anybody(is func(*core.Rep) bool) bool {
	for i := range b.dir.Reps {
		if is(&b.dir.Reps[i]) {
			return true
		}
	}
	return false
}
