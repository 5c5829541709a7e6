package trace

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// localFile is a file of sampling rules.
//
// AWS: "Configuring sampling rules" of the SDKs: what is host in version 2 was
// service_name in version 1.
type localFile struct {
	Version int         `json:"version"`
	Default *localRule  `json:"default"`
	Rules   []localRule `json:"rules"`
}

type localRule struct {
	Description string            `json:"description"`
	Service     string            `json:"service_name"`
	Type        string            `json:"service_type"`
	Host        string            `json:"host"`
	Method      string            `json:"http_method"`
	Path        string            `json:"url_path"`
	Resource    string            `json:"resource_arn"`
	Attributes  map[string]string `json:"attributes"`
	Fixed       int               `json:"fixed_target"`
	Rate        float64           `json:"rate"`
}

// ParseLocal reads a file of sampling rules in the form of X-Ray's SDKs. They are
// asked in the order of the file, before all others; the default is named
// [DefaultRule]. Beyond the SDKs, a rule of version 2 may have service_name,
// service_type, resource_arn and attributes. What is not known is refused: a rule
// whose condition is misspelt would fit all requests.
func ParseLocal(b []byte) ([]Rule, error) {
	var f localFile
	if err := json.Unmarshal(b, &f, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if f.Version != 1 && f.Version != 2 {
		return nil, fmt.Errorf("version %d is not known: write 2", f.Version)
	}
	if f.Default == nil {
		return nil, errors.New("a default is missing")
	}
	if !f.Default.fitsAll() {
		return nil, errors.New("default: it fits all requests, and has fixed_target and rate only")
	}
	var rules []Rule
	for i := range f.Rules {
		l := &f.Rules[i]
		if f.Version == 1 {
			if l.Host != "" {
				return nil, fmt.Errorf("rule %d: host is of version 2; here it is service_name", i+1)
			}
			l.Host, l.Service = l.Service, ""
		}
		r, err := l.rule()
		if err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		r.Name, r.Priority = fmt.Sprintf("local/%d", i+1), i-len(f.Rules) // below 1: before all others
		rules = append(rules, r)
	}
	last, err := f.Default.rule()
	if err != nil {
		return nil, fmt.Errorf("default: %w", err)
	}
	d := Default()
	d.Reservoir, d.Rate = last.Reservoir, last.Rate
	return append(rules, d), nil
}

// fitsAll tells whether a rule has no conditions.
func (l *localRule) fitsAll() bool {
	return l.Service+l.Type+l.Host+l.Method+l.Path+l.Resource == "" && len(l.Attributes) == 0
}

func (l *localRule) rule() (Rule, error) {
	r := Default()
	if !(l.Rate >= 0 && l.Rate <= 1) {
		return r, fmt.Errorf("rate %v is no share from 0 to 1", l.Rate)
	}
	if l.Fixed < 0 {
		return r, errors.New("fixed_target is negative")
	}
	r.Reservoir, r.Rate, r.Attributes = l.Fixed, l.Rate, l.Attributes
	for _, p := range []struct {
		to    *string
		value string
	}{{&r.Service, l.Service}, {&r.Type, l.Type}, {&r.Host, l.Host}, {&r.Method, l.Method}, {&r.Path, l.Path}, {&r.Resource, l.Resource}} {
		if p.value != "" {
			*p.to = p.value
		}
	}
	return r, nil
}
