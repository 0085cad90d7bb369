// Package telemetry sets up what a process tells about itself: a log without personal data, metrics, and traces.
package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// LogConfig says what is logged, and how it looks.
type LogConfig struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is text, json, or auto: text where the output is a terminal, JSON elsewhere.
	Format string `yaml:"format"`
}

// DefaultLogConfig logs from info on.
func DefaultLogConfig() LogConfig { return LogConfig{Level: "info", Format: "auto"} }

// Validate checks the settings; errors name the field.
func (c LogConfig) Validate() error {
	if _, err := c.level(); err != nil {
		return err
	}
	switch c.Format {
	case "", "auto", "text", "json":
		return nil
	}
	return fmt.Errorf("log.format: %q is not auto, text or json", c.Format)
}

func (c LogConfig) level() (slog.Level, error) {
	var l slog.Level
	if c.Level == "" {
		return l, nil
	}
	if err := l.UnmarshalText([]byte(c.Level)); err != nil {
		return l, fmt.Errorf("log.level: %q is not debug, info, warn or error", c.Level)
	}
	return l, nil
}

// NewLogger gives a logger that writes to w. Whatever is logged through it, e-mail addresses (and the user and password
// of a URL, which look like one) are cut out of the message and of every text, error and printable value: a second line
// of defence behind logging ids only.
func NewLogger(w io.Writer, c LogConfig) (*slog.Logger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	level, err := c.level()
	if err != nil {
		return nil, err
	}
	opt := &slog.HandlerOptions{Level: level, ReplaceAttr: withoutAddresses}
	if c.Format == "text" || c.Format != "json" && Terminal(w) {
		return slog.New(slog.NewTextHandler(w, opt)), nil
	}
	return slog.New(slog.NewJSONHandler(w, opt)), nil
}

// Terminal reports whether w is one, so that colours, progress and text suit it.
func Terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

var address = regexp.MustCompile(`[^\s"'<>(),;:/=@]+(:[^\s"'<>/@]*)?@[\p{L}\p{N}._-]+`)

func withoutAddresses(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(scrub(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(scrub(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(scrub(v.String()))
		case []string:
			clean := make([]string, len(v))
			for i, s := range v {
				clean[i] = scrub(s)
			}
			a.Value = slog.AnyValue(clean)
		}
	}
	return a
}

func scrub(s string) string {
	if !strings.Contains(s, "@") {
		return s
	}
	return address.ReplaceAllString(s, "[address]")
}
