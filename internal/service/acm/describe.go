package acm

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/record"
)

// leafOf reads a certificate, which was understood before it was stored.
func leafOf(c *record.Certificate) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(c.Leaf))
	if block == nil {
		return nil, errors.New("certificate " + c.ARN() + " in the store is none")
	}
	return x509.ParseCertificate(block.Bytes)
}

// example is a host name that a name with a wildcard stands for.
func example(name string) string { return strings.Replace(name, "*", "any", 1) }

// domainsOf are the names of a certificate, its first name first.
//
// AWS: DomainName of an imported certificate is its common name, or else the
// first alternative one.
func domainsOf(c *record.Certificate, leaf *x509.Certificate) []string {
	if len(c.Names) > 0 {
		return c.Names
	}
	list := slices.Clone(leaf.DNSNames)
	if name := leaf.Subject.CommonName; name != "" && !slices.Contains(list, name) {
		list = slices.Insert(list, 0, name)
	}
	return list
}

// algorithmOf is the algorithm of a key, in AWS's words for requests.
func algorithmOf(leaf *x509.Certificate) string {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA_%d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return map[int]string{256: api.KeyAlgorithmEcPrime256v1, 384: api.KeyAlgorithmEcSecp384r1, 521: api.KeyAlgorithmEcSecp521r1}[key.Params().BitSize]
	}
	return ""
}

// statusOf tells what has become of a certificate.
func statusOf(leaf *x509.Certificate) *string {
	if time.Now().After(leaf.NotAfter) {
		return new(api.CertificateStatusExpired)
	}
	return new(api.CertificateStatusIssued)
}

var keyUsages = []struct {
	bit  x509.KeyUsage
	name string
}{
	{x509.KeyUsageDigitalSignature, api.KeyUsageNameDigitalSignature}, {x509.KeyUsageContentCommitment, api.KeyUsageNameNonRepudation},
	{x509.KeyUsageKeyEncipherment, api.KeyUsageNameKeyEncipherment}, {x509.KeyUsageDataEncipherment, api.KeyUsageNameDataEncipherment},
	{x509.KeyUsageKeyAgreement, api.KeyUsageNameKeyAgreement}, {x509.KeyUsageCertSign, api.KeyUsageNameCertificateSigning},
	{x509.KeyUsageCRLSign, api.KeyUsageNameCrlSigning},
}

var extendedUsages = map[x509.ExtKeyUsage][2]string{
	x509.ExtKeyUsageServerAuth: {api.ExtendedKeyUsageNameTlsWebServerAuthentication, "1.3.6.1.5.5.7.3.1"},
	x509.ExtKeyUsageClientAuth: {api.ExtendedKeyUsageNameTlsWebClientAuthentication, "1.3.6.1.5.5.7.3.2"},
}

// DescribeCertificate tells all about a certificate but its key.
func (s *Service) DescribeCertificate(ctx context.Context, in *api.DescribeCertificateInput) (*api.DescribeCertificateResponse, error) {
	cert, _, err := s.find(ctx, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	leaf, err := leafOf(&cert)
	if err != nil {
		return nil, err
	}
	users, err := s.users(ctx, &cert)
	if err != nil {
		return nil, err
	}
	domains := domainsOf(&cert, leaf)
	d := &api.CertificateDetail{
		CertificateArn: new(cert.ARN()), DomainName: first(domains), SubjectAlternativeNames: domains, Status: statusOf(leaf), CreatedAt: &cert.Created,
		Type: new(api.CertificateTypeImported), ImportedAt: &cert.Changed, InUseBy: users, Subject: new(leaf.Subject.String()),
		Issuer: new(issuerOf(leaf)), KeyAlgorithm: new(shownAlgorithm(algorithmOf(leaf))), Serial: new(serialText(leaf)),
		SignatureAlgorithm: new(signatureText(leaf)), NotBefore: &leaf.NotBefore, NotAfter: &leaf.NotAfter,
		RenewalEligibility: new(api.RenewalEligibilityIneligible),
		Options:            &api.CertificateOptions{CertificateTransparencyLoggingPreference: new(api.CertificateTransparencyLoggingPreferenceDisabled)},
	}
	for _, u := range keyUsages {
		if leaf.KeyUsage&u.bit != 0 {
			d.KeyUsages = append(d.KeyUsages, api.KeyUsage{Name: new(u.name)})
		}
	}
	for _, u := range leaf.ExtKeyUsage {
		if names, ok := extendedUsages[u]; ok {
			d.ExtendedKeyUsages = append(d.ExtendedKeyUsages, api.ExtendedKeyUsage{Name: new(names[0]), OID: new(names[1])})
		}
	}
	if !cert.Imported {
		describeIssued(&cert, d)
	}
	return &api.DescribeCertificateResponse{Certificate: d}, nil
}

// describeIssued adds what one that our authority has issued has: as if all had
// been proved.
func describeIssued(cert *record.Certificate, d *api.CertificateDetail) {
	d.Type, d.ImportedAt, d.IssuedAt = new(api.CertificateTypeAmazonIssued), nil, &cert.Changed
	if len(d.InUseBy) > 0 { // AWS: only those in use are renewed
		d.RenewalEligibility = new(api.RenewalEligibilityEligible)
	}
	for _, name := range cert.Names {
		v := api.DomainValidation{DomainName: new(name), ValidationDomain: new(name), ValidationMethod: new(cert.Validation), ValidationStatus: new(api.DomainStatusSuccess)}
		if cert.Validation == api.ValidationMethodDns {
			v.ResourceRecord = validationRecord(cert, name)
		}
		d.DomainValidationOptions = append(d.DomainValidationOptions, v)
	}
	if cert.Changed.After(cert.Created.Add(time.Minute)) {
		d.RenewalSummary = &api.RenewalSummary{RenewalStatus: new(api.RenewalStatusSuccess), UpdatedAt: &cert.Changed, DomainValidationOptions: d.DomainValidationOptions}
	}
}

// validationRecord is the record of DNS that would prove a domain: tools wait
// until there is one to be told. Nothing looks for it.
//
// AWS: _token.domain. CNAME _token.token.acm-validations.aws.; a wildcard has the
// record of its domain.
func validationRecord(cert *record.Certificate, name string) *api.ResourceRecord {
	domain := strings.TrimPrefix(name, "*.")
	sum := sha256.Sum256([]byte(cert.Account + " " + domain))
	text := hex.EncodeToString(sum[:])
	return &api.ResourceRecord{Name: new("_" + text[:32] + "." + domain + "."), Type: new(api.RecordTypeCname), Value: new("_" + text[32:] + ".acm-validations.aws.")}
}

// shownAlgorithm is an algorithm as DescribeCertificate prints it.
//
// AWS: RSA-2048, EC_prime256v1.
func shownAlgorithm(name string) string {
	if strings.HasPrefix(name, "RSA_") {
		return strings.Replace(name, "_", "-", 1)
	}
	return name
}

// issuerOf is who issued a certificate.
//
// AWS: the organization, as "Amazon".
func issuerOf(leaf *x509.Certificate) string {
	if len(leaf.Issuer.Organization) > 0 {
		return leaf.Issuer.Organization[0]
	}
	return leaf.Issuer.CommonName
}

// serialText is the serial number as AWS prints it: bytes with colons between.
func serialText(leaf *x509.Certificate) string {
	var parts []string
	for _, b := range leaf.SerialNumber.Bytes() {
		parts = append(parts, fmt.Sprintf("%02x", b))
	}
	return strings.Join(parts, ":")
}

// signatureText is the signature's algorithm.
//
// AWS: SHA256WITHRSA.
func signatureText(leaf *x509.Certificate) string {
	// The library says SHA256-RSA and ECDSA-SHA256.
	one, other, ok := strings.Cut(leaf.SignatureAlgorithm.String(), "-")
	switch {
	case !ok:
		return one
	case strings.HasPrefix(other, "SHA"):
		one, other = other, one
	}
	return one + "WITH" + other
}

// GetCertificate returns a certificate and its chain.
func (s *Service) GetCertificate(ctx context.Context, in *api.GetCertificateInput) (*api.GetCertificateResponse, error) {
	cert, _, err := s.find(ctx, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	out := &api.GetCertificateResponse{Certificate: new(cert.Leaf)}
	if cert.Chain != "" {
		out.CertificateChain = new(cert.Chain)
	}
	return out, nil
}

func first(list []string) *string {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
}
