package script_test

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// cognitoProgram runs cognito-local with a user pool and a user of it, and logs
// the user in. What it says of itself has another address, which is mended on
// the way.
const cognitoProgram = `
const fs = require('node:fs'), http = require('node:http'), os = require('node:os'), path = require('node:path');
process.chdir(fs.mkdtempSync(path.join(os.tmpdir(), 'cognito-')));
const front = http.createServer();
front.listen(0, '127.0.0.1', async () => {
  const at = 'http://127.0.0.1:' + front.address().port;
  fs.mkdirSync('.cognito');
  fs.writeFileSync('.cognito/config.json', JSON.stringify({ TokenConfig: { IssuerDomain: at } }));
  const { createDefaultServer } = require('cognito-local/lib/server');
  const cognito = await createDefaultServer(require('pino')({ level: 'silent' }));
  const server = await cognito.start({ port: 0, hostname: '127.0.0.1' });
  const port = server.address().port;
  front.on('request', (q, a) => {
    const p = http.request({ port, host: '127.0.0.1', method: q.method, path: q.url, headers: q.headers }, b => {
      if (!q.url.endsWith('/openid-configuration')) { a.writeHead(b.statusCode, b.headers); b.pipe(a); return; }
      let text = '';
      b.on('data', d => text += d).on('end', () => a.end(text.replaceAll('http://localhost:9229', at)));
    });
    q.pipe(p);
  });
  const call = async (name, body) => {
    const r = await fetch(at, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': 'AWSCognitoIdentityProviderService.' + name } });
    if (!r.ok) throw new Error(name + ': ' + await r.text());
    return r.json();
  };
  const pool = (await call('CreateUserPool', { PoolName: 'shop' })).UserPool.Id;
  const client = (await call('CreateUserPoolClient', { UserPoolId: pool, ClientName: 'web' })).UserPoolClient.ClientId;
  await call('AdminCreateUser', { UserPoolId: pool, Username: 'ann@example.com', MessageAction: 'SUPPRESS', TemporaryPassword: 'Secret-1', UserAttributes: [{ Name: 'email', Value: 'ann@example.com' }] });
  await call('AdminSetUserPassword', { UserPoolId: pool, Username: 'ann@example.com', Password: 'Secret-1', Permanent: true });
  const t = (await call('InitiateAuth', { ClientId: client, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters: { USERNAME: 'ann@example.com', PASSWORD: 'Secret-1' } })).AuthenticationResult;
  console.log(['listening on', at + '/' + pool, client, t.IdToken, t.AccessToken].join(' '));
});
`

// cmdCognito starts a Cognito user pool and logs a user in:
//
//	cognito NAME
//
// NAME becomes the issuer's URL, NAME_client the client's id, NAME_id and
// NAME_access the user's tokens. The script must be skipped unless
// [npm:cognito-local].
func cmdCognito(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "cognito NAME")
	dir, err := filepath.Abs(filepath.Dir(npmDir))
	ts.Check(err)
	cmd := exec.Command("node", "-e", cognitoProgram)
	cmd.Dir = dir // where its modules are found
	cmd.Env = append(cmd.Environ(), "TMPDIR="+ts.Getenv("WORK"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // killed
	})
	lines := bufio.NewReader(out) // tokens are long
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			ts.Fatalf("cognito-local does not start: %v", err)
		}
		if _, said, ok := strings.Cut(line, "listening on "); ok {
			f := strings.Fields(said)
			ts.Setenv(args[0], f[0])
			ts.Setenv(args[0]+"_client", f[1])
			ts.Setenv(args[0]+"_id", f[2])
			ts.Setenv(args[0]+"_access", f[3])
			return
		}
	}
}
