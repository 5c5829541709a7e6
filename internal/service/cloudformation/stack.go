package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A stack is a stack as it is stored: its wire shape, and what is being done
// with it.
type stack struct {
	api.Stack
	ID     string // the last part of the ARN
	Caller caller // who asked for what is done

	version
	Before *version // what a failed update returns to
	Run    *run     // nil: nothing is being done
	Token  string   // of the client who asked for what is, or was last, done
}

// A version is what a stack was made of.
type version struct {
	Template  string            // as it was given
	Processed string            // what transforms made of it; "" if it has none
	Values    map[string]string // of parameters
	Resolved  map[string]string // what those that name one of SSM stand for
	Imports   []string          // names of exports of other stacks
	Tagged    []api.Tag
	Results   []api.Output
}

// description is what the template says it is.
func (v *version) description() *string {
	doc, err := parseDocument(v.text())
	if text, ok := asMembers(doc)["Description"].(string); err == nil && ok && text != "" {
		return &text
	}
	return nil
}

// text is the template that is worked on.
func (v *version) text() string {
	if v.Processed != "" {
		return v.Processed
	}
	return v.Template
}

// A run is one operation on a stack, with where it has come to.
type run struct {
	Phase    phase
	Failed   string    // why it rolls back
	Retain   []string  // resources that DeleteStack is to keep
	Skip     []string  // resources that a rollback is to leave as they are
	Policy   string    // stack policy during this update, instead of the stack's own
	Deadline time.Time // of a creation; zero: none
	Session  []byte    // the caller's session token, sealed; nil: there is none
	Keep     bool      // OnFailure is DO_NOTHING
	Discard  bool      // OnFailure is DELETE
	Updating bool      // not a creation
	Nested   bool      // the run of the parent does it
	Begun    bool      // something may have been changed
	Executes bool      // the change set that was executed last
}

// held tells whether a run has come to where it waits for the parent's: what it has
// changed may still be taken back.
func (r *run) held() bool { return r != nil && r.Nested && r.Updating && r.Phase == phaseCleanup }

// A phase is a part of a run that can be done again after a crash.
type phase string

const (
	phaseForward  phase = "forward" // after a crash: rollback
	phaseRollback phase = "rollback"
	phaseCleanup  phase = "cleanup"
	phaseDelete   phase = "delete"
)

// A resource is a resource of a stack as it is stored.
type resource struct {
	Logical, Type string
	Physical      string
	Properties    map[string]any // as they were given to the API
	Attributes    map[string]any
	NoEcho        bool // an answer was not to be shown: nor are others, as long as it is there
	Status        string
	Reason        string
	Updated       time.Time
	Retain        bool // not deleted with the stack
	RetainNew     bool // not even if what has made it is taken back
	RetainOld     bool // not deleted when it is replaced
	Needs         []string
	Metadata      string

	Drift *drift // as it was last looked for; nil: never since a change

	New bool      // made by the running operation
	Old *snapshot // what it was before it
}

// A snapshot is what a resource was before an update.
type snapshot struct {
	Physical   string
	Properties map[string]any
	Attributes map[string]any
}

func (r *resource) ref() string { return r.Physical }

// tables are the records of one account and Region.
type tables struct {
	account, region string

	st         store.Store
	stacks     store.Table[stack]
	names      store.Table[string] // name → id, of stacks that are not deleted
	resources  store.Table[resource]
	events     store.Table[api.StackEvent]
	changeSets store.Table[changeSet]
	executed   store.Table[changeSet] // the last of each stack
	exports    store.Table[export]
	guards     store.Table[int] // of exports and imports
	deeds      store.Table[deed]
	orders     store.Table[order]
	policies   store.Table[string] // stack policies
	detections store.Table[detection]
}

// An export is an output that other stacks may import.
type export struct{ Stack, Name, Value string }

func tablesOf(st store.Store, account, region string) tables {
	prefix := func(kind string) string { return store.Prefix(account, region, "cloudformation", kind) }
	return tables{
		account: account, region: region, st: st,
		stacks:     store.NewTable[stack](st, prefix("stack")),
		names:      store.NewTable[string](st, prefix("name")),
		resources:  store.NewTable[resource](st, prefix("resource")),
		events:     store.NewTable[api.StackEvent](st, prefix("event")),
		changeSets: store.NewTable[changeSet](st, prefix("changeset")),
		executed:   store.NewTable[changeSet](st, prefix("executed")),
		exports:    store.NewTable[export](st, prefix("export")),
		guards:     store.NewTable[int](st, prefix("exportguard")),
		deeds:      store.NewTable[deed](st, prefix("deed")),
		orders:     store.NewTable[order](st, prefix("order")),
		policies:   store.NewTable[string](st, prefix("policy")),
		detections: store.NewTable[detection](st, prefix("drift")),
	}
}

func (s *Service) tables(ctx context.Context) tables {
	c := awsrpc.CallerFrom(ctx)
	return tablesOf(s.st, c.Account, c.Region)
}

// named is find for operations that say otherwise that there is no such stack.
//
// AWS: the words of most operations that change stacks, of those of change sets and of
// DescribeStackEvents; the CDK looks for them.
func (t tables) named(ctx context.Context, name string) (stack, store.Rev, error) {
	st, rev, err := t.find(ctx, name)
	if told, ok := errors.AsType[*awsrpc.Error](err); ok && told.Code == awsrpc.Validation("").Code {
		err = awsrpc.Validation("Stack [" + name + "] does not exist")
	}
	return st, rev, err
}

// find returns the stack with this name or ARN. Deleted ones are found by ARN.
func (t tables) find(ctx context.Context, name string) (stack, store.Rev, error) {
	missing := awsrpc.Validation("Stack with id " + name + " does not exist")
	var id string
	a, err := arn.Parse(name)
	byARN := err == nil
	if byARN {
		parts := strings.Split(a.Resource, "/")
		if len(parts) != 3 || a.Account != t.account || a.Region != t.region {
			return stack{}, 0, missing
		}
		id = parts[2]
	} else {
		if id, _, err = t.names.Get(ctx, name); err != nil {
			if errors.Is(err, store.ErrNotFound) || !nameForm.MatchString(name) {
				err = missing
			}
			return stack{}, 0, err
		}
	}
	st, rev, err := t.stacks.Find(ctx, missing, id)
	if err == nil && byARN && str(st.StackId) != name {
		return stack{}, 0, missing // policies let callers in by all of the ARN
	}
	return st, rev, err
}

// put adds the stack's record, which must be the one of rev; 0: there is none.
func (t tables) put(c *store.Change, st *stack, rev store.Rev) {
	if rev == 0 {
		c.Require(t.stacks.Absent(st.ID))
	} else {
		c.Require(t.stacks.Is(st.ID, rev))
	}
	store.Add(c, t.stacks, st.ID, *st)
}

// tell adds an event.
func (t tables) tell(c *store.Change, st *stack, e api.StackEvent) {
	now := time.Now().UTC()
	e.Timestamp = new(now.Truncate(time.Millisecond))
	e.StackId, e.StackName = st.StackId, st.StackName
	e.EventId = new(record.NewUUID())
	if st.Token != "" {
		e.ClientRequestToken = new(st.Token)
	}
	store.Add(c, t.events, store.ID(st.ID, fmt.Sprintf("%020d-%s", now.UnixNano(), (*e.EventId)[:8])), e)
}

// tellStatus adds an event about the stack itself.
func (t tables) tellStatus(c *store.Change, st *stack) {
	e := api.StackEvent{LogicalResourceId: st.StackName, PhysicalResourceId: st.StackId, ResourceType: new("AWS::CloudFormation::Stack"), ResourceStatus: st.StackStatus}
	if str(st.StackStatusReason) != "" {
		e.ResourceStatusReason = st.StackStatusReason
	}
	t.tell(c, st, e)
}

// setStatus changes the status of a stack.
func (st *stack) setStatus(status, reason string) {
	st.StackStatus, st.StackStatusReason = new(status), nil
	if reason != "" {
		st.StackStatusReason = new(reason)
	}
}

// stackARN is how a stack is called everywhere.
func stackARN(t tables, name, id string) string {
	return arn.ARN{Partition: arn.Partition(t.region), Service: "cloudformation", Region: t.region, Account: t.account, Resource: "stack/" + name + "/" + id}.String()
}
