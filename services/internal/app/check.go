package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/batonhq/baton/services/routing"
	"github.com/batonhq/baton/services/scoring"
)

// Check verifies a configuration and all that it names: settings, the certificate, the agreement with its expressions, the directory with
// its routes, sources and destinations. The error joins everything that is wrong.
func Check(c *Config, t Target) error {
	errs := []error{c.Validate(t)}
	if c.HTTP.TLS.On() && t.runs(Ingest) {
		_, err := loadCertificate(c.HTTP.TLS, slog.New(slog.DiscardHandler))
		errs = append(errs, err)
	}
	for _, f := range []struct {
		setting, path string
		wanted        bool
		check         func([]byte) error
	}{
		{"agreement", c.Agreement.String(), t.runs(Scoring), CheckAgreement},
		{"directory", c.Directory.String(), t.runs(Routing), CheckDirectory},
	} {
		if f.path == "" || !f.wanted {
			continue
		}
		text, err := os.ReadFile(f.path)
		if err == nil {
			err = f.check(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.setting, err))
		}
	}
	return errors.Join(errs...)
}

// CheckAgreement verifies the text of an agreement: every field and expression.
func CheckAgreement(text []byte) error {
	return scoring.CheckAgreement(text)
}

// LintAgreement tells what is legal in an agreement and probably not meant, each with its line and field.
func LintAgreement(text []byte) ([]string, error) {
	return scoring.LintAgreement(text)
}

// CheckDirectory verifies the text of a directory: every field, every reference and every route's expression.
func CheckDirectory(text []byte) error {
	return routing.CheckDirectory(text)
}

// ReadAccounts reads and checks a list of accounts, "csv" or "ndjson".
func ReadAccounts(in io.Reader, format string) (*routing.AccountList, error) {
	return routing.ReadAccounts(in, format)
}
