package script_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/internal/sigv4"
)

// s3Server is s3rver, a server of S3. Its key is S3RVER, the secret too. Since it
// verifies no signatures of version 4, [strict] does so before it.
const s3Server = npmDir + "/s3rver/bin/s3rver.js"

// cmdS3 starts an S3 server with buckets:
//
//	s3 NAME BUCKET...
//
// NAME becomes its host:port. The script must be skipped unless [npm:s3rver].
func cmdS3(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 1, "s3 NAME BUCKET...")
	program, err := filepath.Abs(s3Server)
	ts.Check(err)
	dir := ts.MkAbs(args[0] + ".s3")
	ts.Check(os.MkdirAll(dir, 0o700))
	flags := []string{program, "-a", "127.0.0.1", "-p", "0", "-d", dir}
	for _, bucket := range args[1:] {
		flags = append(flags, "--configure-bucket", bucket)
	}
	cmd := exec.Command("node", flags...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, addr, ok := strings.Cut(lines.Text(), "listening on "); ok {
			front := httptest.NewServer(strict(&url.URL{Scheme: "http", Host: addr}, "S3RVER"))
			ts.Defer(front.Close)
			ts.Setenv(args[0], front.Listener.Addr().String())
			return
		}
	}
	ts.Fatalf("the S3 server does not start: %v", lines.Err())
}

// strict passes on to a server what is signed with a secret, and refuses all
// else.
func strict(to *url.URL, secret string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		q := sigv4.FromHTTP(r)
		var sig *sigv4.Signature
		if err == nil {
			sig, err = sigv4.Parse(&q)
		}
		if err == nil {
			err = sig.Verify(&q, body, secret, time.Now())
		}
		if err != nil || sig.Scope.Service != "s3" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "<Error><Code>SignatureDoesNotMatch</Code><Message>%v</Message></Error>", err)
			return
		}
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.Body = to.Scheme, to.Host, io.NopCloser(bytes.NewReader(body))
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[strings.Replace(name, "Etag", "ETag", 1)] = values // mappings see the case that S3 writes
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // a body cut short is seen by the gateway
	})
}
