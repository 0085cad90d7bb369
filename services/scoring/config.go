package scoring

import (
	"errors"
	"fmt"
	"os"

	"github.com/batonhq/baton/pkg/agreement"
	"github.com/batonhq/baton/services/scoring/internal/book"
	"github.com/batonhq/baton/services/scoring/internal/lint"
)

// Config of the scoring service.
type Config struct {
	// Agreement is the file that holds the agreement, "" for none. It stands at the top of the configuration file, beside
	// the services, and is handed in by whoever puts them together.
	Agreement string `yaml:"-"`
	// Batch is how many events go into one commit at most. A bigger batch is faster and takes longer to be seen.
	Batch int `yaml:"batch"`
	// CacheLeads is how many leads are kept decoded between commits: about 8 KB of memory each. Leads that did much count for
	// more than one, so that the memory stays what it is.
	CacheLeads int `yaml:"cache_leads"`
}

// usualLead is how many bytes the state of a lead takes, as stored, that has done a few things.
const usualLead = 2 << 10

// DefaultConfig gives the defaults.
func DefaultConfig() Config { return Config{Batch: 2000, CacheLeads: 3_000} }

// Validate gives everything that is wrong, each with the field's name and the reason. It does not read the agreement.
func (c Config) Validate() error {
	var errs []error
	if c.Batch < 1 || c.Batch > 10_000 {
		errs = append(errs, fmt.Errorf("scoring.batch: %d is not between 1 and 10000", c.Batch))
	}
	if c.CacheLeads < 1 || c.CacheLeads > 10_000_000 {
		errs = append(errs, fmt.Errorf("scoring.cache_leads: %d is not between 1 and 10000000", c.CacheLeads))
	}
	return errors.Join(errs...)
}

// CheckAgreement verifies the text of an agreement: every field, and that every expression compiles. The error is an
// agreement.Errors (package pkg/agreement), with a line, a field and a reason for each mistake.
func CheckAgreement(text []byte) error {
	library, err := book.NewLibrary()
	if err != nil {
		return err
	}
	_, err = library.Check(text)
	return err
}

// LintAgreement tells what is legal in the text of an agreement and probably not meant, each with its line and field. The
// error is that of CheckAgreement.
func LintAgreement(text []byte) ([]string, error) {
	library, err := book.NewLibrary()
	if err != nil {
		return nil, err
	}
	a, err := library.Check(text)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range lint.Check(a) {
		out = append(out, agreement.Error{Line: f.Line, Field: f.Field, Reason: f.Text}.Error())
	}
	return out, nil
}

// readAgreement reads the configured file, no text where there is none.
func (c Config) readAgreement() ([]byte, error) {
	if c.Agreement == "" {
		return nil, nil
	}
	text, err := os.ReadFile(c.Agreement)
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	return text, nil
}
