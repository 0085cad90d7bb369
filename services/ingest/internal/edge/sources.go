package edge

import (
	"reflect"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// Sources are all configured sources at one moment. It is never changed: a request works with the one that it began with.
type Sources struct {
	all   []*Source
	names []string
	named map[string]*Source
	// keys are the tracking sources by their write keys.
	keys map[string]*Source
	// largest is the largest body that any tracking source takes.
	largest int64
}

func newSources(all []*Source) *Sources {
	s := &Sources{all: all, named: make(map[string]*Source, len(all)), keys: map[string]*Source{}}
	for _, src := range all {
		s.names = append(s.names, src.Config.Name)
		s.named[src.Config.Name] = src
		if src.Type.Path == sender.Tracking {
			s.keys[src.Config.WriteKey] = src
			s.largest = max(s.largest, src.MaxBody)
		}
	}
	return s
}

// Get gives the source of a name, of whatever type; nil if there is none.
func (s *Sources) Get(name string) *Source { return s.named[name] }

// Names of all sources. The list must not be changed.
func (s *Sources) Names() []string { return s.names }

// All gives all of them, in their order. The list must not be changed.
func (s *Sources) All() []*Source { return s.all }

// webhook gives the source that takes requests at /webhooks/{name}; nil if there is none.
func (s *Sources) webhook(name string) *Source {
	if src := s.named[name]; src != nil && src.Type.Path != sender.Tracking {
		return src
	}
	return nil
}

// Sources gives those in force now.
func (e *Edge) Sources() *Sources { return e.sources.Load() }

// Replace puts other sources in force, all at once: requests under way end with what they began with. Names and write keys
// must be unique. A source whose settings are what they were goes on as it is, and so keeps what it remembers (its rate's
// savings, the tokens that it has seen); one whose rate alone is the same keeps that, and an Heir what it takes over. It must not be called twice at once.
func (e *Edge) Replace(sources []*Source) {
	before := e.sources.Load()
	all := make([]*Source, len(sources))
	for i, s := range sources {
		if before != nil {
			if old := before.named[s.Config.Name]; old != nil && old.Type.Name == s.Type.Name {
				s = old.or(s)
			}
		}
		s.counters = e.metrics.of(s.Config.Name)
		all[i] = s
	}
	e.sources.Store(newSources(all))
	if before != nil {
		e.refusals.keep(e.sources.Load().named)
	}
}

// or gives what takes the place of a source of the same name and type: itself if nothing is new.
func (s *Source) or(next *Source) *Source {
	sameRate := s.perSecond() == next.perSecond()
	if sameRate && s.MaxBody == next.MaxBody && same(s.Config, next.Config) {
		return s
	}
	if sameRate {
		next.Limit = s.Limit
	}
	if heir, ok := next.Sender.(sender.Heir); ok {
		heir.Inherit(s.Sender)
	}
	return next
}

// same reports whether two sources have the same settings. A secret is compared by what it holds: two that were read apart
// never equal each other otherwise.
func same(a, b sender.Config) bool {
	if a.Poll != nil && b.Poll != nil {
		p, q := *a.Poll, *b.Poll
		if p.ClientSecret.Reveal() != q.ClientSecret.Reveal() {
			return false
		}
		p.ClientSecret, q.ClientSecret = config.Secret{}, config.Secret{}
		a.Poll, b.Poll = &p, &q
	}
	return reflect.DeepEqual(a, b)
}

func (s *Source) perSecond() float64 {
	if s.Limit == nil {
		return 0
	}
	return float64(s.Limit.Limit())
}
