package cloudtrail

import (
	"strings"

	"gatehouse/internal/awsrpc"
)

// A userIdentity is who made a call.
//
// AWS: "CloudTrail userIdentity element".
type userIdentity struct {
	Type        string          `json:"type,omitempty"` // empty: the server itself
	PrincipalID string          `json:"principalId,omitempty"`
	ARN         string          `json:"arn,omitempty"`
	AccountID   string          `json:"accountId,omitempty"`
	AccessKeyID string          `json:"accessKeyId,omitempty"`
	UserName    string          `json:"userName,omitempty"`
	Session     *sessionContext `json:"sessionContext,omitempty"`
	InvokedBy   string          `json:"invokedBy,omitempty"`
}

// A sessionContext tells of temporary credentials: who issued them.
type sessionContext struct {
	Issuer issuer `json:"sessionIssuer"`
}

type issuer struct {
	Type        string `json:"type,omitempty"`
	PrincipalID string `json:"principalId,omitempty"`
	ARN         string `json:"arn,omitempty"`
	AccountID   string `json:"accountId,omitempty"`
	UserName    string `json:"userName,omitempty"`
}

// identityOf tells who a caller is by the form of its ARN.
func identityOf(c *awsrpc.Caller) userIdentity {
	id := userIdentity{
		Type: "Unknown", PrincipalID: c.UserID, ARN: c.PrincipalARN, AccountID: c.Account, AccessKeyID: c.AccessKey, InvokedBy: c.Via,
	}
	resource := c.PrincipalARN[strings.LastIndexByte(c.PrincipalARN, ':')+1:]
	kind, name, _ := strings.Cut(resource, "/")
	switch kind {
	case "root":
		id.Type = "Root"
	case "user":
		id.Type, id.UserName = "IAMUser", name[strings.LastIndexByte(name, '/')+1:]
	case "assumed-role":
		role, _, _ := strings.Cut(name, "/")
		by, _, _ := strings.Cut(c.UserID, ":")
		id.Type = "AssumedRole"
		id.Session = &sessionContext{issuer{
			Type: "Role", PrincipalID: by, AccountID: c.Account, UserName: role,
			ARN: strings.Replace(c.PrincipalARN[:len(c.PrincipalARN)-len(resource)], ":sts:", ":iam:", 1) + "role/" + role,
		}}
	case "federated-user":
		id.Type = "FederatedUser"
	}
	return id
}

// name is by what LookupEvents finds who made a call.
func (id *userIdentity) name() string {
	switch id.Type {
	case "Root":
		return "root"
	case "IAMUser":
		return id.UserName
	}
	return id.ARN[strings.LastIndexByte(id.ARN, '/')+1:]
}
