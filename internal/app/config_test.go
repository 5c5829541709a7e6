package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadFile(t *testing.T) {
	tests := []struct {
		name, text string
		change     func(*Config)
		err        string
	}{
		{"empty", "", func(*Config) {}, ""},
		{"comments only", "# nothing\n", func(*Config) {}, ""},
		{"one of each type", "listen: :80\ndev: true\ndrain: 1m30s\n", func(c *Config) {
			c.Listen, c.Dev, c.Drain = ":80", true, 90*time.Second
		}, ""},
		{"digits stay as written", "account: 000000000012\n", func(c *Config) { c.Account = "000000000012" }, ""},
		{"nothing switches off", "listen:\n", func(c *Config) { c.Listen = "" }, ""},
		{"unknown key", "data: d\n\nlisen: :80\n", nil, `FILE:3: unknown setting "lisen" (did you mean "listen"?)`},
		{"underscore", "listen_tls: :80\n", nil, `FILE:1: unknown setting "listen_tls" (did you mean "listen-tls"?)`},
		{"unknown and like nothing", "frobnicate: 1\n", nil, `FILE:1: unknown setting "frobnicate"`},
		{"twice", "data: a\ndata: b\n", nil, "FILE:2: data: set already on line 1"},
		{"second document", "data: a\n---\nlisen: :80\n", nil, "FILE:2: a second document: want all settings in one, without ---"},
		{"broken second document", "data: a\n---\n[\n", nil, "FILE: yaml: line 3: did not find expected node content"},
		{"wrong type", "dev: 1\n", nil, `FILE:1: dev: "1" is neither true nor false`},
		{"quoted switch", "dev: \"true\"\n", nil, `FILE:1: dev: "true" is neither true nor false`},
		{"time without unit", "drain: 10\n", nil, `FILE:1: drain: "10" is not a time: write a number with a unit, for example 10s or 1m30s`},
		{"sizes", "max-head: 20KiB\nmax-body: 123\nmax-connections: 7\n", func(c *Config) {
			c.MaxHead, c.MaxBody, c.MaxConnections = 20<<10, 123, 7
		}, ""},
		{"size with a wrong unit", "max-body: 10MB\n", nil,
			`FILE:1: max-body: "10MB" is not a size: write a number of bytes, or one with a unit, for example 64KiB`},
		{"size out of range", "max-body: 99999999GiB\n", nil,
			`FILE:1: max-body: "99999999GiB" is not a size: write a number of bytes, or one with a unit, for example 64KiB`},
		{"no number", "max-connections: many\n", nil, `FILE:1: max-connections: "many" is not a whole number`},
		{"list for a value", "listen: [a, b]\n", nil, "FILE:1: listen: want one value, not a list, a map or an alias"},
		{"alias", "data: &a x\nlisten: *a\n", nil, "FILE:2: listen: want one value, not a list, a map or an alias"},
		{"no mapping", "- a\n", nil, `FILE:1: want settings, one a line, as in "listen: 127.0.0.1:8080"`},
		{"pairs", "service_endpoints:\n  s3: http://h:9000\n  '*': aws\nload_balancers:\n  arn:x: [a:1, b:2]\n", func(c *Config) {
			c.ServiceEndpoints, c.LoadBalancers = Pairs{"s3": "http://h:9000", "*": "aws"}, Pairs{"arn:x": "a:1,b:2"}
		}, ""},
		{"user pools", "user_pools:\n  arn:aws:cognito-idp:eu-west-1:1:userpool/p: http://127.0.0.1:9229/p\n", func(c *Config) {
			c.UserPools = Pairs{"arn:aws:cognito-idp:eu-west-1:1:userpool/p": "http://127.0.0.1:9229/p"}
		}, ""},
		{"pairs by the flag's name", "service-endpoint: {s3: aws}\n", func(c *Config) { c.ServiceEndpoints = Pairs{"s3": "aws"} }, ""},
		{"pairs as a text", "service_endpoints: s3=aws\n", nil, "FILE:1: service_endpoints: want a map, one name: value a line"},
		{"pair without value", "service_endpoints: {s3: }\n", nil, `FILE:1: service_endpoints: want a value without blanks for "s3"`},
		{"pair twice", "service_endpoints: {s3: aws, s3: self}\n", nil, `FILE:1: service_endpoints: s3 is set twice`},
		{"two faults", "x1x1x1x1: 1\ndev: no idea\n", nil,
			"FILE:1: unknown setting \"x1x1x1x1\"\nFILE:2: dev: \"no idea\" is neither true nor false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "gatehouse.yaml")
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got := Defaults()
			err := got.ReadFile(file)
			if tt.err != "" {
				want := strings.ReplaceAll(tt.err, "FILE", file)
				if err == nil || err.Error() != want {
					t.Fatalf("ReadFile of %q = %v, want %s", tt.text, err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := Defaults()
			tt.change(want)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("ReadFile of %q: -want +got\n%s", tt.text, d)
			}
		})
	}
}

func TestReadFileTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(file, []byte(strings.Repeat("#\n", maxConfigFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Defaults().ReadFile(file); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("ReadFile of 2 MiB = %v, want it refused for its size", err)
	}
}

func TestReadEnv(t *testing.T) {
	got := Defaults()
	unknown, err := got.ReadEnv([]string{"HOME=/root", "GATEHOUSE_LISTEN_TLS=:8443", "GATEHOUSE_DEV=true", "GATEHOUSE_LISTN=x", "GATEHOUSE_CONFIG=f"})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.ListenTLS, want.Dev = ":8443", true
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if d := cmp.Diff([]string{"GATEHOUSE_LISTN"}, unknown); d != "" {
		t.Errorf("unknown: -want +got\n%s", d)
	}

	_, err = Defaults().ReadEnv([]string{"GATEHOUSE_DRAIN=soon"})
	if err == nil || !strings.HasPrefix(err.Error(), "GATEHOUSE_DRAIN: ") {
		t.Errorf("bad value: %v, want an error that names the variable", err)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   string // part of the error; empty: none
	}{
		{"defaults", func(*Config) {}, ""},
		{"no data plane address", func(c *Config) { c.Listen = "" }, ""},
		{"beyond loopback", func(c *Config) { c.Listen, c.API = ":80", "0.0.0.0:4566" }, ""},
		{"dev", func(c *Config) { c.Dev = true }, ""},
		{"dev, IPv6 loopback", func(c *Config) { c.Dev, c.API = true, "[::1]:4566" }, ""},
		{"dev, localhost", func(c *Config) { c.Dev, c.Listen = true, "localhost:80" }, ""},
		{"dev, API beyond loopback", func(c *Config) { c.Dev, c.API = true, ":4566" }, "api: :4566 is not a loopback address"},
		{"dev, data plane beyond loopback", func(c *Config) { c.Dev, c.Listen = true, "0.0.0.0:80" }, "listen: 0.0.0.0:80 is not a loopback address"},
		{"dev, name", func(c *Config) { c.Dev, c.Listen = true, "example.com:80" }, "listen: example.com:80 is not a loopback address"},
		{"no port", func(c *Config) { c.Listen = "127.0.0.1" }, `listen: "127.0.0.1" is not an address`},
		{"no API", func(c *Config) { c.API = "" }, "api: needs an address"},
		{"TLS without a key", func(c *Config) { c.ListenTLS, c.TLSCert = ":8443", "c.pem" }, "listen-tls: needs tls-cert and tls-key too"},
		{"key without TLS", func(c *Config) { c.TLSKey = "k.pem" }, "have no use without listen-tls"},
		{"account", func(c *Config) { c.Account = "12345" }, `account: "12345" is not an account id`},
		{"engine", func(c *Config) { c.HTTP1 = "fast" }, `http1: "fast" is not one of [loops wire std]`},
		{"level", func(c *Config) { c.LogLevel = "loud" }, "log-level"},
		{"format", func(c *Config) { c.LogFormat = "xml" }, "log-format"},
		{"drain", func(c *Config) { c.Drain = -1 }, "drain"},
		{"profiles for all", func(c *Config) { c.PProf, c.Admin = true, ":9901" }, "pprof: needs an admin address on loopback"},
		{"no connections", func(c *Config) { c.MaxConnections = 0 }, "max-connections: 0 is too little"},
		{"too much leeway", func(c *Config) { c.TokenLeeway = time.Hour }, "token-leeway: 1h0m0s is not between 0 and 5m0s"},
		{"no time", func(c *Config) { c.HeadTimeout = -1 }, "head-timeout: -1ns is too little"},
		{"no drain", func(c *Config) { c.Drain = 0 }, ""},
		{"no resources", func(c *Config) { c.ResourcesPerAPI = 0 }, "resources-per-api: 0 is too little"},
		{"account throttle", func(c *Config) { c.AccountRate, c.AccountBurst = 100, 10 }, ""},
		{"account rate alone", func(c *Config) { c.AccountRate = 100 }, "give both"},
		{"no data", func(c *Config) { c.Data = "" }, "data: needs a directory"},
		{"no access log", func(c *Config) { c.AccessLog = "" }, "access-log"},
		{"no recordings", func(c *Config) { c.TraceSize = 0 }, ""},
		{"no recordings for who knows the token", func(c *Config) { c.TraceSize, c.TraceToken = 0, "t" }, "trace-token: nothing is recorded while trace-size is 0"},
		{"few recordings", func(c *Config) { c.TraceSize = 1 }, "trace-size: write 0, or at least 1M"},
		{"OTLP", func(c *Config) { c.OTLPEndpoint, c.AccessLog = "http://localhost:4318/in", "groups,otlp" }, ""},
		{"OTLP over gRPC", func(c *Config) { c.OTLPEndpoint, c.OTLPProtocol = "https://localhost:4317", "grpc" }, ""},
		{"OTLP over gRPC with a path", func(c *Config) { c.OTLPEndpoint, c.OTLPProtocol = "https://localhost:4317/in", "grpc" }, "otlp-endpoint: of grpc"},
		{"OTLP without a scheme", func(c *Config) { c.OTLPEndpoint = "localhost:4318" }, "otlp-endpoint: is not a URL"},
		{"OTLP with a password", func(c *Config) { c.OTLPEndpoint = "http://me:secret@localhost:4318" }, "otlp-endpoint: has a password"},
		{"OTLP signal", func(c *Config) { c.OTLPEndpoint, c.OTLPSignals = "http://h:1", "traces,noise" }, `otlp-signals: "noise"`},
		{"OTLP header", func(c *Config) { c.OTLPEndpoint, c.OTLPHeaders = "http://h:1", "a=b,secret" }, "otlp-headers: pair 2 is not NAME=VALUE"},
		{"OTLP certificate", func(c *Config) { c.OTLPEndpoint, c.OTLPCert = "http://h:1", "c.pem" }, "otlp-cert, otlp-key"},
		{"execution logs without OTLP", func(c *Config) { c.OTLPExecutionLogs = true }, "otlp-execution-logs: needs otlp-endpoint"},
		{"access log without OTLP", func(c *Config) { c.AccessLog = "otlp" }, "access-log: otlp needs otlp-endpoint"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Defaults()
			tt.change(c)
			err := c.Check()
			if tt.want == "" && err != nil {
				t.Errorf("Check = %v, want none", err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Check = %v, want %q in it", err, tt.want)
			}
		})
	}
}
