"""An identity provider for the jwt scenario: a key, a token that it signs, and
the two documents by which the key is found."""
import base64, http.server, json, os, subprocess, threading

POOL = 'arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_bench'


def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b'=').decode()


def openssl(*args, data=None):
    return subprocess.run(('openssl',) + args, input=data, check=True, capture_output=True).stdout


class Issuer:
    """Serves its keys on port, as long as the process lives. The public key is in DIR/jwt.pub."""

    def __init__(self, directory, port):
        self.url = f'http://127.0.0.1:{port}'
        key = directory + '/jwt.key'
        if not os.path.exists(key):
            openssl('genrsa', '-out', key, '2048')
            openssl('rsa', '-in', key, '-pubout', '-out', directory + '/jwt.pub')
        modulus = openssl('rsa', '-in', key, '-noout', '-modulus').decode().strip().removeprefix('Modulus=')
        text = b64(b'{"alg":"RS256","typ":"JWT","kid":"bench"}') + '.' + b64(json.dumps(
            {'sub': 'bench', 'iss': self.url, 'aud': 'bench', 'scope': 'shop/read', 'exp': 4102444800}).encode())
        self.token = text + '.' + b64(openssl('dgst', '-sha256', '-sign', key, '-binary', data=text.encode()))
        self.documents = {
            '/.well-known/openid-configuration': {'issuer': self.url, 'jwks_uri': self.url + '/keys'},
            '/keys': {'keys': [{'kty': 'RSA', 'use': 'sig', 'alg': 'RS256', 'kid': 'bench', 'e': 'AQAB', 'n': b64(bytes.fromhex(modulus))}]},
        }
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                doc = issuer.documents.get(self.path)
                self.send_response(200 if doc else 404)
                self.end_headers()
                self.wfile.write(json.dumps(doc).encode())

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
