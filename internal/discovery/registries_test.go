package discovery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/discovery"
)

// A registry is a fake of a protocol: its state is what tests set, and who waits
// for a change is told of it.
type registry struct {
	*httptest.Server

	mu      sync.Mutex // guards the fields below
	version int
	changed chan struct{} // closed when version rises
	state   any
	asked   []string // requests, without what is the same in all
	answer  func(w http.ResponseWriter, r *http.Request) bool
}

func newRegistry(t *testing.T, serve func(g *registry, w http.ResponseWriter, r *http.Request)) *registry {
	t.Helper()
	g := &registry{version: 10, changed: make(chan struct{})}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		answer := g.answer
		g.asked = append(g.asked, r.URL.RequestURI())
		g.mu.Unlock()
		if answer == nil || !answer(w, r) {
			serve(g, w, r)
		}
	}))
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	return g
}

// set changes the state.
func (g *registry) set(state any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state = state
	g.version++
	close(g.changed)
	g.changed = make(chan struct{})
}

// instead answers in place of the protocol while it returns true.
func (g *registry) instead(answer func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answer = answer
}

func (g *registry) requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.asked...)
}

// wait returns the state and its version, once that is above a version.
func (g *registry) wait(r *http.Request, above int) (any, int) {
	for {
		g.mu.Lock()
		state, version, changed := g.state, g.version, g.changed
		g.mu.Unlock()
		if version > above {
			return state, version
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return state, version
		}
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

type doc = map[string]any

// next waits for what a source finds, until it is want.
func next(t *testing.T, finds chan discovery.Found, errs chan error, want string) discovery.Found {
	t.Helper()
	for {
		select {
		case f := <-finds:
			if text(f.Endpoints) == want {
				return f
			}
			t.Logf("found %q, skipped %q", text(f.Endpoints), f.Skipped)
		case err := <-errs:
			t.Fatalf("ended with %v, want %q", err, want)
		}
	}
}

// consulServer speaks /v1/health/service: with an index it waits for a higher one.
func consulServer(g *registry, w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/health/service/orders" || r.URL.Query().Get("passing") != "true" {
		http.NotFound(w, r)
		return
	}
	index, _ := strconv.Atoi(r.URL.Query().Get("index"))
	state, version := g.wait(r, index)
	w.Header().Set("X-Consul-Index", strconv.Itoa(version))
	writeJSON(w, state)
}

// consulEntry is an entry of Consul's answer.
func consulEntry(node, addr string, port, weight int) doc {
	return doc{"Node": doc{"Node": "n", "Address": node}, "Service": doc{"ID": "i", "Service": "orders", "Address": addr, "Port": port, "Weights": doc{"Passing": weight, "Warning": 1}},
		"Checks": []doc{{"Status": "passing"}}}
}

func TestConsul(t *testing.T) {
	g := newRegistry(t, consulServer)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.set([]doc{consulEntry("10.0.0.1", "", 80, 1), consulEntry("10.0.0.9", "10.0.0.2", 81, 3)})
	seen := make(chan string, 1)
	g.instead(func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case seen <- r.Header.Get("X-Consul-Token"):
		default:
		}
		return false
	})
	src := source(t, discovery.Config{Consul: &discovery.Consul{Address: g.URL, Service: "orders", Tag: "v1", Datacenter: "dc2", Access: discovery.Access{TokenFile: token}}})
	finds, errs := answers(t, src)
	if f := next(t, finds, errs, "10.0.0.1:80 10.0.0.2:81*III"); f.Revision != "11" {
		t.Errorf("revision %s, want 11", f.Revision)
	}
	if got := <-seen; got != "s3cret" {
		t.Errorf("token %q", got)
	}
	if first := g.requests()[0]; !strings.Contains(first, "tag=v1") || !strings.Contains(first, "dc=dc2") || strings.Contains(first, "index=") {
		t.Errorf("the first request was %s", first)
	}
	g.set([]doc{consulEntry("10.0.0.1", "", 80, 1)}) // the query that blocks returns
	next(t, finds, errs, "10.0.0.1:80")
}

// An index that goes back, as after a restore, begins anew.
func TestConsulIndexBack(t *testing.T) {
	g := newRegistry(t, consulServer)
	g.set([]doc{consulEntry("10.0.0.1", "", 80, 1)})
	finds, errs := answers(t, source(t, discovery.Config{Consul: &discovery.Consul{Address: g.URL, Service: "orders"}}))
	next(t, finds, errs, "10.0.0.1:80")
	for len(g.requests()) < 2 {
		runtime.Gosched() // until the query is under way that set ends
	}
	var once sync.Once
	g.instead(func(w http.ResponseWriter, r *http.Request) bool {
		back := false
		if r.URL.Query().Get("index") != "" {
			once.Do(func() {
				back = true
				g.mu.Lock()
				g.version, g.state = 3, []doc{consulEntry("10.0.0.2", "", 80, 1)}
				g.mu.Unlock()
				w.Header().Set("X-Consul-Index", "3")
				writeJSON(w, []doc{consulEntry("10.0.0.2", "", 80, 1)})
			})
		}
		return back
	})
	g.set([]doc{}) // ends the query under way
	f := next(t, finds, errs, "10.0.0.2:80")
	if f.Revision != "3" {
		t.Errorf("revision %s, want 3", f.Revision)
	}
}

// nacosServer speaks both APIs, and wants a token of the login.
func nacosServer(g *registry, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	state, version := g.wait(r, 0)
	data := doc{"name": "DEFAULT_GROUP@@orders", "hosts": state, "lastRefTime": version, "cacheMillis": 10000}
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/nacos/v1/auth/login":
		if r.FormValue("username") != "nacos" || r.FormValue("password") != "pass" {
			http.Error(w, "unknown user!", http.StatusForbidden)
			return
		}
		writeJSON(w, doc{"accessToken": "t" + strconv.Itoa(version), "tokenTtl": 18000, "globalAdmin": false})
	case q.Get("accessToken") != "t"+strconv.Itoa(version):
		http.Error(w, "user not found!", http.StatusForbidden)
	case q.Get("serviceName") != "orders" || q.Get("groupName") != "DEFAULT_GROUP" || q.Get("namespaceId") != "prod":
		http.NotFound(w, r)
	case r.URL.Path == "/nacos/v2/ns/instance/list":
		writeJSON(w, doc{"code": 0, "message": "success", "data": data})
	case r.URL.Path == "/nacos/v1/ns/instance/list":
		writeJSON(w, data)
	default:
		http.NotFound(w, r)
	}
}

func TestNacos(t *testing.T) {
	for api := 1; api <= 2; api++ {
		t.Run(fmt.Sprintf("v%d", api), func(t *testing.T) {
			g := newRegistry(t, nacosServer)
			g.set([]doc{
				{"ip": "10.0.0.1", "port": 80, "weight": 1.0, "healthy": true, "enabled": true},
				{"ip": "10.0.0.2", "port": 80, "weight": 2.5, "healthy": true, "enabled": true},
				{"ip": "10.0.0.3", "port": 80, "weight": 0.0, "healthy": true, "enabled": true},
				{"ip": "10.0.0.4", "port": 80, "weight": 1.0, "healthy": false, "enabled": true},
				{"ip": "10.0.0.5", "port": 80, "weight": 1.0, "healthy": true, "enabled": false},
			})
			password := filepath.Join(t.TempDir(), "password")
			if err := os.WriteFile(password, []byte("pass"), 0o600); err != nil {
				t.Fatal(err)
			}
			conf := discovery.Nacos{Address: g.URL + "/nacos", Service: "orders", Namespace: "prod", API: api, Interval: time.Second,
				Access: discovery.Access{Username: "nacos", PasswordFile: password}}
			finds, errs := answers(t, source(t, discovery.Config{Nacos: &conf}))
			next(t, finds, errs, "10.0.0.1:80 10.0.0.2:80*III 10.0.0.3:80-")
			g.set([]doc{{"ip": "10.0.0.1", "port": 80}}) // and the token has ended
			next(t, finds, errs, "10.0.0.1:80")
		})
	}
}

// eurekaServer speaks /apps/APP.
func eurekaServer(g *registry, w http.ResponseWriter, r *http.Request) {
	state, _ := g.wait(r, 0)
	if r.URL.Path != "/eureka/apps/ORDERS" || r.Header.Get("Accept") != "application/json" {
		http.NotFound(w, r)
		return
	}
	writeJSON(w, doc{"application": doc{"name": "ORDERS", "instance": state}})
}

func eurekaInstance(addr, status string, port any, enabled string) doc {
	return doc{"instanceId": addr, "hostName": "h-" + addr, "ipAddr": addr, "status": status, "port": doc{"$": port, "@enabled": enabled},
		"securePort": doc{"$": 443, "@enabled": "false"}, "metadata": doc{"@class": "java.util.Collections$EmptyMap"}, "lastUpdatedTimestamp": "1700000000000"}
}

func TestEureka(t *testing.T) {
	g := newRegistry(t, eurekaServer)
	g.set([]doc{eurekaInstance("10.0.0.1", "UP", 80, "true"), eurekaInstance("10.0.0.2", "DOWN", 80, "true"), eurekaInstance("10.0.0.3", "UP", "81", "true"),
		eurekaInstance("10.0.0.4", "OUT_OF_SERVICE", 80, "true"), eurekaInstance("10.0.0.5", "UP", 80, "false")})
	conf := discovery.Eureka{Servers: []string{"http://127.0.0.1:1/eureka", g.URL + "/eureka/"}, App: "ORDERS", Interval: time.Second}
	finds, errs := answers(t, source(t, discovery.Config{Eureka: &conf}))
	if f := next(t, finds, errs, "10.0.0.1:80 10.0.0.3:81"); f.Skipped != "the port of 10.0.0.5 is not enabled" {
		t.Errorf("skipped %q", f.Skipped)
	}
	g.set(eurekaInstance("10.0.0.7", "UP", 80, "true")) // one alone is no list
	next(t, finds, errs, "10.0.0.7:80")
}

// TestEurekaWithoutInstances: an application whose last instance has gone is unknown to
// Eureka. That is an answer where answers may be empty, and all servers give it.
func TestEurekaWithoutInstances(t *testing.T) {
	unknown := httptest.NewServer(http.NotFoundHandler())
	defer unknown.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	const nobody = "http://127.0.0.1:1"
	for _, tt := range []struct {
		empty   string
		servers []string
		fails   bool
	}{
		{"allow", []string{unknown.URL}, false},
		{"allow", []string{unknown.URL, other.URL}, false},
		{"allow", []string{unknown.URL, nobody}, true},
		{"keep", []string{unknown.URL}, true},
		{"", []string{unknown.URL}, true},
	} {
		f, err := once(t, source(t, discovery.Config{Empty: tt.empty, Eureka: &discovery.Eureka{Servers: tt.servers, App: "ORDERS"}}))
		for try := 0; try < 10 && errors.Is(err, context.DeadlineExceeded); try++ {
			f, err = once(t, source(t, discovery.Config{Empty: tt.empty, Eureka: &discovery.Eureka{Servers: tt.servers, App: "ORDERS"}})) // the machine is busy
		}
		if (err != nil) != tt.fails || len(f.Endpoints) > 0 {
			t.Errorf("empty %q, servers %v: found %v, error %v", tt.empty, tt.servers, f.Endpoints, err)
		}
	}
}

// What a registry answers that is no answer fails the source: nothing of it is
// used, and nothing grows without bound.
func TestRegistriesFail(t *testing.T) {
	answersWith := func(status int, text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}
	}
	huge := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"a":"`)
		for range 40 {
			if _, err := io.WriteString(w, strings.Repeat("x", 1<<20)); err != nil {
				return
			}
		}
	}
	faults := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		want   string // part of the error
	}{
		{"error", answersWith(500, "no leader"), "status 500: no leader"},
		{"unavailable", answersWith(503, strings.Repeat("x", 5000)), "status 503: xxx"},
		{"garbage", answersWith(200, "<html>"), "invalid character"},
		{"cut short", answersWith(200, `{"a":[1,`), "unexpected end"},
		{"null", answersWith(200, "null"), ""},
		{"another document", answersWith(200, `{"hello":"world"}`), ""},
		{"huge", huge, "larger than"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, "status 302"},
		{"broken off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	}
	sources := map[string]func(url string) discovery.Config{
		"consul": func(url string) discovery.Config {
			return discovery.Config{Consul: &discovery.Consul{Address: url, Service: "orders"}}
		},
		"nacos": func(url string) discovery.Config {
			return discovery.Config{Nacos: &discovery.Nacos{Address: url, Service: "orders"}}
		},
		"eureka": func(url string) discovery.Config {
			return discovery.Config{Eureka: &discovery.Eureka{Servers: []string{url}, App: "ORDERS"}}
		},
		"kubernetes": func(url string) discovery.Config {
			return discovery.Config{Kubernetes: &discovery.Kubernetes{Service: "orders", Kubeconfig: kubeconfig(t, url)}}
		},
	}
	for name, conf := range sources {
		for _, fault := range faults {
			t.Run(name+"/"+fault.name, func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(fault.answer))
				defer server.Close()
				f, err := once(t, source(t, conf(server.URL)))
				for try := 0; try < 10 && errors.Is(err, context.DeadlineExceeded); try++ {
					f, err = once(t, source(t, conf(server.URL))) // the machine is busy
				}
				if err == nil || !strings.Contains(err.Error(), fault.want) {
					t.Errorf("found %q, error %v, want one with %q", text(f.Endpoints), err, fault.want)
				}
				if err != nil && len(err.Error()) > 1000 {
					t.Errorf("the error has %d bytes", len(err.Error()))
				}
			})
		}
		t.Run(name+"/nobody", func(t *testing.T) {
			if _, err := once(t, source(t, conf("http://127.0.0.1:1"))); err == nil {
				t.Error("a registry that is not there answered")
			}
		})
	}
}
