package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Nacos finds the healthy instances of a service in Nacos, asking again and
// again.
//
// Protocol: Nacos Open API, GET /v2/ns/instance/list (of servers of 2.x and,
// in their compatible mode, 3.x) or /v1/ns/instance/list (1.x, 2.x).
type Nacos struct {
	Address   string        `yaml:"address"` // with the context path: http://127.0.0.1:8848/nacos
	Service   string        `yaml:"service"`
	Group     string        `yaml:"group"` // DEFAULT_GROUP
	Namespace string        `yaml:"namespace"`
	Clusters  string        `yaml:"clusters"` // several with commas between
	API       int           `yaml:"api"`      // 2; or 1
	Interval  time.Duration `yaml:"interval"` // 5 s
	Access    `yaml:",inline"`
}

func (n *Nacos) check() error {
	switch {
	case n.Service == "":
		return errors.New("service: missing")
	case n.API < 0 || n.API > 2:
		return errors.New("api: want 1 or 2")
	case n.Interval != 0 && n.Interval < time.Second:
		return errors.New("interval: shorter than 1s")
	case n.TokenFile != "":
		return errors.New("token-file: Nacos takes a username and a password")
	}
	return errors.Join(checkURL(n.Address), n.Access.check())
}

// A nacos is a Nacos that is asked.
type nacos struct {
	Nacos
	client *httpClient
	token  string // of this session; empty: none needed, or not yet fetched
}

func newNacos(n Nacos) (Source, error) {
	if n.Group == "" {
		n.Group = "DEFAULT_GROUP"
	}
	if n.API == 0 {
		n.API = 2
	}
	if n.Interval == 0 {
		n.Interval = 5 * time.Second
	}
	access := n.Access
	access.Username, access.PasswordFile = "", "" // go to the login, not with each request
	client, err := newHTTPClient(access)
	if err != nil {
		return nil, err
	}
	n.Address = strings.TrimSuffix(n.Address, "/")
	return &nacos{Nacos: n, client: client}, nil
}

// String names the service.
func (n *nacos) String() string { return "nacos " + n.Group + "/" + n.Service }

// A nacosList is the answer: the list itself, or with the second API in data.
type nacosList struct {
	Hosts []struct {
		IP      string
		Port    int
		Weight  *float64
		Healthy *bool
		Enabled *bool
		Valid   *bool // of old servers: healthy
	}
	LastRefTime int64
}

// Run asks until ctx ends or a question fails.
func (n *nacos) Run(ctx context.Context, set func(Found)) error {
	defer n.client.close()
	n.token = ""
	for {
		f, err := n.ask(ctx)
		if isStatus(err, http.StatusForbidden) && n.token != "" {
			n.token = "" // it has ended
			f, err = n.ask(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		set(f)
		if !pause(ctx, n.Interval) {
			return nil
		}
	}
}

func (n *nacos) ask(ctx context.Context) (Found, error) {
	if err := n.login(ctx); err != nil {
		return Found{}, err
	}
	q := url.Values{"serviceName": {n.Service}, "groupName": {n.Group}, "healthyOnly": {"true"}}
	for name, value := range map[string]string{"namespaceId": n.Namespace, "clusters": n.Clusters, "clusterName": n.Clusters, "accessToken": n.token} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var raw json.RawMessage
	if _, err := n.client.get(ctx, fmt.Sprintf("%s/v%d/ns/instance/list?%s", n.Address, n.API, q.Encode()), askTime, &raw); err != nil {
		return Found{}, err
	}
	if n.API == 2 {
		var outer struct {
			Code    *int
			Message string
			Data    json.RawMessage
		}
		if err := json.Unmarshal(raw, &outer); err != nil || outer.Code == nil {
			return Found{}, errors.New("the answer is none of the second API")
		}
		if *outer.Code != 0 {
			return Found{}, fmt.Errorf("code %d: %s", *outer.Code, brief([]byte(outer.Message)))
		}
		raw = outer.Data
	}
	var list nacosList
	if err := json.Unmarshal(raw, &list); err != nil || list.Hosts == nil {
		return Found{}, errors.New("the answer has no hosts")
	}
	return list.found(), nil
}

// login gets a token, if there is a username.
func (n *nacos) login(ctx context.Context) error {
	if n.Username == "" || n.token != "" {
		return nil
	}
	password, err := secret(n.PasswordFile)
	if err != nil {
		return err
	}
	var answer struct{ AccessToken string }
	form := url.Values{"username": {n.Username}, "password": {password}}
	if _, err := n.client.do(ctx, http.MethodPost, n.Address+"/v1/auth/login", form, askTime, &answer); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	if answer.AccessToken == "" {
		return errors.New("log in: the answer has no token")
	}
	n.token = answer.AccessToken
	return nil
}

func (l *nacosList) found() Found {
	f := Found{Revision: strconv.FormatInt(l.LastRefTime, 10)}
	no := func(b *bool) bool { return b != nil && !*b }
	for i := range l.Hosts {
		h := &l.Hosts[i]
		if no(h.Healthy) || no(h.Enabled) || no(h.Valid) {
			continue
		}
		weight := 1.0
		if h.Weight != nil {
			weight = *h.Weight
		}
		// Nacos: a weight of zero gets no requests.
		f.Endpoints = append(f.Endpoints, Endpoint{Address: address(h.IP, h.Port), Weight: int(math.Ceil(min(weight, maxWeight))), Draining: weight <= 0})
	}
	return f
}
