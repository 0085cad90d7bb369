package table

import (
	"slices"
	"strings"
)

// Names gives each name a number, so that rows have a fixed size. Names are never forgotten: they are sources, campaigns, reps, reasons,
// accounts and deals, not people. Not safe for use by several goroutines while names are added.
type Names struct {
	names []string
	syms  map[string]Sym
}

// NewNames gives Names that hold the empty name alone.
func NewNames() *Names {
	return &Names{names: []string{""}, syms: map[string]Sym{"": 0}}
}

// Sym gives the number of a name.
func (n *Names) Sym(name string) Sym {
	if s, ok := n.syms[name]; ok {
		return s
	}
	name = strings.Clone(name) // it may be a piece of a message, which would stay with it
	s := Sym(len(n.names))
	n.names = append(n.names, name)
	n.syms[name] = s
	return s
}

// Find gives the number of a name, false where no row has it.
func (n *Names) Find(name string) (Sym, bool) {
	s, ok := n.syms[name]
	return s, ok
}

// Name gives the name of a number.
func (n *Names) Name(s Sym) string { return n.names[s] }

// Len gives how many names there are; every Sym is below it.
func (n *Names) Len() int { return len(n.names) }

// setMark begins the name of a set, and separates its members: no name has it.
const setMark = "\x00"

// Set gives the number of a set of names, whatever their order.
func (n *Names) Set(members []string) Sym {
	if len(members) == 0 {
		return 0
	}
	members = slices.Compact(slices.Sorted(slices.Values(members)))
	return n.Sym(setMark + strings.Join(members, setMark))
}

// Members gives the names of a set, in order.
func (n *Names) Members(set Sym) []string { return n.List().Members(set) }

// NameList is names as they were at a moment, by number. It may be read while names are added.
type NameList []string

// List gives the names that there are now.
func (n *Names) List() NameList { return NameList(n.names[:len(n.names):len(n.names)]) }

// Name gives the name of a number.
func (n NameList) Name(s Sym) string { return n[s] }

// Members gives the names of a set, in order.
func (n NameList) Members(set Sym) []string {
	s := strings.TrimPrefix(n.Name(set), setMark)
	if s == "" {
		return nil
	}
	return strings.Split(s, setMark)
}
