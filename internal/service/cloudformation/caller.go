package cloudformation

import "gatehouse/internal/awsrpc"

// A caller is an awsrpc.Caller as it is kept: who asked for what is done with a
// stack. Its session token, if it has one, is kept sealed with the run, and as long
// as that: so work that a crash interrupts goes on with the same session, its
// policies, its tags, and the age by which it may be revoked. Those of the user or
// role are what they are by then.
//
// AWS: without a service role CloudFormation works with "a temporary session that is
// generated from your user credentials" (using-iam-servicerole). It ends when they
// do: rollbacks fail then, and need "a new set of credentials" (troubleshooting,
// "Invalid security token").
type caller struct {
	Account, Region, AccessKey, PrincipalARN, UserID string
	Root                                             bool
}

func callerOf(c awsrpc.Caller) caller {
	return caller{c.Account, c.Region, c.AccessKey, c.PrincipalARN, c.UserID, c.Root}
}

// sealed closes a session token; nil: there is none.
func (s *Service) sealed(token awsrpc.Secret) []byte {
	if token == "" {
		return nil
	}
	return s.opt.Seal.Close([]byte(token.Reveal()))
}

// callerFor returns who makes the calls for a stack that something is done with. If
// its session cannot be read it is nobody, whose calls are all refused.
func (s *Service) callerFor(st *stack) awsrpc.Caller {
	of := st.Caller
	if st.RoleARN != nil {
		return s.inRole(st, of)
	}
	c := awsrpc.Caller{Account: of.Account, Region: of.Region, AccessKey: of.AccessKey, PrincipalARN: of.PrincipalARN, UserID: of.UserID, Root: of.Root}
	if st.Run.Session == nil {
		return c
	}
	token, err := s.opt.Seal.Open(st.Run.Session)
	if err != nil {
		s.opt.Log.Warn("the session of a stack's caller cannot be read", "stack", str(st.StackId), "caller", of.PrincipalARN, "error", err)
		return awsrpc.Caller{Account: of.Account, Region: of.Region, PrincipalARN: of.PrincipalARN}
	}
	c.SessionToken = awsrpc.Secret(token)
	return c
}
