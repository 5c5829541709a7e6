package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"gatehouse/internal/sigv4"
	"gatehouse/internal/takeout"
)

const (
	// maxTemplateBody is how large a template may be in a call; larger ones go
	// through S3. AWS: 51,200 bytes.
	maxTemplateBody = 51200
	// pollStack is how often a stack that is under way is looked at.
	pollStack = 100 * time.Millisecond
)

// A stackDone is a stack that was deployed.
type stackDone struct {
	Name   string `json:"stackName"`
	Status string `json:"stackStatus"`
}

func printStacks(w io.Writer, list []stackDone) error {
	for _, st := range list {
		if _, err := fmt.Fprintf(w, "stack %s: %s\n", st.Name, st.Status); err != nil {
			return err
		}
	}
	return nil
}

// deployStacks deploys a directory that "gatehouse pull" wrote: its stacks in
// order, of each its templates one after the other.
func (c *client) deployStacks(ctx context.Context, dir string, tell func(string, ...any)) ([]stackDone, error) {
	m, err := takeout.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	var done []stackDone
	for _, st := range m.Stacks {
		d := &deploying{client: c, dir: dir, stack: st, tell: tell}
		status, err := d.run(ctx)
		if err != nil {
			return done, fmt.Errorf("stack %s: %w", st.Name, err)
		}
		done = append(done, stackDone{st.Name, status})
	}
	return done, nil
}

// A deploying is the deployment of one stack.
type deploying struct {
	*client
	dir   string
	stack takeout.Deployed
	tell  func(string, ...any)
	seen  map[string]bool // events
}

// A stackState is what there is of a stack.
type stackState struct {
	Status    string            `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
	Reason    string            `xml:"DescribeStacksResult>Stacks>member>StackStatusReason"`
	resources map[string]string // types by logical id
}

func (d *deploying) run(ctx context.Context) (string, error) {
	parameters := map[string]string{}
	if d.stack.Parameters != "" {
		var err error
		if parameters, err = takeout.ReadParameters(filepath.Join(d.dir, d.stack.Parameters)); err != nil {
			return "", err
		}
	}
	have, err := d.state(ctx)
	if err != nil {
		return "", err
	}
	if have.Status == "ROLLBACK_COMPLETE" {
		// AWS: a stack whose creation failed can only be deleted.
		return "", errors.New("its creation failed before: delete it first (aws cloudformation delete-stack)")
	}
	steps := d.stack.Templates
	if len(steps) == 0 {
		return "", errors.New("it has no template")
	}
	for i, name := range steps {
		text, err := os.ReadFile(filepath.Join(d.dir, name))
		if err != nil {
			return "", err
		}
		if i < len(steps)-1 && have.Status != "" {
			due, err := d.due(name, text, have)
			if err != nil {
				return "", err
			}
			if !due {
				continue
			}
		}
		if have, err = d.step(ctx, have, name, text, parameters); err != nil {
			return "", err
		}
	}
	return have.Status, nil
}

// due tells whether a template that is not the last has to be deployed to a stack
// that is there: if it makes something that the stack does not have, and takes
// no stage away.
func (d *deploying) due(name string, text []byte, have *stackState) (bool, error) {
	var tpl struct {
		Resources map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &tpl); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	due := false
	for logical := range tpl.Resources {
		due = due || have.resources[logical] == ""
	}
	for logical, kind := range have.resources {
		if _, stays := tpl.Resources[logical]; due && !stays && strings.HasSuffix(kind, "::Stage") {
			d.tell("%s is not deployed: it would take %s away for a while; what it froze is made of the next template", name, logical)
			return false, nil
		}
	}
	return due, nil
}

// step makes the stack what a template says.
func (d *deploying) step(ctx context.Context, have *stackState, name string, text []byte, parameters map[string]string) (*stackState, error) {
	form := url.Values{"StackName": {d.stack.Name}}
	if len(text) <= maxTemplateBody {
		form.Set("TemplateBody", string(text))
	} else {
		at, err := d.upload(ctx, name, text)
		if err != nil {
			return nil, fmt.Errorf("%s is too large for a call, and cannot be put into S3: %w", name, err)
		}
		form.Set("TemplateURL", at)
	}
	i := 0
	for key, value := range parameters {
		i++
		form.Set("Parameters.member."+strconv.Itoa(i)+".ParameterKey", key)
		form.Set("Parameters.member."+strconv.Itoa(i)+".ParameterValue", value)
	}
	action := "CreateStack"
	if have.Status != "" {
		action = "UpdateStack"
	}
	d.tell("%s: %s", d.stack.Name, name)
	if d.seen == nil {
		if err := d.events(ctx, true); err != nil {
			return nil, err
		}
	}
	_, err := d.query(ctx, "cloudformation", action, form)
	var r *refused
	if errors.As(err, &r) && strings.Contains(r.message, "No updates are to be performed") {
		return have, nil
	}
	if err != nil {
		return nil, err
	}
	return d.wait(ctx)
}

// wait waits for the stack to come to an end, and tells what happens to it.
func (d *deploying) wait(ctx context.Context) (*stackState, error) {
	for {
		have, err := d.state(ctx)
		if err != nil {
			return nil, err
		}
		if err := d.events(ctx, false); err != nil {
			return nil, err
		}
		switch {
		case have.Status == "CREATE_COMPLETE" || have.Status == "UPDATE_COMPLETE":
			return have, nil
		case !strings.HasSuffix(have.Status, "_IN_PROGRESS"):
			return nil, fmt.Errorf("%s: %s", have.Status, have.Reason)
		}
		if err := sleep(ctx, pollStack); err != nil {
			return nil, err
		}
	}
}

// events tells of the failures among the events since the last time; old ones
// are only remembered.
func (d *deploying) events(ctx context.Context, old bool) error {
	text, err := d.query(ctx, "cloudformation", "DescribeStackEvents", url.Values{"StackName": {d.stack.Name}})
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	if isRefused(err, "ValidationError") {
		return nil // there is no such stack yet
	}
	if err != nil {
		return err
	}
	var page struct {
		Events []struct {
			ID      string `xml:"EventId"`
			Logical string `xml:"LogicalResourceId"`
			Type    string `xml:"ResourceType"`
			Status  string `xml:"ResourceStatus"`
			Reason  string `xml:"ResourceStatusReason"`
		} `xml:"DescribeStackEventsResult>StackEvents>member"`
	}
	if err := xml.Unmarshal(text, &page); err != nil {
		return fmt.Errorf("DescribeStackEvents: %w", err)
	}
	for _, e := range slices.Backward(page.Events) {
		if !d.seen[e.ID] && !old && !strings.HasSuffix(e.Status, "_IN_PROGRESS") {
			d.tell("%s", strings.TrimSpace(e.Status+" "+e.Type+" "+e.Logical+" "+e.Reason))
		}
		d.seen[e.ID] = true
	}
	return nil
}

// state reads what there is of the stack. Without a status there is none.
func (d *deploying) state(ctx context.Context) (*stackState, error) {
	s := &stackState{resources: map[string]string{}}
	text, err := d.query(ctx, "cloudformation", "DescribeStacks", url.Values{"StackName": {d.stack.Name}})
	if isRefused(err, "ValidationError") {
		return s, nil
	}
	if err == nil {
		err = xml.Unmarshal(text, s)
	}
	if err != nil {
		return nil, err
	}
	if text, err = d.query(ctx, "cloudformation", "DescribeStackResources", url.Values{"StackName": {d.stack.Name}}); err != nil {
		return nil, err
	}
	var page struct {
		Resources []struct {
			Logical string `xml:"LogicalResourceId"`
			Type    string `xml:"ResourceType"`
		} `xml:"DescribeStackResourcesResult>StackResources>member"`
	}
	if err := xml.Unmarshal(text, &page); err != nil {
		return nil, fmt.Errorf("DescribeStackResources: %w", err)
	}
	for _, r := range page.Resources {
		s.resources[r.Logical] = r.Type
	}
	return s, nil
}

// upload puts a template into a bucket of the server's S3 and returns its URL.
func (d *deploying) upload(ctx context.Context, name string, text []byte) (string, error) {
	account, err := d.account(ctx)
	if err != nil {
		return "", err
	}
	bucket := "gatehouse-templates-" + account + "-" + d.region
	if err := d.putObject(ctx, "/"+bucket, nil); err != nil && !isRefused(err, "BucketAlreadyOwnedByYou") {
		return "", err
	}
	path := "/" + bucket + (&url.URL{Path: "/" + filepath.ToSlash(name)}).EscapedPath()
	return "https://s3.amazonaws.com" + path, d.putObject(ctx, path, text)
}

func (c *client) putObject(ctx context.Context, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Amz-Content-Sha256", sigv4.HashPayload(body))
	sigv4.Sign(req, body, c.key, sigv4.Target{Region: c.region, Service: "s3"}, time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var e struct {
		Code, Message string
	}
	if xml.Unmarshal(text, &e) != nil {
		e.Message = strings.TrimSpace(string(text[:min(len(text), 500)]))
	}
	return &refused{method: http.MethodPut, path: path, status: resp.StatusCode, kind: e.Code, message: e.Message}
}
