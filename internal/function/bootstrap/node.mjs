// The client of the Lambda Runtime API for Node functions: asks for events, has
// the handler answer them.

import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

const api = '/2018-06-01/runtime/';
const env = process.env;
const taskRoot = env.LAMBDA_TASK_ROOT;
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId; // of the event at hand

// An error whose type AWS names.
class Fault extends Error {
  constructor(type, message, cause) {
    super(message);
    this.name = type;
    if (cause?.stack) this.stack = `${type}: ${message}\n${cause.stack.split('\n').slice(1).join('\n')}`;
  }
}

function request(method, target, headers, onResponse) {
  const req = http.request({ host, port, method, path: api + target, headers, agent }, onResponse);
  req.setTimeout(0);
  return req;
}

function call(method, target, body = '', headers = {}) {
  return new Promise((resolve, reject) => {
    if (method === 'POST') headers = { 'Content-Length': Buffer.byteLength(body), ...headers };
    const req = request(method, target, headers, (res) => {
      const parts = [];
      res.on('data', (part) => parts.push(part));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts).toString() }));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end(body);
  });
}

// A document says what went wrong, in the members AWS's runtimes have.
function document(error) {
  if (util.types.isNativeError(error) || (error && error.name && error.message !== undefined && error.stack)) {
    return {
      errorType: error.name?.replaceAll('\x7F', '%7F'),
      errorMessage: error.message?.replaceAll('\x7F', '%7F'),
      trace: String(error.stack).replaceAll('\x7F', '%7F').split('\n'),
    };
  }
  return { errorType: typeof error, errorMessage: error === undefined ? 'undefined' : String(error), trace: [] };
}

function fail(target, error) {
  const doc = document(error);
  const type = String(doc.errorType).replace(/[^\x20-\x7e]/g, '?');
  return call('POST', target, JSON.stringify(doc), { 'Content-Type': 'application/json', 'Lambda-Runtime-Function-Error-Type': type });
}

// Console lines: time, request, level, text. A line break would make it two.
function write(level, text) {
  const line = [new Date().toISOString(), requestId, level, text].join('\t').replace(/\n/g, '\r');
  process.stdout.write(line + '\n');
}

function patchConsole() {
  const levels = { log: 'INFO', debug: 'DEBUG', info: 'INFO', warn: 'WARN', error: 'ERROR', trace: 'TRACE', fatal: 'FATAL' };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...args) => write(level, util.format(...args));
  }
}

function logError(what, error) {
  const { trace, ...rest } = document(error);
  write('ERROR', `${what} \t${JSON.stringify({ ...rest, ...Object.fromEntries(Object.entries(Object(error))), stack: trace })}`);
}

// A stream is the answer of a handler that streams: the request to the Runtime
// API is opened with its first byte.
class ResponseStream extends Writable {
  constructor(id) {
    super({ highWaterMark: 64 << 10 });
    this.contentType = 'application/octet-stream';
    this.opened = false;
    this.accepted = new Promise((resolve, reject) => { this.settle = { resolve, reject }; });
    this.accepted.catch(() => {});
    this.id = id;
  }

  setContentType(type) {
    if (this.opened) throw new Fault('Runtime.InvalidStreamingOperation', 'Cannot set content-type, too late.');
    this.contentType = type;
  }

  open() {
    if (this.opened) return;
    this.opened = true;
    this.request = request('POST', `invocation/${this.id}/response`, {
      'Content-Type': this.contentType,
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      'Transfer-Encoding': 'chunked',
      Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    }, (res) => {
      res.resume();
      res.on('end', this.settle.resolve);
    });
    this.request.on('error', this.settle.reject);
    this.request.flushHeaders();
    if (this.prelude) this.request.write(this.prelude);
  }

  _write(chunk, encoding, done) {
    this.open();
    if (this.request.write(chunk)) done();
    else this.request.once('drain', done);
  }

  _final(done) {
    this.open();
    if (!this.failed) this.request.end();
    this.accepted.then(() => done(), done);
  }

  // Ends what was begun with the word that it is not whole.
  failWith(error) {
    const doc = document(error);
    this.failed = true;
    this.request.addTrailers({
      'Lambda-Runtime-Function-Error-Type': String(doc.errorType).replace(/[^\x20-\x7e]/g, '?'),
      'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(doc)).toString('base64'),
    });
    this.request.end();
    return this.accepted;
  }
}

class HttpResponseStream {
  static from(stream, metadata) {
    stream.setContentType('application/vnd.awslambda.http-integration-response');
    // AWS: the metadata, then eight zero bytes, then the body.
    stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(metadata ?? {})), Buffer.alloc(8)]);
    return stream;
  }
}

const streaming = Symbol.for('aws.lambda.runtime.handler.streaming');

globalThis.awslambda = {
  streamifyResponse: (handler, options) => {
    handler[streaming] = 'response';
    if (options?.highWaterMark !== undefined) handler[Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')] = Number(options.highWaterMark);
    return handler;
  },
  HttpResponseStream,
};

// Finds the file of a module as AWS's runtime does: as it is named, with an
// ending, or as a package that can be required.
function findFile(name) {
  const base = path.resolve(taskRoot, name);
  for (const ending of ['', '.js', '.mjs', '.cjs']) {
    if (fs.statSync(base + ending, { throwIfNoEntry: false })?.isFile()) return base + ending;
  }
  return createRequire(path.join(taskRoot, 'index.js')).resolve(name, { paths: [taskRoot] });
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (file.endsWith('.cjs')) return false;
  for (let dir = path.dirname(file); ; dir = path.dirname(dir)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8')).type === 'module';
    } catch {
      if (dir === taskRoot || dir === path.dirname(dir)) return false;
    }
  }
}

async function load(file) {
  if (!isModule(file)) return createRequire(file)(file);
  return import(pathToFileURL(file).href);
}

async function findHandler(name) {
  const folder = path.dirname(name);
  const match = /^([^.]*)\.(.*)$/.exec(path.basename(name));
  if (name.includes('..')) throw new Fault('Runtime.MalformedHandlerName', `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  if (!match) throw new Fault('Runtime.MalformedHandlerName', 'Bad handler');
  let module;
  try {
    module = await load(findFile(path.join(folder, match[1])));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault('Runtime.UserCodeSyntaxError', String(error), error);
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      throw new Fault('Runtime.ImportModuleError', String(error), error);
    }
    throw error;
  }
  const pick = (from) => match[2].split('.').reduce((value, key) => value?.[key], from);
  const handler = pick(module) ?? pick(module?.default);
  if (handler === undefined) throw new Fault('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new Fault('Runtime.HandlerNotFound', `${name} is not a function`);
  return handler;
}

function makeContext(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const parse = (text) => (text ? JSON.parse(text) : undefined);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parse(headers['lambda-runtime-client-context']),
    identity: parse(headers['lambda-runtime-cognito-identity']),
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

// Runs a handler that answers with a promise, a callback, or context.done. The
// answer of a callback waits until nothing is left to do, unless the context
// says otherwise; a handler that leaves nothing to wait for answers null.
function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    const whenEmpty = (act) => {
      process.removeAllListeners('beforeExit');
      if (context.callbackWaitsForEmptyEventLoop) process.once('beforeExit', act);
      else act();
    };
    const callback = (error, value) => whenEmpty(() => (error === undefined || error === null ? resolve(value) : reject(error)));
    context.done = callback;
    context.succeed = (value) => { context.callbackWaitsForEmptyEventLoop = false; callback(null, value); };
    context.fail = (error) => { context.callbackWaitsForEmptyEventLoop = false; callback(error ?? 'handled'); };
    process.once('beforeExit', () => resolve(null));
    try {
      const result = handler(event, context, callback);
      if (typeof result?.then === 'function') result.then(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }).finally(() => process.removeAllListeners('beforeExit'));
}

function marshal(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? 'null';
  } catch {
    throw new Fault('Runtime.UnserializableResponse', 'Unable to stringify response body');
  }
}

// Providers of custom resources put their answer by TLS to port 443 of the host of
// its URL, whatever the URL says. What goes to such a path goes to the URL. An event
// may be anybody's: nothing but an answer is ever sent without TLS.
const answersPath = '/_aws/cloudformation/answers/';
const answers = new Map(); // by path

function expectAnswer(event) {
  if (!event?.StackId || typeof event.ResponseURL !== 'string' || !event.ResponseURL.startsWith('http:')) return;
  let url;
  try {
    url = new URL(event.ResponseURL);
  } catch {
    return;
  }
  if (!url.pathname.startsWith(answersPath)) return;
  if (answers.size === 0) patchHttps();
  answers.set(url.pathname + url.search, url);
  if (answers.size > 100) answers.delete(answers.keys().next().value);
}

function patchHttps() {
  const { request } = https;
  https.request = (...args) => {
    const options = args.find((arg) => typeof arg === 'object' && !(arg instanceof URL));
    const url = answers.get(options?.path);
    if (!url || (options.hostname ?? options.host) !== url.hostname) return request(...args);
    return http.request(url, { method: options.method, headers: options.headers }, args.find((arg) => typeof arg === 'function'));
  };
  syncBuiltinESMExports();
}

async function answer(handler, id, body, headers) {
  const context = makeContext(headers);
  const event = JSON.parse(body);
  expectAnswer(event);
  if (handler[streaming] !== 'response') {
    const text = marshal(await run(handler, event, context));
    await call('POST', `invocation/${id}/response`, text, { 'Content-Type': 'application/json' });
    return;
  }
  const stream = new ResponseStream(id);
  stream.on('error', () => {}); // told by accepted
  try {
    await handler(event, stream, context);
    stream.end();
    await stream.accepted;
  } catch (error) {
    if (!stream.opened) throw error;
    logError('Invoke Error', error);
    await stream.failWith(error);
  }
}

async function serve(handler) {
  const next = await call('GET', 'invocation/next');
  if (next.status !== 200) process.exit(0); // the gateway is done with us
  const id = requestId = next.headers['lambda-runtime-aws-request-id'];
  const trace = next.headers['lambda-runtime-trace-id'];
  if (trace) env._X_AMZN_TRACE_ID = trace;
  else delete env._X_AMZN_TRACE_ID;
  try {
    await answer(handler, id, next.body, next.headers);
  } catch (error) {
    logError('Invoke Error', error);
    await fail(`invocation/${id}/error`, error);
  }
}

// What nobody has caught ends the process; the event at hand has failed.
function dieOf(what, code) {
  return (error) => {
    if (what === 'Unhandled Promise Rejection') {
      const doc = document(error);
      error = Object.assign(new Fault('Runtime.UnhandledPromiseRejection', doc.errorType === 'string' ? doc.errorMessage : `${doc.errorType}: ${doc.errorMessage}`), { reason: doc });
    }
    logError(what, error);
    fail(requestId ? `invocation/${requestId}/error` : 'init/error', error).finally(() => process.exit(code));
  };
}

process.on('uncaughtException', dieOf('Uncaught Exception', 129));
process.on('unhandledRejection', dieOf('Unhandled Promise Rejection', 128));
patchConsole();

let handler;
try {
  handler = await findHandler(env._HANDLER);
} catch (error) {
  logError('Uncaught Exception', error);
  await fail('init/error', error);
  process.exit(1);
}

for (;;) await serve(handler);
