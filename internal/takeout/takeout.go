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
	// APIs are ids or names of APIs: of all APIs only they are taken. What is not
	// part of an API, such as keys and domain names, is taken in any case. None: all
	// APIs.
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
	left     bool // not all of it could be read: no template has it
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
		all, err := whole[map[string]any](ctx, t, kind, "/v2/"+kind)
		if r := hidden(err); r != nil && !strings.HasPrefix(r.Kind, "AccessDenied") {
			continue // a server or a Region without portals
		} else if r != nil {
			t.leave(kind, "the source does not show them: %v", r)
			continue
		}
		if err != nil {
			return err
		}
		for _, it := range all {
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

// readAPI reads all of an API and tells whether it is taken. One that is not shown
// whole is left: without its authorizers it would stand open, and put over an
// earlier copy, it would take away what it lacks.
func (t *taker) readAPI(ctx context.Context, a taken, what string, read func(context.Context) error) (bool, error) {
	err := read(ctx)
	switch {
	case err == nil:
	case hidden(err) != nil || errors.Is(err, errNoAuthorizer):
		a.left = true
		t.leave(what, "the source does not show all of it, so that it is not taken: %v", err)
	default:
		return false, err
	}
	t.apis = append(t.apis, a)
	return !a.left, nil
}

// errNoAuthorizer is about what only an authorizer may let callers through to, and
// documents without it would open to all. The API was changed while it was read, or
// the source knows authorizers by half.
var errNoAuthorizer = errors.New("its authorizer is not among those that were read")

func needsAuthorizer(kind *string) bool {
	return !slices.Contains([]string{"", "NONE", "AWS_IAM"}, str(kind))
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
