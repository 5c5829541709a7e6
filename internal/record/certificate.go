package record

import (
	"crypto/tls"
	"strings"
	"time"

	"gatehouse/internal/arn"
	"gatehouse/internal/store"
)

// A Certificate is one of AWS Certificate Manager: what TLS shows for the domain
// names that name it by its ARN.
type Certificate struct {
	Scope
	ID       string
	Imported bool // else our own authority has issued it

	// Leaf is the certificate, Chain those of its issuers, and Key its private
	// key, all in PEM.
	Leaf  string
	Chain string `json:",omitzero"`
	Key   Secret

	Created time.Time
	Changed time.Time // when it was imported, or issued, last

	// What was asked for, of one that our authority has issued.
	Names        []string `json:",omitzero"` // the domain name first
	Validation   string   `json:",omitzero"` // the method
	KeyAlgorithm string   `json:",omitzero"`
	Token        string   `json:",omitzero"` // of the call, so that it can be repeated

	Tags map[string]string `json:",omitzero"`
}

// ARN names the certificate.
func (c *Certificate) ARN() string {
	return arn.ARN{Partition: arn.Partition(c.Region), Service: "acm", Region: c.Region, Account: c.Account, Resource: "certificate/" + c.ID}.String()
}

// PEM is the certificate with its chain.
func (c *Certificate) PEM() string {
	if c.Chain == "" {
		return c.Leaf
	}
	return strings.TrimRight(c.Leaf, "\n") + "\n" + c.Chain
}

// Pair is the certificate with its chain and its key.
func (c *Certificate) Pair() (tls.Certificate, error) {
	return tls.X509KeyPair([]byte(c.PEM()), []byte(c.Key.Reveal()))
}

// CertificateOf takes the ARN of a certificate apart. There is one ARN of each: what
// shows it is found by it.
func CertificateOf(name string) (s Scope, id string, ok bool) {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "acm" || a.Partition != arn.Partition(a.Region) {
		return s, "", false
	}
	id, ok = strings.CutPrefix(a.Resource, "certificate/")
	return Scope{a.Account, a.Region}, id, ok && id != ""
}

// CertificateARN is the ARN of the certificate that a domain shows; empty: it
// names none.
func (d *DomainName) CertificateARN() string {
	if name := deref(d.RegionalCertificateArn); name != "" {
		return name
	}
	return deref(d.DomainName.CertificateArn)
}

// An Authority issues the certificates that are asked for.
type Authority struct {
	Certificate string // in PEM
	Key         Secret // likewise
}

// Authorities has the one authority of a store, under the id "authority".
func Authorities(st store.Store) store.Table[Authority] {
	return store.NewTable[Authority](st, Everywhere.prefix("authority"))
}
