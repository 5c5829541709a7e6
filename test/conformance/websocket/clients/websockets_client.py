"""A client of a WebSocket API with the library websockets, and of its
@connections with boto3. clients_test.go runs it: URL, endpoint, region."""
import asyncio
import sys

import boto3
import websockets

url, endpoint, region = sys.argv[1:]
api = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, region_name=region)


def check(got, want):
    if got != want:
        sys.exit(f"got {got!r}, want {want!r}")


async def main():
    async with websockets.connect(url, subprotocols=["chat"], user_agent_header="py") as ws:
        check(ws.subprotocol, "chat")
        check(ws.extensions, [])
        await ws.send('{"to":"id"}')
        me = await ws.recv()
        text = "x" * 30_000 + "ü"
        await ws.send(['{"to":"echo","text":"', text, '"}'])
        check(await ws.recv(), '{"to":"echo","text":"' + text + '"}')
        await (await ws.ping())
        loop = asyncio.get_running_loop()
        call = lambda f, **given: loop.run_in_executor(None, lambda: f(ConnectionId=me, **given))
        await call(api.post_to_connection, Data=b"y" * 100_000)
        check(await ws.recv(), "y" * 100_000)
        known = await call(api.get_connection)
        check((known["Identity"]["SourceIp"], known["Identity"]["UserAgent"]), ("127.0.0.1", "py"))
        await call(api.delete_connection)
        try:
            await ws.recv()
        except websockets.ConnectionClosed as end:
            check((end.rcvd.code, end.rcvd.reason), (1000, "Connection Closed Normally"))
        try:
            await call(api.get_connection)
            sys.exit("a connection that is gone is known")
        except api.exceptions.GoneException:
            pass
    for message, code in (("z" * 33_000, 1009), (b"binary", 1003)):
        async with websockets.connect(url, subprotocols=["chat"]) as ws:
            await ws.send(message)
            try:
                await ws.recv()
            except websockets.ConnectionClosed as end:
                check(end.rcvd.code, code)
    try:
        await websockets.connect(url + "?refuse=1")
        sys.exit("a refused handshake is accepted")
    except websockets.InvalidStatusCode as refused:
        check(refused.status_code, 403)


asyncio.run(main())
print("ok")
