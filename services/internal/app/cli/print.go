package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// printJSON prints a message as the API gives it, indented.
func printJSON(env *Env, m proto.Message) error {
	text, err := jsonOptions().Marshal(m)
	if err != nil {
		return err
	}
	return printRaw(env, text)
}

func printRaw(env *Env, text []byte) error {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return err
	}
	_, err := fmt.Fprintln(env.Stdout, out.String())
	return err
}

// when gives a moment for people, in UTC; a dash for none.
func when(t *timestamppb.Timestamp) string {
	if t == nil {
		return "–"
	}
	return t.AsTime().UTC().Format("2006-01-02 15:04 UTC")
}

// until adds how far away a moment is.
func until(t *timestamppb.Timestamp, now time.Time) string {
	if t == nil {
		return "–"
	}
	d := t.AsTime().Sub(now).Round(time.Minute)
	if d < 0 {
		return when(t) + " (" + span(-d) + " ago)"
	}
	return when(t) + " (in " + span(d) + ")"
}

func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d min", int(d.Minutes()))
}

// text makes what senders wrote fit for a terminal: no control characters, no line breaks.
func text(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u202e' || r == '\u2066' || r == '\u2067' || r == '\u2068' {
			return '·'
		}
		return r
	}, s)
}

// or gives the first text that is not empty.
func or(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return text(t)
		}
	}
	return "–"
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
