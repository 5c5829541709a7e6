package cloudformation

import (
	"context"
	"errors"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// UpdateTerminationProtection lets a stack be deleted, or not.
func (s *Service) UpdateTerminationProtection(ctx context.Context, in *api.UpdateTerminationProtectionInput) (*api.UpdateTerminationProtectionResponse, error) {
	t := s.tables(ctx)
	st, rev, err := t.find(ctx, *in.StackName)
	if err != nil {
		return nil, err
	}
	if st.RootId != nil {
		// AWS: it "is set on the root stack and can't be changed directly on the nested stack"; undocumented text.
		return nil, awsrpc.Validation("TerminationProtection cannot be updated on a nested stack: it is that of the root stack " + *st.RootId)
	}
	switch status := str(st.StackStatus); status {
	case "DELETE_IN_PROGRESS", "DELETE_COMPLETE":
		return nil, awsrpc.Validation("TerminationProtection cannot be updated on a stack that is in " + status + " status")
	}
	if st.Run != nil {
		// The run holds the stack's record and would fail for it.
		return nil, awsrpc.Validation("Stack:" + str(st.StackId) + " is in " + str(st.StackStatus) + " state and can not be updated.")
	}
	st.EnableTerminationProtection = in.EnableTerminationProtection
	err = store.Update(ctx, s.st, func(c *store.Change) error { t.put(c, &st, rev); return nil })
	if errors.Is(err, store.ErrConflict) {
		err = errBusy(&st)
	}
	return &api.UpdateTerminationProtectionResponse{StackId: st.StackId}, err
}

// protected tells whether the stack, or the one that it is nested in, must not be
// deleted.
func (st *stack) protected(ctx context.Context, t tables) (bool, error) {
	if st.RootId == nil {
		return isTrue(st.EnableTerminationProtection), nil
	}
	root, _, err := t.find(ctx, *st.RootId)
	return isTrue(root.EnableTerminationProtection), err
}
