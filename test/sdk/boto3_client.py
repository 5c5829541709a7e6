"""Uses an unmodified boto3 against a gatehouse; sdk_test.go runs it."""
import json
import sys
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

facts = json.loads(sys.argv[1])
client = boto3.client("apigateway", endpoint_url=facts["endpoint"], region_name=facts["region"],
                      config=Config(retries={"max_attempts": 0}))


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


def call(path):
    try:
        with urllib.request.urlopen(facts["dataPlane"] + path, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def refused(code, function, **arguments):
    try:
        function(**arguments)
    except ClientError as error:
        check(function.__name__, error.response["Error"]["Code"], code)
        return error.response["Error"]["Message"]
    sys.exit(f"{function.__name__}{arguments}: succeeded, want {code}")


with open(facts["petstore"], "rb") as document:
    api = client.import_rest_api(body=document.read())
check("name", api["name"], "petstore")
client.create_deployment(restApiId=api["id"], stageName="prod", variables={"backend": facts["backend"]})
base = f"/_aws/execute-api/{api['id']}/prod"
check("a call", call(base + "/pets/3"), (200, "/pets/3"))
check("a missing route", call(base + "/fish"), (403, '{"message":"Missing Authentication Token"}'))

resources = {r["path"]: r["id"] for page in client.get_paginator("get_resources").paginate(restApiId=api["id"], PaginationConfig={"PageSize": 2})
             for r in page["items"]}
check("resources", sorted(resources), ["/", "/pets", "/pets/{id}", "/shop", "/shop/{proxy+}"])

stage = client.update_stage(restApiId=api["id"], stageName="prod",
                            patchOperations=[{"op": "replace", "path": "/description", "value": "ready"}])
check("description", stage["description"], "ready")
check("deployment", client.get_stage(restApiId=api["id"], stageName="prod")["deploymentId"], stage["deploymentId"])

arn = f"arn:aws:apigateway:{facts['region']}::/restapis/{api['id']}"
client.tag_resource(resourceArn=arn, tags={"team": "zoo"})
check("tags", client.get_tags(resourceArn=arn)["tags"], {"team": "zoo"})

check("no such API", "Invalid API identifier specified" in refused("NotFoundException", client.get_rest_api, restApiId="nosuchapi0"), True)
refused("BadRequestException", client.create_resource, restApiId=api["id"], parentId=resources["/"], pathPart="bad part")
check("another Region", boto3.client("apigateway", endpoint_url=facts["endpoint"], region_name="us-west-2").get_rest_apis()["items"], [])

client.delete_rest_api(restApiId=api["id"])
check("after deletion", call(base + "/pets")[0], 403)
print("boto3", boto3.__version__, "ok")
