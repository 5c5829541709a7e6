package cloudformation

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// An asked is what CreateStack, UpdateStack and CreateChangeSet have in common.
type asked struct {
	name          string
	body, url     *string
	previous      bool
	parameters    []api.Parameter
	tags          []api.Tag
	capabilities  []string
	roleARN       *string
	notifications []string
	triggers      *api.RollbackConfiguration
	token         string // of the client
	keep          bool   // what a failed update has done
	direct        bool   // without a change set
	policy        string // of the stack
	duringUpdate  string // policy instead of the stack's own
}

// A plan is a template with parameters that a stack may be made of.
type plan struct {
	version
	tpl *template
}

// planOf reads and checks what is asked for. st is the stack as it is.
func (s *Service) planOf(ctx context.Context, a *asked, st *stack, t tables) (*plan, error) {
	if err := s.checkRole(ctx, a.roleARN); err != nil {
		return nil, err
	}
	for name, given := range map[string]bool{"NotificationARNs": len(a.notifications) > 0,
		"RollbackConfiguration": a.triggers != nil && len(a.triggers.RollbackTriggers) > 0} {
		if given {
			return nil, awsrpc.Validation("Gatehouse does not support the parameter " + name)
		}
	}
	body, err := s.bodyOf(ctx, a.body, a.url, a.previous, st)
	if err != nil {
		return nil, err
	}
	p := &plan{}
	p.Template = body
	if p.Processed, err = s.expand(ctx, body, a.parameters, st.Values, t); err != nil {
		return p, err
	}
	// AWS: who makes a stack of what transforms made without having looked at it
	// in a change set must say that he agrees.
	if p.Processed != "" && a.direct && !slices.Contains(a.capabilities, "CAPABILITY_AUTO_EXPAND") {
		return nil, api.InsufficientCapabilitiesException("Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
	}
	accept := acceptTemplate
	if a.previous {
		accept = parseTemplate
	}
	if p.tpl, err = accept(p.text(), s.known); err != nil {
		return nil, err
	}
	if p.Values, err = p.tpl.bind(a.parameters, st.Values); err != nil {
		return nil, err
	}
	if p.Resolved, err = s.resolve(ctx, p.tpl, p.Values); err != nil {
		return nil, err
	}
	if err := p.tpl.capable(a.capabilities); err != nil {
		return nil, err
	}
	if p.Tagged = a.tags; len(a.tags) > 50 {
		return nil, awsrpc.Validation("1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50")
	}
	of := stack{version: p.version}
	of.StackName, of.StackId = new(a.name), new(stackARN(t, a.name, ""))
	ev := newEvaluator(p.tpl, &of, t)
	for name := range p.tpl.Conditions {
		if _, err := ev.condition(name); err != nil {
			return nil, err
		}
	}
	if err := p.tpl.checkRules(ev); err != nil {
		return nil, err
	}
	if err := p.tpl.checkMade(ev, s.known); err != nil {
		return nil, err
	}
	if err := p.tpl.checkReached(ev); err != nil {
		return nil, err
	}
	return p, nil
}

// bodyOf is the text of the template that is asked for.
func (s *Service) bodyOf(ctx context.Context, body, url *string, previous bool, st *stack) (string, error) {
	switch {
	case url != nil && body != nil:
		return "", awsrpc.Validation("Only one of TemplateBody or TemplateURL can be specified.")
	case url != nil && s.opt.Templates != nil:
		text, err := s.opt.Templates.Template(ctx, *url, maxURLTemplate)
		if err != nil {
			return "", awsrpc.Validation("S3 error: " + reasonOf(err))
		}
		return string(text), nil
	case url != nil:
		return "", awsrpc.Validation("S3 error: there is no S3 here")
	case body != nil && len(*body) > maxTemplate:
		return "", awsrpc.Validation("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to " + strconv.Itoa(maxTemplate))
	case body != nil && *body != "":
		return *body, nil
	case previous && st.Template != "":
		return st.Template, nil
	}
	return "", awsrpc.Validation("Either Template URL or Template Body must be specified.")
}

// capable refuses templates that make identities the caller did not agree to.
func (t *template) capable(have []string) error {
	need := t.needs()
	if need == "" || slices.Contains(have, "CAPABILITY_NAMED_IAM") || need == "CAPABILITY_IAM" && slices.Contains(have, need) {
		return nil
	}
	return api.InsufficientCapabilitiesException("Requires capabilities : [" + need + "]")
}

// needs is the capability that a template requires, or "".
func (t *template) needs() string {
	need := ""
	for _, d := range t.Resources {
		if !strings.HasPrefix(d.Type, "AWS::IAM::") {
			continue
		}
		if need == "" {
			need = "CAPABILITY_IAM"
		}
		for _, name := range []string{"RoleName", "UserName", "GroupName", "ManagedPolicyName"} {
			if d.Properties[name] != nil {
				need = "CAPABILITY_NAMED_IAM"
			}
		}
	}
	return need
}

// shown are the parameters of a version as they are described.
func (v *version) shown(known func(string) bool) []api.Parameter {
	tpl, err := parseTemplate(v.text(), known)
	if err != nil {
		return nil
	}
	var list []api.Parameter
	for _, name := range slices.Sorted(maps.Keys(v.Values)) {
		value := v.Values[name]
		if isSecret(tpl.Parameters[name]) {
			value = "****"
		}
		shown := api.Parameter{ParameterKey: new(name), ParameterValue: new(value)}
		if resolved, ok := v.Resolved[name]; ok {
			shown.ResolvedValue = new(resolved)
		}
		list = append(list, shown)
	}
	return list
}

// newStack returns a stack that is not stored yet.
func (s *Service) newStack(t tables, a *asked, p *plan) *stack {
	st := &stack{ID: record.NewUUID(), version: p.version}
	st.StackName = new(a.name)
	st.StackId = new(stackARN(t, a.name, st.ID))
	st.CreationTime = new(time.Now().UTC().Truncate(time.Millisecond))
	st.DisableRollback = new(false)
	st.EnableTerminationProtection = new(false)
	st.DriftInformation = &api.StackDriftInformation{StackDriftStatus: new("NOT_CHECKED")}
	st.RollbackConfiguration = &api.RollbackConfiguration{}
	st.Capabilities, st.RoleARN = a.capabilities, a.roleARN
	s.take(st, p)
	return st
}

// take makes p what the stack is going to be.
func (s *Service) take(st *stack, p *plan) {
	st.version = p.version
	st.Parameters, st.Tags = p.shown(s.known), p.Tagged
	st.Description = nil
	if p.tpl.Description != "" {
		st.Description = new(p.tpl.Description)
	}
}

// CreateStack makes a stack.
func (s *Service) CreateStack(ctx context.Context, in *api.CreateStackInput) (*api.CreateStackResponse, error) {
	t := s.tables(ctx)
	if err := refuseMembers(in, "ResourceTypes", "DisableValidation", "RetainExceptOnCreate"); err != nil {
		return nil, err
	}
	keep, err := keeps(in.DeploymentConfig)
	if err != nil {
		return nil, err
	}
	if !nameForm.MatchString(*in.StackName) {
		return nil, awsrpc.Validation("1 validation error detected: Value '" + *in.StackName + "' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
	}
	reviewed, rev, err := t.find(ctx, *in.StackName)
	if err == nil && str(reviewed.StackStatus) != "REVIEW_IN_PROGRESS" {
		return nil, api.AlreadyExistsException("Stack [" + *in.StackName + "] already exists")
	}
	a := &asked{direct: true, name: *in.StackName, body: in.TemplateBody, url: in.TemplateURL, parameters: in.Parameters, tags: in.Tags,
		capabilities: in.Capabilities, roleARN: in.RoleARN, notifications: in.NotificationARNs, triggers: in.RollbackConfiguration}
	p, err := s.planOf(ctx, a, &stack{}, t)
	if err != nil {
		return nil, asRPC(err)
	}
	st := s.newStack(t, a, p)
	if rev != 0 { // AWS: who makes what is in review makes that stack
		st.ID, st.StackId, st.CreationTime = reviewed.ID, reviewed.StackId, reviewed.CreationTime
	}
	st.Token = str(in.ClientRequestToken)
	policy, err := s.policyText(ctx, in.StackPolicyBody, in.StackPolicyURL)
	if err != nil {
		return nil, err
	}
	st.Run = &run{Phase: phaseForward, Keep: keep || isTrue(in.DisableRollback) || str(in.OnFailure) == "DO_NOTHING", Discard: str(in.OnFailure) == "DELETE"}
	if in.TimeoutInMinutes != nil {
		st.limit(*in.TimeoutInMinutes)
	}
	st.DisableRollback = new(st.Run.Keep)
	st.EnableTerminationProtection = new(isTrue(in.EnableTerminationProtection))
	st.setStatus("CREATE_IN_PROGRESS", "User Initiated")
	err = s.start(ctx, st, func(c *store.Change) error {
		if t.put(c, st, rev); rev != 0 {
			if err := t.outdate(ctx, c, st.ID); err != nil {
				return err
			}
		} else {
			if err := t.checkCount(ctx); err != nil {
				return err
			}
			c.Require(t.names.Absent(store.ID(*in.StackName)))
			store.Add(c, t.names, store.ID(*in.StackName), st.ID)
		}
		if policy != "" {
			store.Add(c, t.policies, st.ID, policy)
		}
		t.tellStatus(c, st)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return nil, api.AlreadyExistsException("Stack [" + *in.StackName + "] already exists")
	}
	return &api.CreateStackResponse{StackId: st.StackId}, err
}

func isTrue(b *bool) bool { return b != nil && *b }

// ready refuses to change a stack that something is being done with, or that
// cannot be changed any more.
func (st *stack) ready(action string) error {
	status := str(st.StackStatus)
	ok := strings.HasSuffix(status, "_COMPLETE") && status != "ROLLBACK_COMPLETE" && status != "DELETE_COMPLETE" || status == "UPDATE_FAILED" || status == "CREATE_FAILED" // AWS: "Stack failure options"
	if st.Run == nil && ok {
		return nil
	}
	return awsrpc.Validation("Stack:" + str(st.StackId) + " is in " + status + " state and can not be " + action + ".")
}

// UpdateStack changes a stack.
func (s *Service) UpdateStack(ctx context.Context, in *api.UpdateStackInput) (*api.UpdateStackResponse, error) {
	t := s.tables(ctx)
	if err := refuseMembers(in, "ResourceTypes",
		"DisableValidation", "RetainExceptOnCreate"); err != nil {
		return nil, err
	}
	keep, err := keeps(in.DeploymentConfig)
	if err != nil {
		return nil, err
	}
	st, rev, err := t.named(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	if err := st.ready("updated"); err != nil {
		return nil, err
	}
	a := &asked{direct: true, name: str(st.StackName), body: in.TemplateBody, url: in.TemplateURL, previous: isTrue(in.UsePreviousTemplate), parameters: in.Parameters, tags: in.Tags,
		capabilities: in.Capabilities, roleARN: in.RoleARN, notifications: in.NotificationARNs, triggers: in.RollbackConfiguration,
		token: str(in.ClientRequestToken), keep: keep || isTrue(in.DisableRollback)}
	if in.Tags == nil {
		a.tags = st.Tagged
	}
	if a.policy, err = s.policyText(ctx, in.StackPolicyBody, in.StackPolicyURL); err != nil {
		return nil, err
	}
	if a.duringUpdate, err = s.policyText(ctx, in.StackPolicyDuringUpdateBody, in.StackPolicyDuringUpdateURL); err != nil {
		return nil, err
	}
	p, err := s.planOf(ctx, a, &st, t)
	if err != nil {
		return nil, asRPC(err)
	}
	changes, other, err := s.changes(ctx, t, &st, p)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 && !other {
		return nil, awsrpc.Validation("No updates are to be performed.")
	}
	if err := s.update(ctx, &st, rev, a, p); err != nil {
		return nil, err
	}
	return &api.UpdateStackResponse{StackId: st.StackId}, nil
}

// tellsOther tells whether outputs or tags differ, though no resource does.
func (p *plan) tellsOther(st *stack, ev *evaluator) bool {
	if !slices.EqualFunc(st.Tagged, p.Tagged, func(a, b api.Tag) bool { return str(a.Key) == str(b.Key) && str(a.Value) == str(b.Value) }) {
		return true
	}
	outputs, _, err := p.tpl.outputs(ev)
	return err != nil || len(outputs) != len(st.Results) || len(outputs) > 0 && !reflect.DeepEqual(outputs, st.Results)
}

// update begins to change a stack.
func (s *Service) update(ctx context.Context, st *stack, rev store.Rev, a *asked, p *plan) error {
	t := s.tables(ctx)
	s.change(st, a, p, &run{Phase: phaseForward, Keep: a.keep, Policy: a.duringUpdate})
	err := s.start(ctx, st, func(c *store.Change) error {
		t.put(c, st, rev)
		if a.policy != "" {
			store.Add(c, t.policies, st.ID, a.policy)
		}
		if err := t.outdate(ctx, c, st.ID); err != nil {
			return err
		}
		t.tellStatus(c, st)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return errBusy(st)
	}
	return err
}

// change makes p what the stack is going to be by r, from what it is. What a failed
// update left can still be rolled back to what was before that.
func (s *Service) change(st *stack, a *asked, p *plan, r *run) {
	before := st.version
	if st.Before == nil {
		st.Before = &before
	}
	s.take(st, p)
	st.Results = before.Results
	if a.capabilities != nil {
		st.Capabilities = a.capabilities
	}
	if a.roleARN != nil { // AWS: else the role of the last operation
		st.RoleARN = a.roleARN
	}
	st.Token = a.token
	r.Updating, st.Run = true, r
	st.LastUpdatedTime = new(time.Now().UTC().Truncate(time.Millisecond))
	st.setStatus("UPDATE_IN_PROGRESS", "User Initiated")
}

// DeleteStack deletes a stack. Of one that does not exist it says nothing.
func (s *Service) DeleteStack(ctx context.Context, in *api.DeleteStackInput) error {
	t := s.tables(ctx)
	if str(in.DeletionMode) == "FORCE_DELETE_STACK" {
		return awsrpc.Validation("Gatehouse does not support FORCE_DELETE_STACK")
	}
	if _, err := keeps(in.DeploymentConfig); err != nil {
		return err
	}
	if err := s.checkRole(ctx, in.RoleARN); err != nil {
		return err
	}
	st, rev, err := t.find(ctx, *in.StackName)
	var e *awsrpc.Error
	if errors.As(err, &e) || err == nil && str(st.StackStatus) == "DELETE_COMPLETE" {
		return nil // AWS: deleting what is not there is no error
	}
	if err != nil {
		return err
	}
	if protected, err := st.protected(ctx, t); err != nil {
		return err
	} else if protected {
		return awsrpc.Validation("Stack [" + str(st.StackName) + "] cannot be deleted while TerminationProtection is enabled")
	}
	if st.Run != nil {
		return s.deleteRunning(ctx, t, &st, in)
	}
	if st.Token = str(in.ClientRequestToken); in.RoleARN != nil {
		st.RoleARN = in.RoleARN
	}
	st.Run = &run{Phase: phaseDelete, Retain: in.RetainResources}
	st.setStatus("DELETE_IN_PROGRESS", "User Initiated")
	err = s.start(ctx, &st, func(c *store.Change) error {
		if err := st.unused(ctx, t, c); err != nil {
			return err
		}
		t.put(c, &st, rev)
		t.tellStatus(c, &st)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return s.DeleteStack(ctx, in) // it is no longer the stack that was looked at
	}
	return err
}

// limit bounds the creation of a stack.
func (st *stack) limit(minutes int32) {
	st.TimeoutInMinutes, st.Run.Deadline = &minutes, time.Now().UTC().Add(time.Duration(minutes)*time.Minute)
}

// errEnded is why a creation gets no order: it is through, or turned around already.
var errEnded = errors.New("the creation has ended")

// deleteRunning has a stack deleted that is being made.
func (s *Service) deleteRunning(ctx context.Context, t tables, st *stack, in *api.DeleteStackInput) error {
	if st.Run.Phase == phaseDelete {
		return nil
	}
	who := awsrpc.CallerFrom(ctx)
	o := order{Delete: true, Retain: in.RetainResources, Token: str(in.ClientRequestToken), Caller: callerOf(who), Session: s.sealed(who.SessionToken)}
	err := s.give(ctx, t, st.ID, o, func(st *stack) error {
		switch {
		case st.Run == nil, st.Run.Phase == phaseDelete:
			return errEnded
		case st.Run.Phase != phaseForward, st.Run.Updating, st.Run.Nested, in.RoleARN != nil:
			// AWS: seen by clients for updates.
			return awsrpc.Validation("Stack [" + str(st.StackId) + "] cannot be deleted while in status " + str(st.StackStatus))
		}
		return nil
	})
	if errors.Is(err, errEnded) {
		return s.DeleteStack(ctx, in)
	}
	return err
}
