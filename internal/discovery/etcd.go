package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// An Etcd finds endpoints in the keys below a prefix of etcd, and watches them.
// A value is host:port, or a JSON object with address, host and port, or Addr (as
// gRPC's resolver for etcd writes it), and if it likes weight and draining.
// Services keep their keys alive with leases.
type Etcd struct {
	Endpoints []string `yaml:"endpoints"` // URLs
	Prefix    string   `yaml:"prefix"`
	Access    `yaml:",inline"`
}

func (e *Etcd) check() error {
	var errs []error
	switch {
	case len(e.Endpoints) == 0:
		errs = append(errs, errors.New("endpoints: missing"))
	case e.Prefix == "":
		errs = append(errs, errors.New("prefix: missing"))
	case e.TokenFile != "":
		errs = append(errs, errors.New("token-file: etcd takes a username and a password"))
	}
	for _, address := range e.Endpoints {
		errs = append(errs, checkURL(address))
	}
	return errors.Join(append(errs, e.Access.check())...)
}

// An etcd is an Etcd that is asked.
type etcd struct{ Etcd }

// String names the prefix.
func (e *etcd) String() string { return "etcd " + e.Prefix }

const (
	// etcdTime bounds a read.
	etcdTime = 5 * time.Second
	// etcdAlive is how often a watch in which nothing happens is checked: the
	// client waits for servers that are gone in silence.
	etcdAlive = 5 * time.Second
)

func (e *etcd) client(ctx context.Context) (*clientv3.Client, error) {
	conf := clientv3.Config{
		Context: ctx, Endpoints: e.Endpoints, DialTimeout: etcdTime, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: etcdTime,
		MaxCallRecvMsgSize: maxAnswer, Username: e.Username, Logger: zap.NewNop(),
	}
	var err error
	if conf.Password, err = secret(e.PasswordFile); err != nil {
		return nil, err
	}
	if strings.HasPrefix(e.Endpoints[0], "https://") {
		if conf.TLS, err = e.tlsConfig(); err != nil {
			return nil, err
		}
	}
	return clientv3.New(conf)
}

// Run reads the keys and watches them until ctx ends or etcd fails.
func (e *etcd) Run(ctx context.Context, set func(Found)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := e.client(ctx)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // there is nothing left to tell
	w := &etcdWatch{e: e, client: client, set: set}
	if err := w.read(ctx); err != nil {
		return ended(ctx, fmt.Errorf("read: %w", err))
	}
	return ended(ctx, w.watch(ctx))
}

// ended is err, unless the end was asked for.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// An etcdWatch is one run.
type etcdWatch struct {
	e        *etcd
	client   *clientv3.Client
	set      func(Found)
	values   map[string][]byte
	revision int64
}

func (w *etcdWatch) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, etcdTime)
	defer cancel()
	resp, err := w.client.Get(ctx, w.e.Prefix, clientv3.WithPrefix(), clientv3.WithLimit(maxEndpoints+1))
	if err != nil {
		return err
	}
	if resp.More || len(resp.Kvs) > maxEndpoints {
		return fmt.Errorf("more than %d keys below %s", maxEndpoints, w.e.Prefix)
	}
	w.values, w.revision = make(map[string][]byte, len(resp.Kvs)), resp.Header.Revision
	for _, kv := range resp.Kvs {
		w.values[string(kv.Key)] = kv.Value
	}
	w.tell()
	return nil
}

func (w *etcdWatch) tell() {
	f := Found{Revision: strconv.FormatInt(w.revision, 10)}
	for key, value := range w.values {
		if ep, err := etcdEndpoint(value); err != nil {
			f.Skipped = fmt.Sprintf("%.200s: %v", key, err)
		} else {
			f.Endpoints = append(f.Endpoints, ep)
		}
	}
	w.set(f)
}

// watch applies changes. Those that come within a moment are told as one.
func (w *etcdWatch) watch(ctx context.Context) error {
	events := w.client.Watch(clientv3.WithRequireLeader(ctx), w.e.Prefix, clientv3.WithPrefix(), clientv3.WithRev(w.revision+1))
	alive := time.NewTicker(etcdAlive)
	defer alive.Stop()
	var quiet <-chan time.Time // while changes are not told at once
	dirty := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-alive.C:
			if err := w.alive(ctx); err != nil {
				return fmt.Errorf("watch: %w", err)
			}
		case <-quiet:
			quiet = nil
		case resp, ok := <-events:
			if err := resp.Err(); err != nil || !ok {
				return fmt.Errorf("watch: %w", errors.Join(err, ctx.Err()))
			}
			dirty = w.apply(&resp) || dirty
			if len(w.values) > maxEndpoints {
				return fmt.Errorf("watch: more than %d keys below %s", maxEndpoints, w.e.Prefix)
			}
		}
		if dirty && quiet == nil {
			w.tell()
			dirty, quiet = false, time.After(settle(len(w.values)))
		}
	}
}

// alive asks for nothing in particular, and tells that the source answers.
func (w *etcdWatch) alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, etcdTime)
	defer cancel()
	if _, err := w.client.Get(ctx, w.e.Prefix, clientv3.WithPrefix(), clientv3.WithCountOnly()); err != nil {
		return err
	}
	w.tell()
	return nil
}

func (w *etcdWatch) apply(resp *clientv3.WatchResponse) (changed bool) {
	w.revision = max(w.revision, resp.Header.Revision)
	for _, ev := range resp.Events {
		changed = true
		if ev.Type == mvccpb.Event_DELETE {
			delete(w.values, string(ev.Kv.Key))
		} else {
			w.values[string(ev.Kv.Key)] = ev.Kv.Value
		}
	}
	return changed
}

// etcdEndpoint reads a value.
func etcdEndpoint(value []byte) (Endpoint, error) {
	text := strings.TrimSpace(string(value))
	if !strings.HasPrefix(text, "{") {
		return Endpoint{Address: text}, checkAddress(text)
	}
	var v struct {
		Address, Addr, Host string
		Port                int
		Weight              int
		Priority            int
		Zone                string
		Draining            bool
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return Endpoint{}, errors.New("is neither host:port nor a JSON object")
	}
	ep := Endpoint{Address: v.Address, Weight: v.Weight, Priority: v.Priority, Zone: v.Zone, Draining: v.Draining}
	switch {
	case ep.Address == "" && v.Addr != "":
		ep.Address = v.Addr
	case ep.Address == "" && v.Host != "":
		ep.Address = net.JoinHostPort(v.Host, strconv.Itoa(v.Port))
	}
	return ep, checkAddress(ep.Address)
}
