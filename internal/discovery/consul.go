package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Consul finds the instances of a service in Consul's catalog whose checks
// pass, by blocking queries.
//
// Protocol: Consul's HTTP API, /v1/health/service and "Blocking Queries".
type Consul struct {
	Address    string `yaml:"address"` // http://127.0.0.1:8500
	Service    string `yaml:"service"`
	Tag        string `yaml:"tag"`
	Datacenter string `yaml:"datacenter"`
	Namespace  string `yaml:"namespace"`
	// Wait is how long a query blocks if nothing changes.
	Wait   time.Duration `yaml:"wait"` // 1 min
	Access `yaml:",inline"`
}

func (c *Consul) check() error {
	switch {
	case c.Service == "":
		return errors.New("service: missing")
	case c.Wait < 0 || c.Wait > 10*time.Minute:
		return errors.New("wait: want at most 10m")
	}
	if c.Address != "" {
		if err := checkURL(c.Address); err != nil {
			return err
		}
	}
	return c.Access.check()
}

// A consul is a Consul that is asked.
type consul struct {
	Consul
	client *httpClient
}

func newConsul(c Consul) (Source, error) {
	if c.Address == "" {
		c.Address = "http://127.0.0.1:8500"
	}
	if c.Wait == 0 {
		c.Wait = time.Minute
	}
	client, err := newHTTPClient(c.Access)
	if err != nil {
		return nil, err
	}
	client.header = func(h http.Header) error {
		token, err := secret(c.TokenFile)
		if token != "" {
			h.Set("X-Consul-Token", token)
		}
		return err
	}
	return &consul{c, client}, nil
}

// String names the service.
func (c *consul) String() string { return "consul " + c.Service }

// A consulEntry is one of the answer.
type consulEntry struct {
	Node    struct{ Address string }
	Service *struct {
		ID, Address string
		Port        int
		Weights     struct{ Passing int }
	}
}

// Run blocks on the service until ctx ends or a query fails.
func (c *consul) Run(ctx context.Context, set func(Found)) error {
	defer c.client.close()
	for index := uint64(0); ; {
		list, next, err := c.ask(ctx, index)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		// An index that went back means that the servers were restored: begin
		// anew. One of zero would make the next query not block.
		if next < index {
			index = 0
			continue
		}
		index = max(next, 1)
		set(c.found(list, index))
		if !pause(ctx, settle(len(list))) {
			return nil
		}
	}
}

func (c *consul) ask(ctx context.Context, index uint64) ([]consulEntry, uint64, error) {
	q := url.Values{"passing": {"true"}}
	for name, value := range map[string]string{"tag": c.Tag, "dc": c.Datacenter, "ns": c.Namespace} {
		if value != "" {
			q.Set(name, value)
		}
	}
	limit := askTime
	if index > 0 {
		q.Set("index", strconv.FormatUint(index, 10))
		q.Set("wait", c.Wait.String())
		limit += c.Wait + c.Wait/16 // the servers spread the ends of queries by a sixteenth
	}
	var raw json.RawMessage
	header, err := c.client.get(ctx, strings.TrimSuffix(c.Address, "/")+"/v1/health/service/"+url.PathEscape(c.Service)+"?"+q.Encode(), limit, &raw)
	if err != nil {
		return nil, 0, err
	}
	var list []consulEntry
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return nil, 0, errors.New("the answer is no list of instances")
	}
	next, err := strconv.ParseUint(header.Get("X-Consul-Index"), 10, 64)
	if err != nil {
		return nil, 0, errors.New("the answer has no X-Consul-Index")
	}
	return list, next, nil
}

func (c *consul) found(list []consulEntry, index uint64) Found {
	f := Found{Revision: strconv.FormatUint(index, 10)}
	for i := range list {
		s := list[i].Service
		if s == nil {
			f.Skipped = "an entry has no service"
			continue
		}
		host := s.Address
		if host == "" {
			host = list[i].Node.Address // Consul: the service is where its node is
		}
		f.Endpoints = append(f.Endpoints, Endpoint{Address: address(host, s.Port), Weight: s.Weights.Passing})
	}
	return f
}
