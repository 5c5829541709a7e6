package gatehousetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/internal/sigv4"
)

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// A Refusal is an answer of the API that is not a success.
type Refusal struct {
	Status int
	Type   string // x-amzn-ErrorType
	Body   string
}

// Error returns status, type and body.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Type, r.Body) }

// A Client calls the AWS APIs of a server, signed with its root credential.
type Client struct {
	Endpoint, Region string
	Key              sigv4.Key
	HTTP             *http.Client
}

// Client returns a client of the server's AWS APIs.
func (s *Server) Client() (*Client, error) {
	access, secret, err := s.Credential()
	if err != nil {
		return nil, err
	}
	return &Client{
		Endpoint: s.Endpoint(), Region: "us-east-1",
		Key:  sigv4.Key{AccessKey: access, SecretKey: secret},
		HTTP: &http.Client{Timeout: callTime},
	}, nil
}

// Call makes one call. in is the body: bytes as they are, nil for none, and
// everything else as JSON. The answer is read into out unless that is nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	body, ok := in.([]byte)
	if !ok && in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return c.send(req, "apigateway", body, out)
}

// Logs calls an operation of CloudWatch Logs, as Call does.
func (c *Client) Logs(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	return c.send(req, "logs", body, out)
}

func (c *Client) send(req *http.Request, service string, body []byte, out any) error {
	sigv4.Sign(req, body, c.Key, sigv4.Target{Region: c.Region, Service: service}, time.Now())
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return &Refusal{resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), string(text)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
