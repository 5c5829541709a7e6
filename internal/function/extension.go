package function

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"gatehouse/internal/arn"
	"gatehouse/internal/wire"
)

// An extension is a program of a layer's folder extensions that runs beside
// the function, or a part of the function that registered as one. Its fields are
// guarded by pool.mu.
//
// AWS: runtimes-extensions-api. The init phase ends when the runtime and all
// extensions have asked for their next event, and so does each invocation; the
// caller has its answer before. Texts of refusals are those of the public
// emulator (aws-lambda-runtime-interface-emulator, rapi/handler).
type extension struct {
	name     string
	external bool
	id       string   // when it has registered
	wants    []string // INVOKE, SHUTDOWN
	waits    bool     // for its next event
	gone     bool
	events   chan []byte // holds one
}

// Bounds of extensions.
//
// AWS: Lambda quotas and the guide: ten extensions, two seconds to shut down, of
// which the runtime has less than a third.
const (
	maxExtensions     = 10
	farewellWithin    = 2 * time.Second
	runtimeFarewell   = 600 * time.Millisecond
	maxRegistration   = 64 << 10
	eventInvoke       = "INVOKE"
	eventShutdown     = "SHUTDOWN"
	reasonSpindown    = "spindown"
	reasonTimeout     = "timeout"
	reasonFailure     = "failure"
	fieldExtension    = "Lambda-Extension-Name"
	fieldExtensionID  = "Lambda-Extension-Identifier"
	fieldExtensionErr = "Lambda-Extension-Function-Error-Type"
	extensionPrefix   = "/2020-01-01/extension/"
)

// Error types of extensions.
const (
	typeExtensionCrash = "Extension.Crash"
	typeExtensionInit  = "Extension.InitError"
	typeExtensionExit  = "Extension.ExitError"
	unknownExtension   = "Extension.UnknownExtensionIdentifier"
	invalidState       = "Extension.InvalidExtensionState"
)

// extensions lists the programs that layers bring, by name; of two of one name
// the one of the layer above counts.
func (v *Version) extensions() []string {
	var names []string
	for _, dir := range v.topDown() {
		entries, _ := os.ReadDir(filepath.Join(dir, "extensions")) // most layers have none
		for _, e := range entries {
			st, err := os.Stat(filepath.Join(dir, "extensions", e.Name()))
			if err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 && !slices.Contains(names, e.Name()) {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return names
}

// extensionEnvironment is what of a function's variables extensions get.
//
// AWS: runtimes-extensions-api, environment variables.
func extensionEnvironment(env []string) []string {
	var list []string
	for _, e := range env {
		switch name, _, _ := strings.Cut(e, "="); name {
		case "_HANDLER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_EXEC_WRAPPER",
			"AWS_XRAY_CONTEXT_MISSING", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT":
		default:
			list = append(list, e)
		}
	}
	return list
}

// expectExtensions prepares for the extensions that are started with the
// instance.
func (in *instance) expectExtensions() {
	v := in.pool.version
	names := v.extensions()
	if len(names) > 0 && in.pool.host.sandbox == nil {
		in.log.say("Gatehouse: extensions are run in sandboxes only, not here: " + strings.Join(names, ", "))
		return
	}
	for _, name := range names {
		in.extensions = append(in.extensions, &extension{name: name, external: true, events: make(chan []byte, 1)})
	}
}

// turnLocked wakes those who wait for extensions to go on.
func (in *instance) turnLocked() {
	close(in.turn)
	in.turn = make(chan struct{})
}

// awaitExtensions waits until all extensions have asked for their next event,
// or the instance ends.
func (in *instance) awaitExtensions(ctx context.Context) {
	for {
		in.pool.mu.Lock()
		busy := slices.ContainsFunc(in.extensions, func(e *extension) bool { return !e.waits && !e.gone })
		turn := in.turn
		in.pool.mu.Unlock()
		if !busy {
			return
		}
		select {
		case <-turn:
		case <-in.dying:
			return
		case <-ctx.Done():
			return
		}
	}
}

// noteReady writes the extensions to the log when the instance is up.
//
// AWS: as its logs have it; the words are separated by tabs.
func (in *instance) noteReady() {
	in.pool.mu.Lock()
	var lines []string
	if in.state == starting {
		for _, e := range in.extensions {
			lines = append(lines, fmt.Sprintf("EXTENSION\tName: %s\tState: Ready\tEvents: [%s]", e.name, strings.Join(e.wants, ", ")))
		}
	}
	in.pool.mu.Unlock()
	for _, line := range lines {
		in.log.say(line)
	}
}

// tellLocked gives extensions the event of a call.
func (in *instance) tellLocked(c *call) {
	var event []byte
	for _, e := range in.extensions {
		if e.gone || !slices.Contains(e.wants, eventInvoke) {
			continue
		}
		if event == nil {
			event = invokeEvent(c)
		}
		e.sendLocked(event)
	}
}

func (e *extension) sendLocked(event []byte) {
	e.waits = false
	select {
	case e.events <- event:
	default: // it has not even taken the last one
	}
}

func invokeEvent(c *call) []byte {
	type tracing struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	return mustJSON(struct {
		Type     string  `json:"eventType"`
		Deadline int64   `json:"deadlineMs"`
		ID       string  `json:"requestId"`
		Function string  `json:"invokedFunctionArn"`
		Tracing  tracing `json:"tracing"`
	}{eventInvoke, c.deadline.UnixMilli(), c.requestID, c.in.Function, tracing{"X-Amzn-Trace-Id", c.traceID()}})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of texts and numbers
	}
	return b
}

// farewellLocked lets extensions end well: it says whether there are any, and
// then ends the instance's processes in time.
func (in *instance) farewellLocked(reason string) bool {
	if !slices.ContainsFunc(in.extensions, func(e *extension) bool { return e.id != "" && !e.gone }) {
		return false
	}
	if !in.leaving {
		in.leaving = true
		in.pool.host.running.Go(func() { in.farewell(reason) })
	}
	return true
}

// farewell has the runtime end, then tells the extensions that want to know, and
// waits for them to end, too.
func (in *instance) farewell(reason string) {
	deadline := time.Now().Add(farewellWithin)
	in.process.inside.terminate()
	t := time.NewTimer(runtimeFarewell)
	select {
	case <-in.programGone:
	case <-in.gone:
	case <-t.C:
	}
	t.Reset(time.Until(deadline))
	defer t.Stop()
	in.pool.mu.Lock()
	var event []byte
	for _, e := range in.extensions {
		if e.id != "" && slices.Contains(e.wants, eventShutdown) {
			event = mustJSON(struct {
				Type     string `json:"eventType"`
				Reason   string `json:"shutdownReason"`
				Deadline int64  `json:"deadlineMs"`
			}{eventShutdown, reason, deadline.UnixMilli()})
			e.sendLocked(event)
		}
	}
	in.pool.mu.Unlock()
	for late := event == nil; !late; {
		in.pool.mu.Lock()
		turn := in.turn
		late = !slices.ContainsFunc(in.extensions, func(e *extension) bool {
			return !e.gone && e.external && e.id != "" && slices.Contains(e.wants, eventShutdown)
		})
		in.pool.mu.Unlock()
		if late {
			break
		}
		select {
		case <-turn:
		case <-in.gone:
			late = true
		case <-t.C:
			late = true
		}
	}
	in.process.kill()
}

// heard takes note of what the first process of a sandbox says.
func (in *instance) heard(w *word) {
	p := in.pool
	switch w.Event {
	case wordExit:
		close(in.programGone) // it exits once
		p.mu.Lock()
		defer p.mu.Unlock()
		if !in.farewellLocked(reasonFailure) {
			in.process.kill()
		}
		in.retireLocked()
	case wordRefused:
		p.mu.Lock()
		defer p.mu.Unlock()
		in.stopLocked(&failure{kind: typeEntrypoint, lines: []string{w.Text}})
	case wordExtGone:
		in.extensionGone(w)
	}
}

// extensionGone ends the instance with an extension that has ended unasked.
//
// AWS: Extension.Crash; the message is the emulator's.
func (in *instance) extensionGone(w *word) {
	p := in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range in.extensions {
		if e.name == w.Name && e.external {
			e.gone = true
		}
	}
	in.turnLocked()
	if !in.leaving {
		in.stopLocked(&failure{kind: typeExtensionCrash, lines: []string{"extension " + w.Name + " exited: " + exitText(w.Status)}})
	}
}

// A registration is the body of register.
type registration struct {
	Events []string `json:"events"`
}

// register takes an extension up.
func (x *exchange) register() *wire.Response {
	in := x.in
	name := strings.Clone(x.request.Header.Get(fieldExtension))
	if name == "" {
		return x.refuse(403, "Extension.InvalidExtensionName", "Empty extension name")
	}
	body, err := x.body()
	var reg registration
	if err != nil || len(body) > maxRegistration || json.Unmarshal(body, &reg) != nil {
		return x.refuse(403, "InvalidRequestFormat", "the body is no registration")
	}
	e, refused := x.admitExtension(name, reg.Events)
	if refused != nil {
		return refused
	}
	in.pool.mu.Lock()
	last := e.external && !slices.ContainsFunc(in.extensions, func(e *extension) bool { return e.external && e.id == "" })
	in.turnLocked()
	in.pool.mu.Unlock()
	if last {
		in.process.inside.proceed() // AWS: the runtime starts when all external ones have registered
	}
	return x.registered(e)
}

// admitExtension makes an extension of what registers, or refuses it.
func (x *exchange) admitExtension(name string, events []string) (*extension, *wire.Response) {
	in := x.in
	in.pool.mu.Lock()
	defer in.pool.mu.Unlock()
	i := slices.IndexFunc(in.extensions, func(e *extension) bool { return e.name == name })
	for _, event := range events {
		if event != eventInvoke && (event != eventShutdown || i < 0) { // what is part of the runtime ends with it
			return nil, x.refuse(403, "Extension.InvalidEventType", "an event that there is not")
		}
	}
	switch {
	case in.state != starting:
		return nil, x.refuse(403, "Extension.RegistrationClosed", "Extension registration closed already")
	case i >= 0 && in.extensions[i].id != "":
		return nil, x.refuse(403, invalidState, "Extension with this name already registered")
	case i < 0 && len(in.extensions) >= maxExtensions:
		return nil, x.refuse(403, "Extension.TooManyExtensions", "Extension limit (10) reached")
	case i < 0:
		i = len(in.extensions)
		in.extensions = append(in.extensions, &extension{name: name, events: make(chan []byte, 1)})
	}
	e := in.extensions[i]
	e.id, e.wants = newRequestID(), events
	return e, nil
}

// registered answers a registration.
func (x *exchange) registered(e *extension) *wire.Response {
	p := x.in.pool
	a, _ := arn.Parse(p.fn.arn) // Set has parsed it
	answer := struct {
		Name    string `json:"functionName"`
		Version string `json:"functionVersion"`
		Handler string `json:"handler"`
		Account string `json:"accountId,omitzero"`
	}{Name: p.fn.name, Version: p.number, Handler: p.version.Handler}
	for f := range strings.SplitSeq(x.request.Header.Get("Lambda-Extension-Accept-Feature"), ",") {
		if strings.TrimSpace(f) == "accountId" {
			answer.Account = a.Account
		}
	}
	x.response.Header.Add(fieldExtensionID, e.id)
	return x.say(200, string(mustJSON(answer)))
}

// extension returns the extension that asks; nil if nobody knows it.
func (x *exchange) extension() *extension {
	id := x.request.Header.Get(fieldExtensionID)
	x.in.pool.mu.Lock()
	defer x.in.pool.mu.Unlock()
	i := slices.IndexFunc(x.in.extensions, func(e *extension) bool { return e.id != "" && e.id == id })
	if i < 0 {
		return nil
	}
	return x.in.extensions[i]
}

// serveExtension serves the Extensions API.
func (x *exchange) serveExtension(ctx context.Context, path string) *wire.Response {
	method := x.request.Method
	if path == "register" && method == "POST" {
		return x.register()
	}
	e := x.extension()
	switch {
	case e == nil && x.request.Header.Get(fieldExtensionID) == "":
		return x.refuse(403, "Extension.MissingExtensionIdentifier", "Missing "+fieldExtensionID+" header")
	case e == nil:
		return x.refuse(403, unknownExtension, "Unknown "+fieldExtensionID)
	case path == "event/next" && method == "GET":
		return x.nextEvent(ctx, e)
	case path == "init/error" && method == "POST":
		return x.extensionFailed(e, typeExtensionInit)
	case path == "exit/error" && method == "POST":
		return x.extensionFailed(e, typeExtensionExit)
	}
	return x.refuse(404, "NotFound", "404 page not found")
}

// nextEvent waits for an extension's next event.
func (x *exchange) nextEvent(ctx context.Context, e *extension) *wire.Response {
	in := x.in
	in.pool.mu.Lock()
	if e.waits {
		in.pool.mu.Unlock()
		return x.refuse(403, invalidState, "it waits for its next event already")
	}
	e.waits = len(e.events) == 0
	in.turnLocked()
	in.pool.mu.Unlock()
	select {
	case event := <-e.events:
		x.response.Header.Add("Lambda-Extension-Event-Identifier", newRequestID())
		return x.say(200, string(event))
	case <-in.gone:
	case <-ctx.Done():
	}
	return x.stop()
}

// extensionFailed ends the instance by an extension's own word.
//
// AWS: undocumented is what the caller gets; it is the type here.
func (x *exchange) extensionFailed(e *extension, kind string) *wire.Response {
	what := strings.Clone(x.request.Header.Get(fieldExtensionErr))
	if what == "" {
		return x.refuse(403, "Extension.MissingHeader", fieldExtensionErr+" not found")
	}
	p := x.in.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	f := &failure{kind: kind, lines: []string{what}}
	e.gone = true                           // nothing is expected of it any more
	time.AfterFunc(initErrorGrace, func() { // if it does not end by itself
		p.mu.Lock()
		defer p.mu.Unlock()
		x.in.stopLocked(f)
	})
	if x.in.killed == nil {
		x.in.killed = f
	}
	return x.accept()
}

// telemetry answers who wants to be told logs and measures.
//
// AWS: the answer is the public emulator's, which has none to tell either.
func (x *exchange) telemetry(api string) *wire.Response {
	return x.say(202, `{"errorMessage":"`+api+` API is not supported","errorType":"`+api+`.NotSupported"}`)
}

// exitText words how a program ended.
func exitText(status int) string {
	if sig := status & 0x7f; sig != 0 { // as wait(2) has it
		return "signal " + strconv.Itoa(sig)
	}
	return "exit status " + strconv.Itoa(status>>8&0xff)
}
