package routing

import (
	"io"

	"github.com/batonhq/baton/services/routing/internal/domains"
	"github.com/batonhq/baton/services/routing/internal/lists"
)

// AccountList is a list of accounts, cut into the chunks that PutAccounts takes.
type AccountList = lists.List

// ReadAccounts reads and checks a list of accounts, "csv" or "ndjson": every fault with its line, field and reason.
func ReadAccounts(in io.Reader, format string) (*AccountList, error) {
	return lists.Read(in, format, domains.New())
}
