package agreement

import "github.com/batonhq/baton/pkg/strictyaml"

// Error is one thing wrong with a text, with its line and its field.
type Error = strictyaml.Error

// Errors is everything found wrong with a text, in its order; at most strictyaml.MaxErrors.
type Errors = strictyaml.Errors
