package cli

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/internal/app"
)

// accountList checks a list of accounts and, to apply it, sends its chunks one after the other. One that broke off goes on where
// it was, and one that is in force already is left alone.
func accountList(ctx context.Context, env *Env, a *api, args []string) error {
	file, err := verbAndFile(args, "check", "apply")
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	list, err := app.ReadAccounts(f, strings.ToLower(strings.TrimPrefix(filepath.Ext(file), ".")))
	if err != nil {
		return told(env, file+" is not right", err)
	}
	if args[0] == "check" {
		fmt.Fprintf(env.Stdout, "ok: %s, %d accounts\n", file, list.Accounts)
		return nil
	}
	for next := 0; ; {
		var got routingv1.PutAccountsResponse
		if err := a.call(ctx, http.MethodPut, "directory/accounts", nil, &routingv1.PutAccountsRequest{
			Revision: list.Revision, Chunk: int32(next), Chunks: int32(len(list.Chunks)), Records: list.Chunks[next].Records,
		}, &got); err != nil {
			return err
		}
		if got.GetInForce() {
			fmt.Fprintf(env.Stdout, "%d accounts in force from sequence %s on\n", list.Accounts, got.GetSequence())
			return nil
		}
		if int(got.GetNext()) <= next || int(got.GetNext()) >= len(list.Chunks) {
			return fmt.Errorf("the server asks for chunk %d behind chunk %d of %d", got.GetNext(), next, len(list.Chunks))
		}
		next = int(got.GetNext())
	}
}
