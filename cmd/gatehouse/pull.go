package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"gatehouse/internal/takeout"
)

// A pulled is what "gatehouse pull" did.
type pulled struct {
	takeout.Manifest
	Directory string      `json:"directory"`
	Deployed  []stackDone `json:"deployed,omitempty"`
}

// A partly is a success that is not whole.
type partly struct{ err error }

func (e partly) Error() string { return e.err.Error() }

// A puller is what "gatehouse pull" was asked to do.
type puller struct {
	from remote
	opt  takeout.Options
	into bool
	to   target
}

func newPull() *cobra.Command {
	var p puller
	var out output
	cmd := &cobra.Command{
		Use:   "pull DIR",
		Short: "Write all API Gateway settings of an AWS account, or of another Gatehouse, into files",
		Long: "Read all that an account has set in API Gateway, by its public API, and write it into a directory as\n" +
			"CloudFormation templates: one of what APIs lean on, one of each API, one of what leads to them.\n" +
			"\"gatehouse deploy DIR\" and \"aws cloudformation deploy\" deploy them; --into deploys them here at once.\n\n" +
			"The account is Amazon's unless --endpoint-url (or AWS_ENDPOINT_URL) names a server. Credentials are found as\n" +
			"the aws command finds them. Nothing is changed at the source. What cannot be carried is listed at the end;\n" +
			"the exit code is then 3.",
		Example: "  gatehouse pull settings --profile production --region eu-central-1\n" +
			"  gatehouse pull settings --endpoint-url http://127.0.0.1:4566 --api pets --key-values --into",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("want the directory to write into; see \"%s --help\"", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			done, err := p.run(ctx, args[0])
			if err != nil {
				return err
			}
			if err := out.print(cmd.OutOrStdout(), done, done.text); err != nil {
				return err
			}
			if n := len(done.Left); n > 0 {
				return partly{fmt.Errorf("settings that are not carried: %d", n)}
			}
			return nil
		},
	}
	p.from.register(cmd)
	cmd.Flags().StringSliceVar(&p.opt.APIs, "api", nil, "id or name of an `API` to take; may be repeated (default: all)")
	cmd.Flags().BoolVar(&p.opt.KeyValues, "key-values", false, "take the values of API keys too, into a file that only you may read")
	cmd.Flags().BoolVar(&p.into, "into", false, "deploy the templates to the server of --data")
	cmd.Flags().StringVar(&p.to.data, "data", defaultData(), "data directory `DIR` of the running server that --into deploys to")
	out.register(cmd)
	return cmd
}

func (p *puller) run(ctx context.Context, dir string) (*pulled, error) {
	tell := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "gatehouse: "+format+"\n", args...) }
	// Before anything is asked of the source: whether there is somewhere to
	// deploy to.
	var c *client
	if p.to.region = p.from.region; p.into {
		var err error
		if c, err = p.to.connect(ctx, 0); err != nil {
			return nil, err
		}
	}
	source, err := p.from.open()
	if err != nil {
		return nil, err
	}
	defer source.Close()
	p.opt.Progress = tell
	taken, err := takeout.Take(ctx, source, p.opt)
	if err != nil {
		return nil, err
	}
	m, err := taken.Write(dir, p.from.region)
	if err != nil {
		return nil, err
	}
	done := &pulled{Manifest: *m, Directory: dir}
	if p.into {
		done.Deployed, err = c.deployStacks(ctx, dir, tell)
		if err != nil {
			return nil, errors.Join(err, errors.New("what was read stands in "+dir+": \"gatehouse deploy "+dir+"\" goes on"))
		}
	}
	return done, nil
}

// text tells people what was written, and what was not.
func (d *pulled) text(w io.Writer) error {
	for _, st := range d.Stacks {
		for _, name := range st.Templates {
			if _, err := fmt.Fprintf(w, "%s/%s: %s\n", d.Directory, name, st.About); err != nil {
				return err
			}
		}
		if st.Parameters != "" {
			if _, err := fmt.Fprintf(w, "%s/%s: secret values\n", d.Directory, st.Parameters); err != nil {
				return err
			}
		}
	}
	if err := printStacks(w, d.Deployed); err != nil {
		return err
	}
	if len(d.Left) > 0 {
		if _, err := fmt.Fprintln(w, "not carried:"); err != nil {
			return err
		}
	}
	for _, l := range d.Left {
		if _, err := fmt.Fprintf(w, "- %s: %s\n", l.What, l.Why); err != nil {
			return err
		}
	}
	return nil
}
