package cloudformation

import (
	"context"

	"gatehouse/internal/awsrpc"
)

// principal is the service that the roles of stacks must trust.
const principal = "cloudformation.amazonaws.com"

// Roles are asked by stacks that are made in a role.
type Roles interface {
	// PassRole tells whether the caller of ctx may hand a role to a service.
	PassRole(ctx context.Context, role, service string) error
	// Assume returns a caller who has the rights of a role of the account,
	// which must trust the service.
	Assume(service, account, role, session string) (awsrpc.Caller, error)
}

// checkRole refuses a role that the caller may not pass, or that cannot be
// assumed.
//
// AWS: recorded by clients as "Role ARN is invalid or cannot be assumed".
func (s *Service) checkRole(ctx context.Context, role *string) error {
	switch {
	case role == nil:
		return nil
	case s.opt.Roles == nil:
		return awsrpc.Validation("Role " + *role + " is invalid or cannot be assumed")
	}
	if err := s.opt.Roles.PassRole(ctx, *role, principal); err != nil {
		return err
	}
	if _, err := s.opt.Roles.Assume(principal, awsrpc.CallerFrom(ctx).Account, *role, roleSession); err != nil {
		return awsrpc.Validation("Role " + *role + " is invalid or cannot be assumed")
	}
	return nil
}

// roleSession is what the sessions of stacks are called.
const roleSession = "AWSCloudFormation"

// inRole returns who makes the calls for a stack that has a role. If the role is
// gone it is nobody, whose calls are all refused.
func (s *Service) inRole(st *stack, of caller) awsrpc.Caller {
	nobody := awsrpc.Caller{Account: of.Account, Region: of.Region, PrincipalARN: str(st.RoleARN)}
	if s.opt.Roles == nil {
		return nobody
	}
	c, err := s.opt.Roles.Assume(principal, of.Account, *st.RoleARN, roleSession)
	if err != nil {
		s.opt.Log.Warn("the role of a stack cannot be assumed", "stack", str(st.StackId), "role", *st.RoleARN, "error", err)
		return nobody
	}
	c.Account, c.Region = of.Account, of.Region
	return c
}
