package cli

import (
	"context"
	"flag"
	"fmt"
	"os"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/internal/app"
)

func directoryCommand() command {
	return command{
		name: "directory", args: "check|apply|try|simulate FILE | accounts check|apply FILE", does: "verify a directory or a list of accounts, try it, or put it in force",
		more: "try says who would get a lead under FILE, and why; simulate plays the last 30 days through FILE and through the\n" +
			"directory in force, and sets them side by side. Neither writes anything. Without FILE they take the one in force.",
		example: "baton directory try directory.yaml --lead ana@initech.example",
		prepare: func(env *Env, flags *flag.FlagSet) func(context.Context, []string) error {
			a := apiFlags(env, flags)
			dry := directoryTryFlags(env, flags, a)
			return func(ctx context.Context, args []string) error {
				if len(args) > 0 && args[0] == "accounts" {
					return accountList(ctx, env, a, args[1:])
				}
				if len(args) == 1 && (args[0] == "try" || args[0] == "simulate") {
					return dry.run(ctx, args[0], "")
				}
				file, err := verbAndFile(args, "check", "apply", "try", "simulate")
				if err != nil {
					return err
				}
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				if err := app.CheckDirectory(text); err != nil {
					return told(env, file+" is not right", err)
				}
				switch args[0] {
				case "check":
					fmt.Fprintln(env.Stdout, "ok: "+file)
					return nil
				case "try", "simulate":
					return dry.run(ctx, args[0], string(text))
				}
				var d routingv1.Directory
				if err := a.call(ctx, "PUT", "directory", nil, &routingv1.PutDirectoryRequest{Yaml: string(text)}, &d); err != nil {
					return err
				}
				fmt.Fprintf(env.Stdout, "in force from sequence %s on\n", d.Sequence)
				return nil
			}
		},
	}
}

func verbAndFile(args []string, verbs ...string) (string, error) {
	for _, v := range verbs {
		if len(args) == 2 && args[0] == v {
			return args[1], nil
		}
	}
	return "", usagef("the arguments are %v and a file", verbs)
}
