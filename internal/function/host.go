package function

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"
)

// A Host runs functions as local processes. It is an Invoker.
type Host struct {
	opt Options

	mu        sync.Mutex // guards functions; never held while calling out
	functions map[string]*Definition
}

// Options of a Host. The zero value of each is its default.
type Options struct {
	Dir         string        // for what instances write; empty: a new directory below the system's for temporary files
	Concurrency int           // of an account, in all its functions; zero: 1,000
	Idle        time.Duration // after which a warm instance ends; zero: 10 minutes
	Queue       int           // asynchronous invocations that may wait, in all functions; zero: 10,000
	Logger      *slog.Logger

	// Credentials returns what a function with this role acts with. Nil: no
	// function has credentials.
	Credentials func(ctx context.Context, role string) (Credentials, error)
}

// Credentials are those of a role.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expires                                    time.Time // zero: never
}

// String hides them.
func (Credentials) String() string { return "***" }

// NewHost returns a Host without functions.
func NewHost(opt Options) *Host {
	return &Host{opt: opt, functions: make(map[string]*Definition)}
}

// Set adds a function, or replaces the one of the same ARN: invocations that run
// end on what they began with.
func (h *Host) Set(def *Definition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.functions[def.ARN] = def
}

// Remove takes a function away. Invocations that run are brought to their end.
func (h *Host) Remove(arn string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.functions, arn)
}

// ARNs lists the functions there are, in no order.
func (h *Host) ARNs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]string, 0, len(h.functions))
	for arn := range maps.Keys(h.functions) {
		list = append(list, arn)
	}
	return list
}

// Run calls what waits for asynchronous invocations, ends idle instances, and
// when ctx ends, all of them.
func (h *Host) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Invoke calls a function.
func (h *Host) Invoke(ctx context.Context, in *Invocation) (*Result, error) {
	name, qualifier := Split(in.Function)
	h.mu.Lock()
	def := h.functions[name]
	h.mu.Unlock()
	if def == nil {
		return nil, NotFound(in.Function)
	}
	if in.Source != (Source{}) && (def.Permit == nil || !def.Permit(in.Source, qualifier)) {
		return nil, AccessDenied("Access to " + in.Function + " denied")
	}
	return nil, Failure("this build cannot run functions yet")
}

// Split takes the qualifier off a function's ARN; it is empty if there is none.
func Split(arn string) (name, qualifier string) {
	if strings.Count(arn, ":") < 7 {
		return arn, ""
	}
	i := strings.LastIndexByte(arn, ':')
	return arn[:i], arn[i+1:]
}

var _ Invoker = (*Host)(nil)
