package core

import (
	"net/url"
	"testing"
)

func TestChannelOf(t *testing.T) {
	const page = "https://www.initech.example/pricing?a=b"
	for _, tc := range []struct{ page, referrer, source, want string }{
		{page, "", "", ""},
		{page, "https://www.google.com/", "", OrganicSearch},
		{page, "https://google.se/search?q=x", "", OrganicSearch},
		{page, "https://www.google.co.uk", "", OrganicSearch},
		{page, "https://google.com.br/", "", OrganicSearch},
		{page, "https://yandex.ru/", "", OrganicSearch},
		{page, "https://www.bing.com/search", "", OrganicSearch},
		{page, "HTTPS://DuckDuckGo.com/", "", OrganicSearch},
		{page, "https://de.search.yahoo.com/", "", OrganicSearch},
		{page, "https://m.baidu.com/", "", OrganicSearch},
		{page, "https://mail.google.com/mail/u/0", "", Email},
		{page, "https://docs.google.com/document/1", "", Referral},
		{page, "https://google.initech-fan.example/", "", Referral},
		{page, "https://notfacebook.com/", "", Referral},
		{page, "https://l.facebook.com/l.php", "", Social},
		{page, "https://www.linkedin.com/feed", "", Social},
		{page, "https://t.co/abc", "", Social},
		{page, "https://partner.example/list", "", Referral},
		{page, "https://partner.example:8443/list", "", Referral},
		{page, "https://www.initech.example/blog", "", ""},
		{page, "https://initech.example/blog", "", ""},
		{page, "https://docs.initech.example/", "", ""},
		{"https://docs.initech.example/", "https://initech.example/", "", ""},
		{page, "https://otherinitech.example/", "", Referral},
		{"", "https://partner.example/", "", Referral},
		// Hosts of one company beside each other, and of others under one suffix.
		{page, "https://blog.initech.example/", "", ""},
		{"https://app.initech.example/", "https://blog.initech.example/", "", ""},
		{"https://app.eu.initech.example/", "https://blog.initech.example/", "", ""},
		{"https://app.initech.co.uk/", "https://blog.initech.co.uk/", "", ""},
		{"https://www.initech.co.uk/", "https://www.partner.co.uk/", "", Referral},
		{"https://www.initech.com.au/", "https://blog.partner.com.au/", "", Referral},
		{"https://www.initech.org.uk/", "https://partner.org.uk/", "", Referral},
		{"https://10.0.0.1/", "https://10.0.0.2/", "", Referral},
		{"https://localhost/", "https://partner.example/", "", Referral},
		// Search engines beside their first page, and links in mails that a provider or a gateway leads over.
		{page, "https://images.google.com/", "", OrganicSearch},
		{page, "https://cn.bing.com/search", "", OrganicSearch},
		{page, "https://html.duckduckgo.com/", "", OrganicSearch},
		{page, "https://nam02.safelinks.protection.outlook.com/", "", Email},
		{page, "https://outlook.cloud.microsoft/", "", Email},
		{page, "https://mail.aol.com/", "", Email},
		{page, "https://webmail.partner.example/", "", Email},
		{page, "https://urldefense.proofpoint.com/", "", Email},
		{page, "https://urldefense.com/", "", Email},
		{page, "https://protect-eu.mimecast.com/s/x", "", Email},
		{page, "https://linkprotect.cudasvc.com/", "", Email},
		{page, "android-app://com.google.android.gm/", "", Email},
		{page, "android-app://com.linkedin.android/", "", Social},
		{page, "android-app://com.google.android.googlequicksearchbox/", "", OrganicSearch},
		// Who comes back from signing in or paying did not come from there.
		{page, "https://accounts.google.com/", "", ""},
		{page, "https://login.microsoftonline.com/", "", ""},
		{page, "https://checkout.stripe.com/", "", ""},
		{page, "android-app://com.slack", "", ""},
		{page, "partner.example", "", ""},
		{page, "://", "", ""},
		{page, "https:///x", "", ""},
		{page, "https://www.google.com/", "LinkedIn", Social},
		{page, "https://www.google.com/", "autumn-list", ""},
		{page, "", "newsletter", Email},
		{page, "", "google", OrganicSearch},
		{page, "", "www.bing.com", OrganicSearch},
		{page, "", "partner.example", Referral},
	} {
		if got := ChannelOf(tc.page, tc.referrer, tc.source); got != tc.want {
			t.Errorf("to %s from %q, source %q: %q, want %q", tc.page, tc.referrer, tc.source, got, tc.want)
		}
	}
}

func TestClickIDOf(t *testing.T) {
	for query, want := range map[string]ClickID{
		"gclid=a1":             {"gclid", "a1", PaidSearch},
		"gbraid=a1":            {"gbraid", "a1", PaidSearch},
		"wbraid=a1":            {"wbraid", "a1", PaidSearch},
		"msclkid=a1":           {"msclkid", "a1", PaidSearch},
		"fbclid=a1":            {"fbclid", "a1", PaidSocial},
		"li_fat_id=a1":         {"li_fat_id", "a1", PaidSocial},
		"ttclid=a1":            {"ttclid", "a1", PaidSocial},
		"twclid=a1":            {"twclid", "a1", PaidSocial},
		"dclid=a1":             {"dclid", "a1", Display},
		"fbclid=a1&gclid=b2":   {"gclid", "b2", PaidSearch},
		"gclid=&fbclid=%20a1+": {"fbclid", "a1", PaidSocial},
		"gclid=":               {},
		"GCLID=a1":             {},
		"utm_source=x":         {},
		"":                     {},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := ClickIDOf(values)
		if got != want || ok != (want.ID != "") {
			t.Errorf("%s: %+v %v, want %+v", query, got, ok, want)
		}
		if ok && !Tagged(query) {
			t.Errorf("%s is not looked at", query)
		}
	}
	if Tagged("a=b&c=d") || !Tagged("utm_term=x") {
		t.Error("what is tagged is looked at, and nothing else")
	}
}

func FuzzChannelOf(f *testing.F) {
	f.Add("https://initech.example/", "https://google.com/", "")
	f.Add("", "https://%zz", "x.example")
	f.Fuzz(func(t *testing.T, page, referrer, source string) {
		switch got := ChannelOf(page, referrer, source); got {
		case "", OrganicSearch, Social, Email, Referral:
		default:
			t.Errorf("%q is no channel", got)
		}
	})
}
