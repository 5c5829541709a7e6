package acm

import (
	"context"
	"crypto/x509"
	"slices"

	api "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
)

// ListCertificates lists certificates.
//
// AWS: without keyTypes only those with RSA keys of 1024 and 2048 bits.
func (s *Service) ListCertificates(ctx context.Context, in *api.ListCertificatesInput) (*api.ListCertificatesResponse, error) {
	rows, err := s.certificates(s.scope(ctx)).All(ctx)
	if err != nil {
		return nil, err
	}
	types := []string{api.KeyAlgorithmRsa1024, api.KeyAlgorithmRsa2048}
	if f := in.Includes; f != nil {
		if len(f.KeyTypes) > 0 {
			types = f.KeyTypes
		}
		if f.ExportOption != nil || len(f.ExtendedKeyUsage) > 0 || len(f.KeyUsage) > 0 || f.ManagedBy != nil {
			return nil, noFilter.refuse()
		}
	}
	if len(in.CertificateKeyPairOrigins) > 0 {
		return nil, noOrigin.refuse()
	}
	used, err := s.inUse(ctx, s.scope(ctx).Account)
	if err != nil {
		return nil, err
	}
	list := []api.CertificateSummary{}
	for _, row := range rows {
		c := &row.Value
		leaf, err := leafOf(c)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(types, algorithmOf(leaf)) || len(in.CertificateStatuses) > 0 && !slices.Contains(in.CertificateStatuses, *statusOf(leaf)) {
			continue
		}
		list = append(list, summary(c, leaf, len(used[c.ARN()]) > 0))
	}
	slices.SortStableFunc(list, func(a, b api.CertificateSummary) int {
		order := a.CreatedAt.Compare(*b.CreatedAt)
		if str(in.SortOrder) == api.SortOrderDescending {
			return -order
		}
		return order
	})
	n := 1000
	if in.MaxItems != nil {
		if n = int(*in.MaxItems); n < 1 || n > 1000 {
			return nil, awsrpc.Validation("1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000")
		}
	}
	items, next, ok := awsrpc.Page(list, func(c *api.CertificateSummary) string { return *c.CertificateArn }, in.NextToken, n)
	if !ok {
		return nil, api.InvalidArgsException("The NextToken is not valid") // AWS: undocumented text
	}
	return &api.ListCertificatesResponse{CertificateSummaryList: items, NextToken: next}, nil
}

func summary(c *record.Certificate, leaf *x509.Certificate, used bool) api.CertificateSummary {
	domains := domainsOf(c, leaf)
	out := api.CertificateSummary{
		CertificateArn: new(c.ARN()), DomainName: first(domains), SubjectAlternativeNameSummaries: domains, HasAdditionalSubjectAlternativeNames: new(false),
		Status: statusOf(leaf), Type: new(api.CertificateTypeImported), KeyAlgorithm: new(algorithmOf(leaf)), InUse: &used, CreatedAt: &c.Created,
		NotBefore: &leaf.NotBefore, NotAfter: &leaf.NotAfter, RenewalEligibility: new(api.RenewalEligibilityIneligible),
	}
	for _, u := range keyUsages {
		if leaf.KeyUsage&u.bit != 0 {
			out.KeyUsages = append(out.KeyUsages, u.name)
		}
	}
	for _, u := range leaf.ExtKeyUsage {
		if names, ok := extendedUsages[u]; ok {
			out.ExtendedKeyUsages = append(out.ExtendedKeyUsages, names[0])
		}
	}
	if c.Imported {
		out.ImportedAt = &c.Changed
		return out
	}
	out.Type, out.IssuedAt = new(api.CertificateTypeAmazonIssued), &c.Changed
	if used {
		out.RenewalEligibility = new(api.RenewalEligibilityEligible)
	}
	return out
}
