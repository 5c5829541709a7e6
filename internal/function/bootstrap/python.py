# The client of the Lambda Runtime API for Python functions: asks for events,
# has the handler answer them.

import decimal
import http.client
import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback
import urllib.parse

API = "/2018-06-01/runtime/"


class Client:
    """One connection to the Runtime API, opened again when it was closed."""

    def __init__(self, address):
        self.address = address
        self.conn = None

    def call(self, method, path, body=None, headers=None):
        for fresh in (False, True):
            if self.conn is None or fresh:
                self.conn = http.client.HTTPConnection(self.address)
            try:
                self.conn.request(method, API + path, body, headers or {})
                resp = self.conn.getresponse()
                return resp, resp.read()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.conn.close()
                if fresh:
                    raise

    def next(self):
        resp, body = self.call("GET", "invocation/next")
        if resp.status != 200:
            sys.exit(0)  # the gateway is done with us
        return resp.headers, body

    def post(self, path, body, headers=None):
        headers = dict(headers or {})
        headers.setdefault("Content-Type", "application/json")
        self.call("POST", path, body, headers)

    def fail(self, path, doc):
        body = json.dumps(doc, ensure_ascii=False).encode("utf-8", "replace")
        self.post(path, body, {"Lambda-Runtime-Function-Error-Type": doc["errorType"].encode("ascii", "replace").decode()})


class Fault(Exception):
    """What keeps the handler from being found: type and message as AWS words them."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.trace = trace or []


class ClientInfo:
    def __init__(self, fields):
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"):
            setattr(self, name, fields.get(name))


class ClientContext:
    def __init__(self, fields):
        self.client = ClientInfo(fields.get("client") or {})
        self.custom = fields.get("custom")
        self.env = fields.get("env")


class Identity:
    def __init__(self, fields):
        self.cognito_identity_id = fields.get("cognitoIdentityId")
        self.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        client = headers.get("Lambda-Runtime-Client-Context")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self.identity = Identity(json.loads(headers.get("Lambda-Runtime-Cognito-Identity") or "{}"))
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class Logs(logging.Handler):
    """What logging writes: level, time and request, then the message."""

    request_id = ""

    def emit(self, record):
        record.aws_request_id = Logs.request_id
        sys.stdout.write(self.format(record))
        sys.stdout.flush()


def find_handler(name):
    try:
        module_name, function = name.rsplit(".", 1)
    except ValueError as e:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (name, e))
    if module_name in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, e))
    except SyntaxError as e:
        trace = ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, e), trace)
    if not hasattr(module, function):
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function, module_name))
    return getattr(module, function)


def document(kind, message, request_id="", trace=None):
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace or []}


def log_error(doc):
    lines = ["[ERROR] %s: %s" % (doc["errorType"], doc["errorMessage"])]
    if doc["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines.extend(line.rstrip("\n") for line in doc["stackTrace"])
    sys.stdout.write("\r".join("\r".join(lines).split("\n")) + "\n")
    sys.stdout.flush()


def user_trace(error):
    """The stack below this file."""
    frames = traceback.extract_tb(error.__traceback__)
    frames = [f for f in frames if f.filename != __file__]
    return traceback.format_list(frames)


class Encoder(json.JSONEncoder):
    def default(self, value):
        if isinstance(value, decimal.Decimal):
            return float(value)
        return super().default(value)


def marshal(value):
    try:
        return json.dumps(value, cls=Encoder, ensure_ascii=sys.version_info < (3, 12)).encode("utf-8")
    except Exception as e:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % e)


ANSWERS = "/_aws/cloudformation/answers/"
answers = {}  # hosts and ports of answers of custom resources, by path


def expect_answer(event):
    """Providers of custom resources put their answer by TLS to port 443 of the
    host of its URL, whatever the URL says. What goes to such a path goes to the URL.
    An event may be anybody's: nothing but an answer is ever sent without TLS."""
    if not isinstance(event, dict) or "StackId" not in event:
        return
    try:
        url = urllib.parse.urlsplit(str(event.get("ResponseURL")))
        to = (url.hostname, url.port or 80)
    except ValueError:
        return
    if url.scheme != "http" or not url.path.startswith(ANSWERS):
        return
    if not answers:
        patch_https()
    answers[url.path] = to
    if len(answers) > 100:
        del answers[next(iter(answers))]


def patch_https():
    request = http.client.HTTPSConnection.request

    def patched(self, method, url, *args, **kwargs):
        to = answers.get(urllib.parse.urlsplit(url).path)
        if to and to[0] == self.host and self.sock is None:
            self.sock = socket.create_connection(to, self.timeout if isinstance(self.timeout, (int, float)) else None)
        return request(self, method, url, *args, **kwargs)

    http.client.HTTPSConnection.request = patched


def serve(client, handler):
    headers, body = client.next()
    context = Context(headers)
    Logs.request_id = context.aws_request_id
    trace_id = headers.get("Lambda-Runtime-Trace-Id")
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    path = "invocation/" + context.aws_request_id
    try:
        try:
            event = json.loads(body)
        except ValueError as e:
            raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % e)
        expect_answer(event)
        answer = handler(event, context)
        if isinstance(answer, (bytes, bytearray)):
            answer, kind = bytes(answer), "application/octet-stream"
        else:
            answer, kind = marshal(answer), "application/json"
        sys.stdout.flush()
        sys.stderr.flush()
        client.post(path + "/response", answer, {"Content-Type": kind})
    except Fault as e:
        doc = document(e.kind, str(e), context.aws_request_id, e.trace)
        log_error(doc)
        client.fail(path + "/error", doc)
    except Exception as e:
        doc = document(type(e).__name__, str(e), context.aws_request_id, user_trace(e))
        log_error(doc)
        client.fail(path + "/error", doc)


def main():
    sys.path.insert(0, os.getcwd())
    sys.path.pop(1)  # the folder of this file
    sys.argv = sys.argv[:1]
    logs = Logs()
    logs.setFormatter(logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"))
    logging.Formatter.converter = time.gmtime
    logging.getLogger().addHandler(logs)
    client = Client(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = find_handler(os.environ["_HANDLER"])
    except Fault as e:
        doc = document(e.kind, str(e), "", e.trace)
    except Exception as e:
        doc = document(type(e).__name__, str(e), "", user_trace(e))
    else:
        while True:
            serve(client, handler)
    log_error(doc)
    client.fail("init/error", doc)
    sys.exit(1)


main()
