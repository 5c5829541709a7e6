package app

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/gateway"
	"gatehouse/internal/policy"
)

// maxEndpointPolicy bounds the file of an endpoint's policy.
//
// AWS: an endpoint policy has at most 20,480 characters.
const maxEndpointPolicy = 20_480

// vpcEndpoints are the VPC endpoints of the settings, those that say most of
// where they are first.
func (c *Config) vpcEndpoints() ([]gateway.VPCEndpoint, error) {
	var list []gateway.VPCEndpoint
	for id, text := range c.VPCEndpoints {
		e, err := parseVPCEndpoint(id, text)
		if err != nil {
			return nil, fmt.Errorf("vpc-endpoint %s: %w", id, err)
		}
		if file, ok := c.VPCEndpointPolicies[id]; ok {
			if e.Policy, err = readEndpointPolicy(file); err != nil {
				return nil, fmt.Errorf("vpc-endpoint-policy %s: %w", id, err)
			}
		}
		list = append(list, e)
	}
	for id := range c.VPCEndpointPolicies {
		if _, ok := c.VPCEndpoints[id]; !ok {
			return nil, fmt.Errorf("vpc-endpoint-policy %s: there is no such vpc-endpoint", id)
		}
	}
	slices.SortFunc(list, func(a, b gateway.VPCEndpoint) int {
		return cmp.Or(cmp.Compare(exactness(&b), exactness(&a)), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

func exactness(e *gateway.VPCEndpoint) int {
	n := 0
	if e.Port != 0 {
		n++
	}
	if len(e.Clients) > 0 {
		n++
	}
	return n
}

func parseVPCEndpoint(id, text string) (gateway.VPCEndpoint, error) {
	e := gateway.VPCEndpoint{ID: id}
	if !strings.HasPrefix(id, "vpce-") {
		return e, fmt.Errorf("the id of an endpoint begins with vpce-")
	}
	for i, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if port, ok := strings.CutPrefix(part, ":"); ok {
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 || e.Port != 0 {
				return e, fmt.Errorf("%q is not one port", part)
			}
			e.Port = uint16(n)
			continue
		}
		if i == 0 && (part == "" || strings.HasPrefix(part, "vpc-")) {
			e.VPC = part
			continue
		}
		block, err := netip.ParsePrefix(part)
		if err != nil {
			return e, fmt.Errorf("%q is neither a port (:8443) nor a network (10.0.0.0/8)", part)
		}
		e.Clients = append(e.Clients, block.Masked())
	}
	return e, nil
}

func readEndpointPolicy(file string) (*policy.Document, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxEndpointPolicy+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxEndpointPolicy {
		return nil, fmt.Errorf("%s is larger than %d bytes", file, maxEndpointPolicy)
	}
	doc, err := policy.Parse(text)
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return doc, nil
}
