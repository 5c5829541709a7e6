package iam

import (
	"context"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/identity"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
)

// A simulation is what both Simulate operations are asked.
type simulation struct {
	who                identity.Principal
	now                time.Time
	actions, resources []string
	keys               policy.Map
	resource           *policy.Document
	cross              bool
	asked              []string // condition keys that the documents ask for
}

// SimulatePrincipalPolicy tells what a user, group or role may do.
func (s *Service) SimulatePrincipalPolicy(ctx context.Context, in *api.SimulatePrincipalPolicyInput) (*api.SimulatePrincipalPolicyResponse, error) {
	sim := &simulation{actions: in.ActionNames, resources: in.ResourceArns}
	if err := s.simulated(ctx, sim, *in.PolicySourceArn); err != nil {
		return nil, err
	}
	err := sim.prepare(&additions{
		documents: in.PolicyInputList, boundaries: in.PermissionsBoundaryPolicyInputList, entries: in.ContextEntries,
		resource: in.ResourcePolicy, caller: in.CallerArn, owner: in.ResourceOwner,
	})
	if err != nil {
		return nil, err
	}
	out := &api.SimulatePrincipalPolicyResponse{}
	out.EvaluationResults, out.IsTruncated, out.Marker, err = page(sim.run(), resultKey, in.Marker, in.MaxItems)
	return out, err
}

// SimulateCustomPolicy tells what documents allow.
func (s *Service) SimulateCustomPolicy(ctx context.Context, in *api.SimulateCustomPolicyInput) (*api.SimulateCustomPolicyResponse, error) {
	if len(in.OrderedOrganizationPolicyInputList) > 0 {
		return nil, api.InvalidInput("Gatehouse has no policies of organizations: OrderedOrganizationPolicyInputList is not supported")
	}
	sim := &simulation{actions: in.ActionNames, resources: in.ResourceArns}
	sim.who.Account = awsrpc.CallerFrom(ctx).Account
	err := sim.prepare(&additions{
		documents: in.PolicyInputList, boundaries: in.PermissionsBoundaryPolicyInputList, entries: in.ContextEntries,
		resource: in.ResourcePolicy, caller: in.CallerArn, owner: in.ResourceOwner,
	})
	if err != nil {
		return nil, err
	}
	out := &api.SimulateCustomPolicyResponse{}
	out.EvaluationResults, out.IsTruncated, out.Marker, err = page(sim.run(), resultKey, in.Marker, in.MaxItems)
	return out, err
}

// resultKey orders results: by action, then by resource.
func resultKey(r *api.EvaluationResult) string {
	return str(r.EvalActionName) + "\x00" + str(r.EvalResourceName)
}

// simulated fills in the policies of an identity by its ARN.
func (s *Service) simulated(ctx context.Context, sim *simulation, name string) error {
	t := s.tables(ctx)
	a, err := arn.Parse(name)
	kind, path, _ := strings.Cut(a.Resource, "/")
	if err != nil || a.Service != "iam" {
		return api.InvalidInput("Invalid Entity Arn: " + name)
	}
	short := path[strings.LastIndexByte(path, '/')+1:]
	if a.Account != t.Account || !slices.Contains([]string{"user", "group", "role"}, kind) {
		return api.NoSuchEntity("No such entity: " + name)
	}
	h, err := s.hold(ctx, record.Kind(kind), &short)
	if err != nil {
		return err
	}
	if a.Resource != kind+h.path+h.name { // policies let callers in by all of the ARN
		return api.NoSuchEntity("No such entity: " + name)
	}
	sim.who.Principal = policy.Principal{ARN: name, Account: a.Account, UserID: h.id}
	if err := s.addDocuments(ctx, t, &sim.who, h); err != nil {
		return err
	}
	switch kind {
	case "group":
		return nil
	case "role": // AWS: what a session of it may do
		role, _, err := get(ctx, t.Roles, short, errNoRole(short))
		sim.who.Type, sim.who.Tags = "AssumedRole", tagMap(role.Tags)
		return err
	}
	sim.who.Type, sim.who.UserName = "User", h.name
	user, _, err := get(ctx, t.Users, short, errNoUser(short))
	if err != nil {
		return err
	}
	sim.who.Tags = tagMap(user.Tags)
	for _, group := range user.Groups {
		g, err := s.hold(ctx, record.KindGroup, &group)
		if err != nil {
			return err
		}
		if err := s.addDocuments(ctx, t, &sim.who, g); err != nil {
			return err
		}
	}
	return nil
}

// addDocuments adds the policies of a holder.
func (s *Service) addDocuments(ctx context.Context, t record.Identities, who *identity.Principal, h *holder) error {
	for name, text := range h.Inline {
		d, err := policy.Parse([]byte(text))
		if err != nil {
			return err
		}
		who.Add(identity.Policy{Document: d, Name: name, Kind: string(h.kind)})
	}
	for _, name := range h.Attached {
		p, err := s.managed(ctx, t, name)
		if err != nil {
			return err
		}
		d, err := policy.Parse([]byte(p.DefaultDocument()))
		if err != nil {
			return err
		}
		kind := "user-managed"
		if p.Account == "aws" {
			kind = "aws-managed"
		}
		who.Add(identity.Policy{Document: d, Name: str(p.PolicyName), Kind: kind})
	}
	if h.boundary == nil {
		return nil
	}
	p, err := s.managed(ctx, t, str(h.boundary.PermissionsBoundaryArn))
	if err != nil {
		return err
	}
	who.Boundary, err = policy.Parse([]byte(p.DefaultDocument()))
	return err
}

// additions are what a call adds to the policies of an identity.
type additions struct {
	documents, boundaries   []string
	entries                 []api.ContextEntry
	resource, caller, owner *string
}

// prepare reads what a call adds: documents, a boundary, condition keys, the
// policy of the resource.
func (sim *simulation) prepare(in *additions) error {
	for i, text := range in.documents {
		d, err := parsed(text)
		if err != nil {
			return err
		}
		sim.who.Add(identity.Policy{Document: d, Name: "PolicyInputList." + itoa(i+1), Kind: "none"})
	}
	if len(in.boundaries) > 1 {
		return api.InvalidInput("Only one permissions boundary can be simulated.")
	}
	for _, text := range in.boundaries {
		d, err := parsed(text)
		if err != nil {
			return err
		}
		sim.who.Boundary = d
	}
	if in.resource != nil {
		d, err := parsed(*in.resource)
		if err != nil {
			return err
		}
		sim.resource = d
	}
	if err := sim.call(in.caller, in.owner); err != nil {
		return err
	}
	sim.keys = policy.Map{}
	for _, e := range in.entries {
		sim.keys[strings.ToLower(str(e.ContextKeyName))] = e.ContextKeyValues
	}
	if err := sim.pretend(); err != nil {
		return err
	}
	if len(sim.resources) == 0 {
		sim.resources = []string{"*"}
	}
	if len(sim.actions)*len(sim.resources) > maxSimulated {
		return api.InvalidInput("At most " + itoa(maxSimulated) + " actions of resources can be simulated in one call.")
	}
	for _, d := range append([]*policy.Document{sim.who.Boundary, sim.resource}, documentsOf(&sim.who)...) {
		if d != nil {
			sim.asked = append(sim.asked, d.ConditionKeys()...)
		}
	}
	slices.Sort(sim.asked)
	sim.asked = slices.Compact(sim.asked)
	return nil
}

// maxSimulated bounds the answers of one call.
const maxSimulated = 10_000

// call reads who calls, and whose the resources are: an account, or the ARN of
// one.
func (sim *simulation) call(caller, owner *string) error {
	if caller != nil {
		name, err := arn.Parse(*caller)
		if err != nil {
			return api.InvalidInput("Invalid Entity Arn: " + *caller)
		}
		sim.who.ARN, sim.who.Account = *caller, name.Account
		if user, ok := strings.CutPrefix(name.Resource, "user/"); ok && name.Service == "iam" {
			sim.who.Type, sim.who.UserName = "User", user[strings.LastIndexByte(user, '/')+1:]
		}
	}
	if owner == nil {
		return nil
	}
	account := *owner
	if name, err := arn.Parse(account); err == nil {
		account = name.Account
	}
	sim.cross = account != sim.who.Account
	return nil
}

// pretend has the condition keys of the principal and of the time be what the
// call says they are.
func (sim *simulation) pretend() error {
	who := &sim.who.Principal
	for key, to := range map[string]*string{
		"aws:username": &who.UserName, "aws:userid": &who.UserID, "aws:principaltype": &who.Type,
		"aws:principalarn": &who.ARN, "aws:principalaccount": &who.Account,
	} {
		if v := sim.keys[key]; len(v) == 1 {
			*to = v[0]
		}
	}
	sim.now = time.Now()
	for _, key := range []string{"aws:currenttime", "aws:epochtime"} {
		if v := sim.keys[key]; len(v) == 1 {
			at, ok := policy.ParseDate(v[0])
			if !ok {
				return api.InvalidInput("Invalid value of " + key + ": " + v[0])
			}
			sim.now = at
		}
	}
	return nil
}

func parsed(text string) (*policy.Document, error) {
	d, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, api.InvalidInput(err.Error())
	}
	return d, nil
}

func documentsOf(who *identity.Principal) []*policy.Document {
	var list []*policy.Document
	for _, p := range who.Policies {
		list = append(list, p.Document)
	}
	return list
}

// run asks each action of each resource.
func (sim *simulation) run() []api.EvaluationResult {
	var out []api.EvaluationResult
	for _, action := range sim.actions {
		for _, resource := range sim.resources {
			out = append(out, sim.ask(action, resource))
		}
	}
	slices.SortStableFunc(out, func(a, b api.EvaluationResult) int { return strings.Compare(resultKey(&a), resultKey(&b)) })
	return out
}

func (sim *simulation) ask(action, resource string) api.EvaluationResult {
	r := policy.Request{Principal: sim.who.Principal, Action: action, Resource: resource, Now: sim.now, Keys: sim}
	v := sim.who.Decide(&r, sim.resource, sim.cross)
	out := api.EvaluationResult{
		EvalActionName: &action, EvalResourceName: &resource, EvalDecision: new(api.PolicyEvaluationDecisionTypeImplicitDeny),
		MatchedStatements: []api.Statement{}, MissingContextValues: []string{},
	}
	switch {
	case v.Allowed:
		out.EvalDecision = new(api.PolicyEvaluationDecisionTypeAllowed)
	case v.Explicit:
		out.EvalDecision = new(api.PolicyEvaluationDecisionTypeExplicitDeny)
	}
	if v.Source == policy.FromIdentity && v.Document >= 0 && v.Document < len(sim.who.Policies) {
		p := &sim.who.Policies[v.Document]
		out.MatchedStatements = append(out.MatchedStatements, api.Statement{SourcePolicyId: &p.Name, SourcePolicyType: &p.Kind})
	}
	if v.Source == policy.FromResource && v.Statement >= 0 {
		out.MatchedStatements = append(out.MatchedStatements, api.Statement{SourcePolicyId: new("ResourcePolicy"), SourcePolicyType: new("resource")})
	}
	if sim.who.Boundary != nil {
		d := sim.who.Boundary.Evaluate(&r)
		out.PermissionsBoundaryDecisionDetail = &api.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: new(d.Allowed())}
	}
	for _, key := range sim.asked {
		if !sim.has(key) {
			out.MissingContextValues = append(out.MissingContextValues, key)
		}
	}
	return out
}

// has reports whether the simulation knows a condition key.
func (sim *simulation) has(key string) bool {
	switch key {
	case "aws:currenttime", "aws:epochtime":
		return true
	case "aws:principalarn":
		return sim.who.ARN != ""
	case "aws:principalaccount":
		return sim.who.Account != ""
	case "aws:userid":
		return sim.who.UserID != ""
	case "aws:username":
		return sim.who.UserName != ""
	case "aws:principaltype":
		return sim.who.Type != ""
	}
	_, ok := sim.Key(key)
	return ok
}

// Key returns what the call says a condition key holds, or what comes with the
// identity.
func (sim *simulation) Key(name string) (policy.Values, bool) {
	if v, ok := sim.keys.Key(name); ok {
		return v, true
	}
	return sim.who.Key(name)
}
