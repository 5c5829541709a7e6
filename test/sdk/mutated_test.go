package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A recorded is a request as its client wrote it.
type recorded struct {
	Method, Target, Host string
	Header               http.Header
	Body                 []byte
}

// A recorder takes down requests and answers 200.
type recorder struct {
	*httptest.Server
	mu  sync.Mutex // guards all
	all []recorded
}

func newRecorder(t *testing.T) *recorder {
	r := new(recorder)
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body) // what is cut off is refused when it is sent on
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, recorded{q.Method, q.RequestURI, q.Host, q.Header.Clone(), body})
	}))
	t.Cleanup(r.Close)
	return r
}

// take returns what came since the last time.
func (r *recorder) take() []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// clone returns a copy that can be changed.
func (q recorded) clone() recorded {
	q.Header, q.Body = q.Header.Clone(), bytes.Clone(q.Body)
	return q
}

// A rawSender sends requests as they are, over one connection after the other.
type rawSender struct {
	addr string
	conn net.Conn
	in   *bufio.Reader
}

// send returns the status and body of the answer to q.
func (s *rawSender) send(t *testing.T, q *recorded) (int, string) {
	t.Helper()
	if s.conn == nil {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		s.conn, s.in = c, bufio.NewReader(c)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", q.Method, q.Target, q.Host)
	for name, values := range q.Header {
		for _, v := range values {
			if name != "Content-Length" {
				fmt.Fprintf(&b, "%s: %s\r\n", name, v)
			}
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(q.Body), q.Body)
	if _, err := s.conn.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Close {
		s.conn.Close()
		s.conn = nil
	}
	return resp.StatusCode, string(text)
}

// goSigner sends requests that aws-sdk-go-v2 signs to base, without and with a
// body, signed in the header and in the query; so do the scripts below.
func goSigner(t *testing.T, base string, cred aws.Credentials) {
	signer := v4.NewSigner()
	for _, body := range []string{"", `{"n":1}`} {
		for _, presign := range []bool{false, true} {
			method := http.MethodGet
			if body != "" {
				method = http.MethodPost
			}
			req, err := http.NewRequestWithContext(t.Context(), method, base+"/pets?b=2&a=1", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			sum := sha256.Sum256([]byte(body))
			hash := hex.EncodeToString(sum[:])
			if presign {
				signed, header, err := signer.PresignHTTP(t.Context(), cred, req, hash, "execute-api", region, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if req, err = http.NewRequestWithContext(t.Context(), method, signed, strings.NewReader(body)); err != nil {
					t.Fatal(err)
				}
				req.Header = header
			} else if err := signer.SignHTTP(t.Context(), cred, req, hash, "execute-api", region, time.Now()); err != nil {
				t.Fatal(err)
			}
			if code, _ := send(t, req); code != 200 {
				t.Fatal(code)
			}
		}
	}
}

const botocoreSigner = `
import sys, urllib.request, botocore.auth
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
base, access, secret, region, kind = sys.argv[1:]
signers = (SigV4Auth, SigV4QueryAuth)
if kind == "4A":
    from botocore.crt.auth import CrtSigV4AsymAuth, CrtSigV4AsymQueryAuth
    signers, region = (CrtSigV4AsymAuth, CrtSigV4AsymQueryAuth), "eu-*"
for auth in signers:
    for body in (None, b'{"n":1}'):
        r = AWSRequest("POST" if body else "GET", base + "/pets?b=2&a=1", data=body, headers={"Content-Type": "application/json"})
        auth(Credentials(access, secret), "execute-api", region).add_auth(r)
        p = r.prepare()
        urllib.request.urlopen(urllib.request.Request(p.url, data=body, headers=dict(p.headers), method=p.method)).read()
`

const javascriptSigner = `
import http from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { SignatureV4a } from '@smithy/signature-v4a';
import { HttpRequest } from '@smithy/protocol-http';
import { Sha256 } from '@aws-crypto/sha256-js';
const [base, accessKeyId, secretAccessKey, region, kind] = process.argv.slice(1);
const url = new URL(base);
const send = r => new Promise((done, failed) => {
  const query = Object.entries(r.query ?? {}).flatMap(([k, v]) => [v].flat().map(one => encodeURIComponent(k) + '=' + encodeURIComponent(one))).join('&');
  const q = http.request({ host: url.hostname, port: url.port, method: r.method, path: r.path + (query && '?' + query), headers: r.headers, setHost: false }, a => a.resume().on('end', done));
  q.on('error', failed).end(r.body);
});
const set = { service: 'execute-api', sha256: Sha256, credentials: { accessKeyId, secretAccessKey } };
const signer = kind === '4A' ? new SignatureV4a({ ...set, region: 'eu-*' }) : new SignatureV4({ ...set, region });
for (const body of [undefined, '{"n":1}']) {
  const r = new HttpRequest({
    protocol: 'http:', hostname: url.hostname, port: Number(url.port), method: body ? 'POST' : 'GET', path: url.pathname + '/pets', query: { b: '2', a: '1' }, body,
    headers: { host: url.host, 'content-type': 'application/json' },
  });
  await send(await signer.sign(r, { signingRegion: kind === '4A' ? 'eu-*' : region }));
  if (kind === '4') await send(await signer.presign(r, { expiresIn: 60 }));
}
`

// run runs a command that signs.
func run(t *testing.T, dir, name string, args ...string) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Requests that every signer has signed are let in as they are, and refused with
// any byte changed or left out of what is signed.
func TestMutatedRequests(t *testing.T) {
	s := start(t)
	base, err := url.Parse(signedAPI(t, s))
	if err != nil {
		t.Fatal(err)
	}
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	r := newRecorder(t)
	here := r.URL + base.Path
	const python, npm = "/usr/bin/python3", "../../build/npm"
	for _, signer := range []struct {
		name    string
		missing func() bool
		sign    func(*testing.T)
		want    int // requests
	}{
		{"aws-sdk-go-v2", nil, func(t *testing.T) { goSigner(t, here, aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}) }, 4},
		{"botocore", func() bool { return exec.Command(python, "-c", "import botocore").Run() != nil },
			func(t *testing.T) { run(t, "", python, "-c", botocoreSigner, here, access, secret, region, "4") }, 4},
		{"botocore with awscrt, version 4A", func() bool { return exec.Command(python, "-c", "import botocore, awscrt").Run() != nil },
			func(t *testing.T) { run(t, "", python, "-c", botocoreSigner, here, access, secret, region, "4A") }, 4},
		{"JavaScript", func() bool { return !installed(npm, "signature-v4") || !installed(npm, "signature-v4a") },
			func(t *testing.T) {
				run(t, npm, "node", "--input-type=module", "-e", javascriptSigner, here, access, secret, region, "4")
			}, 4},
		{"JavaScript, version 4A", func() bool { return !installed(npm, "signature-v4") || !installed(npm, "signature-v4a") },
			func(t *testing.T) {
				run(t, npm, "node", "--input-type=module", "-e", javascriptSigner, here, access, secret, region, "4A")
			}, 2},
		{"curl", func() bool { _, err := exec.LookPath("curl"); return err != nil }, func(t *testing.T) {
			args := []string{"-sf", "--aws-sigv4", "aws:amz:" + region + ":execute-api", "--user", access + ":" + secret, "-H", "Content-Type: application/json"}
			run(t, "", "curl", append(args, here+"/pets?a=1&b=2")...)
			run(t, "", "curl", append(args, "-d", `{"n":1}`, here+"/pets?a=1&b=2")...)
		}, 2},
	} {
		t.Run(signer.name, func(t *testing.T) {
			if signer.missing != nil && signer.missing() {
				t.Skip("it is not installed: run tools/test-deps")
			}
			signer.sign(t)
			all := r.take()
			if len(all) != signer.want {
				t.Fatalf("it sent %d requests, want %d", len(all), signer.want)
			}
			n := 0
			for i := range all {
				n += mutate(t, &rawSender{addr: base.Host}, &all[i])
			}
			if n < 500*signer.want {
				t.Errorf("only %d changed requests", n)
			}
			t.Logf("%d changed requests refused", n)
		})
	}
}

func installed(npm, name string) bool {
	_, err := os.Stat(npm + "/node_modules/@smithy/" + name)
	_, noNode := exec.LookPath("node")
	return err == nil && noNode == nil
}

// mutate sends q as it is and then with each byte of what is signed changed and
// left out, and returns how many were refused.
func mutate(t *testing.T, s *rawSender, q *recorded) (n int) {
	t.Helper()
	if code, text := s.send(t, q); code != 200 || text != "arn:aws:iam::000000000000:root" {
		t.Fatalf("%s %s = %d %s", q.Method, q.Target, code, text)
	}
	refused := func(what string, forged recorded) {
		t.Helper()
		n++
		if code, text := s.send(t, &forged); code < 400 || code >= 500 {
			t.Errorf("%s: %s %s = %d %s", what, forged.Method, forged.Target, code, text)
		}
	}
	each := func(what, text string, set func(*recorded, string)) {
		for i := range len(text) {
			if what == "Authorization" && text[i] == ' ' || what == "the target" && text[i] == '/' {
				continue // blanks behind commas mean nothing; without a slash it is another API
			}
			c := text[i] ^ 1
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", rune(c)) {
				c = 'x'
			}
			for _, other := range []string{text[:i] + string(c) + text[i+1:], text[:i] + text[i+1:]} {
				forged := q.clone()
				set(&forged, other)
				refused(fmt.Sprintf("%s at %d", what, i), forged)
			}
		}
	}
	each("the target", q.Target, func(q *recorded, s string) { q.Target = s })
	each("the body", string(q.Body), func(q *recorded, s string) { q.Body = []byte(s) })
	for name, values := range q.Header {
		if name != "Content-Length" && slices.Contains(q.signed(), strings.ToLower(name)) || name == "Authorization" {
			each(name, values[0], func(q *recorded, s string) { q.Header[name] = []string{s} })
		}
	}
	forged := q.clone()
	forged.Host = "example.com"
	refused("the host", forged)
	forged = q.clone()
	forged.Method = "PUT"
	refused("the method", forged)
	forged = q.clone()
	forged.Header.Set("X-Amz-Injected", "1")
	refused("a header of AWS more", forged)
	return n
}

// signed returns the names of the headers that are signed.
func (q *recorded) signed() []string {
	if _, list, ok := strings.Cut(q.Header.Get("Authorization"), "SignedHeaders="); ok {
		list, _, _ = strings.Cut(list, ",")
		return strings.Split(list, ";")
	}
	u, _ := url.ParseRequestURI(q.Target) // a client made it
	return strings.Split(u.Query().Get("X-Amz-SignedHeaders"), ";")
}
