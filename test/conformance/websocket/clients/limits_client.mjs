// What @connections refuses, as the AWS SDK for JavaScript tells it.
// clients_test.go runs it: URL, endpoint, region. The account has little to spend.
import assert from "node:assert";
import { once } from "node:events";
import WebSocket from "ws";
import { ApiGatewayManagementApiClient, DeleteConnectionCommand, ForbiddenException, GetConnectionCommand, GoneException, LimitExceededException, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";

const [url, endpoint, region] = process.argv.slice(-3);
const client = (given) => new ApiGatewayManagementApiClient({ endpoint, region, maxAttempts: 1, ...given });
const api = client({});
const calls = [
  (ConnectionId) => new PostToConnectionCommand({ ConnectionId, Data: "x" }),
  (ConnectionId) => new GetConnectionCommand({ ConnectionId }),
  (ConnectionId) => new DeleteConnectionCommand({ ConnectionId }),
];
const refused = (status, name) => (e) => {
  assert.deepEqual([e.$metadata.httpStatusCode, e.name], [status, name]);
  return true;
};

const gone = "AAAAAAAAAAAAAAAAAAA=";
const stranger = client({ credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "none" } });
for (const call of calls) {
  await assert.rejects(api.send(call(gone)), GoneException);
  await assert.rejects(api.send(call("x")), refused(400, "BadRequestException"));
  await assert.rejects(stranger.send(call(gone)), refused(403, "UnrecognizedClientException"));
  await assert.rejects(client({ endpoint: endpoint + "x" }).send(call(gone)), ForbiddenException);
}
const ws = new WebSocket(url, ["chat"]);
await once(ws, "open");
ws.send('{"to":"id"}');
const me = (await once(ws, "message"))[0].toString();
let limited;
for (let n = 0; n < 1000 && !limited; n++) {
  await api.send(new GetConnectionCommand({ ConnectionId: me })).catch((e) => (limited = e));
}
assert.ok(limited instanceof LimitExceededException, String(limited));
assert.equal(limited.$metadata.httpStatusCode, 429);
console.log("ok");
process.exit(0);
