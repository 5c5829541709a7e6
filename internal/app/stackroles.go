package app

import (
	"errors"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/service/cloudformation"
	"gatehouse/internal/service/iam"
	"gatehouse/internal/service/sts"
)

// stackRoles give stacks the rights of roles of this server's own IAM.
type stackRoles struct {
	*iam.Access
	sts *sts.Service
}

var _ cloudformation.Roles = stackRoles{}

// Assume returns a caller in a new session of a role.
func (r stackRoles) Assume(service, account, role, session string) (awsrpc.Caller, error) {
	made, err := r.sts.AssumeForWork(service, account, role, session)
	if err != nil {
		return awsrpc.Caller{}, err
	}
	cred, ok := r.Lookup(*made.AccessKeyId, *made.SessionToken)
	if !ok {
		return awsrpc.Caller{}, errors.New("the session is not known")
	}
	return awsrpc.Caller{Account: cred.AccountID, AccessKey: cred.AccessKey, SessionToken: cred.SessionToken, PrincipalARN: cred.PrincipalARN, UserID: cred.UserID}, nil
}
