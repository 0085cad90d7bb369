package slack

import (
	"fmt"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destinations/notify"
)

// Bounds of Block Kit (https://docs.slack.dev/reference/block-kit/blocks): blocks of a message, characters of a section, of a button's text and of
// its address. The sections are kept shorter than they might be, since escapes make them longer.
const (
	maxItems   = 40
	maxSection = 2800
	maxURL     = 3000
	maxText    = 12000
)

// body gives what is posted.
func (p *poster) body(m *notify.Message) map[string]any {
	out := map[string]any{}
	if p.channel != "" {
		out["channel"] = p.channel
	}
	switch p.format {
	case formatMarkdown:
		out["text"] = p.plain(m, dialect{escape: escapeMarkdown, bold: "**", link: "[%[2]s](%[1]s)", gap: "\n\n"})
	case formatText:
		out["text"] = p.plain(m, slackWords())
	default:
		out["text"] = notify.Clip(p.called(m)+escape(m.Subject), maxText)
		out["blocks"] = p.blocks(m)
	}
	out["unfurl_links"], out["unfurl_media"] = false, false // a look at a link is no press of it, but needs not happen either
	return out
}

type object = map[string]any

func section(text string) object {
	return object{"type": "section", "text": object{"type": "mrkdwn", "text": notify.Clip(text, maxSection)}}
}

// blocks gives a message in Block Kit.
func (p *poster) blocks(m *notify.Message) []object {
	w := slackWords()
	out := []object{section(p.called(m) + w.head(m))}
	if text := w.list(m.Lines); text != "" {
		out = append(out, section(text))
	}
	var buttons []object
	for i, l := range m.Links {
		if len(l.URL) > maxURL {
			continue
		}
		b := object{"type": "button", "text": object{"type": "plain_text", "text": l.Label}, "url": l.URL, "action_id": fmt.Sprintf("link_%d", i)}
		if i == 0 {
			b["style"] = "primary"
		}
		buttons = append(buttons, b)
	}
	if len(buttons) > 0 {
		out = append(out, object{"type": "actions", "elements": buttons})
	}
	var rest []string
	for i, one := range m.Items {
		if i >= maxItems {
			rest = append(rest, one.Subject)
			continue
		}
		out = append(out, section(w.item(one)))
	}
	if len(rest) > 0 {
		out = append(out, section(w.list(rest)))
	}
	if m.Why != "" {
		out = append(out, object{"type": "context", "elements": []object{{"type": "mrkdwn", "text": notify.Clip(escape(m.Why), maxSection)}}})
	}
	return out
}

// plain gives a message as one text.
func (p *poster) plain(m *notify.Message, w dialect) string {
	parts := []string{p.called(m) + w.head(m), w.list(m.Lines), w.links(m.Links)}
	for _, one := range m.Items {
		parts = append(parts, w.item(one))
	}
	if m.Text != "" && len(m.Lines) == 0 {
		parts = append(parts, w.escape(m.Text))
	}
	parts = append(parts, w.escape(m.Why))
	var out []string
	for _, s := range parts {
		if s != "" {
			out = append(out, s)
		}
	}
	return notify.Clip(strings.Join(out, w.gap), maxText)
}

// called gives the mentions of those whom a message concerns, where their ids here are known.
func (p *poster) called(m *notify.Message) string {
	if !p.mentions {
		return ""
	}
	var b strings.Builder
	for _, person := range m.Mention {
		if person.Rep == nil {
			continue
		}
		id := person.Rep.ExternalIDs[p.name]
		if id == "" {
			id = person.Rep.ExternalIDs[Name]
		}
		switch {
		case id == "" || strings.ContainsFunc(id, func(r rune) bool { return !allowed(r) }):
		case strings.HasPrefix(id, "@"): // a user's name, as Mattermost has it
			b.WriteString(id + " ")
		default:
			b.WriteString("<@" + id + "> ")
		}
	}
	return b.String()
}

func allowed(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '@' || r == '.' || r == '_' || r == '-'
}

// dialect is a way of writing.
type dialect struct {
	escape func(string) string
	bold   string
	// link takes the address and the label.
	link string
	gap  string
}

func slackWords() dialect { return dialect{escape: escape, bold: "*", link: "<%s|%s>", gap: "\n"} }

func (w dialect) head(m *notify.Message) string {
	out := w.bold + w.escape(m.Subject) + w.bold
	if m.Lead != "" {
		out += w.gap + w.escape(m.Lead)
	}
	return out
}

func (w dialect) item(m *notify.Message) string {
	parts := []string{w.bold + w.escape(m.Subject) + w.bold}
	if text := w.links(m.Links); text != "" {
		parts = append(parts, text)
	}
	if text := w.list(m.Lines[:min(len(m.Lines), 3)]); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, w.gap)
}

func (w dialect) list(lines []string) string {
	var out []string
	for _, l := range lines {
		out = append(out, "• "+w.escape(l))
	}
	return strings.Join(out, w.gap)
}

func (w dialect) links(list []notify.Link) string {
	var out []string
	for _, l := range list {
		out = append(out, fmt.Sprintf(w.link, strings.NewReplacer("|", "%7C", ">", "%3E", "<", "%3C", ")", "%29", " ", "%20").Replace(l.URL), l.Label))
	}
	return strings.Join(out, " · ")
}

// escape writes a text so that nothing in it is an address, a mention or bold (https://docs.slack.dev/messaging/formatting-message-text).
func escape(s string) string {
	s = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(strings.ToValidUTF8(s, "\ufffd"))
	return uncalled(strings.NewReplacer("*", "\u2217", "`", "\u02cb", "~", "\u223c").Replace(s))
}

// escapeMarkdown does the same for Markdown (https://spec.commonmark.org/0.31.2/#backslash-escapes).
func escapeMarkdown(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		if strings.ContainsRune("\\`*_{}[]()<>#|~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return uncalled(b.String())
}

// uncalled keeps the names that call everybody from doing so, by a space that is not seen.
func uncalled(s string) string {
	return strings.NewReplacer("@channel", "@\u200bchannel", "@here", "@\u200bhere", "@all", "@\u200ball", "@everyone", "@\u200beveryone").Replace(s)
}
