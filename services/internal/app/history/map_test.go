package history

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

const example = `
source: crm-history
csv: { delimiter: ";" }
id: "{deal_id}"
zone: Europe/Stockholm
events:
  - type: form_submitted
    when: { status: [new, open], email: present }
    occurred_at: { from: "{created}", formats: ["2006-01-02 15:04:05", unix, unix_ms, rfc3339] }
    lead: { email: "{email}", external_ids: { crm: "{contact_id}" } }
    traits: { title: "{job}", first_name: "{first}", seats: { from: "{size}", as: number } }
    account: { name: "{company}", employees: { from: "{size}", as: number } }
    properties: { amount: "{value}", currency: EUR, score: 3, campaign: { from: "{src}", values: { g: google }, default: "{src}" }, form: "{src}-{job}" }
  - type: { from: "{status}", values: { won: deal_won, lost: deal_lost } }
    occurred_at: "{created}"
    lead: { email: "{email}" }
    properties: { deal_id: "{deal_id}" }
`

const exampleHeader = "deal_id;status;email;contact_id;job;first;company;size;value;src;created\n"

// all reads a whole file and gives its events as JSON, and what went wrong.
func all(t testing.TB, mapText, name, file string) (events []string, wrong []string) {
	t.Helper()
	m, err := Parse([]byte(mapText))
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewReader(name, strings.NewReader(file), Place{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return events, wrong
		}
		var bad *RowError
		if errors.As(err, &bad) {
			wrong = append(wrong, bad.Error())
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Events(row)
		if err != nil {
			wrong = append(wrong, err.Error())
		}
		for _, e := range got {
			events = append(events, string(e.JSON))
		}
	}
}

func TestRowsBecomeEvents(t *testing.T) {
	for _, tc := range []struct {
		name, row    string
		events, errs []string
	}{
		{"all of it", `d1;open;ana@x.example;77;VP;Ana;"Initech; Ltd";420;12000.50;g;2024-07-01 12:00:00`, []string{
			`{"account":{"employees":420,"name":"Initech; Ltd"},"history":true,"id":"d1/form_submitted","lead":{"email":"ana@x.example","external_ids":{"crm":"77"}},` +
				`"occurred_at":"2024-07-01T10:00:00Z","properties":{"amount":"12000.50","campaign":"google","currency":"EUR","form":"g-VP","score":3},` +
				`"traits":{"first_name":"Ana","seats":420,"title":"VP"},"type":"form_submitted"}`,
		}, nil},
		{"empty cells are left out", `d2;new;ana@x.example;;;;; ;;;1700000000`, []string{
			`{"history":true,"id":"d2/form_submitted","lead":{"email":"ana@x.example"},"occurred_at":"2023-11-14T22:13:20Z","properties":{"currency":"EUR","score":3},"type":"form_submitted"}`,
		}, nil},
		{"what values do not know is what default says", `d3;new;a@x.example;;;;;;;bing;1700000000000`, []string{
			`{"history":true,"id":"d3/form_submitted","lead":{"email":"a@x.example"},"occurred_at":"2023-11-14T22:13:20Z","properties":{"campaign":"bing","currency":"EUR","score":3},"type":"form_submitted"}`,
		}, nil},
		{"a translated type", `d4;won;a@x.example;;;;;;;;2024-01-31 00:00:00`, []string{
			`{"history":true,"id":"d4/event","lead":{"email":"a@x.example"},"occurred_at":"2024-01-30T23:00:00Z","properties":{"deal_id":"d4"},"type":"deal_won"}`,
		}, nil},
		{"no condition holds", `d5;spam;a@x.example;;;;;;;;2024-01-31`, nil, nil},
		{"present means not empty", `d5;new;;;;;;;;;2024-01-31`, nil, nil},
		{"a bad time", `d6;won;a@x.example;;;;;;;;yesterday`, nil, []string{"events[1].occurred_at: is not a time as rfc3339, 2006-01-02 15:04:05, 2006-01-02"}},
		{"a day that is no Unix time", `d6;new;a@x.example;;;;;;;;20250102`, nil, []string{"events[0].occurred_at: is not a time as 2006-01-02 15:04:05, unix, unix_ms, rfc3339"}},
		{"a zero for no time", `d6;new;a@x.example;;;;;;;;0`, nil, []string{"events[0].occurred_at: is not a time as 2006-01-02 15:04:05, unix, unix_ms, rfc3339"}},
		{"no time", `d6;won;a@x.example;;;;;;;;`, nil, []string{"events[1].occurred_at: is empty in this row"}},
		{"no number", `d7;new;a@x.example;;;;;many;;;1700000000`, nil, []string{"events[0].traits.seats: is not a number such as 1200.50"}},
		{"nobody", `d8;won;;;;;;;;;2024-01-31`, nil, []string{"events[1].lead: says of nobody: all of it is empty in this row"}},
		{"no id", `;won;a@x.example;;;;;;;;2024-01-31`, nil, []string{"id: is empty in this row"}},
		{"too few fields", `d9;won`, nil, []string{"row 1 (line 2): has 2 fields where the header has 11"}},
		{"not closed", `d9;"won;a@x.example`, nil, []string{"row 1 (line 2): has a quote that is not closed"}},
		{"behind a quote", `d9;"won"x;a@x.example`, nil, []string{"row 1 (line 2): field 2 has text behind its closing quote"}},
		{"latin 1", "d9;won;\xe9", nil, []string{"row 1 (line 2): is not UTF-8 text: convert the file, with iconv for example"}},
	} {
		events, errs := all(t, example, "deals.csv", exampleHeader+tc.row)
		if !slices.Equal(events, tc.events) || !slices.Equal(errs, tc.errs) {
			t.Errorf("%s:\n got %v %q\nwant %v %q", tc.name, events, errs, tc.events, tc.errs)
		}
	}
}

func TestObjectsBecomeEvents(t *testing.T) {
	const text = `
source: old
events:
  - type: custom
    name: "{kind}"
    when: { tags: present, gone: absent }
    occurred_at: "{at}"
    lead: { user_id: "{user.id}" }
    traits: { title: "{user.level}", vip: "{user.vip}", gone: "{gone}" }
    properties: { tags: "{tags}", n: "{n}", text: "n={n} {{x}}", flag: { from: "{flag}", as: boolean } }
`
	events, errs := all(t, text, "x.jsonl", "\xef\xbb\xbf"+`{"kind":"signup","at":"2024-01-31T00:00:00+02:00","user":{"id":42,"level":3,"vip":true},"tags":["a"],"n":1.50,"flag":"Yes"}`+"\r\n\n"+
		`{"kind":"signup","at":"2024-01-31","user":{"id":42},"tags":[],"gone":1}`+"\n"+`[1]`+"\n"+`{"a":1}{"b":2}`+"\n"+`{"kind":{"x":1},"at":"2024-01-31","user":{"id":[]},"tags":"x"}`+"\nnull")
	want := []string{`{"history":true,"id":"ID/custom","lead":{"user_id":"42"},"name":"signup","occurred_at":"2024-01-30T22:00:00Z",` +
		`"properties":{"flag":true,"n":1.50,"tags":["a"],"text":"n=1.50 {x}"},"traits":{"title":"3","vip":true},"type":"custom"}`}
	for i := range events {
		var e struct{ ID string }
		if err := json.Unmarshal([]byte(events[i]), &e); err != nil {
			t.Fatal(err)
		}
		id := strings.TrimSuffix(e.ID, "/custom")
		if len(id) != 32 {
			t.Errorf("id %q is no hash of the row", e.ID)
		}
		events[i] = strings.Replace(events[i], id, "ID", 1)
	}
	if !slices.Equal(events, want) {
		t.Errorf("got %v\nwant %v", events, want)
	}
	for i, part := range []string{"row 3 (line 4): is not a JSON object", "more than one JSON object", "events[0].name: {kind} holds a list or an object", "row 6 (line 7): is not a JSON object"} {
		if i >= len(errs) || !strings.Contains(errs[i], part) {
			t.Errorf("error %d of %q, want %s", i, errs, part)
		}
	}
}

func TestMapsThatAreRefused(t *testing.T) {
	const least = "source: a\nevents:\n  - { type: deal_won, occurred_at: \"{t}\", lead: { email: \"{e}\" } }\n"
	if _, err := Parse([]byte(least)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ text, want string }{
		{"", "is empty"},
		{"a: [", "is not YAML"},
		{"- x", "must be a mapping"},
		{"source: a\n", "events: is required"},
		{strings.Replace(least, "source: a", "sauce: a", 1), "line 1: sauce: is not known"},
		{strings.Replace(least, "deal_won", "deal_one", 1), `line 3: events[0].type: "deal_one" is not a type of event`},
		{strings.Replace(least, "deal_won", "accepted", 1), "events[0].type"},
		{strings.Replace(least, "deal_won", "custom", 1), "events[0].name: is required"},
		{strings.Replace(least, `"{t}"`, `"{t"`, 1), "events[0].occurred_at: a { is not closed"},
		{strings.Replace(least, `"{t}"`, `{t}`, 1), "events[0].occurred_at"},
		{strings.Replace(least, `"{t}"`, `{from: "{t}", formats: [soon]}`, 1), "events[0].occurred_at.formats[0]: is none of"},
		{strings.Replace(least, `"{t}"`, `{from: "{t}", formats: ["15:04"]}`, 1), "formats[0]"},
		{strings.Replace(least, `email: "{e}"`, `mail: "{e}"`, 1), "events[0].lead.mail: is not known"},
		{strings.Replace(least, `{ email: "{e}" }`, `{}`, 1), "events[0].lead: is required"},
		{strings.Replace(least, `lead:`, `when: { x: soon }, lead:`, 1), "events[0].when.x: must be a list"},
		{strings.Replace(least, `lead:`, `when: { x: [] }, lead:`, 1), "events[0].when.x: must be a list"},
		{strings.Replace(least, `lead:`, `traits: { n: { as: number } }, lead:`, 1), "events[0].traits.n.from: is required"},
		{strings.Replace(least, `lead:`, `traits: { n: { from: "{n}", as: money } }, lead:`, 1), "events[0].traits.n.as: must be"},
		{strings.Replace(least, `type: deal_won`, `type: { from: "{s}", values: { w: won } }`, 1), "events[0].type"},
		{least + "zone: Mars/Olympus\n", "line 4: zone: is not a time zone"},
		{least + "format: xls\n", "format: must be csv or ndjson"},
		{least + "format: ndjson\ncsv: {}\n", "csv: belongs"},
		{least + "csv: { delimiter: ab }\n", "csv.delimiter: must be one character"},
		{least + "csv: { header: maybe }\n", "csv.header: must be true or false"},
		{least + "id: fixed\n", "id: names no column"},
		{least + "source: b\n", "source"},
		{strings.Replace(least, `lead:`, `traits: { n: }, lead:`, 1), "events[0].traits.n: must be a text"},
		{strings.Replace(least, `lead:`, `traits: { n: [1] }, lead:`, 1), "events[0].traits.n: must be a text; placeholders stand in quotes"},
		{strings.Replace(least, `lead:`, `when: { x: { y: z } }, lead:`, 1), "events[0].when.x: must be a list"},
		{least + "csv: { header: \"true\" }\n", "csv.header: must be true or false"},
		{"a: &x 1\nb: *x\n", "anchors"},
		{"a: " + strings.Repeat("[", 1000), "nested too deeply"},
		{strings.Repeat("#", MaxMap+1), "at most"},
		{"a: \xff", "UTF-8"},
	} {
		if _, err := Parse([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.80q: %v, want %q", tc.text, err, tc.want)
		}
	}
}

// Files have cells that say null, and maps translate them.
func TestNullIsAWord(t *testing.T) {
	const text = "source: a\nevents:\n  - type: { from: \"{s}\", values: { null: deal_lost, won: deal_won } }\n" +
		"    when: { x: [null, 1] }\n    occurred_at: \"{t}\"\n    lead: { email: \"{e}\" }\n"
	events, errs := all(t, text, "x.csv", "s,t,e,x\nnull,2024-01-31,a@x.example,null\nwon,2024-01-31,a@x.example,1\nwon,2024-01-31,a@x.example,2\n")
	if len(events) != 2 || len(errs) != 0 || !strings.Contains(events[0], `"type":"deal_lost"`) || !strings.Contains(events[1], `"type":"deal_won"`) {
		t.Errorf("%v %v", events, errs)
	}
}

func TestColumnsThatAreNotThere(t *testing.T) {
	m, err := Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"":                         "the file is empty",
		"a;b;a\n":                  "twice",
		"deal_id;status;email\nx;": `line 9: events[0].occurred_at.from: the file has no column "created"`,
		"deal_id;x;email\n":        "the header names deal_id, x, email",
		"deal_id,status\n1,2":      "csv.delimiter: with ';' the header is one column, deal_id,status: ",
		// UTF-16 without a byte order mark.
		"d\x00e\x00a\x00l\x00\n\x00": "is not UTF-8 text: convert the file",
	} {
		if _, err := m.NewReader("x.csv", strings.NewReader(file), Place{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
	if _, err := m.NewReader("x.txt", strings.NewReader("a"), Place{}); !errors.Is(err, ErrFormat) {
		t.Error(err)
	}
}

func TestACSVWithoutHeader(t *testing.T) {
	const text = "source: a\ncsv: { header: false, delimiter: tab }\nid: \"{1}\"\nevents:\n  - { type: identified, occurred_at: \"{3}\", lead: { email: \"{2}\" } }\n"
	events, errs := all(t, text, "x.csv", "1\ta@x.example\t2024-01-31\r\n2\tb@x.example\t2024-01-31\textra\r\n")
	if len(events) != 2 || len(errs) != 0 || !strings.Contains(events[1], `"id":"2/identified"`) {
		t.Errorf("%v %v", events, errs)
	}
}
