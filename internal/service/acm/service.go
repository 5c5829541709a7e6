// Package acm is AWS Certificate Manager: certificates that are imported, or
// issued by an authority of our own, as methods of [Service]. Custom domain
// names show them by their ARN.
//
// Amazon issues a certificate once its owner has proved to own the domain. Here
// there is nobody to prove it to: whoever may call RequestCertificate gets one at
// once, from an authority that only those trust who were given its certificate.
package acm

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/acm"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// maxCertificates is AWS's quota of an account in one Region.
//
// AWS: "Quotas", ACM certificates.
const maxCertificates = 2500

// A Service answers the operations of ACM. What is not implemented answers
// NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st    store.Store
	blobs *store.Blobs
	log   *slog.Logger
}

var _ api.Server = (*Service)(nil)

// New returns a service over st. Run has it renew certificates.
func New(st store.Store, blobs *store.Blobs, log *slog.Logger) *Service {
	return &Service{st: st, blobs: blobs, log: log}
}

func (s *Service) scope(ctx context.Context) record.Scope {
	c := awsrpc.CallerFrom(ctx)
	return record.Scope{Account: c.Account, Region: c.Region}
}

func (s *Service) certificates(scope record.Scope) store.Table[record.Certificate] {
	return record.In(s.st, s.blobs, scope).Certificates
}

// find returns a certificate of the caller's by its ARN.
//
// AWS: the words of both errors are widely reported, those of the account's
// number are not here.
func (s *Service) find(ctx context.Context, name *string) (record.Certificate, store.Rev, error) {
	scope, id, ok := record.CertificateOf(str(name))
	if !ok {
		return record.Certificate{}, 0, api.InvalidArnException(str(name) + " is not a valid ARN of a certificate")
	}
	unknown := api.ResourceNotFoundException("Could not find certificate " + str(name) + ".")
	if scope != s.scope(ctx) {
		return record.Certificate{}, 0, unknown
	}
	return s.certificates(scope).Find(ctx, unknown, id)
}

// change changes a certificate.
func (s *Service) change(ctx context.Context, name *string, do func(c *record.Certificate) error) error {
	return store.Update(ctx, s.st, func(c *store.Change) error {
		cert, rev, err := s.find(ctx, name)
		if err != nil {
			return err
		}
		if err := do(&cert); err != nil {
			return err
		}
		put(c, s.certificates(cert.Scope), &cert, rev)
		return nil
	})
}

// put stores a certificate that was read at a revision; 0: it is new.
func put(c *store.Change, t store.Table[record.Certificate], cert *record.Certificate, rev store.Rev) {
	id := store.ID(cert.ID)
	if rev == 0 {
		c.Require(t.Absent(id))
	} else {
		c.Require(t.Is(id, rev))
	}
	store.Add(c, t, id, *cert)
}

// room refuses more certificates than an account may have.
func (s *Service) room(ctx context.Context, scope record.Scope) error {
	all, err := s.certificates(scope).All(ctx)
	if err == nil && len(all) >= maxCertificates {
		err = api.LimitExceededException("Error: you have reached your limit of certificates in this Region") // AWS: undocumented text
	}
	return err
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// inUse are the ARNs of the domain names of an account that show a certificate
// to clients, and of the stages that show one to backends, by the certificate's.
//
// AWS: a REGIONAL domain's certificate lies in its Region, that of an EDGE one
// in us-east-1.
func (s *Service) inUse(ctx context.Context, account string) (map[string][]string, error) {
	regions, err := record.Regions(ctx, s.st, account)
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for _, region := range regions {
		t := record.In(s.st, s.blobs, record.Scope{Account: account, Region: region})
		if err := inStages(ctx, t, all); err != nil {
			return nil, err
		}
		rows, err := t.DomainNames.All(ctx)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if name := row.Value.CertificateARN(); name != "" {
				all[name] = append(all[name], str(row.Value.DomainNameArn))
			}
		}
	}
	return all, nil
}

// inStages adds the stages of REST APIs.
func inStages(ctx context.Context, t record.Tables, all map[string][]string) error {
	stages, err := t.Stages.All(ctx)
	for _, row := range stages {
		if name := str(row.Value.ClientCertificateId); strings.HasPrefix(name, "arn:") {
			stage := arn.ARN{Partition: arn.Partition(t.Scope.Region), Service: "apigateway", Region: t.Scope.Region,
				Resource: "/restapis/" + row.Value.RestAPI + "/stages/" + str(row.Value.StageName)}
			all[name] = append(all[name], stage.String())
		}
	}
	return err
}

// users are the ARNs of what shows a certificate.
func (s *Service) users(ctx context.Context, cert *record.Certificate) ([]string, error) {
	all, err := s.inUse(ctx, cert.Account)
	list := append([]string{}, all[cert.ARN()]...) // an empty list is sent
	slices.Sort(list)
	return list, err
}

// DeleteCertificate removes a certificate that no domain name shows.
func (s *Service) DeleteCertificate(ctx context.Context, in *api.DeleteCertificateInput) error {
	return store.Update(ctx, s.st, func(c *store.Change) error {
		cert, rev, err := s.find(ctx, in.CertificateArn)
		if err != nil {
			return err
		}
		users, err := s.users(ctx, &cert)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return api.ResourceInUseException("Certificate " + cert.ARN() + " in account " + cert.Account + " is in use.")
		}
		// A domain name that takes it writes it: see apigateway.
		t := s.certificates(cert.Scope)
		c.Require(t.Is(store.ID(cert.ID), rev))
		c.Do(t.Delete(store.ID(cert.ID)))
		return nil
	})
}

func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
