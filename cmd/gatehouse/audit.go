package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
)

// newAudit returns the command that looks at what was recorded of calls.
func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify the records of calls of AWS APIs",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditVerify(), newAuditKey())
	return cmd
}

func newAuditVerify() *cobra.Command {
	var data, key string
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Tell whether records were changed or are missing",
		Long: "Without DIR: reads all records in the data directory, and tells what is damaged or missing.\n" +
			"With DIR, a directory that trails deliver to, or a copy of a bucket: verifies the hashes and the\n" +
			"signatures of digests, and tells which files were changed, added or taken away.\n" +
			"It exits with 1 if there is something to tell.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := ""
			if len(args) > 0 {
				dir = args[0]
			}
			r, err := app.VerifyAudit(data, dir, key)
			if err != nil {
				return err
			}
			for _, line := range r.Found {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
					return err
				}
			}
			if len(r.Faults) == 0 {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "nothing is damaged or missing")
				return err
			}
			var faults []error
			for _, line := range r.Faults {
				faults = append(faults, errors.New(line))
			}
			return errors.Join(faults...)
		},
	}
	cmd.Flags().StringVar(&data, "data", app.Defaults().Data, "data directory")
	cmd.Flags().StringVar(&key, "key", "", "key of the digests in PEM (default: that of the data directory)")
	return cmd
}

func newAuditKey() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Print the public key that digests are verified with",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := app.AuditKey(data)
			if err != nil {
				return err
			}
			return pem.Encode(cmd.OutOrStdout(), &pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(key)})
		},
	}
	cmd.Flags().StringVar(&data, "data", app.Defaults().Data, "data directory")
	return cmd
}
