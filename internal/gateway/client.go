package gateway

import (
	"crypto/tls"

	"gatehouse/internal/clientcert"
)

// Mutual TLS: who may not come in for want of a certificate. It is decided by
// the host that a request names, and not by the name that its connection began
// with: whoever knocks at one door must not get in by another.

// admits tells whether x's client has shown what the listener and the custom
// domain ask for; if not, x is answered.
//
// AWS: authorizers.md §8. The refusal is in the access log of the stage that was
// asked for, and nothing of its plan runs. Why is in $context.authorizer.error;
// Amazon tells it, in these words, in the execution log.
func (g *Gateway) admits(x *Exchange, w *where) bool {
	err := g.checkClient(x, w.clients)
	if err == nil {
		return true
	}
	if w.http {
		x.nameHTTP()
	}
	if w.stage != nil {
		x.Stage, x.plan = w.stage, w.stage.Fallback
	}
	x.Vars.AuthorizerError = "Access denied. Reason: " + err.Error()
	x.Fault = NewFault(Forbidden, err)
	x.AnswerFault(x.Fault)
	return false
}

func (g *Gateway) checkClient(x *Exchange, domain *clientcert.Store) error {
	var shown *clientcert.Shown
	secure := x.Peer != nil && x.Peer.TLS
	if secure {
		shown = x.Peer.Client
	}
	if rule := g.Clients; rule != nil && secure && (rule.Required || shown != nil) {
		x.Client = shown
		if err := shown.Check(rule.Store(), x.Vars.Start); err != nil {
			return err
		}
	}
	if domain == nil {
		return nil
	}
	x.Client = shown
	return shown.Check(domain, x.Vars.Start)
}

// AsksForCertificate tells whether a client of TLS that asks for a server's name
// is to be asked for a certificate in the handshake, and of which store.
func (g *Gateway) AsksForCertificate(serverName string) (tls.ClientAuthType, *clientcert.Store) {
	if d := g.Table().Domain(serverName); d != nil && d.Clients != nil {
		return tls.RequireAnyClientCert, d.Clients
	}
	switch {
	case g.Clients == nil:
		return tls.NoClientCert, nil
	case g.Clients.Required:
		return tls.RequireAnyClientCert, g.Clients.Store()
	}
	return tls.RequestClientCert, g.Clients.Store()
}

// The variables of the certificate that the client showed.
//
// AWS: logging-metrics.md §1.2, authorizers.md §8.
var clientVars = []contextVar{
	{"identity.clientCert.clientCertPem", ofClient(func(c *clientcert.Text) string { return c.PEM })},
	{"identity.clientCert.subjectDN", ofClient(func(c *clientcert.Text) string { return c.Subject })},
	{"identity.clientCert.issuerDN", ofClient(func(c *clientcert.Text) string { return c.Issuer })},
	{"identity.clientCert.serialNumber", ofClient(func(c *clientcert.Text) string { return c.Serial })},
	{"identity.clientCert.validity.notBefore", ofClient(func(c *clientcert.Text) string { return c.NotBefore })},
	{"identity.clientCert.validity.notAfter", ofClient(func(c *clientcert.Text) string { return c.NotAfter })},
}

func ofClient(get func(*clientcert.Text) string) Getter {
	return func(dst []byte, x *Exchange) []byte {
		if x.Client == nil {
			return dst
		}
		return append(dst, get(x.Client.Text())...)
	}
}
