package cloudformation

import (
	"context"
	"errors"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// goBack has a stack rolled back that a failed operation left as it was then.
func (s *Service) goBack(ctx context.Context, st *stack, rev store.Rev, role *string, r run) error {
	t := s.tables(ctx)
	if err := s.checkRole(ctx, role); err != nil {
		return err
	}
	if role != nil {
		st.RoleARN = role
	}
	r.Phase, st.Run = phaseRollback, &r
	status := "ROLLBACK_IN_PROGRESS"
	if r.Updating {
		status = "UPDATE_ROLLBACK_IN_PROGRESS"
	}
	st.setStatus(status, "User Initiated")
	err := s.start(ctx, st, func(c *store.Change) error {
		t.put(c, st, rev)
		t.tellStatus(c, st)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return errBusy(st)
	}
	return err
}

// errBusy is who comes second told.
func errBusy(st *stack) error {
	return awsrpc.Validation("Stack:" + str(st.StackId) + " is being changed by somebody else and can not be updated.")
}

// ContinueUpdateRollback tries a rollback again that failed. Resources that it is to
// skip are taken for what they were.
func (s *Service) ContinueUpdateRollback(ctx context.Context, in *api.ContinueUpdateRollbackInput) error {
	t := s.tables(ctx)
	st, rev, err := t.find(ctx, *in.StackName)
	if err != nil {
		return err
	}
	if st.Run != nil || str(st.StackStatus) != "UPDATE_ROLLBACK_FAILED" {
		return awsrpc.Validation("Stack:" + str(st.StackId) + " is in " + str(st.StackStatus) + " state and can not continue update rollback.")
	}
	for _, name := range in.ResourcesToSkip {
		logical, nested, isNested := strings.Cut(name, ".")
		res, _, err := t.resources.Find(ctx, awsrpc.Validation("Some resources do not exist in the stack: ["+name+"]"), st.ID, logical)
		if err != nil {
			return err
		}
		// AWS: "You can skip only resources that are in the UPDATE_FAILED state".
		if res.Status != "UPDATE_FAILED" {
			return awsrpc.Validation("Only resources in the UPDATE_FAILED state can be skipped: [" + name + "] is in " + res.Status)
		}
		if isNested && (nested == "" || res.Type != nestedType) {
			return awsrpc.Validation("Some resources do not exist in the stack: [" + name + "]")
		}
	}
	if st.Token = str(in.ClientRequestToken); st.ParentId != nil {
		return awsrpc.Validation("ContinueUpdateRollback can only be called on the root stack of nested stacks") // AWS: undocumented text
	}
	return s.goBack(ctx, &st, rev, in.RoleARN, run{Updating: true, Skip: in.ResourcesToSkip})
}

// RollbackStack rolls back what a failed operation left because rollback was
// disabled.
func (s *Service) RollbackStack(ctx context.Context, in *api.RollbackStackInput) (*api.RollbackStackResponse, error) {
	t := s.tables(ctx)
	if err := refuseMembers(in, "RetainExceptOnCreate"); err != nil {
		return nil, err
	}
	st, rev, err := t.find(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	status := str(st.StackStatus)
	if st.ParentId != nil {
		return nil, awsrpc.Validation("RollbackStack can only be called on the root stack of nested stacks") // AWS: undocumented text
	}
	if st.Run != nil || !slices.Contains([]string{"CREATE_FAILED", "UPDATE_FAILED"}, status) {
		return nil, awsrpc.Validation("Stack:" + str(st.StackId) + " is in " + status + " state and can not be rolled back.")
	}
	st.Token = str(in.ClientRequestToken)
	return &api.RollbackStackResponse{StackId: st.StackId}, s.goBack(ctx, &st, rev, in.RoleARN, run{Updating: status == "UPDATE_FAILED"})
}

// skip takes resources for what they were before the update.
func (r *runner) skip(ctx context.Context) error {
	for _, name := range r.st.Run.Skip {
		logical, _, nested := strings.Cut(name, ".")
		res := r.get(logical)
		if nested || res == nil || res.Old == nil {
			continue
		}
		next := *res
		next.Properties, next.Old = res.Old.Properties, nil
		if err := r.save(ctx, &next, "UPDATE_COMPLETE", ""); err != nil {
			return err
		}
	}
	return nil
}

// skippedIn are those of the resources to skip that are in a nested stack.
func (r *runner) skippedIn(logical string) []string {
	var list []string
	for _, name := range r.st.Run.Skip {
		if rest, ok := strings.CutPrefix(name, logical+"."); ok {
			list = append(list, rest)
		}
	}
	return list
}
