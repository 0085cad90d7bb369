package agents

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

const browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"

func TestProgramsAreToldFromPeople(t *testing.T) {
	l := New()
	for _, agent := range []string{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
		"Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", "Pingdom.com_bot_version_1.4", "Datadog/Synthetics",
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "facebookexternalhit/1.1", "WhatsApp/2.21",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/534.34 (KHTML, like Gecko) PhantomJS/1.9.8 Safari/534.34",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 Chrome-Lighthouse",
		"Barracuda Sentinel (EE)", "BarracudaCentral", "Proofpoint URL Defense", "Mimecast-URL-Protect", browser + " TrendMicro",
		"curl/8.1", "Wget/1.21", "python-requests/2.31", "Go-http-client/1.1", "okhttp/4.12.0", "Apache-HttpClient/4.5 (Java/17)", "axios/1.6",
		"PostmanRuntime/7.4", "  curl/8.1  ", "CURL/8.1",
	} {
		if !l.Automated(agent, noon) {
			t.Errorf("%q is taken for a person's", agent)
		}
	}
	for _, agent := range []string{
		"", "  ", browser, browser + " Edg/126.0.2592.87",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0 Mobile Safari/537.36 [FB_IAB/FB4A;]",
		"Mozilla/5.0 (Linux; Android 10; CUBOT_X30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
		"YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
		"Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17726; Pro)", "Outlook-iOS/729.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:115.0) Gecko/20100101 Thunderbird/115.12.0",
		"Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A)", "Initech/3.1 CFNetwork/1494.0.7 Darwin/23.4.0",
	} {
		if l.Automated(agent, noon) {
			t.Errorf("%q is taken for a program's", agent)
		}
	}
}

func TestTheSameAgentAlwaysGivesTheSame(t *testing.T) {
	l := New()
	for range 3 {
		if l.Automated(browser, noon) || !l.Automated("curl/8.1", noon) {
			t.Fatal("it changed its mind")
		}
	}
}

func TestMemoryIsBounded(t *testing.T) {
	l := New()
	for i := range 5 * remembered {
		l.remember(fmt.Sprint("agent ", i), i%2 == 0)
	}
	if n := len(l.young) + len(l.old); n > 2*remembered {
		t.Errorf("%d are remembered", n)
	}
	last := fmt.Sprint("agent ", 5*remembered-2)
	if program, known := l.recall(last); !program || !known {
		t.Error("the last is forgotten")
	}
	long := strings.Repeat("x", 10*maxAgent)
	l.Automated(long, noon)
	for agent := range l.young {
		if len(agent) > maxAgent {
			t.Errorf("%d bytes of an agent are remembered", len(agent))
		}
	}
}

// Beyond the lookups that there are, plain words decide, and nothing of it is remembered.
func TestInventedAgentsCostLittle(t *testing.T) {
	l := New()
	l.asOf = noon
	l.left = 1
	if !l.Automated("PostmanRuntime/7.4", noon) {
		t.Error("there was one lookup left")
	}
	if l.Automated("PostmanRuntime/7.5", noon) || !l.Automated("Some Crawler 1", noon) {
		t.Error("there was no lookup left")
	}
	if !l.Automated("PostmanRuntime/7.4", noon) {
		t.Error("what is remembered takes no lookup")
	}
	if !l.Automated("PostmanRuntime/7.5", noon.Add(time.Second)) {
		t.Error("a second later there are lookups")
	}
	if l.left > lookups {
		t.Errorf("%v lookups", l.left)
	}
	if l.Automated(browser, noon.Add(-time.Hour)); l.left < 0 {
		t.Error("a clock that goes back takes lookups away")
	}
}

func FuzzAutomated(f *testing.F) {
	f.Add(browser)
	f.Add("curl/8.1")
	f.Add("\xff\x00(((((")
	l := New()
	f.Fuzz(func(t *testing.T, agent string) {
		l.left = lookupsSaved
		first := l.Automated(agent, noon)
		if again := l.Automated(agent, noon); again != first {
			t.Fatal("it changed its mind")
		}
	})
}

// BenchmarkTraffic is what an event costs: 300 user agents that come again and again.
func BenchmarkTraffic(b *testing.B) {
	l := New()
	agents := make([]string, 300)
	for i := range agents {
		agents[i] = strings.Replace(browser, "126", fmt.Sprint(i), 1)
		l.Automated(agents[i], noon)
	}
	for i := 0; b.Loop(); i++ {
		l.Automated(agents[i%len(agents)], noon)
	}
}

// BenchmarkInvented is what an event costs whose user agent nobody ever had.
func BenchmarkInvented(b *testing.B) {
	l := New()
	for i := 0; b.Loop(); i++ {
		l.Automated(fmt.Sprint(browser, i), noon)
	}
}
