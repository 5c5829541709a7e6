// A client of a WebSocket API with ws, and of its @connections with the AWS SDK
// for JavaScript. clients_test.go runs it: URL, endpoint, region.
import assert from "node:assert";
import { once } from "node:events";
import WebSocket from "ws";
import { ApiGatewayManagementApiClient, DeleteConnectionCommand, GetConnectionCommand, GoneException, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";

const [url, endpoint, region] = process.argv.slice(-3);
const api = new ApiGatewayManagementApiClient({ endpoint, region, maxAttempts: 1 });

async function receive(ws) {
  const [data, binary] = await once(ws, "message");
  assert.equal(binary, false);
  return data.toString();
}

const ws = new WebSocket(url, ["chat"], { headers: { "User-Agent": "node" } });
await once(ws, "open");
assert.equal(ws.protocol, "chat");
assert.equal(ws.extensions, ""); // it offers permessage-deflate
ws.send('{"to":"id"}');
const ConnectionId = await receive(ws);
ws.send('{"to":"echo"', { fin: false });
ws.send(',"n":1}');
assert.equal(await receive(ws), '{"to":"echo","n":1}');
ws.ping("there?");
assert.equal((await once(ws, "pong"))[0].toString(), "there?");
const posted = receive(ws);
await api.send(new PostToConnectionCommand({ ConnectionId, Data: "posted ü" }));
assert.equal(await posted, "posted ü");
const known = await api.send(new GetConnectionCommand({ ConnectionId }));
assert.equal(known.Identity.UserAgent, "node");
assert.ok(known.ConnectedAt instanceof Date && known.LastActiveAt >= known.ConnectedAt);
const closed = once(ws, "close");
await api.send(new DeleteConnectionCommand({ ConnectionId }));
const [code, reason] = await closed;
assert.deepEqual([code, reason.toString()], [1000, "Connection Closed Normally"]);
await assert.rejects(api.send(new PostToConnectionCommand({ ConnectionId, Data: "x" })), GoneException);
await assert.rejects(api.send(new PostToConnectionCommand({ ConnectionId, Data: "x".repeat(131073) })), (e) => e.$metadata.httpStatusCode === 413);

const refused = new WebSocket(url + "?refuse=1");
const [, response] = await once(refused, "unexpected-response");
assert.equal(response.statusCode, 403);
console.log("ok");
process.exit(0);
