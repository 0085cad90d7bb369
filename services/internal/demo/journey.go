package main

import (
	"math/rand/v2"
	"slices"
	"time"
)

const website = "https://www.baton.example"

// page of the website.
type page struct{ path, title string }

func browsing() []page {
	return []page{
		{"/", "Baton"}, {"/product", "How a handoff works"}, {"/product/routing", "Routing"}, {"/customers", "Customers"},
		{"/blog/first-hour", "The first hour decides"}, {"/blog/shared-definition", "One definition, two signatures"},
		{"/docs/quickstart", "Quick start"}, {"/docs/api", "The API"}, {"/security", "Security"},
	}
}

func pricingPage() page { return page{"/pricing", "Pricing"} }

// assets that people download, by how far they are.
func assets(i Interest) []string {
	switch i {
	case Glances:
		return []string{"handoff-handbook", "lead-quality-report"}
	case Reads:
		return []string{"handoff-handbook", "lead-quality-report", "scoring-worksheet", "integration-guide"}
	default:
		return []string{"scoring-worksheet", "integration-guide", "logistics-story", "return-calculator", "security-paper"}
	}
}

// journey tells one lead's week.
type journey struct {
	// rng decides what happens, clock when.
	rng    *rand.Rand
	clock  *rand.Rand
	week   *Week
	lead   *Lead
	events []*Event
	// at is the lead's clock.
	at time.Time
	// known: they have given their address, so that marketing automation has them.
	known bool
	read  []string
}

// tell plays the lead's week: how they came, and as much more as their interest allows.
func (j *journey) tell() {
	visits := j.moments(1 + int(j.lead.Interest))
	j.at = visits[0]
	j.come()
	for i, at := range visits[1:] {
		j.at = later(j.at, at)
		if j.lead == j.week.Last() && Interest(i+1) == Asks {
			j.see(browsing()[1], "", "") // comes with their mind made up
		} else {
			j.comeBack()
		}
		switch Interest(i + 1) {
		case Reads:
			j.download()
		case Weighs:
			j.weigh()
		case Asks:
			j.ask()
		}
	}
	j.mailings()
	j.events = slices.DeleteFunc(j.events, func(e *Event) bool { return !e.At.Before(j.week.To) })
}

// moments gives n times in order, mostly in working hours.
func (j *journey) moments(n int) []time.Time {
	w := j.week
	out := make([]time.Time, n)
	for i := range out {
		for {
			day := w.From.AddDate(0, 0, j.clock.IntN(days+1)).Truncate(24 * time.Hour)
			hour := pick(j.clock, []weighted[int]{{6, 2}, {7, 6}, {8, 10}, {9, 12}, {10, 12}, {11, 9}, {12, 8}, {13, 11}, {14, 11}, {15, 9}, {16, 7}, {18, 4}, {20, 4}, {21, 2}, {2, 1}})
			t := day.Add(time.Duration(hour)*time.Hour + time.Duration(j.clock.IntN(3600))*time.Second)
			weekend := t.Weekday() == time.Saturday || t.Weekday() == time.Sunday
			if t.Before(w.From) || t.After(w.To.Add(-2*time.Hour)) || weekend && chance(j.clock, 70) {
				continue
			}
			out[i] = t
			break
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	if j.lead == w.Last() {
		// The whole way, spread over the week, with its end where the week ends.
		for i := range out {
			out[i] = w.From.Truncate(24*time.Hour).AddDate(0, 0, 1+2*i).Add(time.Duration(8+2*i) * time.Hour)
		}
		out[n-1] = w.To.Add(-lastMinutes)
	}
	return out
}

// later gives the next visit, at least a while after what came before.
func later(after, wanted time.Time) time.Time {
	if least := after.Add(40 * time.Minute); wanted.Before(least) {
		return least
	}
	return wanted
}

func (j *journey) pass(from, to time.Duration) {
	j.at = j.at.Add(from + time.Duration(j.rng.Int64N(int64(to-from))).Truncate(time.Second))
}

func (j *journey) add(e Event) *Event {
	e.At, e.Lead = j.at, j.lead
	j.events = append(j.events, &e)
	return &e
}

// come is how the lead first meets us.
func (j *journey) come() {
	l := j.lead
	switch l.Channel {
	case "webinar":
		j.webinar()
	case "event":
		// Badges are scanned at the booth and loaded into marketing automation.
		j.add(Event{Via: Nurture, Type: "event_attended", Title: "RevOps Days", Channel: l.Channel, Campaign: l.Campaign, About: "revops-days"})
		j.meet()
	case "email":
		j.meet()
		j.pass(time.Hour, 3*time.Hour)
		j.click("first-hour")
	default:
		j.land(oneOf(j.rng, browsing()[3:6]))
		j.browse(j.rng.IntN(3))
		if j.rng.IntN(5) < 3 {
			j.download()
		} else {
			j.form("newsletter")
		}
	}
}

// comeBack is a later visit: by a mail that they follow, or by themselves.
func (j *journey) comeBack() {
	if chance(j.rng, 45) {
		j.click(oneOf(j.rng, []string{"first-hour", "shared-definition", "customer-story"}))
	} else {
		j.see(oneOf(j.rng, browsing()), "", "")
	}
	j.browse(1 + j.rng.IntN(3))
}

// weigh is the visit of somebody who compares.
func (j *journey) weigh() {
	if j.lead == j.week.Last() || chance(j.rng, 55) {
		j.webinar()
		j.pass(70*time.Minute, 90*time.Minute)
	}
	j.see(pricingPage(), "", "")
	j.browse(1)
	j.download()
}

// ask is the visit that sales hopes for.
func (j *journey) ask() {
	kind := "demo_requested"
	if j.lead != j.week.Last() {
		j.see(pricingPage(), "", "")
		if chance(j.rng, 20) {
			kind = "pricing_requested"
		}
	}
	j.pass(30*time.Second, 2*time.Minute)
	j.sign(Event{Via: Site, Type: kind, URL: website + "/talk-to-us", About: kind})
}

// land is the first page of somebody who came by a campaign or a search.
func (j *journey) land(p page) {
	referrer := map[string]string{"organic": "https://search.example/", "paid_search": "https://search.example/", "partner": "https://partners.example/"}[j.lead.Channel]
	e := j.see(p, j.lead.Channel, j.lead.Campaign)
	e.Referrer = referrer
}

func (j *journey) see(p page, channel, campaign string) *Event {
	e := j.add(Event{Via: Site, Type: "page_viewed", URL: website + p.path, Title: p.title, Channel: channel, Campaign: campaign})
	j.pass(20*time.Second, 3*time.Minute)
	return e
}

func (j *journey) browse(n int) {
	for range n {
		j.see(oneOf(j.rng, browsing()), "", "")
	}
}

// sign is a form on the website: it says who the visitor is, and what they want.
func (j *journey) sign(e Event) {
	j.add(Event{Via: Site, Type: "identified", Signed: true})
	j.at = j.at.Add(time.Second)
	e.Signed = true
	j.add(e)
	j.meet()
	j.pass(20*time.Second, 2*time.Minute)
}

func (j *journey) form(name string) {
	j.sign(Event{Via: Site, Type: "form_submitted", URL: website + "/" + name, About: name})
}

// download asks for an asset that the lead has not read yet.
func (j *journey) download() {
	list := slices.DeleteFunc(assets(j.lead.Interest), func(a string) bool { return slices.Contains(j.read, a) })
	if len(list) == 0 {
		return
	}
	asset := oneOf(j.rng, list)
	j.read = append(j.read, asset)
	j.sign(Event{Via: Site, Type: "asset_downloaded", Asset: asset, URL: website + "/library/" + asset})
}

// meet puts somebody who has just given their address into marketing automation, which looks their company up.
func (j *journey) meet() {
	if j.known {
		return
	}
	j.known = true
	j.at = j.at.Add(2 * time.Second)
	j.add(Event{Via: Nurture, Type: "identified"})
	j.add(Event{Via: Nurture, Type: "consent_changed"})
}

// click follows a mail to the website, which thereby learns who it is.
func (j *journey) click(mail string) {
	const campaign = "nurture-handoffs"
	j.add(Event{Via: Nurture, Type: "email_clicked", Channel: "email", Campaign: campaign, About: mail, URL: website + "/blog/" + mail})
	j.at = j.at.Add(2 * time.Second)
	j.see(page{"/blog/" + mail, "From our letter"}, "email", campaign)
	j.add(Event{Via: Site, Type: "identified", Signed: true})
	j.browse(j.rng.IntN(2))
}

// webinar is one hour of ours; about half of those who register come.
func (j *journey) webinar() {
	const campaign, name = "webinar-five-handoffs", "five-handoffs"
	j.add(Event{Via: Webinars, Type: "event_registered", Channel: "webinar", Campaign: campaign, Asset: "handoff-webinar", About: name})
	j.meet()
	j.pass(time.Hour, 2*time.Hour)
	if j.lead.Interest >= Weighs || chance(j.rng, 50) {
		j.add(Event{Via: Webinars, Type: "event_attended", Channel: "webinar", Campaign: campaign, Asset: "handoff-webinar", About: name})
	}
}

// mailings are the two letters of the week, to everybody who is known by then: most are not opened, some are opened by a
// machine that looks for malware, a few people leave.
func (j *journey) mailings() {
	first := slices.IndexFunc(j.events, func(e *Event) bool { return e.Via != Site || e.Signed })
	if first < 0 {
		return
	}
	for i, mail := range []string{"first-hour", "shared-definition"} {
		sent := j.week.From.AddDate(0, 0, 2+3*i).Truncate(24 * time.Hour).Add(9 * time.Hour)
		if !j.events[first].At.Before(sent) {
			continue
		}
		j.at = sent.Add(time.Duration(j.rng.IntN(900)) * time.Second)
		event := Event{Via: Nurture, Channel: "email", Campaign: "nurture-handoffs", About: mail}
		say := func(kind string, automated bool) {
			event.Type, event.Automated = kind, automated
			j.add(event)
		}
		say("email_sent", false)
		if chance(j.rng, 12) {
			j.at = j.at.Add(2 * time.Second)
			say("email_clicked", true)
		}
		j.pass(10*time.Minute, 9*time.Hour)
		switch n := j.rng.IntN(100); {
		case n < 30:
			say("email_opened", false)
		case n < 32 && j.lead.Interest == Glances:
			say("email_unsubscribed", false)
		}
	}
}
