package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// A Kubernetes finds the ready endpoints of a service in the EndpointSlices of a
// Kubernetes cluster: it lists them, then watches.
//
// Protocol: discovery.k8s.io/v1, and "Efficient detection of changes" of the
// Kubernetes API concepts.
type Kubernetes struct {
	Namespace string `yaml:"namespace"` // that of the pod; or default
	Service   string `yaml:"service"`
	Port      string `yaml:"port"` // name or number; the only one there is
	// Kubeconfig is the file that says how to reach the API server; without one
	// the server runs in a pod of that cluster.
	Kubeconfig string `yaml:"kubeconfig"`
	Context    string `yaml:"context"` // of the kubeconfig; the current one
}

func (k *Kubernetes) files() []string { return named(k.Kubeconfig) }

func (k *Kubernetes) check() error {
	switch {
	case k.Service == "":
		return errors.New("service: missing")
	case k.Context != "" && k.Kubeconfig == "":
		return errors.New("context: needs a kubeconfig")
	}
	return nil
}

// A kubernetes is a Kubernetes that is asked.
type kubernetes struct {
	Kubernetes
	reach func() (*apiServer, error) // made anew for each run: certificates and tokens change
}

func newKubernetes(k Kubernetes) *kubernetes {
	s := &kubernetes{Kubernetes: k}
	s.reach = func() (*apiServer, error) { return inCluster(podFiles) }
	if k.Kubeconfig != "" {
		s.reach = func() (*apiServer, error) { return fromKubeconfig(k.Kubeconfig, k.Context) }
	}
	return s
}

// String names the service.
func (k *kubernetes) String() string {
	if k.Namespace == "" {
		return "kubernetes " + k.Service
	}
	return "kubernetes " + k.Namespace + "/" + k.Service
}

// An endpointSlice is what is needed of one.
type endpointSlice struct {
	Metadata struct {
		Name, ResourceVersion string
	}
	AddressType string
	Endpoints   []struct {
		Addresses  []string
		Zone       string
		Conditions struct{ Ready *bool }
	}
	Ports []struct {
		Name     *string
		Port     *int
		Protocol *string
	}
}

// Bounds of a listing.
const (
	maxSlices   = 1000             // of one service; each has 100 endpoints, seldom up to 1,000
	slicesAPage = 500              // of a listing
	maxEvent    = 4 << 20          // one slice of a thousand endpoints is half a megabyte
	watchTime   = 5 * time.Minute  // then the server ends a watch, and another begins
	watchGrace  = 30 * time.Second // after that it is the client who does
)

// errGone is why a listing begins anew: the revision to watch from is too old.
var errGone = errors.New("the resource version is too old")

// Run lists and watches until ctx ends or the API server fails.
func (k *kubernetes) Run(ctx context.Context, set func(Found)) error {
	server, err := k.reach()
	if err != nil {
		return err
	}
	defer server.close()
	namespace := k.Namespace
	if namespace == "" {
		namespace = server.namespace
	}
	w := &sliceWatch{k: k, server: server, set: set,
		path: "/apis/discovery.k8s.io/v1/namespaces/" + url.PathEscape(namespace) + "/endpointslices"}
	for {
		err := w.list(ctx)
		for err == nil {
			if err = w.watch(ctx); err == nil {
				pause(ctx, settleTime) // a server may end each at once
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if !errors.Is(err, errGone) {
			return err
		}
		pause(ctx, settleTime)
	}
}

// A sliceWatch is one run.
type sliceWatch struct {
	k       *kubernetes
	server  *apiServer
	set     func(Found)
	path    string
	slices  map[string]*endpointSlice // by name
	version string
}

// query is what all requests ask for.
func (w *sliceWatch) query() url.Values {
	return url.Values{"labelSelector": {"kubernetes.io/service-name=" + w.k.Service}}
}

// list reads all slices. Pages are of one revision; if that is gone before the
// last page, the listing begins anew.
func (w *sliceWatch) list(ctx context.Context) error {
	next, all := "", map[string]*endpointSlice{}
	for {
		q := w.query()
		q.Set("limit", strconv.Itoa(slicesAPage))
		if next != "" {
			q.Set("continue", next)
		}
		var page struct {
			Kind     string
			Metadata struct{ ResourceVersion, Continue string }
			Items    []endpointSlice
		}
		_, err := w.server.client.get(ctx, w.server.address+w.path+"?"+q.Encode(), askTime, &page)
		switch {
		case isStatus(err, http.StatusGone) && next != "":
			return errGone
		case err != nil:
			return fmt.Errorf("list: %w", err)
		case page.Kind != "EndpointSliceList" || page.Metadata.ResourceVersion == "":
			return errors.New("list: the answer is no list of EndpointSlices")
		}
		for i := range page.Items {
			all[page.Items[i].Metadata.Name] = &page.Items[i]
		}
		if len(all) > maxSlices {
			return fmt.Errorf("list: more than %d EndpointSlices", maxSlices)
		}
		if next = page.Metadata.Continue; next == "" {
			w.slices, w.version = all, page.Metadata.ResourceVersion
			w.set(w.k.found(w.slices, w.version))
			return nil
		}
	}
}

// watch applies events until the server ends the watch.
func (w *sliceWatch) watch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTime+watchGrace)
	defer cancel()
	var reader sync.WaitGroup
	defer reader.Wait()
	q := w.query()
	q.Set("watch", "true")
	q.Set("allowWatchBookmarks", "true")
	q.Set("resourceVersion", w.version)
	q.Set("timeoutSeconds", strconv.Itoa(int(watchTime/time.Second)))
	resp, err := w.server.client.open(ctx, http.MethodGet, w.server.address+w.path+"?"+q.Encode(), nil)
	if isStatus(err, http.StatusGone) {
		return errGone
	}
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	events := make(chan event)
	reader.Go(func() { read(ctx, resp.Body, events) })
	defer cancel()          // ends the reader
	defer resp.Body.Close() //nolint:errcheck // read to its end, or given up
	return w.follow(ctx, events)
}

// An event is one of a watch, or why there are no more.
type event struct {
	Type   string
	Object json.RawMessage
	err    error
}

// read hands over events until the body or ctx ends.
func read(ctx context.Context, body io.Reader, events chan<- event) {
	defer close(events)
	limited := &io.LimitedReader{R: body, N: maxEvent}
	dec := json.NewDecoder(limited)
	for {
		var e event
		if e.err = dec.Decode(&e); e.err != nil && limited.N <= 0 {
			e.err = fmt.Errorf("an event is larger than %d bytes", maxEvent)
		}
		limited.N = maxEvent
		select {
		case events <- e:
		case <-ctx.Done():
			return
		}
		if e.err != nil {
			return
		}
	}
}

// follow applies events. Those that come within a moment are told as one.
func (w *sliceWatch) follow(ctx context.Context, events <-chan event) error {
	var quiet <-chan time.Time // while changes are not told at once
	dirty := false
	tell := func() {
		f := w.k.found(w.slices, w.version)
		w.set(f)
		dirty, quiet = false, time.After(settle(len(f.Endpoints)))
	}
	for {
		select {
		case <-ctx.Done():
			return errors.New("watch: the API server did not end it in time")
		case <-quiet:
			if quiet = nil; dirty {
				tell()
			}
		case e := <-events:
			changed, err := w.apply(&e)
			dirty = dirty || changed
			if dirty && (quiet == nil || err != nil) {
				tell()
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					return nil // the time that was asked for is over
				}
				return err
			}
		}
	}
}

// apply takes one event in.
func (w *sliceWatch) apply(e *event) (changed bool, err error) {
	if e.err != nil {
		return false, fmt.Errorf("watch: %w", e.err)
	}
	if e.Type == "ERROR" {
		var status struct {
			Code    int
			Message string
		}
		_ = json.Unmarshal(e.Object, &status) // an error in any case
		if status.Code == http.StatusGone {
			return false, errGone
		}
		return false, fmt.Errorf("watch: code %d: %s", status.Code, brief([]byte(status.Message)))
	}
	var s endpointSlice
	if err := json.Unmarshal(e.Object, &s); err != nil || s.Metadata.ResourceVersion == "" {
		return false, fmt.Errorf("watch: an event of type %.20q is no EndpointSlice", e.Type)
	}
	w.version = s.Metadata.ResourceVersion
	switch e.Type {
	case "BOOKMARK":
		return false, nil
	case "ADDED", "MODIFIED":
		w.slices[s.Metadata.Name] = &s
	case "DELETED":
		delete(w.slices, s.Metadata.Name)
	default:
		return false, fmt.Errorf("watch: unknown event %.20q", e.Type)
	}
	if len(w.slices) > maxSlices {
		return false, fmt.Errorf("watch: more than %d EndpointSlices", maxSlices)
	}
	return true, nil
}

// found makes endpoints of slices. Of the addresses of an endpoint, which are
// the same one, the first is taken.
func (k *kubernetes) found(all map[string]*endpointSlice, version string) Found {
	f := Found{Revision: version}
	for name, s := range all {
		port, err := k.port(s)
		if err != nil {
			f.Skipped = "EndpointSlice " + name + ": " + err.Error()
			continue
		}
		for _, e := range s.Endpoints {
			// Kubernetes: an unknown condition is to be taken as ready.
			if len(e.Addresses) == 0 || e.Conditions.Ready != nil && !*e.Conditions.Ready {
				continue
			}
			f.Endpoints = append(f.Endpoints, Endpoint{Address: address(e.Addresses[0], port), Zone: e.Zone})
		}
	}
	return f
}

// port chooses the port of a slice.
func (k *kubernetes) port(s *endpointSlice) (int, error) {
	var ports []int
	for _, p := range s.Ports {
		if p.Port == nil || p.Protocol != nil && *p.Protocol != "TCP" {
			continue
		}
		if k.Port == "" || p.Name != nil && *p.Name == k.Port || strconv.Itoa(*p.Port) == k.Port {
			ports = append(ports, *p.Port)
		}
	}
	switch {
	case len(ports) == 1:
		return ports[0], nil
	case len(ports) == 0:
		return 0, errors.New("has no such port")
	}
	return 0, errors.New("has several ports: name one")
}

// An apiServer is the API server of a Kubernetes cluster.
type apiServer struct {
	address   string
	namespace string // of what has none
	client    *httpClient
}

func (s *apiServer) close() { s.client.close() }

// bearer sets the token that a function gives.
func bearer(token func() (string, error)) func(http.Header) error {
	return func(h http.Header) error {
		text, err := token()
		if text != "" {
			h.Set("Authorization", "Bearer "+text)
		}
		return err
	}
}

// oneLine leaves the end of a line away.
func oneLine(text []byte) string { return string(bytes.TrimSpace(text)) }
