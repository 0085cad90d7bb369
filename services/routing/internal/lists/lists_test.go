package lists

import (
	"strings"
	"testing"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
	"github.com/batonhq/baton/services/routing/internal/domains"
)

const good = "id,name,domain,aliases,contacts,phone,city,country,owner,target\n" +
	"a-1,Initech,Initech.example,Initrode; initrode.example,Bill@Gmail.com,+46 8 123456,Malmö,se,ana,true\n" +
	"a-2,\"Globex, Ltd\",,,,,,,,\n"

func TestReadCSVAndNDJSON(t *testing.T) {
	fromCSV, err := Read(strings.NewReader(good), "csv", domains.New())
	if err != nil {
		t.Fatal(err)
	}
	if fromCSV.Accounts != 2 || len(fromCSV.Chunks) != 1 {
		t.Fatalf("%d accounts in %d chunks", fromCSV.Accounts, len(fromCSV.Chunks))
	}
	again, err := Read(strings.NewReader(fromCSV.Chunks[0].Records), "ndjson", domains.New())
	if err != nil || again.Revision != fromCSV.Revision {
		t.Errorf("the same accounts in another form: revision %s, want %s (%v)", again.Revision, fromCSV.Revision, err)
	}
	list, err := Records(fromCSV.Chunks[0].Records, domains.New())
	if err != nil || list[0].GetDomain() != "initech.example" || list[0].GetCountry() != "SE" || list[0].GetContacts()[0] != "bill@gmail.com" || len(list[0].GetAliases()) != 2 || !list[0].GetTarget() || list[1].GetName() != "Globex, Ltd" {
		t.Errorf("read back: %v, %v", list, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tc := range []struct{ name, format, text, want string }{
		{"an unknown column", "csv", "id,nmae\na,b\n", "line 1: nmae: is no field"},
		{"no id", "csv", "name\nInitech\n", "line 1: id: is missing"},
		{"an id given twice", "csv", "id,name\na,b\na,c\n", "line 3: id: is that of line 2"},
		{"a free-mail domain", "csv", "id,domain\na,gmail.com\n", "line 2: domain: must be a company's own"},
		{"a public suffix", "csv", "id,domain\na,co.uk\n", "line 2: domain: must be a company's own"},
		{"no e-mail address", "csv", "id,contacts\na,ana\n", "line 2: contacts[0]: must be an e-mail"},
		{"no country", "csv", "id,name,country\na,b,Sweden\n", "line 2: country: must be an ISO 3166"},
		{"neither true nor false", "csv", "id,name,target\na,b,maybe\n", "line 2: target: must be true or false"},
		{"its own parent", "ndjson", `{"id":"a","name":"b","parent":"a"}`, "line 1: parent: is the account itself"},
		{"an unknown member", "ndjson", "\n" + `{"id":"a","nmae":"b"}`, `line 2: is no account: unknown field "nmae"`},
		{"two objects in a line", "ndjson", `{"id":"a","name":"b"} {}`, "line 1: has more than one"},
		{"nothing to match by", "ndjson", `{"id":"a"}`, "line 1: name: is missing"},
		{"another format", "xml", "", "is .csv or .ndjson"},
	} {
		if _, err := Read(strings.NewReader(tc.text), tc.format, domains.New()); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestARevisionIsInForceWithItsLastChunk(t *testing.T) {
	pack := func(id string) []byte {
		b, err := Pack([]*journalv1.ListedAccount{{Id: id, Name: "Company " + id}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var a Assembler
	cache := NewCache(domains.New())
	chunk := func(seq uint64, revision string, n, of int32) {
		a.Apply(seq, &journalv1.AccountsChanged{Rules: 1, Revision: revision, Chunk: n, Chunks: of, Accounts: pack(revision + string('0'+n))})
	}
	has := func(id string) bool {
		_, ok := cache.Index(a.InForce).Account(id)
		return ok
	}
	chunk(1, "x", 0, 2)
	if a.InForce != nil || a.Rules != 1 {
		t.Fatalf("half a list is in force: %+v", a)
	}
	chunk(2, "y", 0, 2) // another one begins: the first gives way
	chunk(3, "x", 1, 2)
	if a.InForce != nil {
		t.Fatalf("a list with a hole is in force: %+v", a)
	}
	chunk(4, "y", 1, 2)
	if a.InForce == nil || a.InForce.Seq != 4 || !has("y0") || !has("y1") || has("x0") {
		t.Fatalf("in force: %+v", a.InForce)
	}
	chunk(5, "z", 0, 2)
	if !has("y0") {
		t.Error("a list that is not whole replaced the one before it")
	}
	chunk(6, "z", 1, 2)
	if has("y0") || !has("z1") {
		t.Error("the new list is not in force")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("csv", good)
	f.Add("ndjson", `{"id":"a","name":"b","aliases":["c"]}`)
	f.Add("csv", "\ufeffid,name\na,\"b\nc\"\n")
	d := accounts.Domains{Registrable: func(s string) string { return s }, Shared: func(string) bool { return false }}
	f.Fuzz(func(t *testing.T, format, text string) {
		list, err := Read(strings.NewReader(text), format, d)
		if err != nil {
			return
		}
		n, chain := 0, ""
		for _, c := range list.Chunks {
			records, err := Records(c.Records, d)
			if err != nil {
				t.Fatalf("what was read is refused: %v", err)
			}
			n += len(records)
			chain = Chain(chain, c.Records)
		}
		if n != list.Accounts || chain != list.Revision {
			t.Fatalf("%d accounts, want %d; chain %s, want %s", n, list.Accounts, chain, list.Revision)
		}
	})
}
