"""Sends segments with the X-Ray SDK for Python and reads traces with an unmodified boto3."""
import datetime
import json
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

facts = json.loads(sys.argv[1])
client = boto3.client("xray", endpoint_url=facts["endpoint"], region_name=facts["region"], config=Config(retries={"max_attempts": 0}))


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: got {got!r}, want {want!r}")


now = time.time()
start, end = (datetime.datetime.fromtimestamp(now + d, datetime.timezone.utc) for d in (-60, 60))
ids = ["1-%08x-%024x" % (int(now), i) for i in range(3)]
docs = [json.dumps({"name": "shop", "id": "%016x" % i, "trace_id": ids[i], "start_time": now, "end_time": now + 0.1 * (i + 1), "fault": i == 2,
                    "annotations": {"n": i, "text": "t", "yes": True}, "http": {"request": {"method": "GET", "url": "https://h/%d" % i}, "response": {"status": 200}},
                    "subsegments": [{"name": "db", "id": "%016x" % (i + 16), "start_time": now, "end_time": now + 0.05, "namespace": "remote"}]})
        for i in range(3)]
check("refused", [(u.get("ErrorCode"), u["Message"]) for u in client.put_trace_segments(TraceSegmentDocuments=docs + ["{}"])["UnprocessedTraceSegments"]],
      [("MissingId", "Invalid segment. ErrorCode: MissingId")])
pages = client.get_paginator("get_trace_summaries").paginate(StartTime=start, EndTime=end, FilterExpression="annotation.n >= 1 AND responsetime < 0.25")
found = [s for page in pages for s in page["TraceSummaries"]]
check("found", [s["Id"] for s in found], [ids[1]])
check("annotations", {k: v[0]["AnnotationValue"] for k, v in found[0]["Annotations"].items()},
      {"n": {"NumberValue": 1.0}, "text": {"StringValue": "t"}, "yes": {"BooleanValue": True}})
traces = client.batch_get_traces(TraceIds=ids[:2])["Traces"]
check("documents", [t["Segments"][0]["Document"] for t in traces], docs[:2])
services = client.get_service_graph(StartTime=start, EndTime=end)["Services"]
check("services", sorted((s["Name"], s.get("Type", ""), len(s["Edges"])) for s in services), [("db", "remote", 0), ("shop", "", 1), ("shop", "client", 1)])
shop = next(s for s in services if s["Name"] == "shop" and "Type" not in s)
check("statistics", (shop["SummaryStatistics"]["OkCount"], shop["SummaryStatistics"]["FaultStatistics"]["TotalCount"], len(shop["ResponseTimeHistogram"])), (2, 1, 3))
try:
    client.get_trace_summaries(StartTime=start, EndTime=end, FilterExpression="colour = 1")
    sys.exit("a keyword that there is not was taken")
except client.exceptions.InvalidRequestException as e:
    check("message", e.response["Error"]["Message"], 'Invalid filter expression: "colour" is no keyword')
try:
    client.get_insight_summaries(States=["ACTIVE"], StartTime=start, EndTime=end)
    sys.exit("insights were answered")
except ClientError as e:
    check("insights", e.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 501), True)

# The SDK asks the daemon for rules, and sends it segments.
try:
    import aws_xray_sdk.core.sampling.sampler
except ImportError:  # Debian's is of before there were rules to ask for
    print("no aws_xray_sdk that asks for rules")
    sys.exit(0)
os.environ["AWS_XRAY_DAEMON_ADDRESS"] = facts["daemon"]
client.create_sampling_rule(SamplingRule={"RuleName": "all", "Priority": 1, "FixedRate": 1, "ReservoirSize": 0, "ServiceName": "py", "ServiceType": "*",
                                          "Host": "*", "HTTPMethod": "*", "URLPath": "*", "ResourceARN": "*", "Version": 1})
from aws_xray_sdk.core import xray_recorder

xray_recorder.configure(service="py", daemon_address=facts["daemon"])
sampler = xray_recorder.sampler
sampler.start()
deadline = time.time() + 60
while sampler.should_trace({"service": "py"}) != "all" and time.time() < deadline:
    time.sleep(0.02)
check("rule", sampler.should_trace({"service": "py"}), "all")
with xray_recorder.in_segment("py") as segment:
    segment.put_annotation("who", "sdk")
    with xray_recorder.in_subsegment("cache.example.com", namespace="remote"):
        pass
for _ in range(1000):
    got = client.batch_get_traces(TraceIds=[segment.trace_id])["Traces"]
    if got:
        break
    time.sleep(0.05)
check("sent", json.loads(got[0]["Segments"][0]["Document"])["subsegments"][0]["name"], "cache.example.com")
