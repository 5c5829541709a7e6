package compile

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/gateway/integration"
	"gatehouse/internal/record"
	"gatehouse/internal/upstream"
)

// cluster finds the cluster of an HTTP integration's address.
func (p *planner) cluster(in *api.Integration, uri *integration.URI) (*upstream.Cluster, error) {
	key := upstream.Key{Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port}
	if str(in.ConnectionType) == api.ConnectionTypeVpcLink {
		addresses, err := p.throughLink(in, uri)
		if err != nil {
			p.c.opt.Log.Warn("integration cannot be called", "api", p.id.api, "stage", p.id.name, "uri", str(in.Uri), "error", err)
			return nil, err
		}
		key.Addresses = addresses
	}
	var cert *tls.Certificate
	if uri.Scheme == "https" {
		if in.TlsConfig != nil {
			key.TLS.InsecureSkipVerification = isTrue(in.TlsConfig.InsecureSkipVerification)
		}
		if p.certificate != nil {
			key.TLS.ClientCertificate, cert = p.certificateName, p.certificate
		}
	}
	cluster, err := p.clusterOf(key, cert)
	if err == nil && !cluster.Known() {
		p.c.opt.Log.Warn("integration cannot be called until there is such a cluster", "api", p.id.api, "stage", p.id.name, "uri", str(in.Uri))
	}
	return cluster, err
}

// clusterOf finds the cluster of a key. That of a test is its own.
func (p *planner) clusterOf(key upstream.Key, cert *tls.Certificate) (*upstream.Cluster, error) {
	if p.test {
		cluster, err := p.c.opt.Clusters.Temporary(key, cert)
		if err == nil {
			p.temporary = append(p.temporary, cluster)
		}
		return cluster, err
	}
	cluster, err := p.c.opt.Clusters.Cluster(key, cert)
	if err != nil {
		return nil, err
	}
	p.b.clusters[key] = true
	return cluster, nil
}

// errNoLink is why an integration cannot call through its VPC link. That is no
// reason to refuse the stage: each call of it fails.
var errNoLink = errors.New("VPC link cannot be used")

// throughLink returns the addresses that an integration reaches through its VPC
// link: those of its own target, if it has one, which needs a link of version 2.
//
// AWS: "Set up a private integration": the URI gives scheme, port and name.
func (p *planner) throughLink(in *api.Integration, uri *integration.URI) (string, error) {
	link := linkID{p.id.Scope, integration.ExpandVariables(str(in.ConnectionId), p.variables)}
	target := str(in.IntegrationTarget)
	if target == "" {
		return p.c.throughLink(p.b, link, uri)
	}
	p.b.links[link] = true
	where := p.c.opt.LoadBalancers[target]
	if where == "" {
		where = record.LoadBalancerOf(p.c.opt.LoadBalancers, target)
	}
	switch {
	case !p.c.backends.Load().httpLink(link):
		return "", fmt.Errorf("%w: there is no %q of version 2", errNoLink, link.id)
	case !record.OwnsBalancer(p.id.Account, target):
		return "", fmt.Errorf("%w: the target %s is not of the account %s", errNoLink, target, p.id.Account)
	case where == "":
		return "", fmt.Errorf("%w: the target %s has no addresses: set them with --load-balancer", errNoLink, target)
	}
	return withPort(where, uri.Port), nil
}

// throughLink returns the addresses behind a VPC link, for the key of a
// cluster.
//
// AWS: integrations.md §10: the link's load balancer is connected to; the URI
// gives the port and the name for Host and TLS. A link that is gone answers 500:
// undocumented.
func (c *Compiler) throughLink(b *built, key linkID, uri *integration.URI) (string, error) {
	b.links[key] = true
	link := c.backends.Load().link(key)
	if link == nil || len(link.TargetArns) == 0 {
		return "", fmt.Errorf("%w: there is no %q", errNoLink, key.id)
	}
	where := c.opt.LoadBalancers[link.TargetArns[0]]
	switch {
	case !record.OwnsBalancer(key.Account, link.TargetArns[0]): // made by an earlier version
		return "", fmt.Errorf("%w: the target of %q, %s, is not of the account %s", errNoLink, key.id, link.TargetArns[0], key.Account)
	case where == "":
		return "", fmt.Errorf("%w: the target of %q, %s, has no addresses: set them with --load-balancer", errNoLink, key.id, link.TargetArns[0])
	}
	return withPort(where, uri.Port), nil
}

// withPort adds a port to those addresses of a list that have none.
func withPort(where string, port uint16) string {
	list := strings.Split(where, ",")
	for i, addr := range list {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			list[i] = net.JoinHostPort(strings.Trim(addr, "[]"), strconv.Itoa(int(port)))
		}
	}
	return strings.Join(list, ",")
}

// setCertificate prepares the certificate that a stage shows to its backends.
func (p *planner) setCertificate() (err error) {
	p.certificate, p.certificateName, err = p.c.clientCertificate(p.id, str(p.rec.ClientCertificateId))
	return err
}

// clientCertificate finds the certificate that a stage shows to its backends;
// nil: it has none.
func (c *Compiler) clientCertificate(stage stageID, id string) (*tls.Certificate, string, error) {
	if id == "" {
		return nil, "", nil
	}
	if strings.HasPrefix(id, "arn:") {
		return c.clientACM(id)
	}
	rec := c.backends.Load().certificate(certificateID{stage.Scope, id})
	if rec == nil {
		return nil, "", fmt.Errorf("client certificate %q does not exist", id)
	}
	cert, err := tls.X509KeyPair([]byte(str(rec.PemEncodedCertificate)), []byte(rec.Key))
	if err != nil {
		return nil, "", fmt.Errorf("client certificate %q: %w", id, err)
	}
	if end := rec.ExpirationDate; end != nil && time.Now().After(*end) {
		c.opt.Log.Warn("client certificate has expired, backends may refuse it", "api", stage.api, "stage", stage.name, "certificate", id, "expired", *end)
	}
	return &cert, strings.Join([]string{stage.Account, stage.Region, id}, "/"), nil
}

// clientACM finds the certificate of ACM that a stage shows to its backends. One
// that was imported again is another: its connections are new ones.
func (c *Compiler) clientACM(arn string) (*tls.Certificate, string, error) {
	rec := c.backends.Load().acmCertificate(arn)
	if rec == nil {
		return nil, "", fmt.Errorf("client certificate %q does not exist", arn)
	}
	cert, err := rec.Pair()
	if err != nil {
		return nil, "", fmt.Errorf("client certificate %q: %w", arn, err)
	}
	sum := sha256.Sum256(cert.Certificate[0]) // its serial number may be that of the one before
	return &cert, arn + "/" + hex.EncodeToString(sum[:]), nil
}
