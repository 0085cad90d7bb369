package identity

import (
	"testing"

	"pgregory.net/rapid"
)

func TestLeadIDs(t *testing.T) {
	k := Key("0123456789abcdef0123456789abcdef")
	seen := map[string]bool{}
	for _, r := range []Rank{Email, ExternalID, UserID, Anonymous} {
		for _, v := range []string{"a", "b", "a:b"} {
			for _, system := range []string{"", "crm", "a"} {
				id := k.Lead(r, system, v)
				if seen[id] {
					t.Errorf("%d %q %q gives an id that stands for another", r, system, v)
				}
				seen[id] = true
				if !Safe(id) || RankOf(id) != r {
					t.Errorf("id %q: safe %v, rank %d, want %d", id, Safe(id), RankOf(id), r)
				}
			}
		}
	}
	if k.Lead(Email, "", "a") == Key("another key of thirty-two bytes..").Lead(Email, "", "a") {
		t.Error("two keys give the same id")
	}
}

// The order of leads is total: exactly one of two is the stronger, and it is transitive.
func TestStrongerIsTotal(t *testing.T) {
	k := Key("0123456789abcdef0123456789abcdef")
	lead := rapid.Custom(func(t *rapid.T) string {
		return k.Lead(Rank(rapid.IntRange(1, 4).Draw(t, "rank")), "", rapid.StringN(0, 3, 3).Draw(t, "value"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := lead.Draw(t, "a"), lead.Draw(t, "b"), lead.Draw(t, "c")
		if a != b && Stronger(a, b) == Stronger(b, a) {
			t.Fatalf("%s and %s: both or none is stronger", a, b)
		}
		if Stronger(a, b) && Stronger(b, c) && !Stronger(a, c) {
			t.Fatalf("not transitive: %s, %s, %s", a, b, c)
		}
		if RankOf(a) < RankOf(b) && !Stronger(a, b) {
			t.Fatalf("%s outranks %s and is not stronger", a, b)
		}
	})
}

func TestHandoffNamesItsLead(t *testing.T) {
	k := Key("0123456789abcdef0123456789abcdef")
	lead := k.Lead(Email, "", "x@y.example")
	got, epoch, ok := LeadOfHandoff(Handoff(lead, 12))
	if !ok || got != lead || epoch != 12 {
		t.Fatalf("got %s %d %v", got, epoch, ok)
	}
	for _, bad := range []string{"", "ho_", "ho_x_1", Handoff(lead, 0), Handoff(lead, -1), Handoff(lead, 1) + "0x", "ho_" + lead[3:] + "_01", "ho_" + lead[3:] + "_+1"} {
		if _, _, ok := LeadOfHandoff(bad); ok {
			t.Errorf("%q was taken for a handoff", bad)
		}
	}
}

func TestNormalizeEmail(t *testing.T) {
	for in, want := range map[string]string{
		" Ana.Lind+x@Initech.Example ": "ana.lind+x@initech.example", "a@b.c": "a@b.c",
		"": "", "a": "", "a@": "", "@b.c": "", "a@b": "", "a b@c.d": "", "a@b@c.d": "", "a\x00@b.c": "", "<a@b.c>": "",
	} {
		got, ok := NormalizeEmail(in)
		if got != want || ok != (want != "") {
			t.Errorf("%q gives %q, %v; want %q", in, got, ok, want)
		}
	}
}
