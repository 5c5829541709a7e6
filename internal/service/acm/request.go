package acm

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// maxNames is AWS's quota of domain names in a certificate, and repeatable how
// long a token stands for one call.
//
// AWS: "Quotas"; API_RequestCertificate.
const (
	maxNames   = 10
	repeatable = time.Hour
)

// AWS: API_RequestCertificate, DomainName.
var domainForm = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// RequestCertificate has our authority issue a certificate, at once.
func (s *Service) RequestCertificate(ctx context.Context, in *api.RequestCertificateInput) (*api.RequestCertificateResponse, error) {
	names, err := checkRequest(in)
	if err != nil {
		return nil, err
	}
	tags, err := tagMap(in.Tags, nil)
	if err != nil {
		return nil, err
	}
	scope := s.scope(ctx)
	if done, err := s.repeated(ctx, scope, in, names); done != "" || err != nil {
		return &api.RequestCertificateResponse{CertificateArn: &done}, err
	}
	if err := s.room(ctx, scope); err != nil {
		return nil, err // before the work of making a key
	}
	cert := record.Certificate{Scope: scope, ID: record.NewUUID(), Created: now(), Names: names, Validation: api.ValidationMethodDns,
		KeyAlgorithm: api.KeyAlgorithmRsa2048, Token: str(in.IdempotencyToken), Tags: tags}
	if in.ValidationMethod != nil {
		cert.Validation = *in.ValidationMethod
	}
	if in.KeyAlgorithm != nil {
		cert.KeyAlgorithm = *in.KeyAlgorithm
	}
	if err := s.issue(ctx, &cert); err != nil {
		return nil, err
	}
	arn := cert.ARN()
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		done, err := s.repeated(ctx, scope, in, names)
		if err != nil {
			return err
		}
		if done != "" { // by a call that ran beside this one
			arn = done
			return nil
		}
		if err := s.room(ctx, scope); err != nil {
			return err
		}
		put(c, s.certificates(scope), &cert, 0)
		return nil
	})
	return &api.RequestCertificateResponse{CertificateArn: &arn}, err
}

// checkRequest refuses what would not act, and returns the names.
func checkRequest(in *api.RequestCertificateInput) ([]string, error) {
	names := []string{strings.ToLower(*in.DomainName)}
	for _, n := range in.SubjectAlternativeNames {
		if n = strings.ToLower(n); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, n := range names {
		if len(n) > 253 || !domainForm.MatchString(n) {
			return nil, awsrpc.Validation("1 validation error detected: Value '" + n + "' at 'domainName' failed to satisfy constraint: Member must satisfy regular expression pattern: (\\*\\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])")
		}
	}
	if len(names) > maxNames {
		return nil, api.LimitExceededException(fmt.Sprintf("Certificates can have at most %d domain names", maxNames)) // AWS: undocumented text
	}
	for _, o := range in.DomainValidationOptions {
		domain, by := strings.TrimPrefix(strings.ToLower(*o.DomainName), "*."), strings.ToLower(*o.ValidationDomain)
		if domain != by && !strings.HasSuffix(domain, "."+by) {
			return nil, api.InvalidDomainValidationOptionsException("The validation domain " + by + " is no superdomain of " + domain) // AWS: undocumented text
		}
	}
	return names, checkOptions(in)
}

// checkOptions refuses the settings of Amazon's authorities that ours has not.
func checkOptions(in *api.RequestCertificateInput) error {
	o := in.Options
	switch {
	case in.CertificateAuthorityArn != nil:
		return noAuthority.refuse()
	case in.ManagedBy != nil:
		return noManager.refuse()
	case in.KeyAlgorithm != nil && curveOf(*in.KeyAlgorithm) == nil && bitsOf(*in.KeyAlgorithm) == 0:
		return noAlgorithm.refuse()
	case o == nil:
		return nil
	case str(o.Export) == api.CertificateExportEnabled:
		return noExport.refuse()
	case str(o.CertificateTransparencyLoggingPreference) == api.CertificateTransparencyLoggingPreferenceEnabled:
		return noTransparency.refuse()
	case o.ValidationMethod != nil:
		return noMethodOption.refuse()
	}
	return nil
}

// repeated returns the ARN of the certificate that the same call asked for just
// now; empty: none did.
func (s *Service) repeated(ctx context.Context, scope record.Scope, in *api.RequestCertificateInput, names []string) (string, error) {
	if in.IdempotencyToken == nil {
		return "", nil
	}
	rows, err := s.certificates(scope).All(ctx)
	if err != nil {
		return "", err
	}
	for _, row := range rows {
		c := &row.Value
		if c.Token == *in.IdempotencyToken && slices.Equal(c.Names, names) && time.Since(c.Created) < repeatable {
			return c.ARN(), nil
		}
	}
	return "", nil
}

// newKey makes a key of an algorithm.
func newKey(algorithm string) (crypto.Signer, error) {
	if c := curveOf(algorithm); c != nil {
		return ecdsa.GenerateKey(c, rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, bitsOf(algorithm))
}

func curveOf(algorithm string) elliptic.Curve {
	switch algorithm {
	case api.KeyAlgorithmEcPrime256v1:
		return elliptic.P256()
	case api.KeyAlgorithmEcSecp384r1:
		return elliptic.P384()
	case api.KeyAlgorithmEcSecp521r1:
		return elliptic.P521()
	}
	return nil
}

func bitsOf(algorithm string) int {
	switch algorithm {
	case api.KeyAlgorithmRsa2048:
		return 2048
	case api.KeyAlgorithmRsa3072:
		return 3072
	case api.KeyAlgorithmRsa4096:
		return 4096
	}
	return 0
}
