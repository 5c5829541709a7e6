package apigatewayv2

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

func caller(ctx context.Context) context.Context {
	return awsrpc.WithCaller(ctx, awsrpc.Caller{Account: testAccount, Region: testRegion})
}

// revOf is the store's revision.
func revOf(t *testing.T, c *client) store.Rev {
	t.Helper()
	rev, err := c.st.Commit(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// keys are all keys of the store but those of blobs.
func keys(t *testing.T, st store.Store) []string {
	t.Helper()
	page, err := st.List(t.Context(), "/", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, kv := range page.KVs {
		if !strings.Contains(kv.Key, "/blob/") {
			list = append(list, kv.Key)
		}
	}
	return list
}

// Changes of one API from two nodes at once: none is lost, and the stage shows
// the last of them.
func TestConcurrentEdits(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	nodes := []*Service{c.svc, New(c.st, store.NewBlobs(c.st, "/"), Options{})}
	const n = 30
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() {
			for {
				_, errs[i] = nodes[i%2].CreateRoute(caller(t.Context()), &api.CreateRouteInput{ApiId: &id, RouteKey: new("GET /r" + strconv.Itoa(i))})
				if e, ok := errors.AsType[*awsrpc.Error](errs[i]); !ok || e.Code != "ConflictException" {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := len(c.items("GetRoutes", id, "routeId")); got != n+1 {
		t.Errorf("%d routes, want %d", got, n+1)
	}
	if got := c.items("GetDeployments", id, "deploymentId"); len(got) != 1 {
		t.Errorf("deployments %v are left of %d changes, want the last one", got, n)
	}
	dep, _, err := c.svc.tables(caller(t.Context())).APIDeployments.Get(t.Context(), store.ID(id, c.items("GetDeployments", id, "deploymentId")[0]))
	if err != nil {
		t.Fatal(err)
	}
	def, err := c.svc.tables(caller(t.Context())).LoadAPIDefinition(t.Context(), dep.Definition)
	if err != nil || len(def.Routes) != n+1 {
		t.Errorf("the stage shows %d routes (%v), want %d", len(def.Routes), err, n+1)
	}
}

// A link that an integration comes to use is not deleted beneath it.
func TestLinkRace(t *testing.T) {
	for range 30 {
		c := newClient(t, nil)
		id := c.quick()
		link := c.must("CreateVpcLink", doc{"Name": "l", "SubnetIds": []string{"s"}})["vpcLinkId"].(string)
		var wg sync.WaitGroup
		var made, deleted error
		wg.Go(func() {
			_, made = c.svc.CreateIntegration(caller(t.Context()), &api.CreateIntegrationInput{ApiId: &id, IntegrationType: new("HTTP_PROXY"), IntegrationMethod: new("ANY"),
				IntegrationUri: new(listener), PayloadFormatVersion: new("1.0"), ConnectionType: new("VPC_LINK"), ConnectionId: &link})
		})
		wg.Go(func() {
			_, deleted = c.svc.DeleteVpcLink(caller(t.Context()), &api.DeleteVpcLinkInput{VpcLinkId: &link})
		})
		wg.Wait()
		if made == nil && deleted == nil {
			t.Fatal("an integration calls through a link that is deleted")
		}
	}
}

// A mortal is a store that dies: after so many commits nothing succeeds.
type mortal struct {
	store.Store
	mu   sync.Mutex // guards left
	left int
}

var errDead = errors.New("the node is dead")

func (m *mortal) Commit(ctx context.Context, ifs []store.Cond, ops []store.Op) (store.Rev, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 && len(ops) > 0 {
		return 0, errDead
	}
	if len(ops) > 0 {
		m.left--
	}
	return m.Store.Commit(ctx, ifs, ops)
}

// A node that ends between any two commits leaves nothing half: an API is there
// with all that quick create makes, or not at all; deleted ones are swept away.
func TestKilledBetween(t *testing.T) {
	for after := range 6 {
		t.Run(strconv.Itoa(after), func(t *testing.T) {
			mem := memstore.New(memstore.Options{})
			defer mem.Close()
			dying := newClient(t, &mortal{Store: mem, left: after})
			made := dying.do("CreateApi", doc{"Name": "q", "ProtocolType": "HTTP", "Target": "http://127.0.0.1:1"})
			id, _ := made["apiId"].(string)
			if id != "" {
				dying.do("CreateRoute", doc{"ApiId": id, "RouteKey": "GET /a"})
				dying.do("CreateDeployment", doc{"ApiId": id})
				dying.do("DeleteApi", doc{"ApiId": id})
			}
			c := newClient(t, mem)
			if err := c.svc.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			left := keys(t, mem)
			apis := c.must("GetApis", doc{})["items"].([]any)
			if len(apis) == 0 {
				if len(left) != 0 {
					t.Errorf("no API is there, but %q", left)
				}
				return
			}
			stage := c.must("GetStage", doc{"ApiId": id, "StageName": "$default"})
			dep := stage["deploymentId"].(string)
			if !slices.Contains(c.items("GetDeployments", id, "deploymentId"), dep) {
				t.Errorf("the stage shows deployment %s, which is not there: %q", dep, left)
			}
			def, err := c.svc.definition(caller(t.Context()), &id)
			if err != nil || len(def.Integrations) != 1 || len(def.Routes) == 0 {
				t.Errorf("the definition is %+v, %v", def, err)
			}
		})
	}
}

// Sweep takes what belonged to deleted APIs, in all scopes, and nothing else.
func TestSweep(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	before := keys(t, c.st)
	for _, scope := range []record.Scope{{Account: testAccount, Region: testRegion}, {Account: "222222222222", Region: "us-east-1"}} {
		tables := record.In(c.st, c.svc.blobs, scope)
		err := store.Update(t.Context(), c.st, func(ch *store.Change) error {
			for i := range store.MaxOps / 2 {
				n := "gone" + strconv.Itoa(i)
				store.Add(ch, tables.APIStages, store.ID(n, "s"), newStage(tables, n, "s"))
				store.Add(ch, tables.APIDeployments, store.ID(n, "d"), record.APIDeployment{Scope: scope, API: n})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.svc.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := keys(t, c.st); !slices.Equal(after, before) {
		t.Errorf("after the sweep %d keys, want %d of %s", len(after), len(before), id)
	}
}

// contested refuses the first commit that has operations.
type contested struct {
	store.Store
	refused bool
}

func (s *contested) Commit(ctx context.Context, ifs []store.Cond, ops []store.Op) (store.Rev, error) {
	if len(ops) > 0 && !s.refused {
		s.refused = true
		return 0, store.ErrConflict
	}
	return s.Store.Commit(ctx, ifs, ops)
}

// A stage that deploys by itself is made also if somebody else was faster with
// another change.
func TestCreateStageAgain(t *testing.T) {
	c := newClient(t, nil)
	id := c.quick()
	st := &contested{Store: c.st}
	svc := New(st, store.NewBlobs(st, "/"), Options{})
	out, err := svc.CreateStage(caller(t.Context()), &api.CreateStageInput{ApiId: &id, StageName: new("again"), AutoDeploy: new(true)})
	if err != nil || !st.refused || str(out.DeploymentId) == "" {
		t.Fatalf("CreateStage: %+v, %v; refused once: %v", out, err, st.refused)
	}
	if _, err := svc.GetDeployment(caller(t.Context()), &api.GetDeploymentInput{ApiId: &id, DeploymentId: out.DeploymentId}); err != nil {
		t.Errorf("its deployment: %v", err)
	}
}
