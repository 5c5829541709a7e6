package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/function"
	"gatehouse/internal/service/cloudwatch"
	"gatehouse/internal/wire"
)

// alarmActions do what alarms ask for: what the operator says that an ARN stands
// for; functions; and topics, where the configuration says where SNS is.
type alarmActions struct {
	named     Pairs
	functions function.Invoker
	aws       *awsclient.Client
	client    *http.Client
}

var _ cloudwatch.Actions = (*alarmActions)(nil)

func newAlarmActions(named Pairs, functions function.Invoker, aws *awsclient.Client) *alarmActions {
	return &alarmActions{named: named, functions: functions, aws: aws, client: &http.Client{
		// A webhook that is somewhere else now is for the operator to know.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// commandPrefix begins the actions that are programs.
const commandPrefix = "exec:"

// target is what the operator says that an action stands for; of several names
// that match the longest counts.
func (a *alarmActions) target(action string) string {
	best := ""
	for name := range a.named {
		if matchesStar(name, action) && (len(name) > len(best) || len(name) == len(best) && name < best) {
			best = name
		}
	}
	return a.named[best]
}

// matchesStar tells whether s is pattern, in which * stands for any text.
func matchesStar(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return ok && len(rest) >= len(last) && strings.HasSuffix(rest, last)
}

// Can tells whether an action can be done.
func (a *alarmActions) Can(action string) bool {
	if a.target(action) != "" {
		return true
	}
	name, err := arn.Parse(action)
	if err != nil {
		return false
	}
	switch name.Service {
	case "lambda":
		return strings.HasPrefix(name.Resource, "function:")
	case "sns":
		_, err := a.aws.Endpoint(awsclient.Name{Service: "sns", Region: name.Region})
		return err == nil
	}
	return false
}

// Do does an action.
func (a *alarmActions) Do(ctx context.Context, action string, n *cloudwatch.Notification) error {
	target := a.target(action)
	if program, ok := strings.CutPrefix(target, commandPrefix); ok {
		return runAction(ctx, program, action, n)
	}
	if target != "" {
		return a.post(ctx, target, action, n)
	}
	name, err := arn.Parse(action)
	switch {
	case err != nil:
		return err
	case name.Service == "lambda":
		// AWS: "Invoke a Lambda function from an alarm": asynchronously, by this
		// principal.
		_, err := a.functions.Invoke(ctx, &function.Invocation{
			Function: action, Kind: function.Event, Payload: n.Event,
			Source: function.Source{Service: "lambda.alarms.cloudwatch.amazonaws.com", ARN: n.Alarm, Account: n.Account},
		})
		return err
	}
	return a.publish(ctx, name, action, n)
}

// post sends the message to a webhook.
func (a *alarmActions) post(ctx context.Context, where, action string, n *cloudwatch.Notification) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(n.Message))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Gatehouse-Action", action)
	resp, err := a.client.Do(req)
	if err != nil {
		var failed *url.Error // whose text has the address, which may be a secret
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return fmt.Errorf("webhook: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is read
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("webhook: %s", resp.Status)
	}
	return nil
}

// maxOutput bounds what is kept of the output of a program that failed.
const maxOutput = 500

// runAction runs a program with the message as its standard input.
func runAction(ctx context.Context, program, action string, n *cloudwatch.Notification) error {
	cmd := exec.CommandContext(ctx, program)
	cmd.Stdin = bytes.NewReader(n.Message)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "GATEHOUSE_ALARM=" + n.Alarm, "GATEHOUSE_ACTION=" + action, "GATEHOUSE_SUBJECT=" + n.Subject}
	cmd.Dir = filepath.Dir(program)
	cmd.WaitDelay = time.Second // for those who hold its output open
	var out firstBytes
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(program), err, out.b)
	}
	return nil
}

// firstBytes keeps the first bytes that are written.
type firstBytes struct{ b []byte }

func (f *firstBytes) Write(p []byte) (int, error) {
	f.b = append(f.b, p[:min(len(p), maxOutput-len(f.b))]...)
	return len(p), nil
}

// publish sends the message to a topic of SNS.
func (a *alarmActions) publish(ctx context.Context, topic arn.ARN, action string, n *cloudwatch.Notification) error {
	form := url.Values{"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {action}, "Subject": {n.Subject}, "Message": {string(n.Message)}}
	reply, err := a.aws.Do(ctx, &awsclient.Call{
		Name: awsclient.Name{Service: "sns", Region: topic.Region}, Method: http.MethodPost, Body: []byte(form.Encode()),
		Header: []wire.Field{{Name: "Content-Type", Value: "application/x-www-form-urlencoded"}},
	})
	if err != nil {
		return err
	}
	defer reply.Body.Close() //nolint:errcheck // what matters was read
	if reply.Status != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(reply.Body, maxOutput)) // the more of it the better, but it may be nothing
		return fmt.Errorf("SNS answered %d: %s", reply.Status, text)
	}
	return nil
}

// checkAlarmActions reports actions that cannot be.
func (c *Config) checkAlarmActions() error {
	var errs []error
	for name, target := range c.AlarmActions {
		u, err := url.Parse(target)
		program, is := strings.CutPrefix(target, commandPrefix)
		switch {
		case !strings.HasPrefix(name, "arn:"):
			errs = append(errs, fmt.Errorf("alarm-action: %q is not an ARN", name))
		case is && !filepath.IsAbs(program):
			errs = append(errs, fmt.Errorf("alarm-action: the program of %s must be an absolute path", name))
		case is:
		case err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.Host == "":
			errs = append(errs, fmt.Errorf("alarm-action: that of %s is neither a URL nor exec:PROGRAM", name))
		}
	}
	return errors.Join(errs...)
}
