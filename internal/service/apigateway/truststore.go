package apigateway

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/clientcert"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A TruststoreReader reads the trust stores of domains.
type TruststoreReader interface {
	// ReadTruststore reads at most limit bytes of what uri names, and one more
	// if there are more. [ErrNoTruststore] means that nobody said where such a
	// URI leads.
	ReadTruststore(ctx context.Context, region, uri, version string, limit int) ([]byte, error)
}

// ErrNoTruststore is why a truststoreUri is not read: the server's
// configuration gives it no place.
var ErrNoTruststore = errors.New("no place is configured")

// truststoreURI is what a trust store may be named by. A file:// URI, which AWS
// does not have, names a file of the server's trust store directory.
//
// AWS: API reference of MutualTlsAuthentication.
var truststoreURI = regexp.MustCompile(`^(s3://[a-z0-9.-]{3,63}/.+|file:///.+)$`)

// setMutualTLS takes over what CreateDomainName says about mutual TLS.
func setMutualTLS(dom *api.DomainName, in *api.MutualTlsAuthenticationInput) {
	if in == nil || str(in.TruststoreUri) == "" && str(in.TruststoreVersion) == "" {
		return
	}
	dom.MutualTlsAuthentication = &api.MutualTlsAuthentication{TruststoreUri: in.TruststoreUri, TruststoreVersion: text(in.TruststoreVersion)}
}

// readTruststore reads the trust store of a domain and keeps it: clients are
// served from what was read, until the setting is changed or, of a file, until
// that is.
//
// AWS: custom-domains.md §4.3. None of the texts is recorded.
func (s *Service) readTruststore(ctx context.Context, dom *record.DomainName) error {
	m := dom.MutualTlsAuthentication
	if m == nil {
		dom.Truststore = ""
		return nil
	}
	uri := str(m.TruststoreUri)
	switch {
	case dom.EndpointConfiguration.Types[0] != api.EndpointTypeRegional:
		return api.BadRequestException("Mutual TLS authentication is only supported for REGIONAL domain names")
	case !truststoreURI.MatchString(uri):
		return api.BadRequestException("Invalid truststoreUri: want s3://bucket/key")
	case strings.HasPrefix(uri, "file:") && m.TruststoreVersion != nil:
		return api.BadRequestException("Invalid truststoreVersion: files have none")
	case s.opt.Truststores == nil:
		return noMutualTLS.refuse(uri)
	}
	pem, err := s.opt.Truststores.ReadTruststore(ctx, dom.Region, uri, str(m.TruststoreVersion), clientcert.MaxStore)
	if errors.Is(err, ErrNoTruststore) {
		return noMutualTLS.refuse(uri)
	}
	if err != nil {
		return api.BadRequestException("Invalid truststore: " + uri + " cannot be read: " + err.Error())
	}
	_, warnings, err := clientcert.ParseStore(pem)
	if err != nil {
		return api.BadRequestException("Invalid truststore: " + err.Error())
	}
	dom.Truststore, m.TruststoreWarnings = string(pem), warnings
	return nil
}

// RereadTruststores reads the trust stores again that are files, of all
// accounts, and returns the domains whose clients others are let in now. What is
// no trust store any more changes nothing, and is an error.
func (s *Service) RereadTruststores(ctx context.Context) (changed []string, err error) {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return nil, err
	}
	var failed []error
	for _, scope := range scopes {
		t := record.In(s.st, s.blobs, scope)
		rows, err := t.DomainNames.All(ctx)
		if err != nil {
			return changed, err
		}
		for _, row := range rows {
			if m := row.Value.MutualTlsAuthentication; m == nil || !strings.HasPrefix(str(m.TruststoreUri), "file:") {
				continue
			}
			name := str(row.Value.DomainName.DomainName)
			switch other, err := s.rereadTruststore(ctx, t, row.ID); {
			case err != nil:
				failed = append(failed, fmt.Errorf("%s: %w", name, err))
			case other:
				changed = append(changed, name)
			}
		}
	}
	return changed, errors.Join(failed...)
}

// rereadTruststore reads the trust store of one domain again.
func (s *Service) rereadTruststore(ctx context.Context, t record.Tables, key string) (changed bool, err error) {
	err = s.commit(ctx, func(c *store.Change) error {
		changed = false
		dom, rev, err := t.DomainNames.Get(ctx, key)
		if err != nil || dom.MutualTlsAuthentication == nil {
			return err
		}
		before, m := dom.Truststore, *dom.MutualTlsAuthentication
		dom.MutualTlsAuthentication = &m
		if err := s.readTruststore(ctx, &dom); err != nil || dom.Truststore == before {
			return err
		}
		changed = true
		c.Require(t.DomainNames.Is(key, rev))
		store.Add(c, t.DomainNames, key, dom)
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil // deleted meanwhile
	}
	return changed && err == nil, err
}

// touchesTruststore tells whether a domain's trust store must be looked at
// again.
func touchesTruststore(ops []api.PatchOperation) bool {
	for i := range ops {
		if path := str(ops[i].Path); strings.HasPrefix(path, "/mutualTlsAuthentication/") || strings.HasPrefix(path, "/endpointConfiguration/") {
			return true
		}
	}
	return false
}

// patchTruststore sets where the trust store is. An empty value ends mutual TLS.
//
// AWS: "How to turn on mutual TLS authentication for your REST APIs": it is
// turned off by an empty truststoreUri.
func patchTruststore(d *api.DomainName, o patchOp) error {
	if o.value == "" || o.op == "remove" {
		d.MutualTlsAuthentication = nil
		return nil
	}
	m := &api.MutualTlsAuthentication{TruststoreUri: new(o.value)}
	if old := d.MutualTlsAuthentication; old != nil && str(old.TruststoreUri) == o.value {
		m.TruststoreVersion = old.TruststoreVersion
	}
	d.MutualTlsAuthentication = m
	return nil
}

// patchTruststoreVersion sets which version of it is meant; empty: the newest.
func patchTruststoreVersion(d *api.DomainName, o patchOp) error {
	if d.MutualTlsAuthentication == nil {
		if o.value == "" {
			return nil
		}
		return api.BadRequestException("A truststoreVersion needs a truststoreUri")
	}
	m := *d.MutualTlsAuthentication
	m.TruststoreVersion = text(&o.value)
	if o.op == "remove" {
		m.TruststoreVersion = nil
	}
	d.MutualTlsAuthentication = &m
	return nil
}
