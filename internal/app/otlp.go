package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"gatehouse/internal/otlp"
)

// Protocols of otlp-endpoint.
const (
	otlpHTTP = "http/protobuf"
	otlpGRPC = "grpc"
)

// telemetry is what goes to the OTLP endpoint. Its zero value sends nothing.
type telemetry struct {
	client *otlp.Client
	traces *otlp.Traces // nil: traces are not sent
	logs   *otlp.Logs   // nil: no logs are sent
}

// openTelemetry makes the client and its queues. The server's own log is added to
// them from here on.
func (n *node) openTelemetry() error {
	cfg, t := n.cfg, &n.telemetry
	if cfg.OTLPEndpoint == "" {
		return nil
	}
	opt, err := cfg.otlpOptions()
	if err != nil {
		return err
	}
	opt.Log = n.sur.Log
	if t.client, err = otlp.NewClient(opt); err != nil {
		return fmt.Errorf("otlp-endpoint: %w", err)
	}
	if cfg.sends(otlp.SignalTraces) {
		t.traces = otlp.NewTraces(t.client)
	}
	own := cfg.sends(otlp.SignalLogs)
	if own || cfg.OTLPExecutionLogs || slices.Contains(cfg.accessLogPlaces(), logToOTLP) {
		t.logs = otlp.NewLogs(t.client)
	}
	if own {
		n.log = slog.New(t.logs.Handler(n.sur.Log.Handler()))
	}
	return nil
}

// sendTelemetry sends what there is until ctx ends, and then what is left.
func (n *node) sendTelemetry(ctx context.Context) error {
	t := &n.telemetry
	if t.client == nil {
		return nil
	}
	g, ctx := errgroup.WithContext(ctx)
	if t.traces != nil {
		g.Go(func() error { return t.traces.Run(ctx) })
	}
	if t.logs != nil {
		g.Go(func() error { return t.logs.Run(ctx) })
	}
	if n.cfg.sends(otlp.SignalMetrics) {
		m := otlp.NewMetrics(t.client, n.exposition(), n.cfg.OTLPInterval)
		g.Go(func() error { return m.Run(ctx) })
	}
	return g.Wait()
}

func (t *telemetry) close() {
	if t.client != nil {
		t.client.Close()
	}
}

// collect tells what became of what was sent.
func (t *telemetry) collect(to chan<- prometheus.Metric) {
	if t.client == nil {
		return
	}
	for _, s := range otlp.Signals {
		st := t.client.Stats(s)
		otlpSent.send(to, float64(st.Sent), s.String())
		otlpDropped.send(to, float64(st.Dropped), s.String())
		otlpFailures.send(to, float64(st.Failures), s.String())
	}
}

// sends tells whether the OTLP endpoint gets a signal.
func (c *Config) sends(s otlp.Signal) bool {
	return slices.Contains(list(c.OTLPSignals), s.String())
}

// accessLogPlaces are where access logs go.
func (c *Config) accessLogPlaces() []string { return list(c.AccessLog) }

// list are the parts of a text between its commas.
func list(text string) []string {
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// checkOTLP reports settings of the OTLP endpoint that cannot work.
func (c *Config) checkOTLP() error {
	if c.OTLPEndpoint == "" && c.OTLPExecutionLogs {
		return errors.New("otlp-execution-logs: needs otlp-endpoint")
	}
	if c.OTLPEndpoint == "" {
		return nil
	}
	u, err := url.Parse(c.OTLPEndpoint)
	var errs []error
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.RawQuery != "", u.Fragment != "":
		errs = append(errs, errors.New("otlp-endpoint: is not a URL: write http://host:4318 (of grpc http://host:4317), or https://…"))
	case u.User != nil:
		errs = append(errs, errors.New("otlp-endpoint: has a password: write otlp-headers authorization=… instead"))
	case c.OTLPProtocol == otlpGRPC && (u.Port() == "" || strings.Trim(u.Path, "/") != ""):
		errs = append(errs, errors.New("otlp-endpoint: of grpc has a port and no path, as in http://host:4317"))
	}
	for _, s := range list(c.OTLPSignals) {
		if !slices.ContainsFunc(otlp.Signals[:], func(known otlp.Signal) bool { return s == known.String() }) {
			errs = append(errs, fmt.Errorf("otlp-signals: %q is none of traces, metrics and logs", s))
		}
	}
	if c.OTLPInterval <= 0 {
		errs = append(errs, errors.New("otlp-interval: must be above 0"))
	}
	if (c.OTLPCert == "") != (c.OTLPKey == "") {
		errs = append(errs, errors.New("otlp-cert, otlp-key: each needs the other"))
	}
	_, err = otlpPairs("otlp-headers", c.OTLPHeaders)
	_, err2 := otlpPairs("otlp-resource", c.OTLPResource)
	return errors.Join(append(errs, err, err2,
		oneOf("otlp-protocol", c.OTLPProtocol, otlpHTTP, otlpGRPC),
		oneOf("otlp-compression", c.OTLPCompression, "gzip", "none"))...)
}

// otlpPairs reads NAME=VALUE,… with %XX in the values. Its errors do not show
// values: they may be secret.
func otlpPairs(setting, text string) ([]otlp.Attribute, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var out []otlp.Attribute
	for _, part := range list(text) {
		name, value, ok := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || name == "" || err != nil || strings.ContainsAny(name+value, "\r\n\x00") {
			return nil, fmt.Errorf("%s: pair %d is not NAME=VALUE, with %%XX for commas and the like", setting, len(out)+1)
		}
		out = append(out, otlp.Attribute{Key: name, Value: value})
	}
	return out, nil
}

// otlpOptions are what the settings say of the OTLP endpoint.
func (c *Config) otlpOptions() (otlp.Options, error) {
	opt := otlp.Options{GRPC: c.OTLPProtocol == otlpGRPC, Plain: c.OTLPCompression == "none", Headers: map[string]string{}}
	var err error
	if opt.Endpoint, err = url.Parse(c.OTLPEndpoint); err != nil {
		return opt, fmt.Errorf("otlp-endpoint: %w", err)
	}
	headers, err := otlpPairs("otlp-headers", c.OTLPHeaders)
	if err != nil {
		return opt, err
	}
	for _, h := range headers {
		opt.Headers[strings.ToLower(h.Key)] = h.Value
	}
	if opt.Resource, err = c.otlpResource(); err != nil {
		return opt, err
	}
	opt.TLS, err = c.otlpTLS()
	return opt, err
}

// otlpResource is who sends.
//
// OpenTelemetry: "Service resource semantic conventions": the instance is another
// at each start.
func (c *Config) otlpResource() ([]otlp.Attribute, error) {
	var id [16]byte
	_, _ = rand.Read(id[:])  // never fails: crypto/rand ends the process first
	host, _ := os.Hostname() // then there is none
	list := []otlp.Attribute{{Key: "service.name", Value: "gatehouse"}, {Key: "service.instance.id", Value: hex.EncodeToString(id[:])}, {Key: "host.name", Value: host}}
	if info, ok := debug.ReadBuildInfo(); ok {
		list = append(list, otlp.Attribute{Key: "service.version", Value: info.Main.Version})
	}
	set, err := otlpPairs("otlp-resource", c.OTLPResource)
	for _, a := range set {
		if at := slices.IndexFunc(list, func(b otlp.Attribute) bool { return a.Key == b.Key }); at >= 0 {
			list[at] = a
			continue
		}
		list = append(list, a)
	}
	return list, err
}

// otlpTLS is how the OTLP endpoint is trusted, and what it is shown.
func (c *Config) otlpTLS() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.OTLPCA != "" {
		text, err := os.ReadFile(c.OTLPCA)
		if err != nil {
			return nil, fmt.Errorf("otlp-ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("otlp-ca: no certificate in %s", c.OTLPCA)
		}
	}
	if c.OTLPCert != "" {
		pair, err := tls.LoadX509KeyPair(c.OTLPCert, c.OTLPKey)
		if err != nil {
			return nil, fmt.Errorf("otlp-cert: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}
