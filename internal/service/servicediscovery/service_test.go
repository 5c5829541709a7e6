package servicediscovery_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/servicediscovery"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/service/servicediscovery"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// A world is a service with a follower, and somebody who calls it.
type world struct {
	*servicediscovery.Service
	t      testing.TB
	ctx    context.Context
	st     store.Store
	follow *servicediscovery.Follower
}

func newWorld(t testing.TB) *world {
	t.Helper()
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	log := slog.New(slog.DiscardHandler)
	w := &world{t: t, st: st, Service: servicediscovery.New(st, servicediscovery.Options{DNS: true}, log), follow: servicediscovery.NewFollower(st, log)}
	w.ctx = awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "111111111111", Region: "eu-west-1"})
	return w
}

// run runs the service and its follower until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(w.ctx)
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{w.Run, w.follow.Run} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				w.t.Error(err)
			}
		})
	}
	w.t.Cleanup(func() { cancel(); wg.Wait() })
}

// namespace and service make what instances register with.
func (w *world) service(namespace, name string, custom bool) (id string) {
	w.t.Helper()
	op, err := w.CreateHttpNamespace(w.ctx, &api.CreateHttpNamespaceInput{Name: &namespace})
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := w.GetOperation(w.ctx, &api.GetOperationInput{OperationId: op.OperationId})
	if err != nil {
		w.t.Fatal(err)
	}
	in := &api.CreateServiceInput{Name: &name, NamespaceId: new(got.Operation.Targets["NAMESPACE"])}
	if custom {
		in.HealthCheckCustomConfig = &api.HealthCheckCustomConfig{}
	}
	out, err := w.CreateService(w.ctx, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.Service.Id
}

func (w *world) register(srv, id string, attrs ...string) error {
	m := map[string]string{}
	for i := 0; i < len(attrs); i += 2 {
		m[attrs[i]] = attrs[i+1]
	}
	_, err := w.RegisterInstance(w.ctx, &api.RegisterInstanceInput{ServiceId: &srv, InstanceId: &id, Attributes: m})
	return err
}

func (w *world) mustRegister(srv, id string, attrs ...string) {
	w.t.Helper()
	if err := w.register(srv, id, attrs...); err != nil {
		w.t.Fatal(err)
	}
}

// ids are those of the instances of a service.
func (w *world) ids(srv string) string {
	w.t.Helper()
	out, err := w.ListInstances(w.ctx, &api.ListInstancesInput{ServiceId: &srv})
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	for _, i := range out.Instances {
		list = append(list, *i.Id)
	}
	return strings.Join(list, " ")
}

func code(err error) string {
	var e *awsrpc.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestDiscoverInstances(t *testing.T) {
	w := newWorld(t)
	srv := w.service("prod", "orders", true)
	w.mustRegister(srv, "a", "version", "1", "zone", "x")
	w.mustRegister(srv, "b", "version", "1", "zone", "y", "AWS_INIT_HEALTH_STATUS", "UNHEALTHY")
	w.mustRegister(srv, "c", "version", "2", "zone", "x")
	tests := []struct {
		name            string
		query, optional map[string]string
		health          string
		limit           int32
		want, err       string
	}{
		{name: "healthy ones", want: "a c"},
		{name: "all", health: "ALL", want: "a b c"},
		{name: "unhealthy", health: "UNHEALTHY", want: "b"},
		{name: "by attribute", query: map[string]string{"version": "1"}, health: "ALL", want: "a b"},
		{name: "by two", query: map[string]string{"version": "1", "zone": "x"}, health: "ALL", want: "a"},
		{name: "by one that is not there", query: map[string]string{"colour": ""}, want: ""},
		{name: "optional that match", optional: map[string]string{"zone": "y"}, health: "ALL", want: "b"},
		{name: "optional that do not", optional: map[string]string{"zone": "z"}, health: "ALL", want: "a b c"},
		{name: "failing open", query: map[string]string{"zone": "y"}, health: "HEALTHY_OR_ELSE_ALL", want: "b"},
		{name: "not failing open", query: map[string]string{"zone": "y"}, want: ""},
		{name: "a few", query: map[string]string{"version": "1"}, health: "ALL", limit: 2, want: "a b"},
		{name: "too many", limit: 1001, err: "InvalidInput"},
	}
	for _, tt := range tests {
		in := &api.DiscoverInstancesInput{NamespaceName: new("prod"), ServiceName: new("orders"), QueryParameters: tt.query, OptionalParameters: tt.optional}
		if tt.health != "" {
			in.HealthStatus = &tt.health
		}
		if tt.limit != 0 {
			in.MaxResults = &tt.limit
		}
		out, err := w.DiscoverInstances(w.ctx, in)
		if tt.err != "" {
			if code(err) != tt.err {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var got []string
		for _, i := range out.Instances {
			got = append(got, *i.InstanceId)
		}
		slices.Sort(got) // the order is random
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, text, tt.want)
		}
	}
	first := map[string]bool{}
	for len(first) < 3 { // so that all get requests of those who take the first
		out, err := w.DiscoverInstances(w.ctx, &api.DiscoverInstancesInput{NamespaceName: new("prod"), ServiceName: new("orders"), HealthStatus: new("ALL"), MaxResults: new(int32(1))})
		if err != nil || len(out.Instances) != 1 {
			t.Fatalf("one: %v, %v", out, err)
		}
		first[*out.Instances[0].InstanceId] = true
	}
	if _, err := w.DiscoverInstances(w.ctx, &api.DiscoverInstancesInput{NamespaceName: new("dev"), ServiceName: new("orders")}); code(err) != "NamespaceNotFound" {
		t.Errorf("another namespace: %v", err)
	}
	if _, err := w.DiscoverInstances(w.ctx, &api.DiscoverInstancesInput{NamespaceName: new("prod"), ServiceName: new("x")}); code(err) != "ServiceNotFound" {
		t.Errorf("another service: %v", err)
	}
}

// The revision rises with each instance that comes, changes or goes, and with
// nothing else.
func TestRevision(t *testing.T) {
	w := newWorld(t)
	srv := w.service("prod", "orders", true)
	revision := func() int64 {
		t.Helper()
		out, err := w.DiscoverInstancesRevision(w.ctx, &api.DiscoverInstancesRevisionInput{NamespaceName: new("prod"), ServiceName: new("orders")})
		if err != nil {
			t.Fatal(err)
		}
		return *out.InstancesRevision
	}
	w.mustRegister(srv, "a", "k", "v")
	w.mustRegister(srv, "a", "k", "v")
	if got := revision(); got != 1 {
		t.Errorf("registered twice alike: revision %d, want 1", got)
	}
	if err := w.UpdateInstanceCustomHealthStatus(w.ctx, &api.UpdateInstanceCustomHealthStatusInput{ServiceId: &srv, InstanceId: new("a"), Status: new("UNHEALTHY")}); err != nil {
		t.Fatal(err)
	}
	if got := revision(); got != 1 {
		t.Errorf("after its health changed: revision %d, want 1", got)
	}
	w.mustRegister(srv, "a", "k", "w")
	if _, err := w.DeregisterInstance(w.ctx, &api.DeregisterInstanceInput{ServiceId: &srv, InstanceId: new("a")}); err != nil {
		t.Fatal(err)
	}
	if got := revision(); got != 3 {
		t.Errorf("changed and gone: revision %d, want 3", got)
	}
}

func TestRegisterInstanceRefuses(t *testing.T) {
	w := newWorld(t)
	srv, plain := w.service("prod", "orders", true), w.service("dev", "orders", false)
	long := strings.Repeat("x", 1025)
	var many []string
	for i := range 31 {
		many = append(many, "k"+strconv.Itoa(i), "v")
	}
	tests := []struct {
		name, srv, id string
		attrs         []string
		want          string
	}{
		{"no such service", "srv-x", "a", nil, "ServiceNotFound"},
		{"service of another account", "arn:aws:servicediscovery:eu-west-1:222222222222:service/" + srv, "a", nil, "ServiceNotFound"},
		{"bad id", srv, "a b", nil, "InvalidInput"},
		{"bad address", srv, "a", []string{"AWS_INSTANCE_IPV4", "::1"}, "InvalidInput"},
		{"bad address of the other family", srv, "a", []string{"AWS_INSTANCE_IPV6", "10.0.0.1"}, "InvalidInput"},
		{"bad port", srv, "a", []string{"AWS_INSTANCE_PORT", "65536"}, "InvalidInput"},
		{"bad health", srv, "a", []string{"AWS_INIT_HEALTH_STATUS", "WELL"}, "InvalidInput"},
		{"health without a check", plain, "a", []string{"AWS_INIT_HEALTH_STATUS", "HEALTHY"}, "InvalidInput"},
		{"no EC2", srv, "a", []string{"AWS_EC2_INSTANCE_ID", "i-1"}, "InvalidInput"},
		{"short lease", srv, "a", []string{"GATEHOUSE_LEASE", "1"}, "InvalidInput"},
		{"misspelt", srv, "a", []string{"GATEHOUSE_WIGHT", "1"}, "InvalidInput"},
		{"long value", srv, "a", []string{"k", long}, "InvalidInput"},
		{"many", srv, "a", many, "InvalidInput"},
		{"by ARN", "arn:aws:servicediscovery:eu-west-1:111111111111:service/" + srv, "a", []string{"k", "v"}, "<nil>"},
	}
	for _, tt := range tests {
		if got := code(w.register(tt.srv, tt.id, tt.attrs...)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A lease ends without a sign of life, and each kind of sign begins it anew.
func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		srv := w.service("prod", "orders", true)
		w.run()
		for _, id := range []string{"gone", "again", "healthy"} {
			w.mustRegister(srv, id, "GATEHOUSE_LEASE", "10")
		}
		w.mustRegister(srv, "eternal", "k", "v")
		for range 3 {
			time.Sleep(6 * time.Second)
			w.mustRegister(srv, "again", "GATEHOUSE_LEASE", "10")
			if err := w.UpdateInstanceCustomHealthStatus(w.ctx, &api.UpdateInstanceCustomHealthStatusInput{ServiceId: &srv, InstanceId: new("healthy"), Status: new("HEALTHY")}); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.ids(srv); got != "again eternal healthy" {
			t.Errorf("after 18 s: %s", got)
		}
		w.mustRegister(srv, "again", "k", "v") // has no lease any more
		time.Sleep(11 * time.Second)
		if got := w.ids(srv); got != "again eternal" {
			t.Errorf("after 29 s: %s", got)
		}
	})
}

// After a start leases begin anew, and many end in few commits.
func TestLeaseAfterStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		srv := w.service("prod", "orders", false)
		for i := range 60 {
			w.mustRegister(srv, fmt.Sprintf("i%02d", i), "GATEHOUSE_LEASE", "5")
		}
		time.Sleep(time.Minute) // nobody was there to look
		w.run()
		time.Sleep(4 * time.Second)
		if n := len(strings.Fields(w.ids(srv))); n != 60 {
			t.Errorf("%d instances 4 s after the start, want 60", n)
		}
		before, err := w.st.List(t.Context(), "", "", 1)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		after, err := w.st.List(t.Context(), "", "", 1)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.ids(srv); got != "" || after.Rev-before.Rev != 3 {
			t.Errorf("left %q after %d commits, want none after 3", got, after.Rev-before.Rev)
		}
	})
}

// Who watches a service is told of it, whether it is there before or not.
func TestFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.run()
		type told struct {
			IDs      string
			Revision int64
			There    bool
		}
		var last told
		var mu sync.Mutex
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			name := discovery.ServiceName{Account: "111111111111", Region: "eu-west-1", Namespace: "prod", Service: "orders"}
			w.follow.Watch(ctx, name, func(list []discovery.Instance, revision int64, there bool) {
				var ids []string
				for _, i := range list {
					ids = append(ids, fmt.Sprintf("%s=%s:%d*%d%v%s", i.ID, i.Host, i.Port, i.Weight, i.Draining, i.Health))
				}
				slices.Sort(ids)
				mu.Lock()
				defer mu.Unlock()
				last = told{strings.Join(ids, " "), revision, there}
			})
		})
		defer wg.Wait()
		defer cancel()
		check := func(name string, want told) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if d := cmp.Diff(want, last); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
		check("at first", told{})
		srv := w.service("prod", "orders", true)
		check("there is one", told{There: true})
		w.mustRegister(srv, "a", "AWS_INSTANCE_IPV4", "10.0.0.1", "AWS_INSTANCE_PORT", "80", "GATEHOUSE_WEIGHT", "5", "GATEHOUSE_DRAINING", "true")
		w.mustRegister(srv, "b", "AWS_INSTANCE_CNAME", "b.internal.", "AWS_INSTANCE_PORT", "81")
		check("registered", told{"a=10.0.0.1:80*5trueHEALTHY b=b.internal:81*0falseHEALTHY", 2, true})
		if err := w.UpdateInstanceCustomHealthStatus(w.ctx, &api.UpdateInstanceCustomHealthStatusInput{ServiceId: &srv, InstanceId: new("b"), Status: new("UNHEALTHY")}); err != nil {
			t.Fatal(err)
		}
		check("not well", told{"a=10.0.0.1:80*5trueHEALTHY b=b.internal:81*0falseUNHEALTHY", 2, true})
		for _, id := range []string{"a", "b"} {
			if _, err := w.DeregisterInstance(w.ctx, &api.DeregisterInstanceInput{ServiceId: &srv, InstanceId: &id}); err != nil {
				t.Fatal(err)
			}
		}
		check("deregistered", told{"", 4, true})
		if err := w.DeleteService(w.ctx, &api.DeleteServiceInput{Id: &srv}); err != nil {
			t.Fatal(err)
		}
		check("deleted", told{})
	})
}

// Many who register at once with one service all are there afterwards.
func TestRegisterAtOnce(t *testing.T) {
	w := newWorld(t)
	srv := w.service("prod", "orders", false)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if err := w.register(srv, "i"+strconv.Itoa(i), "k", "v"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	out, err := w.GetService(w.ctx, &api.GetServiceInput{Id: &srv})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(w.ids(srv))); n != 50 || *out.Service.InstanceCount != 50 {
		t.Errorf("%d instances, the service counts %d, want 50", n, *out.Service.InstanceCount)
	}
}

// Inputs that break the model are refused by the name that Cloud Map has for it.
func TestInvalidInput(t *testing.T) {
	w := newWorld(t)
	h, err := awsrpc.NewHandler([]awsrpc.Mount{api.Mount(w.Service)}, awsrpc.Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	r.Header.Set("X-Amz-Target", "Route53AutoNaming_v20170314.GetService")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	// AWS: recorded in aws/aws-sdk-java#1973.
	want := `{"__type":"InvalidInput","message":"1 validation error detected: Value null at 'id' failed to satisfy constraint: Member must not be null"}`
	if got := rec.Body.String(); rec.Code != 400 || got != want {
		t.Errorf("%d %s, want 400 %s", rec.Code, got, want)
	}
}
