package apigateway

import (
	"context"
	"errors"
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/clientcert"
	"gatehouse/internal/record"
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
// served from what was read, until the setting is changed.
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
