"""What @connections refuses, as boto3 tells it. clients_test.go runs it: URL,
endpoint, region. The account has little to spend."""
import asyncio
import sys

import boto3
import websockets
from botocore.config import Config

url, endpoint, region = sys.argv[1:]


def client(endpoint, **given):
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, region_name=region, config=Config(retries={"total_max_attempts": 1}), **given)


api = client(endpoint)
calls = {
    "POST": lambda api, id: api.post_to_connection(ConnectionId=id, Data=b"x"),
    "GET": lambda api, id: api.get_connection(ConnectionId=id),
    "DELETE": lambda api, id: api.delete_connection(ConnectionId=id),
}


def refusal(call):
    try:
        call()
    except api.exceptions.ClientError as e:
        return e.response["ResponseMetadata"]["HTTPStatusCode"], e.response["Error"]["Code"]
    return None


def check(what, got, *want):
    if got not in want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


async def main():
    gone = "AAAAAAAAAAAAAAAAAAA="
    bad = client(endpoint, aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="none")
    for method, call in calls.items():
        check(method + " to who is gone", refusal(lambda: call(api, gone)), (410, "GoneException"))
        check(method + " to an id that is none", refusal(lambda: call(api, "x")), (400, "BadRequestException"))
        check(method + " by somebody unknown", refusal(lambda: call(bad, gone)), (403, "UnrecognizedClientException"))
        check(method + " to another stage", refusal(lambda: call(client(endpoint + "x"), gone)), (403, "ForbiddenException"))
    check("128 KB and one", refusal(lambda: api.post_to_connection(ConnectionId=gone, Data=b"x" * 131073)), (413, "413"), (413, "PayloadTooLargeException"))
    async with websockets.connect(url, subprotocols=["chat"]) as ws:
        await ws.send('{"to":"id"}')
        me = await ws.recv()
        for method in ("GET", "POST"):
            got, n = None, 0
            while got is None and n < 1000:
                got, n = refusal(lambda: calls[method](api, me)), n + 1
            check(method + " too often", got, (429, "LimitExceededException"))


asyncio.run(main())
print("ok")
