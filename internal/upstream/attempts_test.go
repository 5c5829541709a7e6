package upstream_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/internal/upstream"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// status answers with a status, and counts.
func status(code int, seen *atomic.Int64) upstreamtest.Script {
	return func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			seen.Add(1)
			c.Send("HTTP/1.1 " + strconv.Itoa(code) + " X\r\nContent-Length: 2\r\n\r\nno")
		}
	}
}

// silent takes requests and never answers.
func silent(seen *atomic.Int64, ended chan<- bool) upstreamtest.Script {
	return func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			seen.Add(1)
		}
		ended <- true
	}
}

// TestRetryOnStatus: after a status that the definition names, a request that may be
// repeated is; others are not, nor after another status.
func TestRetryOnStatus(t *testing.T) {
	var seen atomic.Int64
	bad, well := upstreamtest.New(t, status(503, &seen)), upstreamtest.New(t, upstreamtest.Echo)
	_, c := balanced(t, upstream.Definition{Retries: upstream.Retries{On: []string{"503"}, Backoff: time.Millisecond}, Eject: upstream.Eject{Failures: -1}},
		bad.Addr().String(), well.Addr().String())
	for range 6 {
		if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "GET / " {
			t.Errorf("GET: %q, %v", got, err)
		}
	}
	if seen.Load() == 0 {
		t.Error("the bad one was never asked")
	}
	posts := 0
	for range 6 {
		if got, err := call(c, request("POST", "/", "x"), soon()); err == nil && got == "no" {
			posts++
		}
	}
	if posts != 3 {
		t.Errorf("%d of 6 POSTs were answered by the bad one, want half", posts)
	}
	seen.Store(0)
	_, c = balanced(t, upstream.Definition{Retries: upstream.Retries{On: []string{"5xx"}, Attempts: 3}},
		bad.Addr().String(), upstreamtest.New(t, status(500, &seen)).Addr().String())
	if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "no" || seen.Load() != 2 {
		t.Errorf("all bad: %q, %v after %d attempts; want the last answer after one each", got, err, seen.Load())
	}
}

// TestTryTimeout: an attempt that takes too long gives way to another one, unless the
// request cannot be repeated. No machine is too slow for it: the last attempt may take
// as long as the request.
func TestTryTimeout(t *testing.T) {
	const requests = 4
	var seen atomic.Int64
	r := upstream.NewRegistry(upstream.Options{Clusters: map[string]upstream.Definition{"two": {
		Endpoints: []upstream.Endpoint{ // the second is for those only that the first has failed
			{Address: upstreamtest.New(t, silent(&seen, make(chan bool, 2*requests))).Addr().String()},
			{Address: upstreamtest.New(t, upstreamtest.Echo).Addr().String(), Priority: 1},
		},
		Retries: upstream.Retries{TryTimeout: 20 * time.Millisecond, Attempts: 1}, Eject: upstream.Eject{Failures: -1},
	}}})
	t.Cleanup(r.Close)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "two.cluster", Port: 80}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range requests {
		if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "GET / " {
			t.Errorf("%q, %v", got, err)
		}
	}
	if s := r.Status()[0].Endpoints[0]; s.Requests != requests || s.Errors != requests {
		t.Errorf("the silent one: %+v, want %d attempts that failed", s, requests)
	}
	if _, err := call(c, request("POST", "/", "x"), time.Now().Add(500*time.Millisecond)); !errors.Is(err, upstream.ErrTimeout) {
		t.Errorf("POST: %v, want that it is not sent again", err)
	}
}

// TestHedge: a request whose answer takes long is sent to another endpoint besides;
// the slow attempt is given up, and nobody is blamed for it.
func TestHedge(t *testing.T) {
	const requests = 4
	asked, ended := make(chan bool, requests), make(chan bool, requests)
	silent := func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			asked <- true
		}
		ended <- true
	}
	slow := func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			<-asked // the silent one has the request, too
			upstreamtest.Answer(c, "slow")
		}
	}
	r, c := balanced(t, upstream.Definition{Retries: upstream.Retries{Hedge: 10 * time.Millisecond}},
		upstreamtest.New(t, silent).Addr().String(), upstreamtest.New(t, slow).Addr().String())
	for range requests {
		if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "slow" {
			t.Errorf("%q, %v", got, err)
		}
	}
	for range requests {
		<-ended
	}
	for end := soon(); ; {
		s := r.Status()[0].Endpoints
		if s[0].InFlight == 0 && s[0].Requests == requests && s[0].Errors == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("status %+v", s)
		}
	}
}

// TestClusterConnections: all endpoints together have so many connections, and who
// would wait in vain is refused.
func TestClusterConnections(t *testing.T) {
	came, free := make(chan bool, 4), make(chan bool)
	slow := func(c *upstreamtest.Conn) {
		for c.Request() != nil {
			came <- true
			<-free
			upstreamtest.Answer(c, "ok")
		}
	}
	r, c := balanced(t, upstream.Definition{Limits: upstream.Limits{Connections: 1}, Retries: upstream.Retries{Attempts: 1}},
		upstreamtest.New(t, slow).Addr().String(), upstreamtest.New(t, slow).Addr().String())
	done := make(chan error, 2)
	ask := func() { _, err := call(c, request("GET", "/", ""), soon()); done <- err }
	go ask()
	<-came
	go ask() // is refused by the other endpoint, and then waits at the first
	for r.Clusters()[0].Stats().Waiting == 0 {
		runtime.Gosched()
	}
	if st := r.Clusters()[0].Stats(); st.Open != 1 {
		t.Errorf("%+v, want one connection", st)
	}
	free <- true
	<-came
	free <- true
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestHealthGRPC: endpoints are asked by the health service of gRPC.
func TestHealthGRPC(t *testing.T) {
	var answer atomic.Value
	answer.Store("\x00\x00\x00\x00\x02\x08\x01")
	var proto http.Protocols
	proto.SetUnencryptedHTTP2(true)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Protocols: &proto, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var got [12]byte
		n, _ := r.Body.Read(got[:])
		if r.URL.Path != "/grpc.health.v1.Health/Check" || string(got[:n]) != "\x00\x00\x00\x00\x06\x0a\x04shop" || r.Header.Get("Content-Type") != "application/grpc" {
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write([]byte(answer.Load().(string)))
		w.Header().Set("Grpc-Status", "0")
	})}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() { _ = srv.Close(); <-served }()
	h := &upstream.Health{Kind: "grpc", Service: "shop"}
	for _, tt := range []struct{ answer, want string }{
		{"\x00\x00\x00\x00\x02\x08\x01", ""},
		{"\x00\x00\x00\x00\x02\x08\x02", "is not serving: health status 2"},
		{"\x00\x00\x00\x00\x00", "health status 0"},
		{"\x00\x00\x00\x00\x02\x08", "malformed"},
		{"junk", "malformed"},
	} {
		answer.Store(tt.answer)
		if err := upstream.CheckHealth(ln.Addr().String(), h); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.answer, err, tt.want)
		}
	}
	h.Service = "other"
	if err := upstream.CheckHealth(ln.Addr().String(), h); err == nil || !strings.Contains(err.Error(), "status 400") {
		t.Errorf("error %v, want one of status 400", err)
	}
}

// TestHedgeTryTimeout: an attempt that takes too long gives way to another one also
// where requests are hedged.
func TestHedgeTryTimeout(t *testing.T) {
	var seen atomic.Int64
	r := upstream.NewRegistry(upstream.Options{Clusters: map[string]upstream.Definition{"two": {
		Endpoints: []upstream.Endpoint{
			{Address: upstreamtest.New(t, silent(&seen, make(chan bool, 1))).Addr().String()},
			{Address: upstreamtest.New(t, upstreamtest.Echo).Addr().String(), Priority: 1},
		},
		Retries: upstream.Retries{TryTimeout: 20 * time.Millisecond, Attempts: 1, Hedge: time.Hour},
	}}})
	t.Cleanup(r.Close)
	c, err := r.Cluster(upstream.Key{Scheme: "http", Host: "two.cluster", Port: 80}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := call(c, request("GET", "/", ""), soon()); err != nil || got != "GET / " {
		t.Errorf("%q, %v", got, err)
	}
	if s := r.Status()[0].Endpoints[0]; s.Requests != 1 || s.Errors != 1 || s.InFlight != 0 {
		t.Errorf("the silent one: %+v, want one attempt that failed", s)
	}
}

// TestHedgeBackoff: there is a pause before a retry also where requests are hedged, and
// it ends with the client.
func TestHedgeBackoff(t *testing.T) {
	var seen, others atomic.Int64
	r, c := balanced(t, upstream.Definition{Retries: upstream.Retries{On: []string{"503"}, Backoff: time.Hour, Hedge: time.Hour, Attempts: 1}},
		upstreamtest.New(t, status(503, &seen)).Addr().String(), upstreamtest.New(t, status(503, &others)).Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Do(ctx, request("GET", "/", ""), new(wire.Response), soon()) }()
	for seen.Load()+others.Load() == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the client gave up", err)
	}
	if n := seen.Load() + others.Load(); n != 1 {
		t.Errorf("%d attempts, want one", n)
	}
	if n := r.Status()[0].InFlight; n != 0 {
		t.Errorf("%d requests under way at the end", n)
	}
}

// TestTryTimeoutOfOne: an attempt after which there is no other endpoint left is the last,
// and may take as long as the request.
func TestTryTimeoutOfOne(t *testing.T) {
	for _, hedge := range []time.Duration{0, time.Hour} {
		var seen atomic.Int64
		_, c := balanced(t, upstream.Definition{Retries: upstream.Retries{TryTimeout: time.Millisecond, Hedge: hedge}},
			upstreamtest.New(t, silent(&seen, make(chan bool, 1))).Addr().String())
		deadline := time.Now().Add(200 * time.Millisecond)
		if _, err := call(c, request("GET", "/", ""), deadline); !errors.Is(err, upstream.ErrTimeout) || time.Now().Before(deadline) {
			t.Errorf("hedge %v: %v, %v before the deadline", hedge, err, time.Until(deadline))
		}
	}
}

// TestLimitOfRequests: requests that were admitted at once, as there was room for each,
// do not exceed the limit together.
func TestLimitOfRequests(t *testing.T) {
	for _, retries := range []upstream.Retries{{}, {Hedge: time.Hour}} {
		came, free := make(chan bool, 4), make(chan bool)
		slow := func(c *upstreamtest.Conn) {
			for c.Request() != nil {
				came <- true
				<-free
				upstreamtest.Answer(c, "ok")
			}
		}
		r, c := balanced(t, upstream.Definition{Limits: upstream.Limits{Requests: 2}, Retries: retries},
			upstreamtest.New(t, slow).Addr().String(), upstreamtest.New(t, slow).Addr().String())
		var picked []*upstream.Cluster
		for range 4 {
			at, err := c.Pick(nil)
			if err != nil {
				t.Fatal(err)
			}
			picked = append(picked, at)
		}
		done := make(chan error, len(picked))
		for _, at := range picked[:2] {
			go func() { _, err := call(at, request("GET", "/", ""), soon()); done <- err }()
		}
		<-came
		<-came
		for _, at := range picked[2:] {
			if _, ok := at.Lend(nil); ok {
				t.Error("a connection is lent for one request too many")
			}
			if _, err := call(at, request("GET", "/", ""), soon()); !errors.Is(err, upstream.ErrShed) {
				t.Errorf("one request too many: %v", err)
			}
		}
		if s := r.Status()[0]; s.Refused != 2 || s.InFlight != 2 {
			t.Errorf("status %+v, want two under way and two refused", s)
		}
		close(free)
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}
