"""Uses an unmodified boto3 with functions of a gatehouse; lambda_test.go runs it."""
import base64
import io
import json
import sys
import zipfile

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

facts = json.loads(sys.argv[1])
client = boto3.client("lambda", endpoint_url=facts["endpoint"], region_name=facts["region"],
                      config=Config(retries={"max_attempts": 0}))
role = "arn:aws:iam::000000000000:role/r"


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def code(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("main.py", text)
    return file.getvalue()


made = client.create_function(FunctionName="f", Runtime="python3.12", Handler="main.handler", Role=role, Publish=True,
                              Code={"ZipFile": code("def handler(event, context): return {'sum': sum(event)}")})
check("version", made["Version"], "1")
client.get_waiter("function_active_v2").wait(FunctionName="f")
answer = client.invoke(FunctionName="f", Payload=json.dumps([1, 2]), LogType="Tail")
check("answer", json.load(answer["Payload"]), {"sum": 3})
check("log", b"REPORT RequestId: " + answer["ResponseMetadata"]["RequestId"].encode() in base64.b64decode(answer["LogResult"]), True)

client.update_function_code(FunctionName="f", ZipFile=code("def handler(event, context): raise KeyError('no')"))
client.get_waiter("function_updated_v2").wait(FunctionName="f")
failed = client.invoke(FunctionName="f", Payload="{}")
check("error", failed["FunctionError"], "Unhandled")
check("type", json.load(failed["Payload"])["errorType"], "KeyError")
check("the old version", json.load(client.invoke(FunctionName="f:1", Payload="[4]")["Payload"]), {"sum": 4})

try:
    client.get_function(FunctionName="nope")
    sys.exit("get_function of none succeeded")
except client.exceptions.ResourceNotFoundException as error:
    check("message", error.response["Message"], f"Function not found: arn:aws:lambda:{facts['region']}:000000000000:function:nope")
try:
    client.create_function(FunctionName="f", Runtime="cobol", Handler="h", Role=role, Code={"ZipFile": code("")})
    sys.exit("a runtime that nobody knows was accepted")
except ClientError as error:
    check("code", error.response["Error"]["Code"], "InvalidParameterValueException")

layer = client.publish_layer_version(LayerName="l", Content={"ZipFile": code("")}, CompatibleRuntimes=["python3.12"])
client.update_function_configuration(FunctionName="f", Layers=[layer["LayerVersionArn"]], Environment={"Variables": {"KEY": "v"}})
check("layers", [x["Arn"] for x in client.get_function_configuration(FunctionName="f")["Layers"]], [layer["LayerVersionArn"]])
check("pages", [f["FunctionName"] for page in client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 1})
                for f in page["Functions"]], ["f"])
client.delete_function(FunctionName="f")
print("boto3", boto3.__version__, "ok")
