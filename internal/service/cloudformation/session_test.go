package cloudformation

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	ids "gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/seal"
	"gatehouse/internal/service/iam"
)

const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// noDelete allows everything but to delete.
const noDelete = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":["apigateway:DELETE","iam:Delete*"],"Resource":"*"}]}`

// A guarded world lets in whom its identities allow, and its stacks are worked on by
// a session of the role deployer, of one hour.
type guarded struct {
	*world
	reg   *ids.Registry
	seal  *ids.Seal
	token string
}

// newGuarded makes a guarded world. sessionPolicy limits the session; empty: nothing
// does.
func newGuarded(t *testing.T, sessionPolicy string) *guarded {
	t.Helper()
	g := &guarded{world: newWorld(t), reg: new(ids.Registry)}
	var err error
	if g.seal, err = ids.NewSeal(bytes.Repeat([]byte{3}, 32)); err != nil {
		t.Fatal(err)
	}
	g.publish("AROADEPLOYER", everything)
	g.api = apisOf(t, g.mortal, iam.NewAccess(awsrpc.Credential{}, g.reg))
	g.rekey(1)
	g.ctx = g.session(sessionPolicy)
	g.token = awsrpc.CallerFrom(g.ctx).SessionToken.Reveal()
	return g
}

// session is for calls in a new session of the role deployer.
func (g *guarded) session(sessionPolicy string) context.Context {
	g.t.Helper()
	now := time.Now()
	session := &ids.Session{AccessKey: "ASIAEXAMPLE", Secret: "hush", Issued: now.Unix(), Expires: now.Add(time.Hour).Unix(), Role: "AROADEPLOYER", Name: "ci"}
	if sessionPolicy != "" {
		session.Limited, session.Policies = true, []string{sessionPolicy}
	}
	token, err := g.seal.Token(session)
	if err != nil {
		g.t.Fatal(err)
	}
	cred, ok := g.reg.Find("ASIAEXAMPLE", token)
	if !ok {
		g.t.Fatal("the session is not known")
	}
	return awsrpc.WithCaller(g.t.Context(), awsrpc.Caller{Account: cred.Principal.Account, Region: "eu-west-1", AccessKey: cred.AccessKey,
		PrincipalARN: cred.Principal.ARN, UserID: cred.Principal.UserID, SessionToken: awsrpc.Secret(token)})
}

// publish makes deployer a role of this id with this policy; without an id there is
// no role.
func (g *guarded) publish(id, document string) {
	contents := ids.Contents{Seal: g.seal}
	if id != "" {
		doc, err := policy.Parse([]byte(document))
		if err != nil {
			g.t.Fatal(err)
		}
		role := &ids.Role{Principal: ids.Principal{ID: id, Name: "deployer",
			Principal: policy.Principal{ARN: "arn:aws:iam::123456789012:role/deployer", Account: "123456789012"}}}
		role.Add(ids.Policy{Document: doc})
		contents.Roles = []*ids.Role{role}
	}
	g.reg.Publish(ids.NewDirectory(contents))
}

// rekey changes the key that sessions of callers are sealed with.
func (g *guarded) rekey(n byte) {
	var err error
	if g.opt.Seal, err = seal.New(bytes.Repeat([]byte{n}, seal.KeySize)); err != nil {
		g.t.Fatal(err)
	}
}

// after calls do once, when an operation has been called for the first time. That of a
// resource that needs others is called after these are made, whatever the order in
// which those that need nothing are.
func (g *guarded) after(operation string, do func()) {
	inner, once := g.api, sync.OnceFunc(do)
	g.api = callFunc(func(ctx context.Context, service, called string, in map[string]any) (map[string]any, error) {
		out, err := inner.Call(ctx, service, called, in)
		if called == operation {
			once()
		}
		return out, err
	})
}

// createKilled begins to make a stack, and kills the server once the resources that
// need no others are made.
func (g *guarded) createKilled() (id string) {
	g.t.Helper()
	g.after("CreateResource", func() { g.mortal.dead.Store(true) })
	id, err := g.create("s", of(1, "one", false))
	if err != nil || !g.mortal.dead.Load() {
		g.t.Fatalf("create: %v", err)
	}
	return id
}

// TestKillSession kills the server after each commit of a creation for a session: the
// next start rolls it back as that session, and in the end nothing is left over.
func TestKillSession(t *testing.T) {
	for commits := int64(1); ; commits++ {
		g := newGuarded(t, everything)
		before := g.records()
		g.mortal.left.Store(commits)
		_, err := g.create("s", of(1, "one", false))
		if err == nil && !g.mortal.dead.Load() {
			if got := g.status("s"); got != "CREATE_COMPLETE" || commits < 30 {
				t.Errorf("%s after %d commits", got, commits)
			}
			break
		}
		g.revive()
		if got := g.status("s"); err != nil && strings.Contains(got, "does not exist") {
			continue // nobody was told that there is a stack
		} else if got != "CREATE_COMPLETE" && got != "ROLLBACK_COMPLETE" {
			t.Errorf("killed after %d commits: %s", commits, got)
			g.tellEvents("s")
		}
		g.delete("s", str(g.stack("s").StackId))
		if after := g.records(); !slices.Equal(before, after) {
			t.Errorf("killed after %d commits, left over: %q", commits, missing(after, before))
		}
	}
}

// TestSessionAfterKill: what a session may not do any more, or never might, no start of
// the server does for it; why is told, and who may deletes what is left.
func TestSessionAfterKill(t *testing.T) {
	tests := []struct {
		name    string
		session string // its policy
		change  func(g *guarded)
		want    string // status, and why a resource failed
	}{
		{"nothing changed", "", func(*guarded) {}, "ROLLBACK_COMPLETE"},
		{"limited session", noDelete, func(*guarded) {}, "ROLLBACK_FAILED because no session policy allows the"},
		{"fewer permissions", "", func(g *guarded) { g.publish("AROADEPLOYER", noDelete) },
			"ROLLBACK_FAILED because no identity-based policy allows the"},
		{"role gone", "", func(g *guarded) { g.publish("", "") }, "ROLLBACK_FAILED The security token included in the request is invalid"},
		{"role of the same name", "", func(g *guarded) { g.publish("AROAOTHER", everything) },
			"ROLLBACK_FAILED The security token included in the request is invalid"},
		{"expired", "", func(*guarded) { time.Sleep(time.Hour) }, "ROLLBACK_FAILED The security token included in the request is expired"},
		{"other seal", "", func(g *guarded) { g.rekey(2) }, "ROLLBACK_FAILED The security token included in the request is invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuarded(t, tt.session)
				before := g.records()
				id := g.createKilled()
				tt.change(g)
				g.revive()
				status, why, _ := strings.Cut(tt.want, " ")
				if got := g.status("s"); got != status {
					t.Errorf("the stack is %s, want %s", got, status)
				}
				if !g.told("DELETE_FAILED", why) {
					t.Errorf("no resource failed for %q", why)
					g.tellEvents("s")
				}
				g.ctx = awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "123456789012", Region: "eu-west-1", Root: true})
				g.delete("s", id)
				if after := g.records(); !slices.Equal(before, after) {
					t.Errorf("left over: %q", missing(after, before))
				}
			})
		})
	}
}

// told tells whether an event about a resource has this status and this in its reason;
// an empty reason: that none has this status.
func (g *guarded) told(status, reason string) bool {
	out, err := g.DescribeStackEvents(g.ctx, &api.DescribeStackEventsInput{StackName: new("s")})
	if err != nil {
		g.t.Fatal(err)
	}
	has := slices.ContainsFunc(out.StackEvents, func(e api.StackEvent) bool {
		return str(e.ResourceStatus) == status && strings.Contains(str(e.ResourceStatusReason), reason)
	})
	return has == (reason != "")
}

// TestForwarded: policies see that CloudFormation calls.
func TestForwarded(t *testing.T) {
	const statements = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{
		"Bool":{"aws:ViaAWSService":"true"},"ForAnyValue:StringEquals":{"aws:CalledVia":"cloudformation.amazonaws.com"},"StringEquals":{"aws:CalledViaFirst":"cloudformation.amazonaws.com","aws:CalledViaLast":"cloudformation.amazonaws.com"}}}]}`
	g := newGuarded(t, "")
	g.publish("AROADEPLOYER", statements)
	if _, err := g.create("s", of(1, "one", false)); err != nil {
		t.Fatal(err)
	}
	if got := g.status("s"); got != "CREATE_COMPLETE" {
		t.Errorf("the stack is %s", got)
		g.tellEvents("s")
	}
	if _, err := g.api.Call(g.ctx, "apigateway", "CreateApiKey", map[string]any{"Name": "k"}); err == nil || !strings.Contains(err.Error(), "is not authorized to perform") {
		t.Errorf("without CloudFormation: %v", err)
	}
}

// TestDeletedByAnother: a stack that is being made is deleted with the permissions of
// who deletes it, also when the server is killed before that.
func TestDeletedByAnother(t *testing.T) {
	for _, kill := range []bool{false, true} {
		for _, tt := range []struct{ maker, deleter, want string }{{noDelete, everything, "DELETE_COMPLETE"}, {everything, noDelete, "DELETE_FAILED"}} {
			g := newGuarded(t, tt.maker)
			before := g.records()
			if _, err := g.CreateStack(g.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(of(1, "one", false)), Capabilities: []string{"CAPABILITY_IAM"}}); err != nil {
				t.Fatal(err)
			}
			id, other := g.id("s"), g.session(tt.deleter)
			g.after("CreateResource", func() {
				if err := g.DeleteStack(other, &api.DeleteStackInput{StackName: new("s")}); err != nil {
					t.Error(err)
				}
				g.mortal.dead.Store(kill)
			})
			g.work()
			g.revive()
			if got := g.status(id); got != tt.want {
				t.Errorf("killed %v: the stack is %s, want %s", kill, got, tt.want)
				g.tellEvents(id)
			}
			if left := missing(g.records(), before); (len(left) > 0) != (tt.want == "DELETE_FAILED") {
				t.Errorf("killed %v: %s, left over: %q", kill, tt.want, left)
			}
		}
	}
}

// TestSessionIsKeptSealed: the token of a caller is in no record as it is, and in none
// at all once the work is done.
func TestSessionIsKeptSealed(t *testing.T) {
	g := newGuarded(t, "")
	g.createKilled()
	if st := g.stack("s"); st.Run == nil || len(st.Run.Session) == 0 {
		t.Error("nothing is kept of the session")
	}
	page, err := g.mortal.List(g.ctx, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range page.KVs {
		if bytes.Contains(kv.Value, []byte(g.token)) {
			t.Errorf("%s has the token", kv.Key)
		}
	}
	g.revive()
	if st := g.stack("s"); st.Run != nil {
		t.Errorf("the run is kept: %s", g.status("s"))
	}
}

// stack is a stack as it is stored.
func (g *guarded) stack(name string) stack {
	st, _, err := g.tables(g.ctx).find(g.ctx, name)
	if err != nil {
		g.t.Fatal(err)
	}
	return st
}
