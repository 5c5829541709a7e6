package awsrpc

import "context"

// A Caller is who makes a call, and where from and to. It is the one value that
// travels in a context: it belongs to the request as the deadline does, and
// every operation needs it.
type Caller struct {
	Account      string // twelve digits
	Region       string // from the credential scope
	AccessKey    string
	PrincipalARN string
	UserID       string // as GetCallerIdentity shows it
	SessionToken Secret
	Root         bool // the account's root credential: may do everything

	// Via is the service that calls on behalf of the caller, as
	// cloudformation.amazonaws.com; empty: none does.
	Via string

	// RemoteAddr is where the request came from, and TLS whether it was
	// encrypted; empty for calls from inside.
	RemoteAddr string
	TLS        bool

	RequestID string
	// Host and Base are the endpoint that was called: the Host header, and
	// for services with AnyBase the escaped path before the operation's own.
	Host, Base string
}

type callerKey struct{}

// WithCaller returns a context for a call made by c. Handlers use it, and those
// who call servers directly: other services, the console, tests.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom returns the caller of the call that ctx belongs to. It panics if
// there is none: whoever called forgot [WithCaller].
func CallerFrom(ctx context.Context) Caller {
	c, ok := ctx.Value(callerKey{}).(Caller)
	if !ok {
		panic("awsrpc: no caller in context")
	}
	return c
}
