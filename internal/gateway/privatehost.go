package gateway

import (
	"slices"

	"gatehouse/internal/policy"
	"gatehouse/internal/wire"
)

// A PrivateHost is what makes a custom domain a private one: its name is served
// to what comes in by a VPC endpoint that is associated with it, and leads to
// PRIVATE APIs only. Several may have one name.
//
// AWS: custom-domains.md §5.
type PrivateHost struct {
	ARN        string           // what Policy speaks of: arn:aws:execute-api:{region}:{account}:/domainnames/{name}+{id}
	Policy     *policy.Document // nil: nobody may call it
	Endpoints  []VPCEndpoint    // all there are
	Associated []string         // ids of those that may be used
}

// EndpointOf returns the VPC endpoint by which what p sends comes in: the first
// that covers it, or nil.
func EndpointOf(endpoints []VPCEndpoint, p *wire.Peer) *VPCEndpoint {
	for i := range endpoints {
		if e := &endpoints[i]; e.Covers(p) {
			return e
		}
	}
	return nil
}

// serves tells whether what p sends reaches the host.
func (h *PrivateHost) serves(p *wire.Peer) bool {
	e := EndpointOf(h.Endpoints, p)
	return e != nil && slices.Contains(h.Associated, e.ID)
}

// resolvePrivate resolves a private custom domain; ok is false if there is none
// for what p sends.
func (t *Table) resolvePrivate(r *wire.Request, p *wire.Peer) (w where, ok bool) {
	var buf [longestHost]byte
	name, ok := lowerHost(buf[:0], hostName(r.Host))
	if !ok {
		return where{}, false
	}
	for _, h := range t.private[string(name)] {
		if !h.Private.serves(p) {
			continue
		}
		w := h.resolve(r)
		if w.stage == nil || w.stage.EndpointType != "PRIVATE" {
			return where{}, true
		}
		w.private = h.Private
		return w, true
	}
	return where{}, false
}

// DomainAllows asks the policy of the private custom domain that x came to, if
// it came to one.
//
// AWS: undocumented is what stands behind the domain's ARN in the resource that
// is asked for. "execute-api:/*" and the ARN alone both mean all of the domain;
// here the path that was called stands there too.
func (x *Exchange) DomainAllows() (policy.Effect, error) {
	h := x.Domain
	if h == nil {
		return policy.Allow, nil
	}
	if h.Policy == nil {
		return policy.NoMatch, nil
	}
	asked, err := x.Asked()
	if err != nil {
		return policy.Deny, err
	}
	own := asked.Resource
	asked.Resource = h.ARN
	domain := h.Policy.Evaluate(asked).Effect
	from := len(x.Buf)
	b := append(append(x.Buf, h.ARN...), '/')
	x.Buf = appendPlainPath(b, trimSlashes(x.MethodRequest.Path))
	asked.Resource = wire.String(x.Buf[from:])
	path := h.Policy.Evaluate(asked).Effect
	asked.Resource = own // what a refusal names
	switch {
	case domain == policy.Deny || path == policy.Deny:
		return policy.Deny, nil
	case domain == policy.Allow || path == policy.Allow:
		return policy.Allow, nil
	}
	return policy.NoMatch, nil
}
