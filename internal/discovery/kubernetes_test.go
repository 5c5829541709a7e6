package discovery_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/discovery"
)

// A kubeAPI speaks list and watch of EndpointSlices as API servers do: pages
// with continue, events from a resource version, bookmarks, 410 for what is too
// old. It was written from the documentation; TestKubernetesReal asks a real one.
type kubeAPI struct {
	mu      sync.Mutex // guards the fields below
	version int
	slices  map[string]doc
	events  []kubeEvent
	oldest  int // events before are gone
	changed chan struct{}
	paths   []string
	auth    string
}

type kubeEvent struct {
	version int
	doc     doc
}

func newKubeAPI() *kubeAPI {
	return &kubeAPI{version: 100, slices: map[string]doc{}, changed: make(chan struct{})}
}

// put adds or changes a slice; endpoints nil: deletes it.
func (k *kubeAPI) put(name string, ports []doc, endpoints []doc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	kind := "MODIFIED"
	if k.slices[name] == nil {
		kind = "ADDED"
	}
	s := doc{"metadata": doc{"name": name, "resourceVersion": strconv.Itoa(k.version)}, "addressType": "IPv4", "endpoints": endpoints, "ports": ports}
	if k.slices[name] = s; endpoints == nil {
		kind = "DELETED"
		delete(k.slices, name)
	}
	k.eventLocked(doc{"type": kind, "object": s})
}

func (k *kubeAPI) eventLocked(d doc) {
	k.events = append(k.events, kubeEvent{k.version, d})
	close(k.changed)
	k.changed = make(chan struct{})
}

// send sends an event that is none of a slice.
func (k *kubeAPI) send(d doc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	k.eventLocked(d)
}

// compact forgets all events so far.
func (k *kubeAPI) compact() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.oldest, k.events = k.version, nil
}

func (k *kubeAPI) serve(_ *registry, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	k.mu.Lock()
	k.paths, k.auth = append(k.paths, r.URL.Path+"?"+q.Get("labelSelector")), r.Header.Get("Authorization")
	k.mu.Unlock()
	if q.Get("watch") == "true" {
		k.watch(w, r)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var items []doc
	for _, s := range k.slices {
		items = append(items, s)
	}
	meta := doc{"resourceVersion": strconv.Itoa(k.version)}
	if q.Get("continue") == "" && len(items) > 1 { // the first page has one
		items, meta["continue"] = []doc{k.firstLocked()}, "rest"
	} else if q.Get("continue") != "" {
		items = nil
		for _, s := range k.slices {
			if s["metadata"].(doc)["name"] != k.firstLocked()["metadata"].(doc)["name"] {
				items = append(items, s)
			}
		}
	}
	writeJSON(w, doc{"kind": "EndpointSliceList", "apiVersion": "discovery.k8s.io/v1", "metadata": meta, "items": items})
}

func (k *kubeAPI) firstLocked() doc {
	first := ""
	for name := range k.slices {
		if first == "" || name < first {
			first = name
		}
	}
	return k.slices[first]
}

func (k *kubeAPI) watch(w http.ResponseWriter, r *http.Request) {
	at, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	k.mu.Lock()
	gone := at < k.oldest
	k.mu.Unlock()
	if gone {
		w.WriteHeader(http.StatusGone)
		return
	}
	enc := json.NewEncoder(w)
	for {
		k.mu.Lock()
		changed := k.changed
		var list []kubeEvent
		for _, e := range k.events {
			if e.version > at {
				list = append(list, e)
			}
		}
		k.mu.Unlock()
		for _, e := range list {
			at = e.version
			if e.doc["type"] == "END" { // once
				k.mu.Lock()
				k.events = slices.DeleteFunc(k.events, func(o kubeEvent) bool { return o.version == e.version })
				k.mu.Unlock()
				return
			}
			if enc.Encode(e.doc) != nil {
				return
			}
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func kubeEndpoint(ready any, addresses ...string) doc {
	conditions := doc{}
	if ready != nil {
		conditions["ready"] = ready
	}
	return doc{"addresses": addresses, "conditions": conditions}
}

// kubeconfig writes one.
func kubeconfig(t *testing.T, url string) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"token": "t0ken\n", "config": `apiVersion: v1
kind: Config
current-context: here
contexts:
- {name: there, context: {cluster: none, user: none}}
- {name: here, context: {cluster: c, user: u, namespace: shop}}
clusters:
- {name: c, cluster: {server: "` + url + `"}}
users:
- {name: u, user: {tokenFile: token}}
`}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config")
}

func TestKubernetes(t *testing.T) {
	k := newKubeAPI()
	g := newRegistry(t, k.serve)
	ports := []doc{{"name": "http", "port": 8080, "protocol": "TCP"}, {"name": "metrics", "port": 9090, "protocol": "TCP"}, {"name": "http", "port": 53, "protocol": "UDP"}}
	k.put("a", ports, []doc{kubeEndpoint(true, "10.0.0.1"), kubeEndpoint(false, "10.0.0.2"), kubeEndpoint(nil, "10.0.0.3", "10.0.0.33")})
	k.put("b", ports, []doc{kubeEndpoint(true, "10.0.0.4")})
	src := source(t, discovery.Config{Kubernetes: &discovery.Kubernetes{Service: "orders", Port: "http", Kubeconfig: kubeconfig(t, g.URL)}})
	finds, errs := answers(t, src)
	if f := next(t, finds, errs, "10.0.0.1:8080 10.0.0.3:8080 10.0.0.4:8080"); f.Revision != "102" {
		t.Errorf("revision %s, want 102", f.Revision)
	}
	k.mu.Lock()
	if want := "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices?kubernetes.io/service-name=orders"; k.paths[0] != want || k.auth != "Bearer t0ken" {
		t.Errorf("asked %s with %s, want %s", k.paths[0], k.auth, want)
	}
	k.mu.Unlock()

	k.put("a", ports, []doc{kubeEndpoint(true, "10.0.0.2")})
	next(t, finds, errs, "10.0.0.2:8080 10.0.0.4:8080")
	k.send(doc{"type": "BOOKMARK", "object": doc{"metadata": doc{"resourceVersion": "104"}}})
	k.put("b", nil, nil)
	next(t, finds, errs, "10.0.0.2:8080")

	// The server ends a watch; the next goes on from where it was.
	k.send(doc{"type": "END"})
	k.put("c", ports, []doc{kubeEndpoint(true, "10.0.0.6")})
	next(t, finds, errs, "10.0.0.2:8080 10.0.0.6:8080")

	// 410 as an event, then as a status: it is listed anew.
	k.put("d", ports, []doc{kubeEndpoint(true, "10.0.0.7")})
	next(t, finds, errs, "10.0.0.2:8080 10.0.0.6:8080 10.0.0.7:8080")
	k.compact()
	k.send(doc{"type": "ERROR", "object": doc{"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}})
	k.put("d", nil, nil)
	next(t, finds, errs, "10.0.0.2:8080 10.0.0.6:8080")
}

// A watch that is refused ends the run.
func TestKubernetesFails(t *testing.T) {
	tests := []struct {
		name  string
		event doc
		want  string
	}{
		{"error", doc{"type": "ERROR", "object": doc{"kind": "Status", "code": 403, "message": "forbidden"}}, "watch: code 403: forbidden"},
		{"no slice", doc{"type": "ADDED", "object": doc{"kind": "Pod"}}, `an event of type "ADDED" is no EndpointSlice`},
		{"unknown", doc{"type": "TICKLED", "object": doc{"metadata": doc{"resourceVersion": "1"}}}, `unknown event "TICKLED"`},
		{"huge", doc{"type": "ADDED", "object": doc{"x": strings.Repeat("x", 9<<20)}}, "larger than"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKubeAPI()
			g := newRegistry(t, k.serve)
			k.put("a", []doc{{"port": 80}}, []doc{kubeEndpoint(true, "10.0.0.1")})
			finds, errs := answers(t, source(t, discovery.Config{Kubernetes: &discovery.Kubernetes{Service: "orders", Kubeconfig: kubeconfig(t, g.URL)}}))
			next(t, finds, errs, "10.0.0.1:80")
			k.send(tt.event)
			if err := <-errs; err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ended with %v, want %q", err, tt.want)
			}
		})
	}
}

// What a kubeconfig may not say is refused by name.
func TestKubeconfigRefuses(t *testing.T) {
	tests := []struct{ name, cluster, user, context, want string }{
		{"program", "server: https://h", "exec: {command: aws}", "", "exec and auth-provider are not supported"},
		{"no verification", "{server: https://h, insecure-skip-tls-verify: true}", "token: t", "", "insecure-skip-tls-verify is not supported"},
		{"proxy", "{server: https://h, proxy-url: http://p}", "token: t", "", "proxy-url is not supported"},
		{"no server", "{}", "token: t", "", "is not a URL"},
		{"another context", "server: https://h", "token: t", "prod", `there is no context "prod"`},
		{"bad authorities", "{server: https://h, certificate-authority-data: aGVsbG8=}", "token: t", "", "holds no certificate"},
	}
	for _, tt := range tests {
		file := filepath.Join(t.TempDir(), "config")
		text := "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: " + braced(tt.cluster) + "}]\nusers: [{name: u, user: " + braced(tt.user) + "}]\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := once(t, source(t, discovery.Config{Kubernetes: &discovery.Kubernetes{Service: "orders", Kubeconfig: file, Context: tt.context}}))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func braced(s string) string {
	if strings.HasPrefix(s, "{") {
		return s
	}
	return "{" + s + "}"
}
