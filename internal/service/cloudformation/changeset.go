package cloudformation

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A changeSet is a change set as it is stored: its wire shape, and what
// executing it makes of the stack.
type changeSet struct {
	api.DescribeChangeSetResponse
	version
	Create bool
	Role   *string // in which it is executed
}

// noChanges is why a change set without changes fails. AWS: the clients look for
// these words ("didn't contain changes", `aws cloudformation deploy`).
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

var setNameForm = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)

// CreateChangeSet notes what would change. It is complete when it returns.
func (s *Service) CreateChangeSet(ctx context.Context, in *api.CreateChangeSetInput) (*api.CreateChangeSetResponse, error) {
	t := s.tables(ctx)
	if err := refuseSet(in); err != nil {
		return nil, err
	}
	st, rev, err := t.find(ctx, *in.StackName)
	create := str(in.ChangeSetType) == "CREATE"
	var e *awsrpc.Error
	absent := errors.As(err, &e)
	if err != nil && !absent {
		return nil, err
	}
	switch {
	case !create && absent:
		return nil, awsrpc.Validation("Stack [" + *in.StackName + "] does not exist")
	case create && !absent && str(st.StackStatus) != "REVIEW_IN_PROGRESS":
		return nil, awsrpc.Validation("Stack [" + *in.StackName + "] already exists and cannot be created again with the changeSet [" + *in.ChangeSetName + "].")
	case !create && !absent:
		if err := st.ready("updated"); err != nil {
			return nil, err
		}
	case create && absent && !nameForm.MatchString(*in.StackName):
		return nil, awsrpc.Validation("1 validation error detected: Value '" + *in.StackName + "' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
	}
	name := *in.StackName
	if !absent {
		name = str(st.StackName)
	}
	a := &asked{name: name, body: in.TemplateBody, url: in.TemplateURL, previous: isTrue(in.UsePreviousTemplate), parameters: in.Parameters, tags: in.Tags,
		capabilities: in.Capabilities, roleARN: in.RoleARN, notifications: in.NotificationARNs, triggers: in.RollbackConfiguration}
	if in.Tags == nil {
		a.tags = st.Tagged
	}
	p, err := s.planOf(ctx, a, &st, t)
	failed, isTransform := errors.AsType[*transformError](err)
	var changes []api.Change
	var other bool
	switch {
	case isTransform:
		p.tpl = &template{}
	case err != nil:
		return nil, err
	default:
		if changes, other, err = s.changes(ctx, t, &st, p); err != nil {
			return nil, err
		}
	}
	fresh := absent
	if fresh {
		st = *s.newStack(t, a, p)
		st.version = version{}
		st.setStatus("REVIEW_IN_PROGRESS", "User Initiated")
	}
	set := newSet(t, &st, in, p, changes)
	set.Create, set.Role = create, in.RoleARN
	if isTransform {
		set.Status, set.StatusReason, set.ExecutionStatus = new("FAILED"), new(failed.Error()), new("UNAVAILABLE")
	} else if len(changes) == 0 && !create && !other {
		set.Status, set.StatusReason, set.ExecutionStatus = new("FAILED"), new(noChanges), new("UNAVAILABLE")
	}
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		id := store.ID(st.ID, *in.ChangeSetName)
		c.Require(t.changeSets.Absent(id))
		store.Add(c, t.changeSets, id, *set)
		if fresh {
			t.put(c, &st, 0)
			c.Require(t.names.Absent(store.ID(name)))
			store.Add(c, t.names, store.ID(name), st.ID)
			t.tellStatus(c, &st)
		} else {
			c.Require(t.stacks.Is(st.ID, rev))
		}
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return nil, api.AlreadyExistsException("ChangeSet " + *in.ChangeSetName + " already exists")
	}
	return &api.CreateChangeSetResponse{Id: set.ChangeSetId, StackId: st.StackId}, err
}

// refuseSet refuses what has no effect here. ImportExistingResources may be set,
// as the CDK does always: a resource that exists makes the stack fail with its
// name. So may IncludeNestedStacks, and the set says that it does not: a nested stack
// is one change of it.
func refuseSet(in *api.CreateChangeSetInput) error {
	switch {
	case !setNameForm.MatchString(*in.ChangeSetName):
		return awsrpc.Validation("1 validation error detected: Value '" + *in.ChangeSetName + "' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
	case str(in.ChangeSetType) == "IMPORT", len(in.ResourcesToImport) > 0:
		return awsrpc.Validation("Gatehouse does not support the import of resources into stacks")
	}
	if _, err := keeps(in.DeploymentConfig); err != nil {
		return err
	}
	return refuseMembers(in, "ResourceTypes", "DeploymentMode", "DisableValidation")
}

func newSet(t tables, st *stack, in *api.CreateChangeSetInput, p *plan, changes []api.Change) *changeSet {
	set := &changeSet{version: p.version}
	id := arn.ARN{Partition: partition(t.region), Service: "cloudformation", Region: t.region, Account: t.account,
		Resource: "changeSet/" + *in.ChangeSetName + "/" + record.NewUUID()}.String()
	set.ChangeSetId, set.ChangeSetName = new(id), in.ChangeSetName
	set.StackId, set.StackName = st.StackId, st.StackName
	set.CreationTime = new(time.Now().UTC().Truncate(time.Millisecond))
	set.Description, set.Capabilities, set.Tags = in.Description, in.Capabilities, p.Tagged
	set.Status, set.ExecutionStatus = new("CREATE_COMPLETE"), new("AVAILABLE")
	set.OnStackFailure, set.DeploymentConfig = in.OnStackFailure, in.DeploymentConfig
	if set.Changes = changes; changes == nil {
		set.Changes = []api.Change{}
	}
	set.NotificationARNs = []string{}
	if set.Capabilities == nil {
		set.Capabilities = []string{}
	}
	set.IncludeNestedStacks = new(false)
	set.RollbackConfiguration = &api.RollbackConfiguration{}
	return set
}

// StackOf returns the ARN of the stack that a change set is of, by the set's ARN;
// empty: there is no such set.
func (s *Service) StackOf(ctx context.Context, account, region, changeSet string) (string, error) {
	if !strings.HasPrefix(changeSet, "arn:") {
		return "", nil
	}
	set, err := tablesOf(s.st, account, region).findSet(ctx, changeSet, nil)
	if isMissingSet(err) {
		err = nil
	}
	return str(set.StackId), err
}

// A found is a change set with where it is stored.
type found struct {
	changeSet
	in  store.Table[changeSet]
	row string
	rev store.Rev
}

// findSet returns a change set by its name and stack, or by its ARN.
//
// AWS: one that was executed is described until its stack, deleted or not, is
// forgotten. Its name is free again, so one that is not executed comes first.
func (t tables) findSet(ctx context.Context, name string, stackName *string) (found, error) {
	missing := api.ChangeSetNotFound("ChangeSet [" + name + "] does not exist")
	if strings.HasPrefix(name, "arn:") {
		f, err := t.setByARN(ctx, name, missing)
		if err == nil && stackName != nil && *stackName != str(f.StackName) && *stackName != str(f.StackId) {
			return found{}, missing // policies let callers in by the stack that they name
		}
		return f, err
	}
	if stackName == nil {
		return found{}, awsrpc.Validation("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	st, _, err := t.named(ctx, *stackName)
	if err != nil {
		return found{}, err
	}
	set, rev, err := t.changeSets.Find(ctx, missing, st.ID, name)
	if !isMissingSet(err) {
		return found{set, t.changeSets, store.ID(st.ID, name), rev}, err
	}
	if set, rev, err = t.executed.Find(ctx, missing, st.ID); err == nil && str(set.ChangeSetName) != name {
		err = missing
	}
	return found{set, t.executed, st.ID, rev}, err
}

func (t tables) setByARN(ctx context.Context, name string, missing error) (found, error) {
	for _, table := range []store.Table[changeSet]{t.changeSets, t.executed} {
		rows, err := table.All(ctx)
		if err != nil {
			return found{}, err
		}
		for _, row := range rows {
			if str(row.Value.ChangeSetId) == name {
				return found{row.Value, table, row.ID, row.Rev}, nil
			}
		}
	}
	return found{}, missing
}

func isMissingSet(err error) bool {
	told, ok := errors.AsType[*awsrpc.Error](err)
	return ok && told.Code == api.ChangeSetNotFound("").Code
}

// executedBy is the execution status of a change set whose run ended with a status of
// the stack.
func executedBy(status string) string {
	if status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE" {
		return "EXECUTE_COMPLETE"
	}
	return "EXECUTE_FAILED"
}

// outdate makes the change sets of a stack ones that cannot be executed any more: what
// they were made of is changed by something else.
func (t tables) outdate(ctx context.Context, c *store.Change, stackID string) error {
	rows, err := t.changeSets.All(ctx, stackID)
	for _, row := range rows {
		if set := row.Value; str(set.ExecutionStatus) == "AVAILABLE" {
			set.ExecutionStatus = new("OBSOLETE")
			store.Add(c, t.changeSets, row.ID, set)
		}
	}
	return err
}

// DescribeChangeSet tells what a change set changes.
func (s *Service) DescribeChangeSet(ctx context.Context, in *api.DescribeChangeSetInput) (*api.DescribeChangeSetResponse, error) {
	set, err := s.tables(ctx).findSet(ctx, *in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	set.Parameters = set.shown(s.known)
	if !isTrue(in.IncludePropertyValues) {
		set.Changes = withoutValues(set.Changes)
	}
	return &set.DescribeChangeSetResponse, nil
}

// DeleteChangeSet deletes a change set. Of one that does not exist it says
// nothing.
func (s *Service) DeleteChangeSet(ctx context.Context, in *api.DeleteChangeSetInput) error {
	t := s.tables(ctx)
	set, err := t.findSet(ctx, *in.ChangeSetName, in.StackName)
	if isMissingSet(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return store.Update(ctx, s.st, func(c *store.Change) error { c.Do(set.in.Delete(set.row)); return nil })
}

// ListChangeSets lists the change sets of a stack.
func (s *Service) ListChangeSets(ctx context.Context, in *api.ListChangeSetsInput) (*api.ListChangeSetsResponse, error) {
	t := s.tables(ctx)
	st, _, err := t.named(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	rows, err := t.changeSets.All(ctx, st.ID)
	out := &api.ListChangeSetsResponse{Summaries: []api.ChangeSetSummary{}}
	for _, row := range rows {
		v := row.Value
		out.Summaries = append(out.Summaries, api.ChangeSetSummary{ChangeSetId: v.ChangeSetId, ChangeSetName: v.ChangeSetName, StackId: v.StackId, StackName: v.StackName,
			CreationTime: v.CreationTime, Description: v.Description, Status: v.Status, StatusReason: v.StatusReason, ExecutionStatus: v.ExecutionStatus, IncludeNestedStacks: v.IncludeNestedStacks})
	}
	return out, err
}

// ExecuteChangeSet makes the stack what the change set says. All other change sets of
// the stack are gone then.
func (s *Service) ExecuteChangeSet(ctx context.Context, in *api.ExecuteChangeSetInput) error {
	t := s.tables(ctx)
	set, err := t.findSet(ctx, *in.ChangeSetName, in.StackName)
	if err != nil {
		return err
	}
	switch {
	case str(set.Status) != "CREATE_COMPLETE":
		return api.InvalidChangeSetStatus("ChangeSet [" + str(set.ChangeSetId) + "] cannot be executed in its current status of [" + str(set.Status) + "]")
	case str(set.ExecutionStatus) != "AVAILABLE":
		return api.InvalidChangeSetStatus("ChangeSet [" + str(set.ChangeSetId) + "] cannot be executed in its current execution status of [" + str(set.ExecutionStatus) + "]")
	}
	st, rev, err := t.find(ctx, str(set.StackId))
	if err != nil {
		return err
	}
	if !set.Create || str(st.StackStatus) != "REVIEW_IN_PROGRESS" {
		if err := st.ready("updated"); err != nil {
			return err
		}
	}
	tpl, err := parseTemplate(set.text(), s.known)
	if err != nil {
		return err
	}
	p := &plan{version: set.version, tpl: tpl}
	others, err := t.changeSets.All(ctx, st.ID)
	if err != nil {
		return err
	}
	keep, err := keeps(set.DeploymentConfig)
	if err != nil {
		return err
	}
	updating := str(st.StackStatus) != "REVIEW_IN_PROGRESS"
	r := &run{Phase: phaseForward, Keep: keep || isTrue(in.DisableRollback), Discard: str(set.OnStackFailure) == "DELETE", Executes: true}
	if a := (&asked{capabilities: set.Capabilities, roleARN: set.Role, token: str(in.ClientRequestToken)}); updating {
		s.change(&st, a, p, r)
	} else {
		s.take(&st, p)
		if set.Role != nil {
			st.RoleARN = set.Role
		}
		st.Capabilities, st.Token, st.Run = set.Capabilities, a.token, r
		st.LastUpdatedTime = new(time.Now().UTC().Truncate(time.Millisecond)) // AWS: as it is seen
		st.setStatus("CREATE_IN_PROGRESS", "User Initiated")
	}
	executed := set.changeSet
	executed.ExecutionStatus = new("EXECUTE_IN_PROGRESS")
	st.ChangeSetId = set.ChangeSetId
	err = s.start(ctx, &st, func(c *store.Change) error {
		t.put(c, &st, rev)
		c.Require(t.changeSets.Is(set.row, set.rev))
		store.Add(c, t.executed, st.ID, executed)
		for _, o := range others {
			c.Do(t.changeSets.Delete(o.ID))
		}
		t.tellStatus(c, &st)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return errBusy(&st)
	}
	return err
}

// DescribeChangeSetHooks lists the hooks that would run: there are none.
func (s *Service) DescribeChangeSetHooks(ctx context.Context, in *api.DescribeChangeSetHooksInput) (*api.DescribeChangeSetHooksResponse, error) {
	set, err := s.tables(ctx).findSet(ctx, *in.ChangeSetName, in.StackName)
	return &api.DescribeChangeSetHooksResponse{ChangeSetId: set.ChangeSetId, ChangeSetName: set.ChangeSetName, StackId: set.StackId, StackName: set.StackName,
		Hooks: []api.ChangeSetHook{}, Status: new("PLANNED")}, err
}
