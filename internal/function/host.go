package function

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/arn"
	"gatehouse/internal/metrics"
	"gatehouse/internal/trace"
)

// A Host runs functions as local processes. It is an Invoker while Run runs.
type Host struct {
	opt          Options
	interpreters interpreters
	codes        codes
	queue        queue
	sampling     *trace.Chooser // of functions with Tracing

	ready   sync.Once // for opt.Dir and what is in it
	failed  error     // of getting ready
	dir     string
	groups  *groups
	sandbox *sandbox
	began   time.Time
	jobs    chan *startJob
	started chan struct{}  // closed when nothing is started any more
	running sync.WaitGroup // calls that start instances, and instances
	wake    chan struct{}  // an instance was added

	holding    chan struct{} // closed by Hold
	queueEnded chan struct{} // closed when no asynchronous invocation is made any more

	mu         sync.Mutex // guards the fields below, and active of functions; never held while calling out
	functions  map[string]*function
	old        map[*pool]struct{} // that were replaced, and whose instances have not all ended
	unreserved int                // invocations that run of functions without a reserve
	reserved   int                // the sum of all reserves
	closed     bool
}

// Options of a Host. The zero value of each is its default.
type Options struct {
	Dir          string            // for what instances write; empty: a new directory below the system's for temporary files
	Concurrency  int               // of all functions; zero: 1,000
	Idle         time.Duration     // after which a warm instance ends; zero: 10 minutes
	Queue        int               // asynchronous invocations that may wait; zero: 10,000
	Retry        time.Duration     // pause before an asynchronous invocation is tried again; zero: AWS's minute
	Interpreters map[string]string // by runtime, or by nodejs and python: a program; else looked for in PATH
	Logger       *slog.Logger

	// Metrics count the invocations of each function, by its ARN: as Called those
	// that ran, whose ServerErrors failed, and as ClientErrors those that were
	// throttled. Nil: nobody wants to know.
	Metrics *metrics.Registry[string]

	// Cgroup is a directory of cgroup v2 that is the gateway's to make groups
	// in, for instance below the one that systemd makes for a service with
	// Delegate=yes. Empty: instances are bounded by limits of processes and by
	// looking at them ten times a second.
	Cgroup string

	// Predecessor is the id of a process whose place this one takes, and whose
	// instances may still be running: they are left alone. 0: there is none.
	Predecessor int

	// Isolation is IsolationAuto (which the empty text is, too), IsolationRequire
	// or IsolationOff.
	Isolation string

	// Init is a program that calls the function Init before all else, usually the
	// one that runs: it is the first process of an instance in a sandbox. Empty:
	// there are no sandboxes.
	Init string

	// Tracer is told of invocations that are traced; nil: none is. XRayDaemon is
	// the address of an X-Ray daemon, for the SDKs in functions; empty: there is
	// none.
	Tracer     Tracer
	XRayDaemon string

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

// A function is a function of a host. Its definition may be replaced.
type function struct {
	arn, name string
	def       atomic.Pointer[Definition]
	series    *metrics.Series
	active    int              // guarded by Host.mu
	peak      int              // of active, since somebody asked; guarded by Host.mu
	pools     map[string]*pool // by version; guarded by Host.mu
}

// logs tells whether anybody wants the log of a call.
func (f *function) logs(c *call) bool { return c.in.Tail || f.def.Load().Log != nil }

func (f *function) sink(l Line) {
	if log := f.def.Load().Log; log != nil {
		log(l)
	}
}

// NewHost returns a Host without functions.
func NewHost(opt Options) *Host {
	if opt.Concurrency == 0 {
		opt.Concurrency = 1000 // AWS: Lambda quotas
	}
	if opt.Idle == 0 {
		opt.Idle = 10 * time.Minute
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Host{opt: opt, functions: make(map[string]*function), old: make(map[*pool]struct{}), interpreters: interpreters{named: opt.Interpreters},
		jobs: make(chan *startJob), started: make(chan struct{}), wake: make(chan struct{}, 1), holding: make(chan struct{}), queueEnded: make(chan struct{}),
		sampling: trace.NewSampler().Chooser("", "AWS::Lambda::Function", "")}
	if opt.Metrics == nil {
		h.opt.Metrics = metrics.NewRegistry[string](0)
	}
	h.queue.init(opt.Queue)
	return h
}

// Set adds a function, or replaces the one of the same ARN: warm instances of
// versions that are as they were stay, invocations that run end on what they
// began with. It refuses a definition that cannot run.
func (h *Host) Set(def *Definition) error {
	def, err := def.complete()
	if err != nil {
		return err
	}
	h.mu.Lock()
	fn := h.functions[def.ARN]
	if fn == nil {
		a, _ := arn.Parse(def.ARN) // complete has parsed it
		fn = &function{arn: def.ARN, name: strings.TrimPrefix(a.Resource, "function:"), pools: make(map[string]*pool), series: h.opt.Metrics.Series(def.ARN)}
		h.functions[def.ARN] = fn
	}
	h.reserved += reserveOf(def) - reserveOf(fn.def.Load())
	fn.def.Store(def)
	var old []*pool
	for number, p := range fn.pools {
		if v, ok := def.Versions[number]; !ok || !reflect.DeepEqual(v, *p.version) {
			old = append(old, p)
			h.old[p] = struct{}{}
			delete(fn.pools, number)
		}
	}
	h.mu.Unlock()
	for _, p := range old {
		p.close(false)
	}
	return nil
}

func reserveOf(def *Definition) int {
	if def == nil || def.Reserved == nil {
		return 0
	}
	return *def.Reserved
}

// Remove takes a function away. Invocations that run are brought to their end.
func (h *Host) Remove(arn string) {
	h.mu.Lock()
	fn := h.functions[arn]
	delete(h.functions, arn)
	var old []*pool
	if fn != nil {
		h.reserved -= reserveOf(fn.def.Load())
		for _, p := range fn.pools {
			old = append(old, p)
			h.old[p] = struct{}{}
		}
	}
	h.mu.Unlock()
	for _, p := range old {
		p.close(false)
	}
	stay := make(map[string]bool)
	for _, name := range h.ARNs() {
		stay[name] = true
	}
	h.opt.Metrics.Retain(func(name string) bool { return stay[name] })
}

// ARNs lists the functions there are, in no order.
func (h *Host) ARNs() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.functions))
}

// Peaks returns how many invocations of each function ran at once since it was
// asked last, at most: of those of which any ran.
func (h *Host) Peaks() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	peaks := make(map[string]int)
	for name, fn := range h.functions {
		if fn.peak > 0 {
			peaks[name] = fn.peak
		}
		fn.peak = fn.active
	}
	return peaks
}

// Instances returns how many instances run.
func (h *Host) Instances() int {
	n := 0
	for _, p := range h.pools() {
		p.mu.Lock()
		n += len(p.all)
		p.mu.Unlock()
	}
	return n
}

// Invoke calls a function.
func (h *Host) Invoke(ctx context.Context, in *Invocation) (*Result, error) {
	name, qualifier := Split(in.Function)
	h.mu.Lock()
	fn := h.functions[name]
	h.mu.Unlock()
	if fn == nil {
		return nil, NotFound(in.Function)
	}
	def := fn.def.Load()
	number, ok := def.resolve(qualifier)
	if !ok {
		return nil, NotFound(in.Function)
	}
	if err := admissible(in, def, qualifier); err != nil {
		return nil, err
	}
	switch in.Kind {
	case DryRun:
		return &Result{Status: 204, Version: number}, nil
	case Event:
		if err := h.prepared(); err != nil {
			return nil, err
		}
		return h.queue.add(in, number)
	}
	return h.call(ctx, fn, number, in)
}

// admissible refuses who may not call, and what cannot be passed on.
func admissible(in *Invocation, def *Definition, qualifier string) error {
	if in.Source != (Source{}) {
		if def.Permit == nil || !def.Permit(in.Source, qualifier) {
			return AccessDenied("User: " + in.Source.Service + " is not authorized to perform: lambda:InvokeFunction on resource: " +
				in.Function + " because no resource-based policy allows the lambda:InvokeFunction action")
		}
	} else if len(in.Payload) > 0 && !jsontext.Value(in.Payload).IsValid() {
		return BadRequest("Could not parse request body into json: Could not parse payload into json")
	}
	if n := len(in.Payload); n > MaxPayload || in.Kind == Event && n > MaxEvent {
		return TooLarge(n, in.Kind)
	}
	if in.ClientContext != "" && clientContext(in) == "" {
		return BadRequest("Client context must be a valid Base64-encoded JSON object.")
	}
	return nil
}

// clientContext returns the JSON of a client context; empty if it is none.
func clientContext(in *Invocation) string {
	if in.ClientContext == "" {
		return ""
	}
	b, err := base64.StdEncoding.DecodeString(in.ClientContext)
	v := jsontext.Value(b)
	if err != nil || v.Compact() != nil {
		return ""
	}
	return string(v)
}

// call runs a function for a caller that waits.
func (h *Host) call(ctx context.Context, fn *function, number string, in *Invocation) (*Result, error) {
	if err := h.prepared(); err != nil {
		return nil, err
	}
	c := newCall(in, number)
	version := fn.def.Load().Versions[number]
	c.traced = h.traceCall(fn, &version, in)
	p, err := h.admit(fn, c)
	if err != nil {
		var refused *Error
		if errors.As(err, &refused) {
			h.tellThrottled(fn, c.traced, refused)
		}
		return nil, err
	}
	c.pool = p
	for inst := p.takeIdle(); inst != nil; inst = p.takeIdle() {
		if inst.give(c) {
			h.running.Done()
			return c.await(ctx, inst)
		}
	}
	// The caller may leave before an instance is up, and take its payload with
	// it; the function runs all the same.
	c.payload, c.copied = slices.Clone(c.payload), true
	go func() {
		defer h.running.Done()
		p.serve(context.WithoutCancel(ctx), c)
	}()
	return c.await(ctx, nil)
}

// admit counts an invocation, or refuses it. The one who is let in is running,
// too.
func (h *Host) admit(fn *function, c *call) (*pool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, Failure("functions are shut down")
	}
	def := fn.def.Load()
	v, ok := def.Versions[c.version]
	if !ok || h.functions[fn.arn] != fn {
		return nil, NotFound(c.in.Function)
	}
	switch {
	case def.Reserved != nil && fn.active >= *def.Reserved:
		fn.series.Add(&metrics.Request{Outcome: metrics.ClientError})
		return nil, TooMany(ReasonReserved)
	case def.Reserved == nil && h.unreserved >= h.opt.Concurrency-h.reserved:
		fn.series.Add(&metrics.Request{Outcome: metrics.ClientError})
		return nil, TooMany(ReasonAccount)
	}
	fn.active++
	fn.peak = max(fn.peak, fn.active)
	if c.unreserved = def.Reserved == nil; c.unreserved {
		h.unreserved++
	}
	p := fn.pools[c.version]
	if p == nil {
		p = newPool(h, fn, c.version, &v)
		fn.pools[c.version] = p
	}
	h.running.Add(1)
	return p, nil
}

// release counts an invocation as over for its caller.
func (h *Host) release(fn *function, c *call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn.active--
	if c.unreserved {
		h.unreserved--
	}
}

func (h *Host) pools() []*pool {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := slices.Collect(maps.Keys(h.old))
	for _, fn := range h.functions {
		list = slices.AppendSeq(list, maps.Values(fn.pools))
	}
	return list
}

// keep remembers a replaced pool as long as it has instances.
func (h *Host) keep(p *pool, has bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if has {
		h.old[p] = struct{}{}
	} else {
		delete(h.old, p)
	}
}

func (h *Host) bootstraps() string { return filepath.Join(h.dir, "runtime") }
func (h *Host) instances() string  { return filepath.Join(h.allInstances(), strconv.Itoa(os.Getpid())) }

// allInstances has a directory for each process that has instances.
func (h *Host) allInstances() string { return filepath.Join(h.dir, "instances") }

// prepared gets the host ready, once, and tells whether that went well.
func (h *Host) prepared() error {
	if h.ready.Do(h.prepare); h.failed != nil {
		return Failure("functions cannot run: " + h.failed.Error())
	}
	return nil
}

// prepare makes the host's directory, and ends what a host that was killed has
// left there.
func (h *Host) prepare() {
	h.began = time.Now()
	h.dir, h.failed = h.opt.Dir, nil
	if h.dir == "" {
		h.dir, h.failed = os.MkdirTemp("", "gatehouse-functions-")
	} else {
		h.dir, h.failed = filepath.Abs(h.dir)
	}
	if h.failed == nil {
		h.failed = h.endLeft()
	}
	if h.failed == nil {
		h.failed = os.MkdirAll(h.instances(), 0o700)
	}
	if h.failed == nil {
		h.failed = writeBootstraps(h.bootstraps())
	}
	if h.failed == nil {
		h.groups, h.failed = openGroups(h.opt.Cgroup, h.opt.Predecessor, h.opt.Logger)
	}
	if h.failed == nil && h.opt.Dir != "" {
		h.failed = h.queue.open(filepath.Join(h.dir, "events"), h.opt.Logger, h.opt.Predecessor == 0)
	}
	if h.failed == nil {
		closeOnExec()
		h.failed = h.isolate()
	}
	if h.failed == nil {
		go h.starter()
	}
}

// endLeft ends the instances of hosts that were killed.
func (h *Host) endLeft() error {
	left, err := os.ReadDir(h.allInstances())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, d := range left {
		if d.Name() == strconv.Itoa(h.opt.Predecessor) {
			continue
		}
		dir := filepath.Join(h.allInstances(), d.Name())
		killMarked(dir)
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}

// complete checks a definition and returns a copy with the defaults filled in.
func (def *Definition) complete() (*Definition, error) {
	a, err := arn.Parse(def.ARN)
	if err != nil {
		return nil, fmt.Errorf("function %q: %w", def.ARN, err)
	}
	if name, ok := strings.CutPrefix(a.Resource, "function:"); !ok || name == "" || strings.Contains(name, ":") {
		return nil, fmt.Errorf("function %q: not the ARN of a function without qualifier", def.ARN)
	}
	d := *def
	d.Versions = make(map[string]Version, len(def.Versions))
	for number, v := range def.Versions {
		if !Supported(v.Runtime) {
			return nil, fmt.Errorf("function %s: runtime %q cannot run here: want provided.al2, provided.al2023, nodejsN.x or python3.N", def.ARN, v.Runtime)
		}
		if v.Code, err = filepath.Abs(v.Code); err != nil {
			return nil, fmt.Errorf("function %s: %w", def.ARN, err)
		}
		if v.Memory == 0 {
			v.Memory = 128 // AWS: CreateFunction
		}
		if v.Timeout == 0 {
			v.Timeout = 3 * time.Second // AWS: CreateFunction
		}
		if v.Tmp == 0 {
			v.Tmp = 512 // AWS: CreateFunction
		}
		d.Versions[number] = v
	}
	return &d, nil
}

// resolve returns the version that a qualifier asks for. An alias with weights
// gives each call one of its versions.
func (def *Definition) resolve(qualifier string) (string, bool) {
	if qualifier == "" {
		qualifier = "$LATEST"
	}
	if a, ok := def.Aliases[qualifier]; ok {
		qualifier = a.pick(rand.Float64())
	}
	_, ok := def.Versions[qualifier]
	return qualifier, ok
}

// pick returns the version for a number from 0 to 1.
func (a Alias) pick(at float64) string {
	for _, version := range slices.Sorted(maps.Keys(a.Weights)) {
		if at -= a.Weights[version]; at < 0 {
			return version
		}
	}
	return a.Version
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

// Has reports whether a function, named with or without qualifier, is one of the
// host's.
func (h *Host) Has(function string) bool {
	name, _ := Split(function)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.functions[name] != nil
}
