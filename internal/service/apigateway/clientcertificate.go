package apigateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// certificateLife is how long a client certificate is valid.
//
// AWS: "valid for 365 days" (getting-started-client-side-ssl-authentication).
const certificateLife = 365 * 24 * time.Hour

// AWS: not recorded; worded as for other kinds.
func errClientCertificate() error {
	return api.NotFoundException("Invalid Client Certificate identifier specified")
}

// GenerateClientCertificate makes a key and a certificate for it.
func (s *Service) GenerateClientCertificate(ctx context.Context, in *api.GenerateClientCertificateInput) (*api.ClientCertificate, error) {
	t := s.tables(ctx)
	cert := record.ClientCertificate{Scope: t.Scope, ClientCertificate: api.ClientCertificate{Description: text(in.Description), Tags: in.Tags}}
	if err := cmp.Or(checkClientCertificate(&cert.ClientCertificate), checkTags(cert.Tags)); err != nil {
		return nil, err
	}
	full := errLimit("Client Certificates")
	if err := checkCount(ctx, s.st, t.ClientCertificates, s.opt.Limits.ClientCertificates, full); err != nil {
		return nil, err // before the work of making a key
	}
	if err := generate(&cert, time.Now().UTC()); err != nil {
		return nil, err
	}
	err := s.commit(ctx, func(c *store.Change) error {
		if err := checkCount(ctx, s.st, t.ClientCertificates, s.opt.Limits.ClientCertificates, full); err != nil {
			return err
		}
		cert.ClientCertificateId = new(newID(shortIDLen))
		c.Require(t.ClientCertificates.Absent(*cert.ClientCertificateId))
		store.Add(c, t.ClientCertificates, *cert.ClientCertificateId, cert)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &cert.ClientCertificate, nil
}

// generate fills in key and certificate.
//
// AWS: a certificate shown in public (aquasecurity/cloudsploit, plugin
// apigatewayClientCertificate): RSA of 2048 bits, signed by itself with SHA-256, issued to
// C=US, L=Seattle, CN=ApiGateway, without extensions, lines ended as in DOS.
func generate(cert *record.ClientCertificate, now time.Time) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make a client certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return fmt.Errorf("make a client certificate: %w", err)
	}
	begin := now.Truncate(time.Second)
	name := pkix.Name{Country: []string{"US"}, Locality: []string{"Seattle"}, CommonName: "ApiGateway"}
	template := &x509.Certificate{SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: name, NotBefore: begin, NotAfter: begin.Add(certificateLife)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make a client certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make a client certificate: %w", err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	cert.PemEncodedCertificate = new(strings.ReplaceAll(strings.TrimSuffix(public, "\n"), "\n", "\r\n"))
	cert.Key = record.Secret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	cert.Created, cert.CreatedDate, cert.ExpirationDate = now, &begin, new(template.NotAfter)
	return nil
}

func checkClientCertificate(cert *api.ClientCertificate) error {
	if utf8.RuneCountInString(str(cert.Description)) > maxBackendText {
		return api.BadRequestException("Description can be at most 1024 characters") // AWS: undocumented, limit and text
	}
	return nil
}

// GetClientCertificate returns one certificate.
func (s *Service) GetClientCertificate(ctx context.Context, in *api.GetClientCertificateInput) (*api.ClientCertificate, error) {
	cert, _, err := s.tables(ctx).ClientCertificates.Find(ctx, errClientCertificate(), str(in.ClientCertificateId))
	if err != nil {
		return nil, err
	}
	cert.Tags = shownTags(cert.Tags)
	return &cert.ClientCertificate, nil
}

// GetClientCertificates lists certificates, the oldest first.
func (s *Service) GetClientCertificates(ctx context.Context, in *api.GetClientCertificatesInput) (*api.ClientCertificates, error) {
	rows, err := s.tables(ctx).ClientCertificates.All(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows, func(a, b store.Row[record.ClientCertificate]) int { return a.Value.Created.Compare(b.Value.Created) })
	certs := make([]api.ClientCertificate, 0, len(rows))
	for _, row := range rows {
		certs = append(certs, row.Value.ClientCertificate)
	}
	items, next, err := page(certs, func(c *api.ClientCertificate) string { return *c.ClientCertificateId }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.ClientCertificates{Items: items, Position: next}, nil
}

// UpdateClientCertificate changes the description of a certificate.
func (s *Service) UpdateClientCertificate(ctx context.Context, in *api.UpdateClientCertificateInput) (*api.ClientCertificate, error) {
	t := s.tables(ctx)
	var cert record.ClientCertificate
	err := s.commit(ctx, func(c *store.Change) (err error) {
		var rev store.Rev
		if cert, rev, err = t.ClientCertificates.Find(ctx, errClientCertificate(), str(in.ClientCertificateId)); err != nil {
			return err
		}
		if err := clientCertificatePatches.apply(&cert.ClientCertificate, in.PatchOperations); err != nil {
			return err
		}
		if err := checkClientCertificate(&cert.ClientCertificate); err != nil {
			return err
		}
		c.Require(t.ClientCertificates.Is(*cert.ClientCertificateId, rev))
		store.Add(c, t.ClientCertificates, *cert.ClientCertificateId, cert)
		return nil
	})
	cert.Tags = shownTags(cert.Tags)
	return &cert.ClientCertificate, err
}

// clientCertificatePatches is UpdateClientCertificate.
var clientCertificatePatches = patchTable[api.ClientCertificate]{refuse: refuseListing[api.ClientCertificate], rules: []patchRule[api.ClientCertificate]{
	{path: "/description", replace: func(c *api.ClientCertificate, o patchOp) error { patchString(&c.Description, o); return nil }},
}}

// DeleteClientCertificate removes a certificate that no stage shows.
func (s *Service) DeleteClientCertificate(ctx context.Context, in *api.DeleteClientCertificateInput) error {
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		id := str(in.ClientCertificateId)
		_, rev, err := t.ClientCertificates.Find(ctx, errClientCertificate(), id)
		if err != nil {
			return err
		}
		stages, err := t.Stages.All(ctx)
		if err != nil {
			return err
		}
		for _, row := range stages {
			if str(row.Value.ClientCertificateId) == id {
				// AWS: undocumented text.
				return api.BadRequestException("Cannot delete client certificate '" + id + "'. It is in use by stage '" + *row.Value.StageName +
					"' of API '" + row.Value.RestAPI + "'.")
			}
		}
		sockets, err := t.APIStages.All(ctx) // those of WebSocket APIs may have one
		if err != nil {
			return err
		}
		for _, row := range sockets {
			if str(row.Value.ClientCertificateId) == id {
				return api.BadRequestException("Cannot delete client certificate '" + id + "'. It is in use by stage '" + *row.Value.StageName +
					"' of API '" + row.Value.API + "'.")
			}
		}
		c.Require(t.ClientCertificates.Is(id, rev))
		c.Do(t.ClientCertificates.Delete(id))
		return nil
	})
}

// findCertificate refuses a certificate that is not there, or is not ours.
func findCertificate(ctx context.Context, t record.Tables, id *string) error {
	if str(id) == "" {
		return nil
	}
	if strings.HasPrefix(*id, "arn:") {
		_, _, err := findACM(ctx, t, *id)
		return err
	}
	// AWS: undocumented text.
	_, _, err := t.ClientCertificates.Find(ctx, api.BadRequestException("Invalid client certificate identifier specified"), *id)
	return err
}

// requireCertificate demands that the certificate a stage shows is there. Its
// record is put again, unchanged, so that it cannot be deleted in the same
// moment.
func requireCertificate(ctx context.Context, c *store.Change, t record.Tables, stage *record.Stage) error {
	id := str(stage.ClientCertificateId)
	if id == "" {
		return nil
	}
	if err := findCertificate(ctx, t, &id); err != nil {
		return err
	}
	if strings.HasPrefix(id, "arn:") {
		cert, rev, err := findACM(ctx, t, id)
		if err != nil {
			return err
		}
		c.Require(t.Certificates.Is(store.ID(cert.ID), rev))
		store.Add(c, t.Certificates, store.ID(cert.ID), cert)
		return nil
	}
	cert, rev, err := t.ClientCertificates.Get(ctx, store.ID(id))
	if err != nil {
		return err
	}
	c.Require(t.ClientCertificates.Is(id, rev))
	store.Add(c, t.ClientCertificates, id, cert)
	return nil
}

// findACM finds a certificate of ACM that a stage is to show: one of its own
// account and Region.
//
// AWS: "Use an ACM certificate as the client certificate" (2026). Undocumented
// texts.
func findACM(ctx context.Context, t record.Tables, arn string) (record.Certificate, store.Rev, error) {
	scope, id, ok := record.CertificateOf(arn)
	if !ok || scope != t.Scope {
		return record.Certificate{}, 0, api.BadRequestException("Invalid certificate ARN: " + arn + ". Certificate must be in '" + t.Scope.Region + "'.")
	}
	return t.Certificates.Find(ctx, api.BadRequestException("Invalid certificate ARN: "+arn+". There is no such certificate."), id)
}
