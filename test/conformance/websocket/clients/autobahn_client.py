"""A client of a WebSocket API with autobahn. clients_test.go runs it: URL,
endpoint, region."""
import asyncio
import sys

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

url = sys.argv[1]
done = None


class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.steps = ['{"to":"echo","n":1}', '{"to":"echo","text":"' + "ü" * 10_000 + '"}', '{"to":"echo","n":3}']
        self.next()

    def next(self):
        if not self.steps:
            self.sendClose(3000, "enough")
            return
        self.sendMessage(self.steps[0].encode(), fragmentSize=7000)

    def onMessage(self, payload, binary):
        if binary or payload.decode() != self.steps[0]:
            done.set_exception(SystemExit(f"got {payload!r}"))
            return
        self.steps.pop(0)
        self.next()

    def onClose(self, clean, code, reason):
        if not done.done():
            done.set_result((clean, code, self.websocket_protocol_in_use))


async def main():
    global done
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    factory = WebSocketClientFactory(url, protocols=["chat"])
    factory.protocol = Client
    host = url.split("/")[2]
    await loop.create_connection(factory, host.split(":")[0], int(host.split(":")[1]))
    got = await done
    if got != (True, 3000, "chat"):
        sys.exit(f"ended with {got}")


asyncio.run(main())
print("ok")
