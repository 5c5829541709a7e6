package apigateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// maxCertificate bounds each part of an uploaded certificate, in bytes; a chain
// has some 8 KiB. AWS: undocumented.
const maxCertificate = 64 << 10

// setCertificate gives a domain the certificate that the call brings with it, or
// the name of one that lies in ACM.
//
// AWS: API reference of CreateDomainName. None of the texts is recorded.
func setCertificate(dom *record.DomainName, in *api.CreateDomainNameInput, now time.Time) error {
	if str(in.OwnershipVerificationCertificateArn) != "" {
		return noCertificate.refuse("")
	}
	if str(in.CertificateArn) != "" || str(in.RegionalCertificateArn) != "" {
		if in.CertificateBody != nil || in.CertificateName != nil || in.RegionalCertificateName != nil {
			return api.BadRequestException("A domain name has a certificate that is uploaded or one of ACM, not both")
		}
		dom.DomainName.CertificateArn, dom.RegionalCertificateArn = text(in.CertificateArn), text(in.RegionalCertificateArn)
		return nil // looked at when it is stored
	}
	name, other := in.CertificateName, in.RegionalCertificateName
	if dom.EndpointConfiguration.Types[0] == api.EndpointTypeRegional {
		name, other = other, name
	}
	body, key := str(in.CertificateBody), str(in.CertificatePrivateKey)
	switch {
	case str(name) == "" && other == nil && body == "" && key == "" && in.CertificateChain == nil:
		return nil
	case str(name) == "" || other != nil:
		return api.BadRequestException("An EDGE domain name needs a certificateName, a REGIONAL one a regionalCertificateName, and neither the other")
	case body == "" || key == "":
		return api.BadRequestException("A certificate needs certificateBody and certificatePrivateKey")
	case len(body) > maxCertificate || len(key) > maxCertificate || len(str(in.CertificateChain)) > maxCertificate:
		return api.BadRequestException("The certificate is too large")
	}
	pem := body
	if chain := str(in.CertificateChain); chain != "" {
		pem = strings.TrimRight(body, "\n") + "\n" + chain
	}
	if err := checkCertificate(pem, key, *dom.DomainName.DomainName, now); err != nil {
		return err
	}
	dom.Certificate, dom.Key = pem, record.Secret(key)
	shown := now.Truncate(time.Second)
	dom.CertificateName, dom.RegionalCertificateName, dom.CertificateUploadDate = in.CertificateName, in.RegionalCertificateName, &shown
	return nil
}

// takeCertificate checks the certificate of ACM that a domain names, if it does.
// It is written by the change, so that whoever removes it sees that it is in use.
//
// AWS: the certificate of an EDGE domain lies in us-east-1, that of any other in
// its own Region. The first text is widely reported, the others are ours.
func (s *Service) takeCertificate(ctx context.Context, c *store.Change, dom *record.DomainName, now time.Time) error {
	arn := dom.CertificateARN()
	if arn == "" {
		return nil
	}
	kind := dom.EndpointConfiguration.Types[0]
	if regional := kind == api.EndpointTypeRegional; regional != (dom.RegionalCertificateArn != nil) || regional == (dom.DomainName.CertificateArn != nil) {
		return api.BadRequestException("A REGIONAL domain name needs a regionalCertificateArn, an EDGE or PRIVATE one a certificateArn, and neither the other")
	}
	region := dom.Region
	if kind == api.EndpointTypeEdge {
		region = "us-east-1"
	}
	scope, id, ok := record.CertificateOf(arn)
	if !ok || scope != (record.Scope{Account: dom.Account, Region: region}) {
		return api.BadRequestException("Invalid certificate ARN: " + arn + ". Certificate must be in '" + region + "'.")
	}
	t := record.In(s.st, s.blobs, scope).Certificates
	cert, rev, err := t.Find(ctx, api.BadRequestException("Invalid certificate ARN: "+arn+". There is no such certificate."), id)
	if err != nil {
		return err
	}
	if err := checkCertificate(cert.PEM(), cert.Key.Reveal(), *dom.DomainName.DomainName, now); err != nil {
		return err
	}
	c.Require(t.Is(store.ID(id), rev))
	store.Add(c, t, store.ID(id), cert)
	if dom.CertificateUploadDate == nil || dom.Certificate != "" {
		shown := now.Truncate(time.Second)
		dom.CertificateUploadDate = &shown
	}
	dom.Certificate, dom.Key, dom.CertificateName, dom.RegionalCertificateName = "", "", nil, nil
	return nil
}

// checkCertificate refuses a certificate that no client could accept.
func checkCertificate(pem, key, name string, now time.Time) error {
	invalid := func(why string) error { return api.BadRequestException("Invalid certificate: " + why) }
	pair, err := tls.X509KeyPair([]byte(pem), []byte(key))
	if err != nil {
		return invalid("certificateBody, certificateChain and certificatePrivateKey do not make a key pair in PEM")
	}
	leaf := pair.Leaf
	if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return invalid("it is not valid now")
	}
	if leaf.VerifyHostname(strings.Replace(name, "*", "any", 1)) != nil {
		return invalid("it is not for " + name)
	}
	for cert := leaf; len(pair.Certificate) > 1; pair.Certificate = pair.Certificate[1:] {
		issuer, err := x509.ParseCertificate(pair.Certificate[1])
		if err != nil || cert.CheckSignatureFrom(issuer) != nil {
			return invalid("the certificates of its chain do not follow each other")
		}
		cert = issuer
	}
	return nil
}
