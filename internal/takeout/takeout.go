// Package takeout reads all that an account has set in API Gateway, by the
// public API of Amazon's or of another Gatehouse, and writes it as
// CloudFormation templates.
//
// [Take] asks a [Caller] and returns a [Takeout]: [Stack]s in the order in which
// they must be deployed, and what could not be carried ([Left]), by name. There
// is a stack of what APIs lean on (VPC links, client certificates, the role of
// the account), one of each API, and one of what leads to APIs (domain names,
// usage plans, keys). What has an id at the source has a reference in the
// templates, so that they can be deployed elsewhere.
//
// A stage serves the deployment that it points to, which may differ from the
// definition as it is being edited. Where the API tells what is deployed (the
// exports of REST and HTTP APIs), a stack has several templates, one for each
// state in which something was deployed; the last is the present one.
//
// A member of an answer that no property of CloudFormation stands for is not
// dropped silently: it is in the list of what is left.
package takeout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Caller makes calls of the API of API Gateway.
type Caller interface {
	// Get returns the answer to a GET of a path with its query. What the API
	// refuses is a [Refusal].
	Get(ctx context.Context, path string) ([]byte, error)
}

// A Refusal is an answer of the API that is an error.
type Refusal struct {
	Status  int
	Kind    string // of the exception
	Message string
}

// Error returns kind and message.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Kind, r.Message) }

// Options say what is taken.
type Options struct {
	// APIs are ids or names of APIs: only they are taken, and what only others
	// use is not. None: all there is.
	APIs []string
	// KeyValues asks for the values of API keys.
	KeyValues bool
	// Progress is told what is read; nil: nobody is.
	Progress func(format string, args ...any)
}

// A Takeout is what an account has set.
type Takeout struct {
	Stacks []Stack
	Left   []Left
}

// A Stack is deployed as one: by its templates, one after the other.
type Stack struct {
	Name  string
	About string // what is in it, for people
	Steps []Template
	// Parameters are secret values of the parameters of the templates.
	Parameters map[string]string
}

// A Left is something that the templates do not carry.
type Left struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// A taker takes.
type taker struct {
	Caller
	opt  Options
	out  Takeout
	ids  map[string]reference // of what has an id at the source
	apis []taken
}

// A taken API.
type taken struct {
	id, name string
	rest     bool
}

// Take reads the settings of an account.
func Take(ctx context.Context, from Caller, opt Options) (*Takeout, error) {
	if opt.Progress == nil {
		opt.Progress = func(string, ...any) {}
	}
	t := &taker{Caller: from, opt: opt, ids: map[string]reference{}}
	for _, take := range []func(context.Context) error{t.foundations, t.restAPIs, t.newerAPIs, t.entrances, t.rest} {
		if err := take(ctx); err != nil {
			return nil, err
		}
	}
	if len(opt.APIs) > 0 {
		for _, want := range opt.APIs {
			if !slices.ContainsFunc(t.apis, func(a taken) bool { return a.id == want || a.name == want }) {
				return nil, fmt.Errorf("there is no API with the id or the name %q", want)
			}
		}
	}
	t.foreign()
	return &t.out, nil
}

// rest names what there are no types of resources for.
func (t *taker) rest(ctx context.Context) error {
	for _, kind := range []string{"portals", "portalproducts"} {
		var page struct{ Items []map[string]any }
		text, err := t.Get(ctx, "/v2/"+kind)
		if r := (*Refusal)(nil); errors.As(err, &r) {
			continue // a server or a Region without portals
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return fmt.Errorf("/v2/%s: %w", kind, err)
		}
		for _, it := range page.Items {
			id, _ := it[strings.TrimSuffix(strings.Replace(kind, "portalproducts", "portalProducts", 1), "s")+"Id"].(string)
			t.leave(strings.TrimSuffix(kind, "s")+" "+id, "developer portals are not taken")
		}
	}
	return nil
}

// wanted tells whether an API was asked for.
func (t *taker) wanted(id, name string) bool {
	return len(t.opt.APIs) == 0 || slices.Contains(t.opt.APIs, id) || slices.Contains(t.opt.APIs, name)
}

// leave notes what is not carried.
func (t *taker) leave(what, why string, args ...any) {
	l := Left{What: what, Why: fmt.Sprintf(why, args...)}
	if !slices.Contains(t.out.Left, l) {
		t.out.Left = append(t.out.Left, l)
	}
}

// str is a text that may be missing.
func str(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func is(b *bool) bool { return b != nil && *b }
