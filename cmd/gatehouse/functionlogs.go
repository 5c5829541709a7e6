package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
)

// logPoll is how often a followed log is looked at.
const logPoll = 200 * time.Millisecond

func newFunctionLogs() *cobra.Command {
	var to target
	var follow bool
	var lines int
	var account string
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print what a function has written",
		Long: "Print the end of a function's log, and with --follow what it writes from now on. The log is read from the data\n" +
			"directory of the server, which must be on this machine.",
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			if account == "" {
				running, err := app.FindRunning(to.data)
				if err != nil {
					return err
				}
				account = running.Account
			}
			file := app.FunctionLogFile(to.data, account, to.region, args[0])
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			t := &tailer{file: file, out: cmd.OutOrStdout()}
			if err := t.last(lines); err != nil {
				return err
			}
			if !follow {
				return nil
			}
			return t.follow(ctx)
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing until interrupted")
	cmd.Flags().IntVarP(&lines, "lines", "n", 100, "how many `LINES` of what was written before")
	cmd.Flags().StringVar(&account, "account", "", "`ID` of the function's account, if it is not the server's")
	cmd.Flags().StringVar(&to.data, "data", defaultData(), "data directory `DIR` of the running server")
	cmd.Flags().StringVar(&to.region, "region", defaultRegion(), "`REGION` of the function")
	return cmd
}

// A tailer prints the end of a log.
type tailer struct {
	file string
	out  io.Writer
	at   int64 // what was printed
}

// maxTail bounds how much of the end of a log is read.
const maxTail = 4 << 20

// last prints the last lines. A function that has not written anything yet has
// none.
func (t *tailer) last(n int) error {
	f, err := os.Open(t.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from := max(0, info.Size()-maxTail)
	text, err := io.ReadAll(io.NewSectionReader(f, from, info.Size()-from))
	if err != nil {
		return fmt.Errorf("read %s: %w", t.file, err)
	}
	t.at = info.Size()
	start := len(text)
	for ; n > 0 && start > 0; n-- {
		start = bytes.LastIndexByte(text[:start-1], '\n') + 1
	}
	_, err = t.out.Write(text[start:])
	return err
}

// follow prints what is added until ctx ends.
func (t *tailer) follow(ctx context.Context) error {
	tick := time.NewTicker(logPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := t.more(); err != nil {
			return err
		}
	}
}

// more prints what was added since; a log that became shorter is a new one.
func (t *tailer) more() error {
	f, err := os.Open(t.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < t.at {
		t.at = 0
	}
	n, err := io.Copy(t.out, io.NewSectionReader(f, t.at, info.Size()-t.at))
	t.at += n
	return err
}
