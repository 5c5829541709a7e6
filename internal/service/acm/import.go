package acm

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	api "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// The longest parts of a certificate that is imported, in bytes.
//
// AWS: API_ImportCertificate.
const (
	maxLeaf  = 32_768
	maxKey   = 5_120
	maxChain = 2_097_152
)

// ImportCertificate takes a certificate in, or a new one in the place of one
// that was imported before: the domain names that name it show the new one at
// once.
func (s *Service) ImportCertificate(ctx context.Context, in *api.ImportCertificateInput) (*api.ImportCertificateResponse, error) {
	if len(in.Certificate) > maxLeaf || len(in.PrivateKey) > maxKey || len(in.CertificateChain) > maxChain {
		return nil, awsrpc.Validation("1 validation error detected: certificate, privateKey or certificateChain is too long")
	}
	leaf, err := checkPair(in, time.Now())
	if err != nil {
		return nil, err
	}
	tags, err := tagMap(in.Tags, nil)
	if err != nil {
		return nil, err
	}
	if in.CertificateArn != nil && len(in.Tags) > 0 {
		return nil, awsrpc.Validation("You cannot apply tags when reimporting a certificate.") // AWS: API_ImportCertificate; undocumented text
	}
	take := func(c *record.Certificate) {
		c.Imported, c.Leaf, c.Chain, c.Key = true, string(in.Certificate), string(in.CertificateChain), record.Secret(in.PrivateKey)
		c.Changed = now()
	}
	if in.CertificateArn != nil {
		err := s.change(ctx, in.CertificateArn, func(c *record.Certificate) error {
			if !c.Imported {
				return awsrpc.Validation("Certificate " + c.ARN() + " was not imported: it cannot be imported again") // AWS: undocumented text
			}
			if err := s.keepsNames(ctx, c, leaf); err != nil {
				return err
			}
			take(c)
			return nil
		})
		return &api.ImportCertificateResponse{CertificateArn: in.CertificateArn}, err
	}
	cert := record.Certificate{Scope: s.scope(ctx), ID: record.NewUUID(), Created: now(), Tags: tags}
	take(&cert)
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		if err := s.room(ctx, cert.Scope); err != nil {
			return err
		}
		put(c, s.certificates(cert.Scope), &cert, 0)
		return nil
	})
	return &api.ImportCertificateResponse{CertificateArn: new(cert.ARN())}, err
}

// keepsNames refuses a certificate that is not for the domain names which show
// the one that it replaces.
//
// AWS: the names of a certificate in use must stay ("Reimport a certificate").
func (s *Service) keepsNames(ctx context.Context, old *record.Certificate, leaf *x509.Certificate) error {
	users, err := s.users(ctx, old)
	if err != nil || len(users) == 0 {
		return err
	}
	before, err := leafOf(old)
	if err != nil {
		return err
	}
	for _, name := range before.DNSNames {
		if leaf.VerifyHostname(example(name)) != nil {
			return awsrpc.Validation("The certificate is in use, and the new one is not for " + name)
		}
	}
	return nil
}

// checkPair refuses what no client could accept.
//
// AWS: "Prerequisites for importing certificates"; of the texts only those that
// are widely reported are Amazon's.
func checkPair(in *api.ImportCertificateInput, now time.Time) (*x509.Certificate, error) {
	block, rest := pem.Decode(in.Certificate)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, awsrpc.Validation("Could not parse certificate. Please ensure the certificate is in PEM format.")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, awsrpc.Validation("The certificate field contains more than one certificate. You can specify only one certificate in this field.")
	}
	if key, _ := pem.Decode(in.PrivateKey); key == nil {
		return nil, awsrpc.Validation("The private key is not in PEM format or is encrypted.")
	}
	pair, err := tls.X509KeyPair(in.Certificate, in.PrivateKey)
	if err != nil {
		return nil, awsrpc.Validation("The certificate and the private key do not fit each other.")
	}
	if now.Before(pair.Leaf.NotBefore) || now.After(pair.Leaf.NotAfter) {
		return nil, awsrpc.Validation("The certificate is not valid now.")
	}
	return pair.Leaf, checkChain(pair.Leaf, in.CertificateChain)
}

// checkChain wants each certificate of a chain to have signed the one before.
func checkChain(below *x509.Certificate, chain []byte) error {
	for i := 0; len(bytes.TrimSpace(chain)) > 0; i++ {
		block, rest := pem.Decode(chain)
		if block == nil {
			return awsrpc.Validation("Could not parse the certificate chain. Please ensure it is in PEM format.")
		}
		issuer, err := x509.ParseCertificate(block.Bytes)
		if err != nil || below.CheckSignatureFrom(issuer) != nil {
			return awsrpc.Validation(fmt.Sprintf("Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, "+
				"followed by any intermediaries in order. The index within the chain of the invalid certificate is: %d", i))
		}
		below, chain = issuer, rest
	}
	return nil
}
