package discovery

import (
	"errors"
	"fmt"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/upstream"
)

// A Definition is a cluster as people write it down: how it is called, and where
// its endpoints come from.
type Definition struct {
	upstream.Definition `yaml:",inline"`
	Discover            *Config `yaml:"discover"` // nil: from the list of endpoints alone
}

// Files are the files and sockets of this machine that d names.
func (d *Definition) Files() []string {
	list := d.Definition.Files()
	if c := d.Discover; c != nil {
		for _, choice := range c.choices() {
			list = append(list, choice.files...)
		}
	}
	return list
}

// A Config says where one cluster finds its endpoints: one of the sources, and
// what an answer without endpoints means.
type Config struct {
	DNS        *DNS        `yaml:"dns"`
	CloudMap   *CloudMap   `yaml:"cloud-map"`
	Consul     *Consul     `yaml:"consul"`
	Etcd       *Etcd       `yaml:"etcd"`
	Kubernetes *Kubernetes `yaml:"kubernetes"`
	Nacos      *Nacos      `yaml:"nacos"`
	Eureka     *Eureka     `yaml:"eureka"`

	// Empty is what an answer without endpoints means: keep the last ones (keep,
	// the default), or there are none any more (allow).
	Empty string `yaml:"empty"`
}

// Surroundings are what sources are given by the process.
type Surroundings struct {
	Account  string            // that configurations mean if they name none
	Registry Registry          // this server's own Cloud Map; nil: none
	AWS      *awsclient.Client // nil: nothing is called elsewhere
}

// A choice is one source that a configuration may name.
type choice struct {
	key   string
	check func() error
	files []string // that it names
	make  func(Surroundings) (Source, error)
}

// choices lists the sources that are set. A new kind of source is an entry here.
func (c *Config) choices() (list []choice) {
	if d := c.DNS; d != nil {
		list = append(list, choice{"dns", d.check, nil, func(Surroundings) (Source, error) { return newDNS(*d, c.MayEmpty()), nil }})
	}
	if c := c.CloudMap; c != nil {
		list = append(list, choice{"cloud-map", c.check, nil, func(sur Surroundings) (Source, error) { return newCloudMap(*c, sur) }})
	}
	if k := c.Consul; k != nil {
		list = append(list, choice{"consul", k.check, k.files(), func(Surroundings) (Source, error) { return newConsul(*k) }})
	}
	if e := c.Etcd; e != nil {
		list = append(list, choice{"etcd", e.check, e.files(), func(Surroundings) (Source, error) { return &etcd{*e}, nil }})
	}
	if k := c.Kubernetes; k != nil {
		list = append(list, choice{"kubernetes", k.check, k.files(), func(Surroundings) (Source, error) { return newKubernetes(*k), nil }})
	}
	if n := c.Nacos; n != nil {
		list = append(list, choice{"nacos", n.check, n.files(), func(Surroundings) (Source, error) { return newNacos(*n) }})
	}
	if e := c.Eureka; e != nil {
		list = append(list, choice{"eureka", e.check, e.files(), func(Surroundings) (Source, error) { return newEureka(*e, c.MayEmpty()) }})
	}
	return list
}

// Check reports what cannot be in c.
func (c *Config) Check() error {
	list := c.choices()
	if len(list) != 1 {
		return errors.New("discover: want one of dns, cloud-map, consul, etcd, kubernetes, nacos, eureka")
	}
	var errs []error
	if c.Empty != "" && c.Empty != "keep" && c.Empty != "allow" {
		errs = append(errs, fmt.Errorf("discover: empty: %q is neither keep nor allow", c.Empty))
	}
	if err := list[0].check(); err != nil {
		errs = append(errs, fmt.Errorf("discover: %s: %w", list[0].key, err))
	}
	return errors.Join(errs...)
}

// MayEmpty tells whether an answer without endpoints is taken at its word. That
// of this server's own registry is, unless the configuration says otherwise.
func (c *Config) MayEmpty() bool {
	return c.Empty == "allow" || c.Empty == "" && c.CloudMap != nil && !c.CloudMap.Elsewhere
}

// Source makes the source of c, which has been checked.
func (c *Config) Source(sur Surroundings) (Source, error) {
	return c.choices()[0].make(sur)
}
