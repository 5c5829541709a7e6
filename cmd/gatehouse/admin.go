package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/sigv4"
)

// newAdmin returns the command that makes administrators.
func newAdmin() *cobra.Command {
	admin := &cobra.Command{
		Use:   "admin",
		Short: "Manage who administers a running server",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var t target
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an IAM user who may do everything, and print an access key",
		Long: "Makes the IAM user NAME, attaches the policy AdministratorAccess, and prints an access key\n" +
			"in the form of the AWS tools' credential files. The secret is shown this once:\n\n" +
			"  gatehouse admin create ann > ~/.aws/gatehouse\n" +
			"  AWS_SHARED_CREDENTIALS_FILE=~/.aws/gatehouse aws sts get-caller-identity\n\n" +
			"Keep the root credential of the data directory for emergencies.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("want one NAME; see \"%s --help\"", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.connect(cmd.Context(), 0)
			if err != nil {
				return err
			}
			return createAdmin(cmd.Context(), c, args[0], cmd.OutOrStdout())
		},
	}
	t.register(create)
	admin.AddCommand(create)
	return admin
}

// adminPolicy is what an administrator may do.
const adminPolicy = "arn:aws:iam::aws:policy/AdministratorAccess"

// createAdmin makes the user whole or not at all.
func createAdmin(ctx context.Context, c *client, name string, w io.Writer) error {
	user := url.Values{"UserName": {name}}
	if _, err := c.iam(ctx, "CreateUser", user); err != nil {
		return err
	}
	_, err := c.iam(ctx, "AttachUserPolicy", url.Values{"UserName": {name}, "PolicyArn": {adminPolicy}})
	var answer []byte
	if err == nil {
		answer, err = c.iam(ctx, "CreateAccessKey", user)
	}
	var key struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	if err == nil {
		err = xml.Unmarshal(answer, &key)
	}
	if err != nil {
		_, _ = c.iam(ctx, "DetachUserPolicy", url.Values{"UserName": {name}, "PolicyArn": {adminPolicy}}) // may not be attached yet
		_, _ = c.iam(ctx, "DeleteUser", user)                                                             // the first error tells
		return err
	}
	_, err = fmt.Fprintf(w, "# IAM user %s: may do everything\n[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", name, key.ID, key.Secret)
	return err
}

// iam makes a call of IAM and returns its answer.
func (c *client) iam(ctx context.Context, action string, form url.Values) ([]byte, error) {
	return c.query(ctx, "iam", action, form)
}

// query makes a call of IAM, STS or CloudFormation and returns its answer.
func (c *client) query(ctx context.Context, service, action string, form url.Values) ([]byte, error) {
	versions := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15", "cloudformation": "2010-05-15"}
	full := url.Values{"Action": {action}, "Version": {versions[service]}}
	for k, v := range form {
		full[k] = v
	}
	body := []byte(full.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sigv4.Sign(req, body, c.key, sigv4.Target{Region: c.region, Service: service}, time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", service, action, err)
	}
	if resp.StatusCode != http.StatusOK {
		var e struct {
			Code    string `xml:"Error>Code"`
			Message string `xml:"Error>Message"`
		}
		if xml.Unmarshal(text, &e) != nil {
			e.Message = strings.TrimSpace(string(text[:min(len(text), 500)]))
		}
		return nil, &refused{method: service, path: action, status: resp.StatusCode, kind: e.Code, message: e.Message}
	}
	return text, nil
}

// account is the account of the caller.
func (c *client) account(ctx context.Context) (string, error) {
	var who struct {
		Account string `xml:"GetCallerIdentityResult>Account"`
	}
	text, err := c.query(ctx, "sts", "GetCallerIdentity", nil)
	if err == nil {
		err = xml.Unmarshal(text, &who)
	}
	return who.Account, err
}
