package cloudformation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A drift is how a resource differs from what the template made of it.
type drift struct {
	Status      string
	Reason      string
	At          time.Time
	Expected    string
	Actual      string
	Differences []api.PropertyDifference
}

// A detection is the result of looking for the drift of a whole stack.
type detection struct {
	api.DescribeStackDriftDetectionStatusResponse
}

// The states of a resource that was looked at.
const (
	inSync     = "IN_SYNC"
	modified   = "MODIFIED"
	deleted    = "DELETED"
	notChecked = "NOT_CHECKED"
	unknown    = "UNKNOWN"
)

// look compares one resource with what it is, and tells of it under the stack's veil.
// beside are all resources of the stack.
func (s *Service) look(ctx context.Context, t tables, st *stack, res *resource, beside []resource, l veil) *drift {
	d := &drift{Status: notChecked, At: time.Now().UTC().Truncate(time.Millisecond)}
	k := s.kindOf(res.Type)
	if !k.detects() || res.Physical == "" {
		return d
	}
	w := &worker{s: s, t: t, stack: st, kind: k, logical: res.Logical, id: res.Physical, props: maps.Clone(res.Properties), attributes: res.Attributes, beside: beside}
	if w.props == nil {
		w.props = map[string]any{}
	}
	if err := w.resolve(ctx); err != nil {
		d.Status, d.Reason = unknown, l.text(reasonOf(err))
		return d
	}
	expected := k.compared(w.props)
	actual, err := k.actual(ctx, w, expected)
	switch {
	case err != nil && isGone(err):
		d.Status, d.Expected = deleted, marshalText(l.over(expected))
	case err != nil:
		d.Status, d.Reason = unknown, l.text(reasonOf(err))
	default:
		d.Expected, d.Actual = marshalText(l.over(expected)), marshalText(l.over(actual))
		d.Status = inSync
		if d.Differences = l.differences(expected, actual); len(d.Differences) > 0 {
			d.Status = modified
		}
	}
	return d
}

// drifted is the drift of a resource as it is described.
func (res *resource) drifted(st *stack) api.StackResourceDrift {
	d := res.Drift
	out := api.StackResourceDrift{StackId: st.StackId, LogicalResourceId: new(res.Logical), PhysicalResourceId: new(res.Physical), ResourceType: new(res.Type),
		StackResourceDriftStatus: new(d.Status), Timestamp: new(d.At), PropertyDifferences: d.Differences}
	for _, text := range []struct {
		from string
		to   **string
	}{{d.Expected, &out.ExpectedProperties}, {d.Actual, &out.ActualProperties}, {d.Reason, &out.DriftStatusReason}} {
		if text.from != "" {
			*text.to = new(text.from)
		}
	}
	return out
}

// still reads a stack that nothing is being done with.
//
// AWS: "You can perform drift detection on stacks with the following statuses".
func (t tables) still(ctx context.Context, name string) (stack, store.Rev, error) {
	st, rev, err := t.find(ctx, name)
	if err == nil && (st.Run != nil || !slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}, str(st.StackStatus))) {
		err = awsrpc.Validation("Drift detection cannot be performed on stack [" + str(st.StackName) + "] while it is in " + str(st.StackStatus) + " state") // AWS: undocumented text
	}
	return st, rev, err
}

// veil is the veil of a stack.
func (t tables) veil(ctx context.Context, st *stack) (veil, error) {
	rows, err := t.resources.All(ctx, st.ID)
	if err != nil {
		return veil{}, err
	}
	return veilOf(t, st, func(yield func(*resource) bool) {
		for i := range rows {
			if !yield(&rows[i].Value) {
				return
			}
		}
	})
}

// DetectStackDrift compares all resources of a stack with what they are. It is
// complete when it returns.
func (s *Service) DetectStackDrift(ctx context.Context, in *api.DetectStackDriftInput) (*api.DetectStackDriftResponse, error) {
	t := s.tables(ctx)
	st, rev, err := t.still(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	_, list, err := s.resourcesOf(ctx, t, str(st.StackId))
	if err != nil {
		return nil, err
	}
	l, err := t.veil(ctx, &st)
	if err != nil {
		return nil, err
	}
	var found detection
	found.StackDriftDetectionId, found.StackId, found.DetectionStatus = new(record.NewUUID()), st.StackId, new("DETECTION_COMPLETE")
	found.Timestamp = new(time.Now().UTC().Truncate(time.Millisecond))
	status, count := inSync, int32(0)
	var looked []*resource
	for i := range list {
		res := &list[i]
		if len(in.LogicalResourceIds) > 0 && !slices.Contains(in.LogicalResourceIds, res.Logical) {
			continue
		}
		res.Drift = s.look(ctx, t, &st, res, list, l)
		looked = append(looked, res)
		switch res.Drift.Status {
		case modified, deleted:
			status = "DRIFTED"
			count++
		case unknown:
			// AWS: detection failed for a resource fails it as a whole.
			found.DetectionStatus, found.DetectionStatusReason = new("DETECTION_FAILED"), new("Failed to detect drift on resource ["+res.Logical+"]: "+res.Drift.Reason)
		}
	}
	found.StackDriftStatus, found.DriftedStackResourceCount = new(status), new(count)
	if len(in.LogicalResourceIds) == 0 {
		st.DriftInformation = &api.StackDriftInformation{StackDriftStatus: new(status), LastCheckTimestamp: found.Timestamp}
	}
	if err := t.keepDrift(ctx, &st, rev, looked, &found); err != nil {
		return nil, err
	}
	return &api.DetectStackDriftResponse{StackDriftDetectionId: found.StackDriftDetectionId}, nil
}

// keepDrift stores what was found, as long as nothing is done with the stack.
func (t tables) keepDrift(ctx context.Context, st *stack, rev store.Rev, looked []*resource, found *detection) error {
	busy := func(err error) error {
		if errors.Is(err, store.ErrConflict) {
			return errBusy(st)
		}
		return err
	}
	for some := range slices.Chunk(looked, maxSwept/2) {
		if err := store.Update(ctx, t.st, func(c *store.Change) error {
			c.Require(t.stacks.Is(st.ID, rev))
			for _, res := range some {
				store.Add(c, t.resources, store.ID(st.ID, res.Logical), *res)
			}
			return nil
		}); err != nil {
			return busy(err)
		}
	}
	if found == nil {
		return nil
	}
	old, err := t.detectionsOf(ctx, st)
	if err != nil {
		return err
	}
	return busy(store.Update(ctx, t.st, func(c *store.Change) error {
		t.put(c, st, rev)
		for _, id := range old {
			c.Do(t.detections.Delete(id))
		}
		store.Add(c, t.detections, store.ID(*found.StackDriftDetectionId), *found)
		return nil
	}))
}

// detectionsOf are the detections of a stack: a new one takes the place of others.
func (t tables) detectionsOf(ctx context.Context, st *stack) ([]string, error) {
	rows, err := t.detections.All(ctx)
	var list []string
	for _, row := range rows {
		if str(row.Value.StackId) == str(st.StackId) {
			list = append(list, row.ID)
		}
	}
	return list, err
}

// DetectStackResourceDrift compares one resource with what it is.
func (s *Service) DetectStackResourceDrift(ctx context.Context, in *api.DetectStackResourceDriftInput) (*api.DetectStackResourceDriftResponse, error) {
	t := s.tables(ctx)
	st, rev, err := t.still(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	res, _, err := t.resources.Find(ctx, awsrpc.Validation("Resource "+*in.LogicalResourceId+" does not exist for stack "+str(st.StackName)), st.ID, *in.LogicalResourceId)
	if err != nil {
		return nil, err
	}
	if !s.kindOf(res.Type).detects() {
		return nil, awsrpc.Validation("Drift detection is not supported for resource type " + res.Type) // AWS: undocumented text
	}
	_, list, err := s.resourcesOf(ctx, t, str(st.StackId))
	if err != nil {
		return nil, err
	}
	l, err := t.veil(ctx, &st)
	if err != nil {
		return nil, err
	}
	res.Drift = s.look(ctx, t, &st, &res, list, l)
	if err := t.keepDrift(ctx, &st, rev, []*resource{&res}, nil); err != nil {
		return nil, err
	}
	return &api.DetectStackResourceDriftResponse{StackResourceDrift: new(res.drifted(&st))}, nil
}

// DescribeStackDriftDetectionStatus tells how a detection went.
func (s *Service) DescribeStackDriftDetectionStatus(ctx context.Context, in *api.DescribeStackDriftDetectionStatusInput) (*api.DescribeStackDriftDetectionStatusResponse, error) {
	id := *in.StackDriftDetectionId
	d, _, err := s.tables(ctx).detections.Find(ctx, awsrpc.Validation("Drift detection id ["+id+"] does not exist"), id)
	if err != nil {
		return nil, err
	}
	return &d.DescribeStackDriftDetectionStatusResponse, nil
}

// DescribeStackResourceDrifts tells what was found of the resources of a stack.
func (s *Service) DescribeStackResourceDrifts(ctx context.Context, in *api.DescribeStackResourceDriftsInput) (*api.DescribeStackResourceDriftsResponse, error) {
	st, list, err := s.resourcesOf(ctx, s.tables(ctx), *in.StackName)
	if err != nil {
		return nil, err
	}
	all := []api.StackResourceDrift{}
	for i := range list {
		d := list[i].Drift
		if d == nil || d.Status == notChecked || len(in.StackResourceDriftStatusFilters) > 0 && !slices.Contains(in.StackResourceDriftStatusFilters, d.Status) {
			continue
		}
		all = append(all, list[i].drifted(st))
	}
	out := &api.DescribeStackResourceDriftsResponse{}
	out.StackResourceDrifts, out.NextToken, err = page(all, in.NextToken)
	return out, err
}

// driftStatus is the drift of a resource in lists of resources.
func (res *resource) driftStatus() (status *string, at *time.Time) {
	if res.Drift == nil {
		return new(notChecked), nil
	}
	return new(res.Drift.Status), new(res.Drift.At)
}
