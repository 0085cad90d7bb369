package agreement

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const timed = `
agreement: a
qualify: [ {id: matrix, when: 'grade == "a"'}, {id: fast-track, on: demo_requested} ]
sla:
  accept_within: 4h
  contact_within: 24h
  ladder: [ {at: 30m, notify: rep}, {at: 50%, notify: manager}, {at: 150%, reassign: true}, {at: 2d, overflow: true, notify: manager} ]
  contact_ladder: [ {at: 90%, notify: rep} ]
  max_reassigns: 1
  pause: {at_most: 5d}
handover: { at_once: [fast-track], hold: {after_touch: 30m, after_mail: 4h, at_most: 24h}, owner: wait, owner_wait: 16h }
outreach: {quiet: 48h, sales_first: true}
`

func TestTimingIsRead(t *testing.T) {
	a := parsed(t, timed)
	want := SLA{
		AcceptWithin: 4 * time.Hour, ContactWithin: 24 * time.Hour, Clock: ClockElapsed, MaxReassigns: 1, OwnContactLadder: true, Pause: Pause{AtMost: 5 * day},
		Ladder: []Step{{After: 30 * time.Minute, Notify: NotifyRep}, {At: 50, Notify: NotifyManager}, {At: 150, Reassign: true},
			{After: 2 * day, Overflow: true, Notify: NotifyManager}},
		ContactLadder: []Step{{At: 90, Notify: NotifyRep}},
	}
	if !reflect.DeepEqual(a.SLA, want) {
		t.Errorf("got %+v", a.SLA)
	}
	if h := (Handover{AtOnce: []string{"fast-track"}, AfterTouch: 30 * time.Minute, AfterMail: 4 * time.Hour, AtMost: day, OwnerWait: 16 * time.Hour}); !reflect.DeepEqual(a.Handover, h) {
		t.Errorf("got %+v", a.Handover)
	}
	if o := (Outreach{Quiet: 2 * day, SalesFirst: true}); a.Outreach != o {
		t.Errorf("got %+v", a.Outreach)
	}
	// What the text leaves out.
	a = parsed(t, "agreement: a\nhandover: {hold: {after_mail: 30h}, owner: wait}")
	if h := (Handover{AfterMail: 30 * time.Hour, AtMost: 30 * time.Hour, OwnerWait: DefaultOwnerWait}); !reflect.DeepEqual(a.Handover, h) {
		t.Errorf("got %+v", a.Handover)
	}
	if a = parsed(t, "agreement: a"); !reflect.DeepEqual(a.Handover, Handover{}) || a.Outreach != (Outreach{}) || a.SLA.Pause.AtMost != 0 || a.SLA.OwnContactLadder {
		t.Errorf("got %+v", a)
	}
}

func TestTimingErrors(t *testing.T) {
	sla := func(s string) string { return "agreement: a\nsla: {accept_within: 4h, contact_within: 8h, " + s + "}" }
	for name, c := range map[string]struct{ text, want string }{
		"both ways":         {sla("ladder: [{at: 50%, reassign: true, overflow: true}]"), "line 2: sla.ladder[0]: cannot give it to another rep and to the queue"},
		"mixed order":       {sla("ladder: [{at: 50%, notify: rep}, {at: 90m, notify: rep}]"), "sla.ladder[1]: comes before the step above it"},
		"not a moment":      {sla("ladder: [{at: soon, notify: rep}]"), "sla.ladder[0].at: must be a percentage between 1% and 10000%, or a duration such as 30m"},
		"contact reassigns": {sla("contact_ladder: [{at: 50%, reassign: true}]"), "sla.contact_ladder[0]: takes the handoff from a rep who has accepted it"},
		"no contact clock":  {"agreement: a\nsla: {accept_within: 4h, contact_ladder: [{at: 50%, notify: rep}]}", "sla.contact_ladder: is of a clock that the agreement does not have"},
		"pause":             {sla("pause: {}"), "sla.pause.at_most: is missing"},
		"unknown rule":      {"agreement: a\nhandover: {at_once: [vip]}", `line 2: handover.at_once[0]: "vip" is not among the qualify rules`},
		"holds nothing":     {"agreement: a\nhandover: {hold: {at_most: 4h}}", "handover.hold: holds nothing"},
		"never passes":      {"agreement: a\nhandover: {hold: {after_mail: 5h, at_most: 4h}}", "handover.hold.after_mail: is longer than at_most (4h)"},
		"owner":             {"agreement: a\nhandover: {owner: maybe}", "handover.owner: must be wait or pool"},
		"owner wait":        {"agreement: a\nhandover: {owner_wait: 4h}", "handover.owner_wait: says how long to wait"},
		"outreach":          {"agreement: a\noutreach: {sales_first: false}", "outreach: refuses nothing"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got  %v\nwant %s", name, err, c.want)
		}
	}
	// A ladder without a promise was always read, and does nothing.
	if _, err := Parse([]byte("agreement: a\nsla: {ladder: [{at: 50%, notify: rep}, {at: 100%, notify: manager}]}")); err != nil {
		t.Error(err)
	}
}

func TestTimingDifferences(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"step in time":   {"at: 30m", "at: 45m", "sla/ladder 45m added: new step: at 45m tell the rep\nsla/ladder 30m removed: removed step: at 30m tell the rep\n"},
		"overflow":       {"overflow: true", "overflow: false", "sla/ladder 2d changed: step at 2d: tell the manager and put it back into the queue → tell the manager\n"},
		"contact ladder": {"contact_ladder: [ {at: 90%, notify: rep} ]", "contact_ladder: []", "sla/contact_ladder 90% removed: removed step before contact: at 90% of the time tell the rep\n"},
		"none of its own": {"  contact_ladder: [ {at: 90%, notify: rep} ]\n", "", "sla/contact_ladder changed: steps before contact: its own → those of accepting that tell somebody\n" +
			"sla/contact_ladder 90% removed: removed step before contact: at 90% of the time tell the rep\n"},
		"pause":       {"  pause: {at_most: 5d}\n", "", "sla/pause changed: its owner may pause a handoff for up to 5d → only managers may pause a handoff\n"},
		"after touch": {"after_touch: 30m, ", "", "handover/after_touch changed: held after the lead's last touch: 30m → not at all\n"},
		"at most":     {"at_most: 24h", "at_most: 12h", "handover/at_most changed: held at most: 1d → 12h\n"},
		"owner":       {"owner: wait, owner_wait: 16h", "owner: pool", "handover/owner_wait changed: waits for the account's owner: 16h → not at all\n"},
		"at once": {"at_once: [fast-track]", "at_once: [matrix]", "handover/at_once changed: no longer handed over at once: fast-track\n" +
			"handover/at_once changed: handed over at once: matrix\n"},
		"quiet":       {"quiet: 48h", "quiet: 24h", "outreach/quiet changed: nobody else turns to a lead after sales did: for 2d → 1d\n"},
		"sales first": {", sales_first: true", "", "outreach/sales_first changed: marketing may not → marketing may write to a lead that sales has\n"},
	} {
		if !strings.Contains(timed, c.old) {
			t.Fatalf("%s: nothing is replaced", name)
		}
		if got := lines(Diff(parsed(t, timed), parsed(t, strings.Replace(timed, c.old, c.new, 1)))); got != c.want {
			t.Errorf("%s: got\n%swant\n%s", name, got, c.want)
		}
	}
}

// A step's share of a promise is what exact arithmetic gives, rounded down to the nanosecond.
func TestStepOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		within, percent := time.Duration(rapid.Int64Range(1, 1<<40).Draw(t, "within")), rapid.IntRange(1, 10_000).Draw(t, "percent")
		if got, want := (Step{At: percent}).Of(within), within*time.Duration(percent)/100; got != want {
			t.Fatalf("%d%% of %d is %d, want %d", percent, within, got, want)
		}
	})
}
