package apigateway

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
)

// maxCertificate bounds each part of an uploaded certificate, in bytes; a chain
// has some 8 KiB. AWS: undocumented.
const maxCertificate = 64 << 10

// setCertificate gives a domain the certificate that the call brings with it.
// Those that lie in ACM are refused: there is none.
//
// AWS: API reference of CreateDomainName. None of the texts is recorded.
func setCertificate(dom *record.DomainName, in *api.CreateDomainNameInput, now time.Time) error {
	for _, setting := range []*string{in.CertificateArn, in.RegionalCertificateArn, in.OwnershipVerificationCertificateArn} {
		if setting != nil {
			return noCertificate.refuse("")
		}
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
