// Package cloudformation is AWS CloudFormation: stacks of resources that are
// made, changed and deleted together from a template, as methods of [Service].
//
// A stack is worked on in the background by [Service.Run]. Each step of it is a
// record before it is taken: what a crash interrupts is rolled back, cleaned up
// or deleted to its end at the next start. What resources are, one table says
// (resources.go): properties of a type become inputs of operations, which are
// called as the stack's caller through [API]. The package knows no other service.
package cloudformation

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
)

// An API makes calls to the other services: it authorizes them for the caller
// of ctx, checks the input as if it came from outside, and returns the members
// of the output. Errors for the client are *awsrpc.Error.
type API interface {
	Call(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error)
}

// Options are what a service may be given besides its store.
type Options struct {
	API API
	// Inert are types of resources that are accepted and do nothing.
	Inert []string
	// Settled returns once the data plane serves what was committed; it must
	// be bounded. Nil: nobody waits.
	Settled func(ctx context.Context)
	// Templates fetches templates of which the URL is given; nil: none.
	Templates Templates
	// AnswersAt is the URL, without path, at which functions reach this server;
	// empty: they do not, and there are no custom resources.
	AnswersAt string
	// Roles gives stacks their roles; nil: there are none.
	Roles Roles
	// Seal closes the session tokens that are kept while stacks are worked on. It
	// is needed where callers have some.
	Seal *seal.Sealer
	Log  *slog.Logger
}

// Templates fetches templates, and definitions of APIs, for the caller of ctx.
type Templates interface {
	// Template returns what a URL of S3 names, of at most limit bytes.
	Template(ctx context.Context, url string, limit int64) ([]byte, error)
	// Object returns an object of S3, of at most limit bytes.
	Object(ctx context.Context, region, bucket, key, version string, limit int64) ([]byte, error)
}

// A Service answers the operations of CloudFormation. What is not implemented
// answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st    store.Store
	opt   Options
	kinds map[string]*kind
	work  chan job

	calls chan struct{} // holds one for each call that is being made

	mu      sync.Mutex        // guards the fields below
	running map[string]func() // tell the run of a stack that it has an order

	expected map[string]chan []byte // answers of custom resources, by secret
}

var _ api.Server = (*Service)(nil)

// A job is a stack to work on.
type job struct{ account, region, id string }

const (
	// maxWaiting bounds the stacks that wait to be worked on. Whoever asks for
	// one more is throttled.
	maxWaiting = 1000
	// maxStacks is how many stacks are worked on at once, maxResourcesAtOnce
	// how many resources of each. Some of them only wait, for a function or for
	// each other: what they take from requests is bounded by maxCalls, made at
	// once for all.
	maxStacks          = 128
	maxResourcesAtOnce = 8
	maxCalls           = 8
)

// New returns a service over st. It does nothing before Run.
func New(st store.Store, opt Options) *Service {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{st: st, opt: opt, kinds: kinds(), work: make(chan job, maxWaiting),
		calls: make(chan struct{}, maxCalls), running: map[string]func(){}, expected: map[string]chan []byte{}}
}

var nameForm = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

// known tells whether a type of resource can be in a template.
func (s *Service) known(name string) bool {
	return s.kinds[name] != nil || isCustom(name) || slices.Contains(s.opt.Inert, name)
}

// Run works on stacks until ctx ends. It begins with those that the last run of
// the server left unfinished.
func (s *Service) Run(ctx context.Context) error {
	g := new(errgroup.Group)
	g.SetLimit(maxStacks)
	left, err := s.unfinished(ctx)
	if err != nil {
		return err
	}
	for _, j := range left {
		g.Go(func() error { s.do(ctx, j); return nil })
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return g.Wait()
		case now := <-tick.C:
			if err := s.sweep(ctx, now); err != nil {
				s.opt.Log.Warn("forget deleted stacks", "error", err)
			}
		case j := <-s.work:
			g.Go(func() error { s.do(ctx, j); return nil })
		}
	}
}

// unfinished lists the stacks that something is to be done with.
func (s *Service) unfinished(ctx context.Context) ([]job, error) {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return nil, err
	}
	var list []job
	for _, scope := range scopes {
		err := tablesOf(s.st, scope.Account, scope.Region).living(ctx, func(st *stack) {
			if st.Run != nil && !st.Run.Nested {
				list = append(list, job{scope.Account, scope.Region, st.ID})
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// start commits a change that gives a stack something to do, and has it done.
func (s *Service) start(ctx context.Context, st *stack, prepare func(c *store.Change) error) error {
	if len(s.work) >= maxWaiting/2 {
		return awsrpc.Throttled()
	}
	who := awsrpc.CallerFrom(ctx)
	st.Caller, st.Run.Session = callerOf(who), s.sealed(who.SessionToken)
	err := store.Update(ctx, s.st, prepare)
	if errors.Is(err, store.ErrTooLarge) {
		return awsrpc.Validation("The template is larger than what can be kept of one, compressed")
	}
	if err != nil {
		return err
	}
	s.work <- job{who.Account, who.Region, st.ID}
	return nil
}
