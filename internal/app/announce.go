package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/handover"
)

// announce tells people where the server is, and programs in the file run.json.
func (n *node) announce() error {
	r := n.running()
	if err := r.write(n.cfg.runFile()); err != nil {
		return fmt.Errorf("write %s: %w", n.cfg.runFile(), err)
	}
	if err := handover.Serving(); err != nil {
		n.log.Warn("systemd does not know that this process serves", "error", err)
	}
	_, err := fmt.Fprint(n.sur.Out, n.startLines(r))
	return err
}

// retract takes the file back, unless it is a successor's.
func (n *node) retract() {
	if !n.handed.Load() {
		_ = os.Remove(n.cfg.runFile()) // a leftover is replaced at the next start
	}
}

func (n *node) running() Running {
	return Running{
		PID:       os.Getpid(),
		API:       addrOf(n.front.api),
		Listen:    addrOf(n.front.listen),
		ListenTLS: addrOf(n.front.listenTLS),
		Admin:     addrOf(n.front.admin),
		DNS:       n.dns.address(),
		XRay:      n.xrayAddress(),
		Account:   n.cfg.Account,
		Dev:       n.cfg.Dev,

		FailedUpgrades: n.failedUpgrades, NoUpgrade: n.whyNoUpgrade,
	}
}

// startLines are what the operator reads.
func (n *node) startLines(r Running) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	data, err := filepath.Abs(n.cfg.Data)
	if err != nil {
		data = n.cfg.Data
	}
	b.WriteString("gatehouse is ready\n")
	line("AWS APIs", "%s", r.Endpoint())
	if r.Listen != "" {
		line("data plane", "http://%s", r.Listen)
	}
	if r.ListenTLS != "" {
		line("data plane", "https://%s", r.ListenTLS)
	}
	if r.Admin != "" {
		line("admin", "http://%s/readyz", r.Admin)
	}
	if r.DNS != "" {
		line("dns", "%s", r.DNS)
	}
	if r.XRay != "" {
		line("X-Ray daemon", "%s", r.XRay)
	}
	line("data", "%s", data)
	line("account", "%s", r.Account)
	if r.Dev {
		b.WriteString(devWarning)
		line("try", "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws --endpoint-url %s --region us-east-1 apigateway get-rest-apis", r.Endpoint())
		return b.String()
	}
	credential := filepath.Join(data, awsrpc.RootCredentialFile)
	line("credential", "%s", credential)
	line("try", "AWS_SHARED_CREDENTIALS_FILE=%s aws --endpoint-url %s --region us-east-1 apigateway get-rest-apis", credential, r.Endpoint())
	return b.String()
}

const devWarning = `
  **********************************************************************
  *  DEV MODE: every credential is accepted. Whoever can connect to    *
  *  this machine's loopback addresses is root. Not for real use.      *
  **********************************************************************

`

// RootCredential returns the credential of the server on the data directory
// dir. Only a server makes one.
func RootCredential(dir string) (awsrpc.Credential, error) {
	running, err := FindRunning(dir)
	if err != nil {
		return awsrpc.Credential{}, err
	}
	if _, err := os.Stat(filepath.Join(dir, awsrpc.RootCredentialFile)); err != nil {
		return awsrpc.Credential{}, fmt.Errorf("root credential: %w", err)
	}
	return awsrpc.RootCredential(dir, running.Account)
}
