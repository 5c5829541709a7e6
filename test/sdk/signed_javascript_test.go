package sdk_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The signer of the AWS SDK for JavaScript, version 3, signs in its own way what
// is sent here as it wrote it, byte for byte.
func TestSignedByJavaScript(t *testing.T) {
	const npm = "../../build/npm"
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("node is missing: install Debian's nodejs")
	}
	for _, name := range []string{"@smithy/signature-v4", "@smithy/protocol-http", "@aws-crypto/sha256-js"} {
		if _, err := os.Stat(npm + "/node_modules/" + name); err != nil {
			t.Skipf("%s of npm is missing: run tools/test-deps", name)
		}
	}
	s := start(t)
	base := signedAPI(t, s)
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	const script = `
import http from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { HttpRequest } from '@smithy/protocol-http';
import { Sha256 } from '@aws-crypto/sha256-js';
const [base, accessKeyId, secretAccessKey, region] = process.argv.slice(1);
const url = new URL(base);
const send = r => new Promise((done, failed) => {
  const query = Object.entries(r.query ?? {}).flatMap(([k, v]) => [v].flat().map(one => encodeURIComponent(k) + '=' + encodeURIComponent(one))).join('&');
  const q = http.request({ host: url.hostname, port: url.port, method: r.method, path: r.path + (query && '?' + query), headers: r.headers, setHost: false }, a => {
    let text = '';
    a.on('data', d => text += d).on('end', () => done(a.statusCode + ' ' + text));
  });
  q.on('error', failed).end(r.body);
});
const signer = secret => new SignatureV4({ service: 'execute-api', region, sha256: Sha256, credentials: { accessKeyId, secretAccessKey: secret } });
const request = (path, query, body) => new HttpRequest({
  protocol: 'http:', hostname: url.hostname, port: Number(url.port), method: body ? 'POST' : 'GET', path: url.pathname + path, query, body,
  headers: { host: url.host, 'content-type': 'application/json', 'X-Note': '  two  words ' },
});
for (const path of ['/pets', '/a%20b/c', '/caf%C3%A9/~', '/star*', '/x:y@z!'])
  for (const query of [{}, { b: '2', a: ['1', '0'], q: "a b/c'()*" }])
    for (const body of [undefined, '{"n":1}', '{"text":"\u00e9\u20ac"}']) {
      const r = request(path, query, body);
      console.log(await send(await signer(secretAccessKey).sign(r)));
      console.log(await send(await signer(secretAccessKey).presign(r, { expiresIn: 60 })));
      if (!(await send(await signer('wrong').sign(r))).startsWith('403 ')) console.log('a wrong secret passes');
      const forged = await signer(secretAccessKey).sign(r);
      forged.path += 'x';
      if (!(await send(forged)).startsWith('403 ')) console.log('another path passes');
    }
`
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "--input-type=module", "-e", script, base, access, secret, region)
	cmd.Dir = npm
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := strings.Repeat("200 arn:aws:iam::000000000000:root\n", 5*2*3*2); string(out) != want {
		t.Errorf("got\n%s", out)
	}
}
