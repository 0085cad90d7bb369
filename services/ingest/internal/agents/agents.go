// Package agents tells programs from people by their user agent: crawlers, link scanners, monitors, previews, headless
// browsers and HTTP libraries.
package agents

import (
	"strings"
	"sync"
	"time"

	"github.com/x-way/crawlerdetect"
)

const (
	// maxAgent is how much of a user agent is looked at, in bytes: browsers have fewer than 300.
	maxAgent = 512
	// remembered is how many user agents each of two generations remembers, 4 MB in all at the most. A site's visitors have
	// some hundreds, of which few make up nearly all of the traffic.
	remembered = 4096
	// An unknown user agent costs 0.2 to 1 ms, a remembered one 0.1 µs. So that nobody takes the machine by inventing user
	// agents, 100 a second are looked up, after a first thousand at once; beyond it plain words decide.
	lookups      = 100
	lookupsSaved = 1000
)

// List tells which user agents are programs. It is used by several goroutines.
type List struct {
	known *crawlerdetect.CrawlerDetect

	mu sync.Mutex
	// young is filled; once it is full it becomes old, which is forgotten.
	young, old map[string]bool
	// left is how many lookups there are as of a time.
	left float64
	asOf time.Time
}

// New makes the list: some 1,400 patterns, compiled in 20 ms.
func New() *List {
	return &List{known: crawlerdetect.New(), young: map[string]bool{}, left: lookupsSaved}
}

// Automated reports whether a user agent is a program's. now is the clock by which lookups are counted.
func (l *List) Automated(userAgent string, now time.Time) bool {
	userAgent = strings.TrimSpace(userAgent)
	if userAgent == "" {
		return false // of its user agent many a sender says nothing
	}
	userAgent = userAgent[:min(len(userAgent), maxAgent)]
	l.mu.Lock()
	program, known := l.recall(userAgent)
	look := known || l.lookup(now)
	l.mu.Unlock()
	switch {
	case known:
		return program
	case !look:
		return boty(strings.ToLower(userAgent))
	}
	program = l.judge(userAgent)
	l.mu.Lock()
	l.remember(strings.Clone(userAgent), program)
	l.mu.Unlock()
	return program
}

func (l *List) recall(userAgent string) (program, known bool) {
	if program, known = l.young[userAgent]; known {
		return program, true
	}
	if program, known = l.old[userAgent]; known {
		l.remember(strings.Clone(userAgent), program)
	}
	return program, known
}

func (l *List) remember(userAgent string, program bool) {
	if len(l.young) >= remembered {
		l.old, l.young = l.young, make(map[string]bool, remembered)
	}
	l.young[userAgent] = program
}

// lookup reports whether there is a lookup left, and takes it.
func (l *List) lookup(now time.Time) bool {
	if passed := now.Sub(l.asOf).Seconds(); passed > 0 {
		l.left = min(lookupsSaved, l.left+passed*lookups)
		l.asOf = now
	}
	if l.left < 1 {
		return false
	}
	l.left--
	return true
}

// judge asks the module's list, and ours of what it does not know.
func (l *List) judge(userAgent string) bool {
	lower := strings.ToLower(userAgent)
	for _, person := range persons() {
		if strings.Contains(lower, person) {
			return false
		}
	}
	for _, program := range programs() {
		if strings.Contains(lower, program) {
			return true
		}
	}
	return l.known.IsCrawler(userAgent)
}

// persons are programs that a person sits at, or that fetch when a person looks: the proxies through which Gmail and Yahoo
// Mail show images once a message is opened, and mail programs and Slack's app, which the list takes for libraries and previews.
func persons() [9]string {
	return [...]string{
		"googleimageproxy", "yahoomailproxy", "microsoft outlook", "macoutlook/", "outlook-ios", "outlook-android", "thunderbird/", "airmail ", "slack_ssb/",
	}
}

// programs are what the list does not know: mail gateways and their link scanners as far as they say who they are, and
// browsers in tests and monitors.
func programs() [11]string {
	return [...]string{
		"barracuda", "proofpoint", "mimecast", "ironport", "safelinks", "trendmicro", "trend micro",
		"playwright", "cypress", "puppeteer", "datadog",
	}
}

// boty reports plain words for a program, in a text of lower case.
func boty(lower string) bool {
	for _, word := range [...]string{"bot/", "bot;", "crawler", "spider", "headless", "+http"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}
