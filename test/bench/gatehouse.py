"""Sets Gatehouse up for the benchmark, through the AWS APIs it serves.

An unsigned client of the standard library suffices because the server is
started with --dev for this; the same data directory is then served by the
process that is measured.
"""
import concurrent.futures, json, subprocess, time, urllib.error, urllib.request

import tokens

AUTH = 'AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/apigateway/aws4_request, SignedHeaders=host, Signature=00'
KEYED = ('gw', 'gwv')  # kinds with API keys and an access log
LOG_FORMAT = ('{"requestId":"$context.requestId","time":"$context.requestTime","method":"$context.httpMethod","path":"$context.path",'
              '"route":"$context.resourcePath","key":"$context.identity.apiKeyId","status":$context.status,'
              '"latency":$context.responseLatency,"bytes":$context.responseLength}')


class Client:
    """The apigateway API at one address."""

    def __init__(self, port):
        self.base = f'http://127.0.0.1:{port}'

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        req = urllib.request.Request(self.base + path, data, {'Authorization': AUTH, 'Content-Type': 'application/json', 'Accept': 'application/json'}, method=method)
        try:
            with urllib.request.urlopen(req, timeout=120) as r:
                return json.loads(r.read() or b'null')
        except urllib.error.HTTPError as e:
            raise SystemExit(f'{method} {path}: {e.code} {e.read().decode()}')


def document(kind, routes, upstream):
    """An OpenAPI document: one proxy route, or that many routes with a path parameter and an API key (gw), validated (gwv)."""
    backend = 'bench.cluster' if kind == 'cluster' else f'127.0.0.1:{upstream}'

    def operation(uri, names):
        return {'parameters': [{'name': n, 'in': 'path', 'required': True, 'schema': {'type': 'string'}} for n in names],
                'responses': {},
                'x-amazon-apigateway-integration': {'type': 'http_proxy', 'httpMethod': 'ANY', 'uri': f'http://{backend}' + uri,
                                                    'requestParameters': {f'integration.request.path.{n}': f'method.request.path.{n}' for n in names}}}
    paths = {}
    if kind in ('plain', 'cluster'):
        paths['/{proxy+}'] = {'x-amazon-apigateway-any-method': operation('/{proxy}', ['proxy'])}
    if kind in ('jwt', 'jwtcold'):
        op = operation('/{proxy}', ['proxy'])
        op['security'] = [{'pool': ['shop/read']}]
        paths['/{proxy+}'] = {'x-amazon-apigateway-any-method': op}
    if kind == 'cached':
        op = operation('/{proxy}', ['proxy'])
        op['x-amazon-apigateway-integration'].update(httpMethod='GET', cacheKeyParameters=['method.request.path.proxy'])
        paths['/{proxy+}'] = {'get': op}
    for i in range(routes if kind in KEYED else 0):
        op = operation(f'/r{i}/items/{{item}}', ['item'])
        op['security'] = [{'key': []}]
        if kind == 'gwv':
            op['x-amazon-apigateway-request-validator'] = 'parameters'
            op['parameters'].append({'name': 'X-Api-Key', 'in': 'header', 'required': True, 'schema': {'type': 'string'}})
        paths[f'/r{i}/items/{{item}}'] = {'get': op}
    pool = {'type': 'cognito_user_pools', 'providerARNs': [tokens.POOL]}
    if kind == 'jwtcold':
        pool['authorizerResultTtlInSeconds'] = 0  # every token is verified anew
    return {'openapi': '3.0.1', 'info': {'title': 'bench', 'version': '1'}, 'paths': paths,
            'x-amazon-apigateway-request-validators': {'parameters': {'validateRequestParameters': True, 'validateRequestBody': True}},
            'components': {'securitySchemes': {
                'key': {'type': 'apiKey', 'name': 'x-api-key', 'in': 'header'},
                'pool': {'type': 'apiKey', 'name': 'Authorization', 'in': 'header', 'x-amazon-apigateway-authtype': 'cognito_user_pools',
                         'x-amazon-apigateway-authorizer': pool}}}}


def http_api(c, routes, upstream):
    """An HTTP API with that many routes with a path parameter, and an access log."""
    paths = {f'/r{i}/items/{{item}}': {'get': {'responses': {}, 'x-amazon-apigateway-integration': {
        'type': 'http_proxy', 'httpMethod': 'GET', 'payloadFormatVersion': '1.0', 'uri': f'http://127.0.0.1:{upstream}/r{i}/items/{{item}}'}}} for i in range(routes)}
    document = {'openapi': '3.0.1', 'info': {'title': 'bench', 'version': '1'}, 'paths': paths}
    api = c.call('PUT', '/v2/apis', {'body': json.dumps(document)})['apiId']
    log = LOG_FORMAT.replace('resourcePath', 'routeKey').replace('"key":"$context.identity.apiKeyId",', '')
    c.call('POST', f'/v2/apis/{api}/stages', {'stageName': 'bench', 'autoDeploy': True, 'accessLogSettings': {
        'destinationArn': 'arn:aws:logs:us-east-1:000000000000:log-group:bench', 'format': log}})
    c.call('POST', '/v2/domainnames', {'domainName': 'bench.local'})
    c.call('POST', '/v2/domainnames/bench.local/apimappings', {'apiId': api, 'stage': 'bench'})


def prepare(command, api_port, up, kind, routes, upstream):
    """Starts command, describes and deploys the API, stops it again. up waits for a port."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        up(api_port)
        c = Client(api_port)
        if kind == 'http':
            http_api(c, routes, upstream)
            time.sleep(0.2)
            return
        api = c.call('POST', '/restapis?mode=import&endpointConfigurationTypes=REGIONAL', document(kind, routes, upstream))['id']
        c.call('POST', f'/restapis/{api}/deployments', {'stageName': 'bench'})
        c.call('POST', '/domainnames', {'domainName': 'bench.local', 'endpointConfiguration': {'types': ['REGIONAL']}})
        c.call('POST', '/domainnames/bench.local/basepathmappings', {'restApiId': api, 'stage': 'bench'})
        if kind == 'cached':
            c.call('PATCH', f'/restapis/{api}/stages/bench', {'patchOperations': [
                {'op': 'replace', 'path': '/cacheClusterEnabled', 'value': 'true'},
                {'op': 'replace', 'path': '/cacheClusterSize', 'value': '0.5'},
                {'op': 'replace', 'path': '/*/*/caching/enabled', 'value': 'true'},
                {'op': 'replace', 'path': '/*/*/throttling/rateLimit', 'value': '1000000'},  # settings of methods bring Amazon's limits
                {'op': 'replace', 'path': '/*/*/throttling/burstLimit', 'value': '1000000'}]})
        if kind in KEYED:
            c.call('PATCH', f'/restapis/{api}/stages/bench', {'patchOperations': [
                {'op': 'replace', 'path': '/accessLogSettings/destinationArn', 'value': 'arn:aws:logs:us-east-1:000000000000:log-group:bench'},
                {'op': 'replace', 'path': '/accessLogSettings/format', 'value': LOG_FORMAT}]})
            plan = c.call('POST', '/usageplans', {'name': 'bench', 'apiStages': [{'apiId': api, 'stage': 'bench'}],
                                                  'throttle': {'rateLimit': 1000000, 'burstLimit': 1000000}})['id']

            def key(i):
                k = c.call('POST', '/apikeys', {'name': f'key-{i}', 'value': f'key-{i:04d}-0123456789abcdef', 'enabled': True})
                c.call('POST', f'/usageplans/{plan}/keys', {'keyId': k['id'], 'keyType': 'API_KEY'})
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                list(pool.map(key, range(1000)))
        time.sleep(0.2)
    finally:
        server.terminate()
        server.wait(20)
