package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"gatehouse/internal/service/cloudtrail"
)

// leastAudit is the least room for records of calls.
const leastAudit = 1 << 20

// openTrail makes CloudTrail, which records every call of an AWS API.
func (n *node) openTrail() (*cloudtrail.Service, error) {
	s, err := cloudtrail.New(n.st, cloudtrail.Options{
		Dir: filepath.Join(n.cfg.Data, "audit"), MaxBytes: int64(n.cfg.AuditSize), Log: n.log,
		Deliver: n.cfg.AuditDelivery, Digest: n.cfg.AuditDigest, Buckets: n.buckets,
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return s, nil
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
