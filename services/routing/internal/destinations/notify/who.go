package notify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// Person is somebody who is told.
type Person struct {
	// Key is the rep's id, or the address of one who is none.
	Key string
	// As says why: Owner, Previous, Manager, Team, or "" for who is named in the configuration.
	As string
	// Rep is nil for addresses.
	Rep           *core.Rep
	Name, Address string
}

// Recipient is whom one message goes to: a person, or a channel with those whom it concerns.
type Recipient struct {
	Key    string
	People []*Person
}

// as is why a recipient is told, by the first of its people.
func (r *Recipient) as() string {
	if len(r.People) == 0 {
		return ""
	}
	return r.People[0].As
}

// channelKey is the recipient that a channel is.
const channelKey = "channel"

// recipients gives who is to be told of a delivery, everybody once, and why somebody who is to be told cannot be. Who left, or wants none
// of it, needs not be told.
func (n *Notifier) recipients(dir *core.Directory, job *destination.Job) (list []*Recipient, unreached string) {
	people, unreached := n.people(dir, job, n.Settings.to[job.Event])
	if n.Together {
		return []*Recipient{{Key: channelKey, People: people}}, ""
	}
	for _, p := range people {
		list = append(list, &Recipient{Key: p.Key, People: []*Person{p}})
	}
	return list, unreached
}

func (n *Notifier) people(dir *core.Directory, job *destination.Job, to []string) (list []*Person, unreached string) {
	owner := job.Payload.GetOwner().GetId()
	add := func(as, who string) {
		if who == "" {
			return
		}
		p := person(dir, as, who)
		if slices.ContainsFunc(list, func(o *Person) bool {
			return o.Key == p.Key || p.Address != "" && strings.EqualFold(o.Address, p.Address)
		}) || n.declines(p) {
			return
		}
		if why := n.Sender.Reaches(p); why != "" {
			unreached = why
			return
		}
		list = append(list, p)
	}
	manager := func() {
		if t := dir.Team(teamOf(dir, job)); t != nil {
			add(Manager, t.Manager)
		}
	}
	for _, w := range to {
		switch w {
		case Owner:
			add(Owner, owner)
		case Previous:
			add(Previous, job.Payload.GetPreviousOwner())
		case Manager:
			manager()
		case Notified:
			switch job.Payload.GetBreach().GetNotify() {
			case handoff.NotifyManager, handoff.Overflow:
				manager()
			default:
				add(Owner, owner)
			}
		case Team:
			if team := teamOf(dir, job); team != "" && dir != nil {
				for i := range dir.Reps {
					if r := &dir.Reps[i]; r.Team == team {
						add(Team, r.ID)
					}
				}
			}
		default:
			add("", w)
		}
	}
	return list, unreached
}

// teamOf is the owner's team by now, or else as it was told.
func teamOf(dir *core.Directory, job *destination.Job) string {
	if r := dir.Rep(job.Payload.GetOwner().GetId()); r != nil {
		return r.Team
	}
	return job.Payload.GetOwner().GetTeam()
}

func person(dir *core.Directory, as, who string) *Person {
	p := &Person{Key: who, As: as, Name: who}
	if r := dir.Rep(who); r != nil {
		p.Rep, p.Name = r, r.Name
		p.Address, _ = Address(r.Email)
		return p
	}
	if strings.Contains(who, "@") {
		p.Address, _ = Address(who)
		if dir != nil {
			for i := range dir.Reps { // the rep behind an address has hours, and may want none of it
				if strings.EqualFold(dir.Reps[i].Email, p.Address) && p.Address != "" {
					p.Rep, p.Name, p.Key = &dir.Reps[i], dir.Reps[i].Name, dir.Reps[i].ID
				}
			}
		}
	}
	return p
}

// declines reports whether somebody is not to be told by this destination: they left, or said so in the directory, by the
// destination's name or else by its type.
func (n *Notifier) declines(p *Person) bool {
	if p.Rep == nil {
		return false
	}
	wants, said := p.Rep.Notify[n.Name]
	if !said {
		wants, said = p.Rep.Notify[n.Type]
	}
	return !p.Rep.Active || said && !wants
}

// problems says what keeps people from being told.
func (n *Notifier) problems(dir *core.Directory) (out []string) {
	for _, e := range n.Settings.events {
		if len(n.Settings.to[e]) == 0 && !n.Together {
			out = append(out, fmt.Sprintf("%s goes to nobody: set options.%s", e, optionOf(e)))
		}
	}
	if dir == nil {
		return out
	}
	words := map[string]bool{}
	for _, e := range n.Settings.events {
		for _, w := range n.Settings.to[e] {
			words[w] = true
		}
	}
	if words[Manager] || words[Notified] && slices.Contains(n.Settings.events, fold.EventSLAEscalated) {
		for i := range dir.Teams {
			t := &dir.Teams[i]
			if t.Manager == "" {
				out = append(out, fmt.Sprintf("directory: team %s has no manager to tell", t.ID))
			} else if n.Sender.Reaches(person(dir, Manager, t.Manager)) != "" {
				out = append(out, fmt.Sprintf("directory: the manager of team %s cannot be told: write an e-mail address or the id of a rep who has one", t.ID))
			}
		}
	}
	if words[Owner] {
		for i := range dir.Reps {
			p := person(dir, Owner, dir.Reps[i].ID)
			if why := n.Sender.Reaches(p); why != "" && !n.declines(p) {
				out = append(out, fmt.Sprintf("directory: rep %s cannot be told: %s", p.Key, why))
			}
		}
	}
	return out
}

func optionOf(event string) string {
	for option, e := range ofEvent() {
		if e == event {
			return option
		}
	}
	return "to"
}

// sampled gives whom a sample may go to: somebody whom the destination could tell in earnest, so that nobody can have mails sent to the world.
func (n *Notifier) sampled(dir *core.Directory, to string) (r *Recipient, problem string) {
	var named []string
	for _, e := range slices.Sorted(slices.Values(n.Settings.events)) {
		for _, w := range n.Settings.to[e] {
			if strings.Contains(w, "@") || dir.Rep(w) != nil {
				named = append(named, w)
			}
		}
	}
	switch {
	case n.Together && to == "":
		return &Recipient{Key: channelKey}, ""
	case to == "" && len(named) > 0:
		to = named[0]
	case to == "":
		return nil, "to: say to whom: a rep's id, or an address of the configuration"
	}
	p := person(dir, "", to)
	if p.Rep == nil && !slices.Contains(named, to) {
		return nil, "to: is neither a rep of the directory nor an address of the configuration"
	}
	if why := n.Sender.Reaches(p); why != "" {
		return nil, "to: " + why
	}
	if n.Together {
		return &Recipient{Key: channelKey, People: []*Person{p}}, ""
	}
	return &Recipient{Key: p.Key, People: []*Person{p}}, ""
}
