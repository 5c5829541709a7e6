"""Makes calls of a service with an unmodified client; every_test.go runs it.

calls.py CLIENT SERVICE ENDPOINT REGION reads {"op": operation, "in": input} line by
line and answers each with {"out": output} or {"error": AWS's name for it}.
CLIENT is boto3, or aws for the command line, whose own code runs here: one
process for all calls instead of one for each.
"""
import base64
import io
import json
import os
import re
import sys
import tempfile

client, name_of_service, endpoint, region = sys.argv[1:]
answers = sys.stdout


def dashed(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def boto3_caller():
    import boto3
    from botocore import xform_name
    from botocore.config import Config
    from botocore.exceptions import ClientError
    service = boto3.client(name_of_service, endpoint_url=endpoint, region_name=region, config=Config(retries={"max_attempts": 0}))

    def call(op, given):
        function = getattr(service, xform_name(op), None)
        if function is None:
            return {"error": "unknown"}
        for holder in (given, given.get("Code", {}), given.get("Content", {})):
            for blob in ("ZipFile", "Payload", "InvokeArgs"):  # as the other clients read them
                if blob in holder:
                    holder[blob] = base64.b64decode(holder[blob])
        try:
            out = function(**given)
        except ClientError as error:
            return {"error": error.response["Error"]["Code"]}
        if hasattr(out.get("body"), "read"):
            out["body"] = out["body"].read().decode()
        return {"out": out}
    return call


def aws_caller():
    from awscli.clidriver import create_clidriver

    def call(op, given):
        arguments = [name_of_service, dashed(op), "--endpoint-url", endpoint, "--region", region, "--output", "json",
                     "--cli-binary-format", "base64" if name_of_service == "lambda" else "raw-in-base64-out", "--cli-input-json", json.dumps(given)]
        with tempfile.TemporaryDirectory() as folder:
            if op in ("GetExport", "GetSdk", "ExportApi", "Invoke"):  # they write to a file, and take no input as JSON then
                del arguments[-2:]
                for name, value in given.items():
                    pairs = ",".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
                    arguments += ["--" + dashed(name), pairs]
                arguments.append(os.path.join(folder, "out"))
            out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
            sys.stdout, sys.stderr = out, err
            try:
                code = create_clidriver().main(arguments)
            except SystemExit as end:
                code = end.code
            finally:
                sys.stdout, sys.stderr = answers, sys.__stderr__
        out.seek(0)
        err.seek(0)
        said, complaint = out.read(), err.read()
        if "Invalid choice" in complaint and "operation" in complaint:
            return {"error": "unknown"}
        if code:
            named = re.search(r"An error occurred \((\w+)\)", complaint)
            return {"error": named.group(1) if named else complaint or f"exit {code}"}
        return {"out": json.loads(said) if said.strip() else {}}
    return call


call = {"boto3": boto3_caller, "aws": aws_caller}[client]()
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(call(asked["op"], asked["in"]), default=str), file=answers, flush=True)
