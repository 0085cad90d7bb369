package crm

import (
	"fmt"
	"html"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Cut shortens a text to at most n UTF-16 units, which is how CRMs count at the most; a shortened one ends with an ellipsis.
func Cut(s string, n int) (short string, cut bool) {
	if n <= 0 || len(s) <= n {
		return s, false
	}
	units, end := 0, 0
	for i, r := range s {
		w := utf16.RuneLen(r)
		if units+w > n-1 && end == 0 {
			end = i + 1 // one more than the place, so that 0 means none
		}
		units += w
	}
	if units <= n {
		return s, false
	}
	return s[:end-1] + "…", true
}

// CutAll shortens the texts among values to the lengths that are known of their fields, and names the fields that were.
func CutAll(values map[string]any, lengths map[string]int) (cut []string) {
	for name, v := range values {
		s, isText := v.(string)
		if !isText || lengths[name] <= 0 {
			continue
		}
		if short, was := Cut(s, lengths[name]); was {
			values[name] = short
			cut = append(cut, name)
		}
	}
	return cut
}

// Text gives a value of a field as a text; a list's items with sep between them.
func Text(v any, sep string) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		texts := make([]string, len(v))
		for i, item := range v {
			texts[i] = Text(item, sep)
		}
		return strings.Join(texts, sep)
	}
	return fmt.Sprint(v)
}

// JoinLists makes a text of each list among values: how most vendors take several choices.
func JoinLists(values map[string]any, sep string) {
	for name, v := range values {
		if list, ok := v.([]any); ok {
			values[name] = Text(list, sep)
		}
	}
}

// Lengths are how long texts may be, by object and field, as far as the CRM has said so. It is safe for use by several goroutines.
type Lengths struct {
	mu  sync.Mutex
	all map[string]map[string]int
}

// Set takes over what is known of an object's fields.
func (l *Lengths) Set(object string, fields map[string]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]map[string]int{}
	}
	l.all[object] = fields
}

// Of gives what is known of an object's fields, nil for nothing. It must not be changed.
func (l *Lengths) Of(object string) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[object]
}

// Shorten cuts an object's values to lengths and says in the log which of them it cut.
func Shorten(log *slog.Logger, config *destination.Config, job *destination.Job, object string, values map[string]any, lengths map[string]int) {
	if cut := CutAll(values, lengths); len(cut) > 0 {
		slices.Sort(cut)
		log.Warn("values are longer than their fields and were cut", "destination", config.Name, "delivery", job.ID, "object", object, "fields", cut)
	}
}

// MaxText is how long a note or task may become, in bytes; what is longer is cut. HubSpot takes 65,536 characters, the others
// more.
const MaxText = 60_000

// fit gives the markup, or the text in its place where the markup is too long: markup that is cut is broken.
func fit(markup, text string) string {
	if len(markup) <= MaxText && markup != "" {
		return markup
	}
	for n := MaxText; ; n /= 2 {
		if out := "<p>" + strings.ReplaceAll(html.EscapeString(cutBytes(text, n)), "\n", "<br>") + "</p>"; len(out) <= MaxText {
			return out
		}
	}
}

// cutBytes shortens a text to at most n bytes, at a character's end.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
