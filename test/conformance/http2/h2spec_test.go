package http2

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/gateway/ingress"
	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/internal/wire"
)

// TestH2spec runs h2spec in strict mode over plain TCP and over TLS. The cases
// that fail must be those of testdata/known.txt, where each has its reason.
func TestH2spec(t *testing.T) {
	bin := build(t)
	for _, name := range []string{"plain", "tls"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, secure := listen(t, name == "tls")
			result := runSuite(t, bin, addr, secure)
			t.Logf("%d cases, %d passed, %d skipped, %d failed",
				result.total, result.total-result.skipped-len(result.failed), result.skipped, len(result.failed))
			if result.total < 140 {
				t.Errorf("only %d cases ran, want all of some 145", result.total)
			}
			if diff := cmp.Diff(known(t, name), result.failed); diff != "" {
				t.Errorf("failures differ from testdata/known.txt (-known +found):\n%s", diff)
			}
		})
	}
}

// build builds h2spec from the version pinned in tools/h2spec.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "h2spec")
	cmd := exec.Command("go", "build", "-o", bin, "github.com/summerwind/h2spec/cmd/h2spec")
	cmd.Dir = filepath.Join("..", "..", "..", "tools", "h2spec")
	if out, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("build h2spec: %v\n%s", err, out)
		}
		t.Skipf("h2spec cannot be built here: %v\n%s", err, out)
	}
	return bin
}

// listen serves exchanges that answer everything alike.
func listen(t *testing.T, secure bool) (net.Addr, bool) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opt := ingress.Options{Log: slog.New(slog.DiscardHandler)}
	plain, overTLS := []net.Listener{ln}, []net.Listener(nil)
	if secure {
		cert := upstreamtest.NewAuthority(t, "authority").Issue(t, upstreamtest.Leaf{Host: "127.0.0.1"})
		opt.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
		plain, overTLS = overTLS, plain
	}
	in, err := ingress.New(answers{}, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx, plain, overTLS) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return ln.Addr(), secure
}

type answers struct{}

func (answers) Acquire(*wire.Peer) wire.Exchange { return new(exchange) }

type exchange struct{ req wire.Request }

func (x *exchange) Request() *wire.Request { return &x.req }

func (x *exchange) Serve(context.Context) *wire.Response {
	if src := x.req.Body.Source; src != nil {
		_ = src.Close()
	}
	body := []byte(`{"message":"what h2spec asks is not looked at"}`)
	return &wire.Response{Status: 200, Body: wire.Body{Bytes: body, Length: int64(len(body))}}
}

func (x *exchange) Finish(wire.Sent) {}

type result struct {
	total, skipped int
	failed         []string
}

// runSuite runs all of h2spec and reads its JUnit report.
func runSuite(t *testing.T, bin string, addr net.Addr, secure bool) result {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.xml")
	args := []string{"--strict", "--timeout", "2", "--junit-report", report,
		"--host", "127.0.0.1", "--port", strconv.Itoa(addr.(*net.TCPAddr).Port)}
	if secure {
		args = append(args, "--tls", "--insecure")
	}
	out, err := exec.Command(bin, args...).CombinedOutput() // fails if a case does
	data, rerr := os.ReadFile(report)
	if rerr != nil {
		t.Fatalf("h2spec: %v, %v\n%s", err, rerr, out)
	}
	var suites struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Class   string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
				Skipped *struct{} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(data, &suites); err != nil {
		t.Fatal(err)
	}
	var r result
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			r.total++
			switch {
			case c.Skipped != nil:
				r.skipped++
			case c.Failure != nil || c.Error != nil:
				r.failed = append(r.failed, c.Package+": "+c.Class)
			}
		}
	}
	slices.Sort(r.failed)
	return r
}

const knownFile = "testdata/known.txt"

// known reads the failures that are expected of a listener. Lines that begin
// with # say why; a case that fails on one kind of listener only begins with
// its name.
func known(t *testing.T, listener string) []string {
	t.Helper()
	data, err := os.ReadFile(knownFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if only, rest, ok := strings.Cut(line, " only: "); ok {
			if only != listener {
				continue
			}
			line = rest
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}
