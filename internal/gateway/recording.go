package gateway

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/internal/limit"
	"gatehouse/internal/wire"
)

// A Recording is what happened to one exchange. Of an exchange that was chosen
// for it, it has every step; of any other that failed, how it ended.
type Recording struct {
	RequestID         string    `json:"requestId"`
	ExtendedRequestID string    `json:"extendedRequestId,omitempty"`
	Trace             string    `json:"xrayTraceId,omitempty"`
	Start             time.Time `json:"start"`
	Account           string    `json:"account,omitempty"`
	Region            string    `json:"region,omitempty"`
	API               string    `json:"api,omitempty"`
	Stage             string    `json:"stage,omitempty"`
	Route             string    `json:"route,omitempty"` // as in GET /pets/{id}; empty: none was found
	Method            string    `json:"method"`
	Host              string    `json:"host"`
	Path              string    `json:"path"` // without the stage
	SourceIP          string    `json:"sourceIp,omitempty"`
	ConnectionID      string    `json:"connectionId,omitempty"` // of a WebSocket API
	Event             string    `json:"eventType,omitempty"`    // on the connection
	Caller            string    `json:"caller,omitempty"`       // ARN of who signed
	APIKeyID          string    `json:"apiKeyId,omitempty"`
	Status            int       `json:"status"`
	Micros            int64     `json:"latencyMicros"`
	BackendMicros     int64     `json:"integrationMicros,omitempty"`
	BackendStatus     int       `json:"integrationStatus,omitempty"`

	Fault           string `json:"fault,omitempty"`   // type of the gateway response
	Message         string `json:"message,omitempty"` // that the client got
	Cause           string `json:"cause,omitempty"`   // that it did not
	BackendError    string `json:"integrationError,omitempty"`
	AuthorizerError string `json:"authorizerError,omitempty"`

	Steps []StepRecord `json:"steps,omitempty"`

	seen    []string
	backend bool // is among the steps
}

// A StepRecord is what one step did.
type StepRecord struct {
	Name    string   `json:"name"`
	Micros  int64    `json:"micros"`
	Error   string   `json:"error,omitempty"`   // with which it ended the exchange
	Changes []string `json:"changes,omitempty"` // what is new begins with +, what is gone with -
}

// A Recorder chooses exchanges to record, and says where recordings go.
type Recorder struct {
	Sample float64 // share of exchanges that are recorded step by step
	Token  string  // value of the header X-Gatehouse-Trace that has it done; empty: no header does
	// Keep takes a recording, of which it keeps nothing. It must not wait.
	Keep func(r *Recording)
	// Failures bounds how many failures are kept; nil: all.
	Failures *limit.Bucket
	// Wanted are ids of requests, traces or connections that are recorded step by
	// step, each with the time until when; nil: none.
	Wanted atomic.Pointer[map[string]time.Time]
}

const recordHeader = "X-Gatehouse-Trace"

// begin chooses x, or does not.
func (r *Recorder) begin(x *Exchange) {
	x.AskedRecording = r.Token != "" && r.asks(x) || x.Socket != nil && x.Socket.Recorded
	if x.AskedRecording || r.wants(x) || r.Sample > 0 && x.draw() < 100*r.Sample {
		x.Recording = &Recording{seen: x.shown()}
	}
}

// wants tells whether somebody waits for x, by its id, or that of its trace or
// connection.
func (r *Recorder) wants(x *Exchange) bool {
	ids, at := r.Wanted.Load(), x.Vars.Start
	if ids == nil {
		return false
	}
	return at.Before((*ids)[x.Vars.RequestID]) || at.Before((*ids)[traceRoot(x.Vars.Trace)]) || x.Socket != nil && at.Before((*ids)[x.Socket.ConnectionID])
}

// asks tells whether x brings the token. That goes no further than to here, and
// neither does what somebody has guessed.
func (r *Recorder) asks(x *Exchange) bool {
	h := &x.MethodRequest.Header
	knows := false
	for i := range h.Fields {
		if f := &h.Fields[i]; f.ID == wire.HeaderOther && len(f.Name) == len(recordHeader) && strings.EqualFold(f.Name, recordHeader) {
			knows = knows || r.knows(f.Value)
			x.Withheld = append(x.Withheld, *f)
		}
	}
	if len(x.Withheld) > 0 {
		h.Del(recordHeader)
	}
	return knows
}

// knows tells whether a client's token is the one, in a time that does not.
func (r *Recorder) knows(token string) bool {
	return token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(r.Token)) == 1
}

// finish keeps what is to be known of x.
func (r *Recorder) finish(x *Exchange) {
	rec := x.Recording
	if x.Vars.TestInvoke {
		return // its owner has its log
	}
	if rec == nil {
		if x.Fault == nil && x.MethodResponse.Status < 500 || r.Failures != nil && !r.Failures.Take() {
			return
		}
		rec = new(Recording)
	} else {
		rec.addBackend(x)
	}
	rec.fill(x)
	r.Keep(rec)
}

// Ended returns how x ended, without its steps.
func (x *Exchange) Ended() *Recording {
	rec := new(Recording)
	rec.fill(x)
	return rec
}

func (rec *Recording) fill(x *Exchange) {
	v := &x.Vars
	rec.RequestID, rec.ExtendedRequestID, rec.Trace = v.RequestID, v.ExtendedRequestID, traceRoot(v.Trace)
	rec.Start, rec.Method, rec.Host, rec.Path = v.Start, v.HTTPMethod, v.Domain, v.Path
	rec.SourceIP, rec.APIKeyID = string(appendSourceIP(nil, x)), v.APIKeyID
	rec.Status, rec.BackendStatus = x.MethodResponse.Status, v.IntegrationStatus
	rec.BackendError, rec.AuthorizerError = v.IntegrationError, v.AuthorizerError
	end := v.Sent.At
	if end.IsZero() {
		end = time.Now()
	}
	rec.Micros = end.Sub(v.Start).Microseconds()
	if d, ok := v.IntegrationLatency(); ok {
		rec.BackendMicros = d.Microseconds()
	}
	if s := x.Socket; s != nil {
		rec.ConnectionID, rec.Event = s.ConnectionID, string(s.Event)
	}
	if st := x.Stage; st != nil {
		rec.Account, rec.Region, rec.API, rec.Stage = st.Account, st.Region, st.API, st.Name
	}
	rec.Route = routeName(x)
	if p := x.Identity.Principal; p != nil {
		rec.Caller = p.ARN
	}
	if f := x.Fault; f != nil {
		rec.Fault, rec.Message = f.Type.String(), f.Text()
		if f.Cause != nil {
			rec.Cause = string(appendCause(nil, f))
		}
	}
}

// Bounds of what a recording holds.
const (
	maxSteps   = 64
	maxShown   = 128 // lines about an exchange at a time
	longestOne = 512 // bytes of such a line
)

// recorded runs steps as Plan does, and takes note of what they do.
func (p *Plan) recorded(steps []Step, x *Exchange, do func(Step) error) error {
	rec := x.Recording
	for _, s := range steps {
		begun := time.Now()
		err := do(s)
		took := time.Since(begun)
		if len(rec.Steps) == maxSteps {
			if err != nil {
				return err
			}
			continue
		}
		now := x.shown()
		one := StepRecord{Name: strings.TrimPrefix(fmt.Sprintf("%T", s), "*"), Micros: took.Microseconds(), Changes: changes(rec.seen, now)}
		rec.seen = now
		if err != nil {
			one.Error = err.Error()
		}
		rec.Steps = append(rec.Steps, one)
		if err != nil {
			return err
		}
	}
	return nil
}

// addBackend adds the integration, once it was called.
func (rec *Recording) addBackend(x *Exchange) {
	d, ok := x.Vars.IntegrationLatency()
	if !ok || rec.backend || len(rec.Steps) == maxSteps {
		return
	}
	rec.backend = true
	now := x.shown()
	rec.Steps = append(rec.Steps, StepRecord{Name: "integration", Micros: d.Microseconds(), Error: x.Vars.IntegrationError, Changes: changes(rec.seen, now)})
	rec.seen = now
}

func changes(before, after []string) []string {
	var out []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			out = append(out, "+ "+line)
		}
	}
	return out
}

// shown is what can be seen of an exchange, a line each. Values that give access
// are masked.
func (x *Exchange) shown() []string {
	var list []string
	add := func(parts ...string) {
		line := strings.Join(parts, "")
		if len(line) > longestOne {
			line = strings.ToValidUTF8(line[:longestOne], "") + truncated
		}
		if len(list) < maxShown {
			list = append(list, line)
		}
	}
	fields := func(of string, fields []wire.Field) {
		for i := range fields {
			add(of, " header ", fields[i].Name, ": ", string(appendShown(nil, fields[i].Name, fields[i].Value)))
		}
	}
	body := func(of string, b *wire.Body) {
		if n := len(b.Bytes); n > 0 {
			add(of, " body: ", strconv.Itoa(n), " bytes are here")
		}
	}
	if p := x.Identity.Principal; p != nil {
		add("caller: ", p.ARN)
	}
	if a := x.Authorization; a != nil {
		principal, _ := a.Value("principalId")
		add("authorizer: principal ", principal)
	}
	if x.Vars.APIKeyID != "" {
		add("API key: ", x.Vars.APIKeyID)
	}
	if r := &x.IntegrationRequest; r.Method != "" {
		add("integration request: ", r.Method, " ", r.Host, ShownURL(r.Target))
		fields("integration request", r.Header.Fields)
		body("integration request", &r.Body)
	}
	for i := range x.MappedHeader {
		add("mapped header ", x.MappedHeader[i].Name, ": ", string(appendShown(nil, x.MappedHeader[i].Name, x.MappedHeader[i].Value)))
	}
	for _, q := range x.MappedQuery {
		add("mapped query parameter ", q.Name, "=", q.Value)
	}
	if r := &x.IntegrationResponse; r.Status != 0 {
		add("integration response: ", strconv.Itoa(r.Status))
		fields("integration response", r.Header.Fields)
	}
	if r := &x.MethodResponse; r.Status != 0 {
		add("method response: ", strconv.Itoa(r.Status))
		fields("method response", r.Header.Fields)
		body("method response", &r.Body)
	}
	return list
}
