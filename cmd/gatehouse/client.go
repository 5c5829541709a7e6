package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/app"
	"gatehouse/internal/sigv4"
)

// Bounds of a call: its answer, its time, and the pause between two attempts
// to reach a server that is still starting.
const (
	maxAnswer = 16 << 20
	callTime  = 30 * time.Second
	retryTime = 50 * time.Millisecond
)

// A target says which server to call, and as whom.
type target struct {
	endpoint, data, region string
}

func (t *target) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.data, "data", defaultData(), "data directory `DIR` of the running server")
	cmd.Flags().StringVar(&t.endpoint, "endpoint", "", "`URL` of the AWS APIs of the server, as in http://127.0.0.1:4566")
	cmd.Flags().StringVar(&t.region, "region", defaultRegion(), "`REGION` to call")
}

func defaultData() string {
	if dir := os.Getenv("GATEHOUSE_DATA"); dir != "" {
		return dir
	}
	return app.Defaults().Data
}

func defaultRegion() string {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if r := os.Getenv(name); r != "" {
			return r
		}
	}
	return "us-east-1"
}

// A client calls the API Gateway API of one server.
type client struct {
	endpoint  string
	dataPlane string // URL of the data plane
	key       sigv4.Key
	region    string
	http      *http.Client
}

// connect finds the server, and waits for it to be ready.
func (t *target) connect(ctx context.Context, wait time.Duration) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, max(wait, time.Millisecond))
	defer cancel()
	for {
		c, err := t.client()
		if err == nil {
			if err = c.ping(ctx); err == nil {
				return c, nil
			}
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(retryTime):
		}
	}
}

func (t *target) client() (*client, error) {
	c := &client{endpoint: t.endpoint, dataPlane: t.endpoint, region: t.region, http: &http.Client{Timeout: callTime}}
	if t.endpoint != "" {
		c.endpoint = strings.TrimSuffix(t.endpoint, "/")
		c.dataPlane = c.endpoint
		c.key = sigv4.Key{
			AccessKey:    os.Getenv("AWS_ACCESS_KEY_ID"),
			SecretKey:    os.Getenv("AWS_SECRET_ACCESS_KEY"),
			SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		}
		if c.key.AccessKey != "" && c.key.SecretKey != "" {
			return c, nil
		}
		return nil, errors.New("--endpoint needs a credential: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	running, err := app.FindRunning(t.data)
	if err != nil {
		return nil, err
	}
	cred, err := app.RootCredential(t.data)
	if err != nil {
		return nil, err
	}
	c.endpoint, c.dataPlane = running.Endpoint(), running.DataPlane()
	c.key = sigv4.Key{AccessKey: cred.AccessKey, SecretKey: cred.SecretKey.Reveal()}
	return c, nil
}

// ping finds out whether anything answers at the endpoint.
func (c *client) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, c.endpoint, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers at %s: start one with \"gatehouse serve\" (%w)", c.endpoint, err)
	}
	return resp.Body.Close()
}

// A call is one request to the API.
type call struct {
	method, path string
	body         []byte
	service      string   // as signatures name it; empty: apigateway
	header       []string // names and values
	reply        *reply   // what came back besides the body; nil: of no interest
}

// A reply is the answer to a call.
type reply struct {
	header http.Header
	body   []byte
}

func jsonCall(method, path string, body any) (call, error) {
	b, err := json.Marshal(body)
	return call{method: method, path: path, body: b}, err
}

// do makes a call and reads its answer into out, unless that is nil.
func (c *client) do(ctx context.Context, a call, out any) error {
	req, err := http.NewRequestWithContext(ctx, a.method, c.endpoint+a.path, bytes.NewReader(a.body))
	if err != nil {
		return err
	}
	if len(a.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(a.header); i += 2 {
		req.Header.Set(a.header[i], a.header[i+1])
	}
	sigv4.Sign(req, a.body, c.key, sigv4.Target{Region: c.region, Service: cmp.Or(a.service, "apigateway")}, time.Now())
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: %w", a.method, a.path, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return refusal(a, resp, text)
	}
	if a.reply != nil {
		*a.reply = reply{resp.Header, text}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: answer: %w", a.method, a.path, err)
	}
	return nil
}

// A refused call is one that the API answered with an error.
type refused struct {
	method, path string
	status       int
	kind         string // of the exception
	message      string
}

func (r *refused) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", r.method, r.path, r.status, r.kind, r.message)
}

// isRefused reports whether an API answered with an exception of this kind.
func isRefused(err error, kind string) bool {
	var r *refused
	return errors.As(err, &r) && r.kind == kind
}

// refusal words an error of the API.
func refusal(a call, resp *http.Response, text []byte) error {
	var e struct {
		Message string
		Type    string `json:"__type"`
	}
	if err := json.Unmarshal(text, &e); err != nil || e.Message == "" {
		e.Message = strings.TrimSpace(string(text[:min(len(text), 500)]))
	}
	r := &refused{method: a.method, status: resp.StatusCode, message: e.Message}
	r.kind, _, _ = strings.Cut(cmp.Or(resp.Header.Get("X-Amzn-Errortype"), e.Type), ":")
	r.path, _, _ = strings.Cut(a.path, "?")
	return r
}
