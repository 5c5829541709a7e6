package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gatehouse/internal/app"
	"gatehouse/internal/handover"
)

func newServe() *cobra.Command {
	var file string
	flags := app.Defaults() // what the flags say, and only that; see configure
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server: the AWS APIs, the data plane, and health and readiness.\n\n" +
			"Each flag is also an environment variable (--listen-tls is GATEHOUSE_LISTEN_TLS) and a key in the\n" +
			"configuration file (listen-tls: ADDR). Flags win over the environment, that over the file.\n\n" +
			"SIGINT and SIGTERM end the server after the running requests; a second one ends it at once.\n" +
			"SIGHUP opens log files and certificates again. SIGUSR2 puts a new process into this one's place,\n" +
			"as \"gatehouse upgrade\" does.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			inherited, err := handover.Inherited() // before the environment is read
			if err != nil {
				return err
			}
			cfg, err := configure(cmd.Flags(), file)
			if err != nil {
				return usageError{err}
			}
			return serve(cmd.Context(), cfg, inherited)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&file, "config", "", "configuration file (YAML)")
	for _, s := range flags.Settings() {
		f := cmd.Flags().VarPF(s, s.Name, "", s.Help)
		if s.IsBool() {
			f.NoOptDefVal = "true"
		}
	}
	return cmd
}

// configure reads the configuration. One that asks for Amazon's limits is read
// again over those.
func configure(flags *pflag.FlagSet, file string) (*app.Config, error) {
	if file == "" {
		file = os.Getenv(app.ConfigEnv)
	}
	cfg := app.Defaults()
	unknown, err := read(cfg, flags, file)
	if err == nil && cfg.Limits == "aws" {
		cfg = app.AWSLimits()
		unknown, err = read(cfg, flags, file)
	}
	if err != nil {
		return nil, err
	}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	for _, name := range unknown {
		fmt.Fprintf(os.Stderr, "gatehouse: %s is no setting and was ignored\n", name)
	}
	return cfg, nil
}

// read changes cfg by the file, then the environment, then the flags. It returns
// the variables that are no settings.
func read(cfg *app.Config, flags *pflag.FlagSet, file string) (unknown []string, err error) {
	if file != "" {
		if err := cfg.ReadFile(file); err != nil {
			return nil, err
		}
	}
	if unknown, err = cfg.ReadEnv(os.Environ()); err != nil {
		return nil, err
	}
	for _, s := range cfg.Settings() {
		f := flags.Lookup(s.Name)
		if !f.Changed {
			continue
		}
		if err := s.Set(f.Value.String()); err != nil {
			return nil, fmt.Errorf("--%s: %w", s.Name, err)
		}
	}
	return unknown, nil
}

func serve(ctx context.Context, cfg *app.Config, inherited *handover.Inheritance) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	go func() {
		<-signals
		stop()
		<-signals
		os.Exit(exitInterrupted)
	}()
	reopen := make(chan os.Signal, 1)
	signal.Notify(reopen, syscall.SIGHUP)
	defer signal.Stop(reopen)
	program, err := os.Executable() // where the next version will be, too
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	return app.Run(ctx, cfg, app.Surroundings{
		Out: os.Stdout, Log: newLog(cfg), Reopen: reopen, FunctionInit: "/proc/self/exe",
		Upgrade: upgradeSignal(), Program: program, Args: os.Args[1:], Inherited: inherited,
	})
}

func newLog(cfg *app.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // Config.Check has seen it
	opt := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opt))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opt))
}
