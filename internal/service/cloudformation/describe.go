package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// pageSize is how many a listing shows at once.
const pageSize = 100

// page cuts a page out of a list. A token is where the page begins.
func page[T any](list []T, token *string) ([]T, *string, error) {
	from := 0
	if token != nil {
		var err error
		if from, err = strconv.Atoi(*token); err != nil || from < 0 || from > len(list) {
			return nil, nil, awsrpc.Validation("NextToken is not valid")
		}
	}
	to := min(from+pageSize, len(list))
	if to == len(list) {
		return list[from:], nil, nil
	}
	return list[from:to], new(strconv.Itoa(to)), nil
}

// sorted are all stacks, the newest first.
func (t tables) sorted(ctx context.Context) ([]stack, error) {
	rows, err := t.stacks.All(ctx)
	list := make([]stack, len(rows))
	for i, row := range rows {
		list[i] = row.Value
	}
	slices.SortFunc(list, func(a, b stack) int { return b.CreationTime.Compare(*a.CreationTime) })
	return list, err
}

// DescribeStacks tells about one stack, or about all that are not deleted.
func (s *Service) DescribeStacks(ctx context.Context, in *api.DescribeStacksInput) (*api.DescribeStacksResponse, error) {
	t := s.tables(ctx)
	if in.StackName != nil {
		st, _, err := t.find(ctx, *in.StackName)
		if err != nil {
			return nil, err
		}
		return &api.DescribeStacksResponse{Stacks: []api.Stack{st.described()}}, nil
	}
	list := []api.Stack{}
	if err := t.living(ctx, func(st *stack) { list = append(list, st.described()) }); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b api.Stack) int { return b.CreationTime.Compare(*a.CreationTime) })
	var err error
	out := &api.DescribeStacksResponse{}
	out.Stacks, out.NextToken, err = page(list, in.NextToken)
	return out, err
}

// described is a stack as it is described.
//
// AWS: lists that are empty are there; a deleted stack is not said to be protected or
// not.
func (st *stack) described() api.Stack {
	out := st.Stack
	if out.NotificationARNs == nil {
		out.NotificationARNs = []string{}
	}
	if out.Tags == nil {
		out.Tags = []api.Tag{}
	}
	if str(out.StackStatus) == "DELETE_COMPLETE" {
		out.EnableTerminationProtection = nil
	}
	return out
}

// ListStacks lists stacks, deleted ones too.
func (s *Service) ListStacks(ctx context.Context, in *api.ListStacksInput) (*api.ListStacksResponse, error) {
	all, err := s.tables(ctx).sorted(ctx)
	if err != nil {
		return nil, err
	}
	list := []api.StackSummary{}
	for _, st := range all {
		if len(in.StackStatusFilter) > 0 && !slices.Contains(in.StackStatusFilter, str(st.StackStatus)) {
			continue
		}
		list = append(list, api.StackSummary{StackId: st.StackId, StackName: st.StackName, StackStatus: st.StackStatus, StackStatusReason: st.StackStatusReason,
			CreationTime: st.CreationTime, LastUpdatedTime: st.LastUpdatedTime, DeletionTime: st.DeletionTime, TemplateDescription: st.Description,
			DriftInformation: summaryOf(st.DriftInformation)})
	}
	out := &api.ListStacksResponse{}
	out.StackSummaries, out.NextToken, err = page(list, in.NextToken)
	return out, err
}

func summaryOf(d *api.StackDriftInformation) *api.StackDriftInformationSummary {
	if d == nil {
		return &api.StackDriftInformationSummary{StackDriftStatus: new(notChecked)}
	}
	return &api.StackDriftInformationSummary{StackDriftStatus: d.StackDriftStatus, LastCheckTimestamp: d.LastCheckTimestamp}
}

// DescribeStackEvents tells what happened to a stack, the newest first.
func (s *Service) DescribeStackEvents(ctx context.Context, in *api.DescribeStackEventsInput) (*api.DescribeStackEventsResponse, error) {
	t := s.tables(ctx)
	st, _, err := t.named(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	rows, err := t.events.All(ctx, st.ID)
	if err != nil {
		return nil, err
	}
	list := make([]api.StackEvent, len(rows))
	for i, row := range rows {
		list[len(rows)-1-i] = row.Value
	}
	out := &api.DescribeStackEventsResponse{}
	out.StackEvents, out.NextToken, err = page(list, in.NextToken)
	return out, err
}

// resourcesOf are the resources of a stack by their names.
func (s *Service) resourcesOf(ctx context.Context, t tables, name string) (*stack, []resource, error) {
	st, _, err := t.find(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	rows, err := t.resources.All(ctx, st.ID)
	var list []resource
	for _, row := range rows {
		if !strings.Contains(row.Value.Logical, "/") {
			list = append(list, row.Value)
		}
	}
	return &st, list, err
}

func reason(r *resource) *string {
	if r.Reason == "" {
		return nil
	}
	return new(r.Reason)
}

// DescribeStackResources tells about the resources of a stack, or about the
// stack that a physical resource belongs to.
func (s *Service) DescribeStackResources(ctx context.Context, in *api.DescribeStackResourcesInput) (*api.DescribeStackResourcesResponse, error) {
	t := s.tables(ctx)
	name := str(in.StackName)
	if name == "" {
		rows, err := t.resources.All(ctx)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(rows, func(r store.Row[resource]) bool {
			return r.Value.Physical == str(in.PhysicalResourceId) && r.Value.Physical != ""
		})
		if i < 0 {
			return nil, awsrpc.Validation("Stack for " + str(in.PhysicalResourceId) + " does not exist")
		}
		st, _, err := t.stacks.Get(ctx, store.Parts("/" + rows[i].ID)[0])
		if err != nil {
			return nil, err
		}
		name = str(st.StackId)
	}
	st, list, err := s.resourcesOf(ctx, t, name)
	if err != nil {
		return nil, err
	}
	out := &api.DescribeStackResourcesResponse{StackResources: []api.StackResource{}}
	for i := range list {
		r := &list[i]
		if in.LogicalResourceId != nil && *in.LogicalResourceId != r.Logical {
			continue
		}
		drift, at := r.driftStatus()
		out.StackResources = append(out.StackResources, api.StackResource{StackName: st.StackName, StackId: st.StackId, LogicalResourceId: new(r.Logical),
			PhysicalResourceId: new(r.Physical), ResourceType: new(r.Type), Timestamp: new(r.Updated), ResourceStatus: new(r.Status), ResourceStatusReason: reason(r),
			DriftInformation: &api.StackResourceDriftInformation{StackResourceDriftStatus: drift, LastCheckTimestamp: at}})
	}
	return out, nil
}

// DescribeStackResource tells about one resource.
func (s *Service) DescribeStackResource(ctx context.Context, in *api.DescribeStackResourceInput) (*api.DescribeStackResourceResponse, error) {
	t := s.tables(ctx)
	st, list, err := s.resourcesOf(ctx, t, *in.StackName)
	if err != nil {
		return nil, err
	}
	for i := range list {
		r := &list[i]
		if r.Logical == *in.LogicalResourceId {
			drift, at := r.driftStatus()
			d := &api.StackResourceDetail{StackName: st.StackName, StackId: st.StackId, LogicalResourceId: new(r.Logical), PhysicalResourceId: new(r.Physical),
				ResourceType: new(r.Type), LastUpdatedTimestamp: new(r.Updated), ResourceStatus: new(r.Status), ResourceStatusReason: reason(r),
				DriftInformation: &api.StackResourceDriftInformation{StackResourceDriftStatus: drift, LastCheckTimestamp: at}}
			if r.Metadata != "" {
				d.Metadata = new(r.Metadata)
			}
			return &api.DescribeStackResourceResponse{StackResourceDetail: d}, nil
		}
	}
	return nil, awsrpc.Validation("Resource " + *in.LogicalResourceId + " does not exist for stack " + str(st.StackName))
}

// ListStackResources lists the resources of a stack.
func (s *Service) ListStackResources(ctx context.Context, in *api.ListStackResourcesInput) (*api.ListStackResourcesResponse, error) {
	_, list, err := s.resourcesOf(ctx, s.tables(ctx), *in.StackName)
	if err != nil {
		return nil, err
	}
	all := []api.StackResourceSummary{}
	for i := range list {
		r := &list[i]
		drift, at := r.driftStatus()
		all = append(all, api.StackResourceSummary{LogicalResourceId: new(r.Logical), PhysicalResourceId: new(r.Physical), ResourceType: new(r.Type),
			LastUpdatedTimestamp: new(r.Updated), ResourceStatus: new(r.Status), ResourceStatusReason: reason(r),
			DriftInformation: &api.StackResourceDriftInformationSummary{StackResourceDriftStatus: drift, LastCheckTimestamp: at}})
	}
	out := &api.ListStackResourcesResponse{}
	out.StackResourceSummaries, out.NextToken, err = page(all, in.NextToken)
	return out, err
}

// GetTemplate returns the template of a stack or of a change set.
func (s *Service) GetTemplate(ctx context.Context, in *api.GetTemplateInput) (*api.GetTemplateResponse, error) {
	t := s.tables(ctx)
	out := &api.GetTemplateResponse{StagesAvailable: []string{"Original", "Processed"}}
	if in.ChangeSetName != nil {
		if in.StackName == nil && !strings.HasPrefix(*in.ChangeSetName, "arn:") {
			return nil, awsrpc.Validation("StackName is a required parameter.")
		}
		set, err := t.findSet(ctx, *in.ChangeSetName, in.StackName)
		out.TemplateBody = new(set.stage(in.TemplateStage))
		return out, err
	}
	if in.StackName == nil {
		return nil, awsrpc.Validation("StackName is a required parameter.")
	}
	st, _, err := t.find(ctx, *in.StackName)
	out.TemplateBody = new(st.stage(in.TemplateStage))
	return out, err
}

// stage is the template before or after transforms.
//
// AWS: before them, unless the other is asked for.
func (v *version) stage(name *string) string {
	if str(name) == "Processed" {
		return v.text()
	}
	return v.Template
}

// GetTemplateSummary tells what a template asks for.
func (s *Service) GetTemplateSummary(ctx context.Context, in *api.GetTemplateSummaryInput) (*api.GetTemplateSummaryResponse, error) {
	var body string
	if in.StackName != nil {
		st, _, err := s.tables(ctx).find(ctx, *in.StackName)
		if err != nil {
			return nil, err
		}
		if str(st.StackStatus) == "REVIEW_IN_PROGRESS" {
			return nil, awsrpc.Validation("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
		}
		body = st.Template
	} else {
		var err error
		if body, err = s.bodyOf(ctx, in.TemplateBody, in.TemplateURL, false, &stack{}); err != nil {
			return nil, err
		}
	}
	tpl, transforms, err := summary(body, s.known)
	if err != nil {
		return nil, err
	}
	out := &api.GetTemplateSummaryResponse{DeclaredTransforms: transforms, Description: new(tpl.Description), Parameters: []api.ParameterDeclaration{}, ResourceTypes: []string{}, Version: new("2010-09-09")}
	for _, d := range tpl.Resources {
		if !slices.Contains(out.ResourceTypes, d.Type) {
			out.ResourceTypes = append(out.ResourceTypes, d.Type)
		}
	}
	slices.Sort(out.ResourceTypes)
	for _, name := range slices.Sorted(maps.Keys(tpl.Parameters)) {
		p := tpl.Parameters[name]
		d := api.ParameterDeclaration{ParameterKey: new(name), NoEcho: new(isSecret(p)), DefaultValue: textMember(p, "Default"), ParameterType: textMember(p, "Type"), Description: textMember(p, "Description")}
		if allowed := listOf(p["AllowedValues"]); allowed != nil {
			d.ParameterConstraints = &api.ParameterConstraints{AllowedValues: allowed}
		}
		out.Parameters = append(out.Parameters, d)
	}
	out.Capabilities, out.CapabilitiesReason = tpl.capabilities()
	return out, nil
}

func textMember(m map[string]any, name string) *string {
	if s, ok := textOf(m[name]); ok {
		return new(s)
	}
	return nil
}

func (t *template) capabilities() ([]string, *string) {
	need := t.needs()
	if need == "" {
		return nil, nil
	}
	var types []string
	for _, d := range t.Resources {
		if strings.HasPrefix(d.Type, "AWS::IAM::") && !slices.Contains(types, d.Type) {
			types = append(types, d.Type)
		}
	}
	slices.Sort(types)
	return []string{need}, new("The following resource(s) require capabilities: [" + strings.Join(types, ", ") + "]")
}

// ValidateTemplate checks a template.
func (s *Service) ValidateTemplate(ctx context.Context, in *api.ValidateTemplateInput) (*api.ValidateTemplateResponse, error) {
	body, err := s.bodyOf(ctx, in.TemplateBody, in.TemplateURL, false, &stack{})
	if err != nil {
		return nil, err
	}
	tpl, transforms, err := summary(body, s.known)
	if err != nil {
		return nil, err
	}
	out := &api.ValidateTemplateResponse{DeclaredTransforms: transforms, Description: new(tpl.Description), Parameters: []api.TemplateParameter{}}
	for _, name := range slices.Sorted(maps.Keys(tpl.Parameters)) {
		p := tpl.Parameters[name]
		out.Parameters = append(out.Parameters, api.TemplateParameter{ParameterKey: new(name), NoEcho: new(isSecret(p)), DefaultValue: textMember(p, "Default"), Description: textMember(p, "Description")})
	}
	out.Capabilities, out.CapabilitiesReason = tpl.capabilities()
	return out, nil
}

// ListExports lists what stacks export.
func (s *Service) ListExports(ctx context.Context, in *api.ListExportsInput) (*api.ListExportsResponse, error) {
	rows, err := s.tables(ctx).exports.All(ctx)
	if err != nil {
		return nil, err
	}
	list := []api.Export{}
	for _, row := range rows {
		list = append(list, api.Export{ExportingStackId: new(row.Value.Stack), Name: new(row.Value.Name), Value: new(row.Value.Value)})
	}
	out := &api.ListExportsResponse{}
	out.Exports, out.NextToken, err = page(list, in.NextToken)
	return out, err
}

// ListImports lists the stacks that import an export.
func (s *Service) ListImports(ctx context.Context, in *api.ListImportsInput) (*api.ListImportsResponse, error) {
	users, err := importersOf(ctx, s.tables(ctx), *in.ExportName)
	if err != nil {
		return nil, err
	}
	if users == nil {
		return nil, awsrpc.Validation("Export '" + *in.ExportName + "' is not imported by any stack.")
	}
	return &api.ListImportsResponse{Imports: users}, nil
}

// DescribeAccountLimits tells how many stacks, outputs and what else there may be.
//
// AWS: the names of the limits as the API gives them.
func (s *Service) DescribeAccountLimits(context.Context, *api.DescribeAccountLimitsInput) (*api.DescribeAccountLimitsResponse, error) {
	return &api.DescribeAccountLimitsResponse{AccountLimits: []api.AccountLimit{{Name: new("StackLimit"), Value: new(int32(maxOfAccount))}}}, nil
}
