package upstream

import (
	"context"
	"net/netip"
)

// Use takes the permission for a connection, as a request does.
func Use(c *Cluster) {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.pool.open++
}

// Unuse gives it up.
func Unuse(c *Cluster) { c.pool.release() }

// Resolve looks up c's addresses if there are none or they are old.
func Resolve(c *Cluster) error {
	_, err := c.addresses.get(context.Background())
	return err
}

// Addresses returns the addresses in force.
func Addresses(c *Cluster) []netip.AddrPort {
	var list []netip.AddrPort
	for _, e := range *c.addresses.list.Load() {
		list = append(list, e.addr)
	}
	return list
}

// CheckHealth asks an endpoint once.
func CheckHealth(addr string, h *Health) error {
	opt := &Options{}
	opt.setDefaults()
	g, err := newGroup("test", Definition{Endpoints: []Endpoint{{Address: addr}}, Health: h}, opt)
	if err != nil {
		return err
	}
	return g.members[0].check(context.Background(), g.cfg.Load().def.Health, opt.Client)
}
