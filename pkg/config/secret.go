package config

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a Secret prints instead of itself.
const Redacted = "[redacted]"

// Secret is a setting that must not be seen: a token, a key, an address with a password in it. In a file or a variable it
// is plain text, `${NAME}` for an environment variable (also within text), or `file:PATH` for the contents of a file
// without the line break at its end. However it is printed, logged or marshalled it says [redacted]; Reveal alone gives
// the text. The text lies behind a function, so that even a print that cannot reach these methods (of an unexported field,
// say) shows an address only.
type Secret struct {
	text func() secretText
}

type secretText struct {
	value string
	// dir is where file: paths start from, until the secret is resolved.
	dir string
	// file is where the value was read, once it is resolved; "" where it was not read from one.
	file string
	// problem is why there is no value; it is told, with the setting's path, when the secret is resolved.
	problem error
}

// NewSecret wraps a text as it is: nothing in it is expanded.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return secretFrom(text, "")
}

func secretFrom(text, dir string) Secret {
	return Secret{text: func() secretText { return secretText{value: text, dir: dir} }}
}

// Reveal gives the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text().value
}

// Reread gives the secret as the file that it came from has it now; one that came from elsewhere is given as it is. An error
// (the file is gone, empty, too large) says nothing of the old value, which is still good.
func (s Secret) Reread() (Secret, error) {
	if s.text == nil || s.text().file == "" {
		return s, nil
	}
	file := s.text().file
	value, err := readSecret(file)
	if err != nil {
		return Secret{}, err
	}
	return Secret{text: func() secretText { return secretText{value: value, file: file} }}, nil
}

// RereadAll puts each secret as Reread gives it into its place, and reports whether one is new. Those that cannot be read stay as they
// are; the error joins theirs.
func RereadAll(secrets ...*Secret) (differs bool, err error) {
	var errs []error
	for _, secret := range secrets {
		fresh, err := secret.Reread()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		differs = differs || fresh.Reveal() != secret.Reveal()
		*secret = fresh
	}
	return differs, errors.Join(errs...)
}

// IsZero reports whether nothing is set.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Is compares with a text in a time that does not depend on where they differ. An unset secret equals nothing.
func (s Secret) Is(text string) bool {
	return !s.IsZero() && subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(text)) == 1
}

// String gives [redacted], or "" where nothing is set: whether there is a secret is worth knowing.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format writes String for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText gives String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalJSON gives String, quoted.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// MarshalYAML gives String.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue gives String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// UnmarshalYAML takes text. What it refers to, and whether it is text, Load finds out when it resolves the secret.
func (s *Secret) UnmarshalYAML(unmarshal func(any) error) error { return s.unmarshal(unmarshal, "") }

func (s *Secret) unmarshal(unmarshal func(any) error, dir string) error {
	var v any
	err := unmarshal(&v)
	text, ok := v.(string)
	switch {
	case err == nil && (v == nil || ok && text == ""):
		*s = Secret{}
	case err == nil && ok:
		*s = secretFrom(text, dir)
	default: // a number would not come back as it was written
		*s = Secret{text: func() secretText { return secretText{problem: errNoText} }}
	}
	return nil
}

var errNoText = errors.New("a secret is text: put it in quotes")

// Path is a file or folder. One that is not absolute starts from the folder of the configuration file that names it; from
// the working folder where an environment variable, a flag or a default does.
type Path string

// String gives the path.
func (p Path) String() string { return string(p) }
