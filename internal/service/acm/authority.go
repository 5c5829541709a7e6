package acm

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// How long certificates are valid.
//
// AWS: "valid for 13 months (395 days)"; they are renewed 60 days before
// ("Managed certificate renewal"). That of the authority is ours.
const (
	life          = 395 * 24 * time.Hour
	renewedBefore = 60 * 24 * time.Hour
	authorityLife = 20 * 365 * 24 * time.Hour
	oftenEnough   = time.Hour // to look for what is to be renewed
)

// authority returns our authority, which is made when it is first asked for.
func (s *Service) authority(ctx context.Context) (tls.Certificate, error) {
	var rec record.Authority
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		t := record.Authorities(s.st)
		found, rev, err := t.Find(ctx, nil, "authority")
		if err != nil || rev != 0 {
			rec = found
			return err
		}
		if rec, err = newAuthority(); err != nil {
			return err
		}
		c.Require(t.Absent(store.ID("authority")))
		store.Add(c, t, store.ID("authority"), rec)
		return nil
	})
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the authority of certificates: %w", err)
	}
	return tls.X509KeyPair([]byte(rec.Certificate), []byte(rec.Key.Reveal()))
}

func newAuthority() (record.Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return record.Authority{}, err
	}
	begin := now()
	id := record.NewUUID()[:8] // tells the authorities of several servers apart
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{Organization: []string{"Gatehouse"}, CommonName: "Gatehouse authority " + id},
		NotBefore: begin, NotAfter: begin.Add(authorityLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return record.Authority{}, err
	}
	private, err := privatePEM(key)
	return record.Authority{Certificate: certificatePEM(der), Key: private}, err
}

// serial is a serial number that nobody can guess.
func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b)
}

func certificatePEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func privatePEM(key any) (record.Secret, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return record.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
}

// issue fills in a certificate for the names of cert, with a new key.
func (s *Service) issue(ctx context.Context, cert *record.Certificate) error {
	by, err := s.authority(ctx)
	if err != nil {
		return err
	}
	key, err := newKey(cert.KeyAlgorithm)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	begin := now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: commonName(cert.Names[0])}, DNSNames: cert.Names,
		NotBefore: begin, NotAfter: begin.Add(life), BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Leaf, key.Public(), by.PrivateKey)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	if cert.Key, err = privatePEM(key); err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	cert.Leaf, cert.Chain, cert.Changed = certificatePEM(der), certificatePEM(by.Certificate[0]), begin
	return nil
}

// commonName is a name as a subject can hold it.
//
// AWS: names over 64 bytes stand among the alternative ones only.
func commonName(name string) string {
	if len(name) > 64 {
		return ""
	}
	return name
}

// Run issues the certificates anew that end soon and that somebody shows, until ctx
// ends.
func (s *Service) Run(ctx context.Context) error {
	for t := time.NewTicker(oftenEnough); ; {
		if err := s.renew(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("certificates not renewed, tried again in an hour", "error", err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
	}
}

// renew renews what it can: a certificate that fails keeps no other from it.
func (s *Service) renew(ctx context.Context) error {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return err
	}
	var failed []error
	for _, scope := range scopes {
		rows, err := s.certificates(scope).All(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := s.renewOne(ctx, &row.Value, row.Rev); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", row.Value.ARN(), err))
			}
		}
	}
	return errors.Join(failed...)
}

func (s *Service) renewOne(ctx context.Context, cert *record.Certificate, rev store.Rev) error {
	leaf, err := leafOf(cert)
	if err != nil || cert.Imported || time.Until(leaf.NotAfter) > renewedBefore {
		return err
	}
	users, err := s.users(ctx, cert)
	if err != nil || len(users) == 0 { // AWS: only those in use are renewed
		return err
	}
	if err := s.issue(ctx, cert); err != nil {
		return err
	}
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		put(c, s.certificates(cert.Scope), cert, rev)
		return nil
	})
	if err != nil {
		return err // perhaps somebody changed it meanwhile: in an hour
	}
	s.log.Info("certificate renewed", "certificate", cert.ARN(), "until", cert.Changed.Add(life))
	return nil
}
