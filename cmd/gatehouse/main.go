// Command gatehouse is Amazon API Gateway that you run yourself.
//
//	gatehouse serve      run the server
//	gatehouse import     import an API definition into a running server, and deploy it
//	gatehouse deploy     make a stage serve an API definition, and tell what changed
//	gatehouse diff       tell what a deployment would change
//	gatehouse export     write what a stage serves as an API definition
//	gatehouse pull       write all API Gateway settings of an account into files
//	gatehouse function   deploy, call and watch functions of a running server
//	gatehouse admin      make an administrator of a running server
//	gatehouse audit      verify the records of calls
//	gatehouse cluster    show how clusters and their endpoints do, change them
//	gatehouse compact    give back the room that a store does not need
//	gatehouse upgrade    put a new process into the place of a running server
//	gatehouse explain    tell which policy decides about a request
//	gatehouse who-can-call  list who may call a method
//	gatehouse top        show the traffic of a running server
//	gatehouse version    print the version
//	gatehouse help       describe a command
//
// It exits with 0 after a clean end, 1 when something failed, 2 when it was
// called or configured wrongly, 3 when what it did is not whole, and 130 when a second signal cut a shutdown
// short.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse/internal/function"
)

// Exit codes; docs/operating.md lists them too.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPartly      = 3
	exitInterrupted = 130
)

func main() {
	function.Init()
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(os.Stderr, "gatehouse: "+strings.ReplaceAll(err.Error(), "\n", "\ngatehouse: "))
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	var part partly
	if errors.As(err, &part) {
		return exitPartly
	}
	return exitFailed
}

// A usageError is a mistake in how the command was called or configured.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "Amazon API Gateway that you run yourself",
		Long: "Gatehouse serves the APIs of Amazon API Gateway on your own machines.\n" +
			"Start it with \"gatehouse serve\", then configure it with the aws command, an AWS SDK or \"gatehouse import\".",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see \"%s --help\"", err, cmd.CommandPath())}
	})
	root.AddCommand(newServe(), newImport(), newDeploy(), newDiff(), newExport(), newPull(), newFunction(), newAdmin(), newCluster(), newRelease(), newExplain(), newWhoCanCall(), newTop(), newTail(), newTrace(), newErrors(), newAudit(), newCompact(), newUpgrade(), newVersion())
	return root
}

// noArgs refuses arguments, as a mistake of usage and with a suggestion.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown argument %q for %q", args[0], cmd.CommandPath())
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += fmt.Sprintf(" (did you mean %q?)", near[0])
	}
	return usageError{fmt.Errorf("%s; see \"%s --help\"", text, cmd.CommandPath())}
}
