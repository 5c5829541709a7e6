package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/takeout"
	"gatehouse/internal/upstream"
	"gatehouse/internal/wire"
)

// Bounds of how a source is asked.
//
// AWS: all calls of an account that manage API Gateway share 10 a second, with
// bursts of 40; GetResources has 5 in two seconds (account quotas).
const (
	amazonRate    = 4 // calls a second, so that others who manage the account have room
	maxAttempts   = 8
	maxUnanswered = 3 // attempts at a call that nobody answers
	firstPause    = 500 * time.Millisecond
	longPause     = 20 * time.Second
)

// A remote says whose settings are read.
type remote struct {
	endpoint, profile, region string
}

func (r *remote) register(cmd *cobra.Command) {
	endpoint := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_API_GATEWAY"), os.Getenv("AWS_ENDPOINT_URL"))
	cmd.Flags().StringVar(&r.endpoint, "endpoint-url", endpoint, "`URL` of the source's AWS APIs (default: Amazon's)")
	cmd.Flags().StringVar(&r.profile, "profile", "", "`PROFILE` of the AWS configuration files to sign with")
	cmd.Flags().StringVar(&r.region, "region", defaultRegion(), "`REGION` to read")
}

// A source answers calls of API Gateway.
type source struct {
	client *awsclient.Client
	region string
	pause  time.Duration // between calls
	next   time.Time     // when the next call may be made
}

func (r *remote) open() (*source, error) {
	s := &source{region: r.region}
	endpoint := strings.TrimSuffix(r.endpoint, "/")
	if endpoint == "" {
		endpoint, s.pause = "aws", time.Second/amazonRate
	}
	credentials := ""
	if r.profile != "" {
		credentials = "profile:" + r.profile
	}
	var err error
	s.client, err = awsclient.New(awsclient.Options{
		// Roles of profiles are assumed, and logins renewed, where the AWS tools do.
		Endpoints:   map[string]string{"apigateway": endpoint, "*": cmp.Or(os.Getenv("AWS_ENDPOINT_URL"), "aws")},
		Credentials: credentials, Getenv: os.Getenv, Upstream: upstream.Options{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, usageError{err}
	}
	return s, nil
}

// Close closes the connections.
func (s *source) Close() { s.client.Close() }

// Get makes a call, and makes it again where the source asks for patience.
func (s *source) Get(ctx context.Context, path string) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		if err := sleep(ctx, time.Until(s.next)); err != nil {
			return nil, err
		}
		s.next = time.Now().Add(s.pause)
		text, wait, err := s.get(ctx, path)
		var refused *takeout.Refusal
		answered := errors.As(err, &refused)
		final := err == nil || attempt == maxAttempts || ctx.Err() != nil || errors.Is(err, awsclient.ErrCredentials) ||
			answered && !refused.Passing() || !answered && attempt == maxUnanswered
		if final {
			return text, err
		}
		back := min(firstPause<<(attempt-1), longPause)
		if err := sleep(ctx, max(wait, back/2+rand.N(back/2))); err != nil {
			return nil, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// get makes a call once. wait is how long the source asks to be left alone.
func (s *source) get(ctx context.Context, path string) (text []byte, wait time.Duration, err error) {
	at, query, _ := strings.Cut(path, "?")
	reply, err := s.client.Do(ctx, &awsclient.Call{
		Name: awsclient.Name{Service: "apigateway", Region: s.region}, Method: http.MethodGet, Path: at, Query: query,
		// AWS: without it, answers are HAL, which nests what lists hold.
		Header: []wire.Field{{Name: "Accept", Value: "application/json"}},
	})
	if err != nil {
		return nil, 0, fmt.Errorf("GET %s: %w", at, err)
	}
	defer reply.Body.Close() //nolint:errcheck // the body was read, or its error is returned
	text, err = io.ReadAll(io.LimitReader(reply.Body, maxAnswer+1))
	if err != nil {
		return nil, 0, fmt.Errorf("GET %s: %w", at, err)
	}
	if len(text) > maxAnswer {
		return nil, 0, fmt.Errorf("GET %s: the answer is larger than %d MB", at, maxAnswer>>20)
	}
	if reply.Status < http.StatusMultipleChoices {
		return text, 0, nil
	}
	if seconds, err := strconv.Atoi(reply.Header.Get("Retry-After")); err == nil && seconds > 0 {
		wait = min(time.Duration(seconds)*time.Second, longPause)
	}
	var e struct {
		Message string
		Type    string `json:"__type"`
	}
	if err := json.Unmarshal(text, &e); err != nil || e.Message == "" {
		e.Message = strings.TrimSpace(string(text[:min(len(text), 500)]))
	}
	kind, _, _ := strings.Cut(cmp.Or(reply.Header.Get("X-Amzn-Errortype"), e.Type), ":")
	return nil, wait, &takeout.Refusal{Status: reply.Status, Kind: kind, Message: e.Message}
}
