package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A Eureka finds the instances of an application that are UP in Eureka, asking
// its servers again and again.
//
// Protocol: Netflix/eureka, "Eureka REST operations", GET /apps/APP.
type Eureka struct {
	Servers  []string      `yaml:"servers"` // with the path: http://127.0.0.1:8761/eureka
	App      string        `yaml:"app"`
	Secure   bool          `yaml:"secure"`   // take the secure port
	Hosts    bool          `yaml:"hosts"`    // take host names instead of addresses
	Interval time.Duration `yaml:"interval"` // 10 s
	Access   `yaml:",inline"`
}

func (e *Eureka) check() error {
	var errs []error
	switch {
	case e.App == "":
		errs = append(errs, errors.New("app: missing"))
	case len(e.Servers) == 0:
		errs = append(errs, errors.New("servers: missing"))
	case e.Interval != 0 && e.Interval < time.Second:
		errs = append(errs, errors.New("interval: shorter than 1s"))
	case e.TokenFile != "":
		errs = append(errs, errors.New("token-file: Eureka takes a username and a password"))
	}
	for _, s := range e.Servers {
		errs = append(errs, checkURL(s))
	}
	return errors.Join(append(errs, e.Access.check())...)
}

// A eureka is a Eureka that is asked.
type eureka struct {
	Eureka
	mayEmpty bool // an application that is not there has no instances
	client   *httpClient
}

func newEureka(e Eureka, mayEmpty bool) (Source, error) {
	if e.Interval == 0 {
		e.Interval = 10 * time.Second
	}
	client, err := newHTTPClient(e.Access)
	return &eureka{e, mayEmpty, client}, err
}

// String names the application.
func (e *eureka) String() string { return "eureka " + e.App }

// Run asks until ctx ends or no server answers.
func (e *eureka) Run(ctx context.Context, set func(Found)) error {
	defer e.client.close()
	for {
		f, err := e.ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		set(f)
		if !pause(ctx, e.Interval) {
			return nil
		}
	}
}

// ask asks one server after the other.
func (e *eureka) ask(ctx context.Context) (Found, error) {
	var errs []error
	unknown := 0
	for _, server := range e.Servers {
		var answer struct {
			Application *struct{ Instance instances }
		}
		_, err := e.client.get(ctx, strings.TrimSuffix(server, "/")+"/apps/"+url.PathEscape(e.App), askTime, &answer)
		if err == nil && answer.Application == nil {
			err = errors.New("the answer has no application")
		}
		if err != nil {
			if isStatus(err, http.StatusNotFound) {
				unknown++
			}
			errs = append(errs, err)
			continue
		}
		return e.found(answer.Application.Instance), nil
	}
	// Eureka: an application without instances is not there (ApplicationResource.getApplication).
	// One server alone may not have heard of it yet.
	if e.mayEmpty && unknown == len(e.Servers) {
		return Found{}, nil
	}
	return Found{}, errors.Join(errs...)
}

// An eurekaInstance is one of the answer.
type eurekaInstance struct {
	InstanceID, HostName, IPAddr, Status string
	Port, SecurePort                     eurekaPort
	Metadata                             map[string]any
	LastUpdatedTimestamp                 any // a number, or a text
}

// An eurekaPort is {"$": 8080, "@enabled": "true"}, either of them text or not.
type eurekaPort struct {
	Number  any `json:"$"`
	Enabled any `json:"@enabled"`
}

// instances are a list, or one alone: servers write {"instance": {…}} of an
// application with one.
type instances []eurekaInstance

// UnmarshalJSON reads both.
func (l *instances) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		*l = make(instances, 1)
		return json.Unmarshal(text, &(*l)[0])
	}
	return json.Unmarshal(text, (*[]eurekaInstance)(l))
}

func (e *eureka) found(list instances) Found {
	var f Found
	for i := range list {
		in := &list[i]
		if in.Status != "UP" {
			continue
		}
		port := in.Port
		if e.Secure {
			port = in.SecurePort
		}
		host := in.IPAddr
		if e.Hosts {
			host = in.HostName
		}
		if asText(port.Enabled) != "true" {
			f.Skipped = "the port of " + in.InstanceID + " is not enabled"
			continue
		}
		n, _ := strconv.Atoi(asText(port.Number)) // what is none is no address
		weight, _ := strconv.Atoi(asText(in.Metadata["weight"]))
		f.Endpoints = append(f.Endpoints, Endpoint{Address: address(host, n), Weight: weight})
	}
	return f
}

// asText is the text of a scalar.
func asText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
