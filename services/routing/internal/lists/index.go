package lists

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/routing/internal/core/accounts"
)

// Pack gives what a chunk is kept as in the journal.
func Pack(list []*journalv1.ListedAccount) ([]byte, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(&journalv1.AccountList{Accounts: list})
	if err != nil {
		return nil, fmt.Errorf("pack a list of accounts: %w", err)
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("pack a list of accounts: %w", err)
	}
	return w.EncodeAll(raw, nil), w.Close()
}

// maxUnpacked bounds what a chunk may become, in bytes.
const maxUnpacked = 64 << 20

// Revision is a list that is in force.
type Revision struct {
	Name string
	// Seq is the place of its last chunk in the journal.
	Seq    uint64
	Chunks [][]byte
}

// Assembler puts a revision together from its chunks, in log order.
type Assembler struct {
	// Rules of matching in force.
	Rules int32
	// InForce is nil before the first list.
	InForce *Revision

	staged Revision
	count  int32
}

// Apply folds one fact. A chunk that does not follow the one before it is of no effect: nothing appends such a chunk, unless
// two lists are applied at once, of which one gives way.
func (a *Assembler) Apply(seq uint64, c *journalv1.AccountsChanged) {
	a.Rules = max(a.Rules, c.GetRules())
	switch {
	case c.GetChunks() <= 0:
		return
	case c.GetChunk() == 0:
		a.staged, a.count = Revision{Name: c.GetRevision()}, c.GetChunks()
	case c.GetRevision() != a.staged.Name || int(c.GetChunk()) != len(a.staged.Chunks) || c.GetChunks() != a.count:
		return
	}
	a.staged.Chunks = append(a.staged.Chunks, c.GetAccounts())
	if len(a.staged.Chunks) == int(a.count) {
		done := a.staged
		done.Seq = seq
		a.InForce, a.staged, a.count = &done, Revision{}, 0
	}
}

// Cache keeps the indexes of the latest revisions: whoever reads one builds it once for everybody. It is safe for use by
// several goroutines.
type Cache struct {
	domains accounts.Domains

	mu   sync.Mutex
	kept []*built
}

type built struct {
	name  string
	once  sync.Once
	index *accounts.Index
}

// keep is how many revisions are kept: the one in force, and the one before it, which a fold may still be at.
const keep = 2

// NewCache gives an empty cache.
func NewCache(domains accounts.Domains) *Cache { return &Cache{domains: domains} }

// Index gives the index of a revision, nil of none. The first who asks waits while it is built: some 15 s of one processor for a
// million accounts.
func (c *Cache) Index(r *Revision) *accounts.Index {
	if r == nil {
		return nil
	}
	b := c.find(r.Name)
	b.once.Do(func() { b.index = build(r, c.domains) })
	return b.index
}

func (c *Cache) find(name string) *built {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, b := range c.kept {
		if b.name == name {
			c.kept = append(append(c.kept[:i:i], c.kept[i+1:]...), b)
			return b
		}
	}
	b := &built{name: name}
	c.kept = append(c.kept, b)
	if len(c.kept) > keep {
		c.kept = append([]*built(nil), c.kept[len(c.kept)-keep:]...)
	}
	return b
}

// build reads the chunks. One that cannot be read is left out: what is appended was read before.
func build(r *Revision, domains accounts.Domains) *accounts.Index {
	b := accounts.NewBuilder(domains)
	for _, packed := range r.Chunks {
		for _, a := range unpack(packed) {
			b.Add(accounts.Account{
				ID: a.GetId(), Name: a.GetName(), Domain: a.GetDomain(), Aliases: a.GetAliases(), Contacts: a.GetContacts(), Phone: a.GetPhone(),
				Address: accounts.Address{Street: a.GetStreet(), City: a.GetCity(), PostalCode: a.GetPostalCode(), Country: a.GetCountry()},
				Parent:  a.GetParent(), Owner: a.GetOwner(), Target: a.GetTarget(),
			})
		}
	}
	return b.Build()
}

func unpack(packed []byte) []*journalv1.ListedAccount {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil
	}
	defer r.Close()
	raw, err := r.DecodeAll(packed, nil)
	if err != nil {
		return nil
	}
	list := new(journalv1.AccountList)
	if err := proto.Unmarshal(raw, list); err != nil {
		return nil
	}
	return list.GetAccounts()
}
