package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/service/cloudtrail"
)

// auditDir is where records stand in the data directory.
const auditDir = "audit"

// auditMark is the file that tells which record is the newest, should they be gone.
const auditMark = "audit.last"

// leastAudit is the least room for records of calls.
const leastAudit = 1 << 20

// openTrail makes CloudTrail, which records every call of an AWS API.
func (n *node) openTrail() (*cloudtrail.Service, error) {
	s, err := cloudtrail.New(n.st, cloudtrail.Options{
		Dir: filepath.Join(n.cfg.Data, auditDir), Mark: filepath.Join(n.cfg.Data, auditMark), MaxBytes: int64(n.cfg.AuditSize), Log: n.log,
		Deliver: n.cfg.AuditDelivery, Digest: n.cfg.AuditDigest, Buckets: auditBuckets{n.buckets, n.cfg.AuditDirectories}, Groups: n.groups, WatchAPIs: n.auditAPIs,
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return s, nil
}

// auditAPIs has requests to APIs recorded by CloudTrail, or not any more.
func (n *node) auditAPIs(on bool) {
	if !on {
		n.gateway.Watch(nil)
		return
	}
	n.gateway.Watch(func(x *gateway.Exchange) {
		r := x.Ended()
		c := cloudtrail.APICall{
			At: r.Start, Account: r.Account, Region: r.Region, API: r.API, Stage: r.Stage, Route: r.Route, Method: r.Method, Path: r.Path,
			SourceIP: r.SourceIP, UserAgent: x.Vars.UserAgent, RequestID: r.RequestID, Status: r.Status, Fault: r.Fault, Message: r.Message,
		}
		if p := x.Identity.Principal; p != nil {
			c.Caller = awsrpc.Caller{Account: p.Account, AccessKey: x.Identity.AccessKey, PrincipalARN: p.ARN, UserID: p.UserID, Root: p.Root}
		}
		n.trail.APICalled(&c)
	})
}

// auditedFunctions calls functions for the data plane, and has CloudTrail record
// that.
type auditedFunctions struct {
	function.Invoker
	trail *cloudtrail.Service
}

// Invoke calls a function.
func (a auditedFunctions) Invoke(ctx context.Context, in *function.Invocation) (*function.Result, error) {
	res, err := a.Invoker.Invoke(ctx, in)
	c := cloudtrail.FunctionCall{Function: in.Function, Service: in.Source.Service, Event: in.Kind == function.Event, RequestID: in.RequestID, Err: err}
	if refused := (*function.Error)(nil); errors.As(err, &refused) {
		c.Err = &awsrpc.Error{Code: refused.Name, Status: refused.Status, Message: refused.Message}
	}
	a.trail.FunctionCalled(&c)
	return res, err
}

// checkAudit reports settings of the audit that cannot work.
func (c *Config) checkAudit() error {
	switch {
	case c.AuditSize < leastAudit:
		return errors.New("audit-size: write at least 1M")
	case c.AuditDelivery < time.Second:
		return errors.New("audit-delivery: write at least 1s")
	case c.AuditDigest < c.AuditDelivery:
		return errors.New("audit-digest: must not be less than audit-delivery")
	}
	return nil
}
