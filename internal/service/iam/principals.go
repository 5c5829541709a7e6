package iam

import (
	"context"

	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Principals knows the users and roles that policies of other services name.
type Principals struct{ st store.Store }

// NewPrincipals returns the users and roles of st.
func NewPrincipals(st store.Store) *Principals { return &Principals{st} }

// Check returns missing if a policy names a user or a role of an account that is
// not there. Of other accounts it cannot tell.
//
// AWS: IAM User Guide, "AWS JSON policy elements: Principal": services refuse to
// keep such policies.
func (p *Principals) Check(ctx context.Context, account string, d *policy.Document, missing error) error {
	t := record.IdentitiesOf(p.st, account)
	for _, text := range d.AWSPrincipals() {
		if _, err := idOf(ctx, t, text, missing); err != nil {
			return err
		}
	}
	return nil
}
