package script_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// oidcProgram runs oidc-provider, a certified OpenID Connect provider. It gives
// the client "shop" access tokens that are JWTs, signed as the client asks by
// the resource.
const oidcProgram = `
import http from 'node:http';
import Provider from 'oidc-provider';
const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = 'http://127.0.0.1:' + server.address().port;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'shop', client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }],
    scopes: ['shop/read', 'shop/write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:shop',
        getResourceServerInfo: () => ({ scope: 'shop/read shop/write', audience: 'shop', accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
      },
    },
  });
  server.on('request', provider.callback());
  console.log('listening on ' + issuer);
});
`

// cmdOIDC starts an OpenID Connect provider, or gets a token of it:
//
//	oidc NAME
//	oidc token NAME ISSUER SCOPE
//
// NAME becomes the issuer's URL, or the token. The script must be skipped unless
// [npm:oidc-provider].
func cmdOIDC(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 4 && args[0] == "token" && !neg {
		ts.Setenv(args[1], oidcToken(ts, args[2], args[3]))
		return
	}
	usage(ts, neg, len(args) == 1, "oidc NAME, oidc token NAME ISSUER SCOPE")
	dir, err := filepath.Abs(filepath.Dir(npmDir))
	ts.Check(err)
	cmd := exec.Command("node", "--input-type=module", "-e", oidcProgram)
	cmd.Dir = dir // where its modules are found
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
		if _, issuer, ok := strings.Cut(lines.Text(), "listening on "); ok {
			ts.Setenv(args[0], issuer)
			return
		}
	}
	ts.Fatalf("the OpenID Connect provider does not start: %v", lines.Err())
}

// oidcToken gets an access token with a scope.
func oidcToken(ts *testscript.TestScript, issuer, scope string) string {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	req, err := http.NewRequest(http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
	ts.Check(err)
	req.SetBasicAuth("shop", "secret")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := (&http.Client{}).Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	ts.Check(json.NewDecoder(resp.Body).Decode(&answer))
	if answer.Token == "" {
		ts.Fatalf("the provider gives no token: %d %s", resp.StatusCode, answer.Error)
	}
	return answer.Token
}
