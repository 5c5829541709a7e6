package compile

import (
	"sync"

	"gatehouse/internal/record"
)

// A linkID names a VPC link everywhere, a certificateID a client certificate.
type (
	linkID struct {
		record.Scope
		id string
	}
	certificateID struct {
		record.Scope
		id string
	}
)

// backends are the records of what stands between integrations and their
// backends. Test invocations read them too, beside the compiler. What it holds
// never changes.
type backends struct {
	mu           sync.RWMutex // guards the fields below
	links        map[linkID]*record.VPCLink
	httpLinks    map[linkID]*record.APIVPCLink
	certificates map[certificateID]*record.ClientCertificate
	acm          map[certificateID]*record.Certificate // of domains, too
}

func newBackends() *backends {
	return &backends{links: make(map[linkID]*record.VPCLink), httpLinks: make(map[linkID]*record.APIVPCLink), certificates: make(map[certificateID]*record.ClientCertificate),
		acm: make(map[certificateID]*record.Certificate)}
}

// putLink stores a link, or forgets it if r is nil.
func (b *backends) putLink(id linkID, r *record.VPCLink) {
	b.mu.Lock()
	defer b.mu.Unlock()
	put(b.links, id, r)
}

// putHTTPLink stores a link of HTTP APIs, or forgets it if r is nil.
func (b *backends) putHTTPLink(id linkID, r *record.APIVPCLink) {
	b.mu.Lock()
	defer b.mu.Unlock()
	put(b.httpLinks, id, r)
}

// putCertificate stores a certificate, or forgets it if r is nil.
func (b *backends) putCertificate(id certificateID, r *record.ClientCertificate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	put(b.certificates, id, r)
}

// putACM stores a certificate of ACM, or forgets it if r is nil.
func (b *backends) putACM(id certificateID, r *record.Certificate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	put(b.acm, id, r)
}

// acmCertificate returns a certificate of ACM by its ARN, or nil.
func (b *backends) acmCertificate(arn string) *record.Certificate {
	scope, id, ok := record.CertificateOf(arn)
	if b == nil || !ok {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.acm[certificateID{scope, id}]
}

// link returns a link, or nil. So it does before anything was read.
func (b *backends) link(id linkID) *record.VPCLink {
	if b == nil {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.links[id]
}

// httpLink tells whether there is a link of HTTP APIs.
func (b *backends) httpLink(id linkID) bool {
	if b == nil {
		return false
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.httpLinks[id] != nil
}

// certificate returns a certificate, or nil.
func (b *backends) certificate(id certificateID) *record.ClientCertificate {
	if b == nil {
		return nil
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.certificates[id]
}
