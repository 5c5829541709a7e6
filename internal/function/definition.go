package function

import "time"

// A Definition is a function as a Host runs it: its versions, what its aliases
// point at, and its limits. It must not change after it was handed over.
type Definition struct {
	ARN      string             // without qualifier
	Versions map[string]Version // by $LATEST or number
	Aliases  map[string]Alias   // by name

	// Reserved is how many invocations may run at once, and how many of the
	// account's are kept for this function; zero refuses every call. Nil: as
	// many as the account has left.
	Reserved *int

	// Permit tells whether the function's policy lets a service call it.
	// Qualifier is as the caller wrote it, empty if it did not. It is asked for
	// each invocation that has a Source. Nil lets no service in, but
	// principals authorised before.
	Permit func(src Source, qualifier string) bool

	// Events says how invocations of the kind Event are tried again, by
	// qualifier ($LATEST, a version or an alias).
	Events map[string]EventConfig

	// Log takes each line that the function writes and each that is written
	// about it. It is called by the goroutine that reads the function's output
	// and must not keep the text. Nil drops them.
	Log func(Line)
}

// A Version is code with its configuration.
type Version struct {
	Runtime string // provided.al2023, nodejs22.x, python3.13, …
	Handler string
	Code    string   // directory
	Layers  []string // directories, as they are laid over /opt, first to last
	Env     map[string]string
	Memory  int           // MB; zero: 128
	Tmp     int           // MB of /tmp; zero: 512
	Timeout time.Duration // zero: 3 s
	Role    string        // ARN; its credentials are given to the function if the Host has some

	// LogGroup is /aws/lambda/NAME if empty.
	LogGroup string

	// Tracing: invocations are traced, some of them, where the caller has not
	// decided.
	Tracing bool

	// Watch starts new instances as soon as a file below Code changes.
	Watch bool
}

// An Alias names a version, and others that take a share of its invocations.
type Alias struct {
	Version string
	Weights map[string]float64 // version → share, 0.0 to 1.0
}

// An EventConfig says how an asynchronous invocation is tried again.
type EventConfig struct {
	Retries *int          // 0 to 2; nil: 2
	MaxAge  time.Duration // zero: six hours

	// Done is told the end of each invocation, for destinations and dead letter
	// queues. It is called by the goroutine that made the last attempt.
	Done func(*Outcome)
}

// An Outcome is how an asynchronous invocation ended.
type Outcome struct {
	Invocation *Invocation
	RequestID  string
	Condition  string  // Success, RetriesExhausted, EventAgeExceeded
	Attempts   int     // that reached the function
	Result     *Result // of the last of them; nil: there was none
	Queued     time.Time
}

// A Line is a line of a function's log.
type Line struct {
	Group, Stream string
	Time          time.Time
	Text          []byte // without line end
}
