package forms

import "testing"

func TestAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		fields []Field
		want   string
	}{
		"declared before named":        {[]Field{{Text, []string{"Your e-mail"}, "bo@initech.example"}, {Email, []string{"x"}, "ana@initech.example"}}, "ana@initech.example"},
		"work before private":          {[]Field{{Email, []string{"email"}, "ana@home.example"}, {Text, []string{"work_email"}, "ana@initech.example"}}, "ana@initech.example"},
		"the only address":             {[]Field{{Text, []string{"how can we reach you"}, "ana@initech.example"}, {Text, nil, "hello"}}, "ana@initech.example"},
		"two addresses, neither named": {[]Field{{Text, []string{"a"}, "ana@initech.example"}, {Text, []string{"b"}, "bo@initech.example"}}, ""},
		"a colleague's":                {[]Field{{Email, []string{"Your colleague's e-mail"}, "bo@initech.example"}}, ""},
		"no address":                   {[]Field{{Email, []string{"email"}, "none"}}, ""},
		"the first of two":             {[]Field{{Email, nil, "ana@initech.example"}, {Email, nil, "bo@initech.example"}}, "ana@initech.example"},
	} {
		if got := Address(tc.fields); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestMeaning(t *testing.T) {
	for label, want := range map[string]string{
		"First name": "first_name", "What is your first name?": "first_name", "FIRST_NAME": "first_name", "lastname": "last_name",
		"Full Name": "name", "What is your name?": "name", "jobTitle": "title", "COMPANY_NAME": "company", "Phone number": "phone",
		"country": "country", "How would you describe what your company name stands for?": "", "Budget": "", "": "",
	} {
		if got := (Field{Labels: []string{label}, Entered: "x"}).means(); got != want {
			t.Errorf("%q: %q, want %q", label, got, want)
		}
	}
	if got := (Field{Kind: Phone, Labels: []string{"q1"}, Entered: "+46 1"}).means(); got != "phone" {
		t.Errorf("a phone field is %q", got)
	}
	if given("Lind, Ana") != "" || given("Ana Maria Lind") != "Ana" || family("Ana Maria Lind") != "Maria Lind" || family("Ana") != "" {
		t.Error("names")
	}
}
